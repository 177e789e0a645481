"""A snapshot is named by all that it is made of, and it is made once."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.hosts import fleet, images, snapshots
from tests.hosts.paths import ROOT

BASE = "pyhost-baseline-test:debian13-0123456789ab"


def tag(root: Path, *, base: str = BASE, roles: t.Sequence[str] = ("fail2ban",), key: str = "ssh-ed25519 AAAA") -> str:
    return snapshots.tag(base, roles, key, root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in snapshots.SOURCES:
        (tmp_path / folder).mkdir()
    (tmp_path / "plugins" / "source.py").write_text("VALUE = 1\n")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_the_name_tells_the_system_and_the_roles(root: Path) -> None:
    found = tag(root, roles=["admin_user", "sshd"])
    assert re.fullmatch(r"pyhost-baseline-test:debian13-admin_user-sshd-[0-9a-f]{12}", found)


def test_a_changed_source_is_another_snapshot(root: Path) -> None:
    seen = {tag(root)}
    (root / "plugins" / "source.py").write_text("VALUE = 2\n")
    seen.add(tag(root))
    (root / "plugins" / "source.py").rename(root / "plugins" / "moved.py")
    seen.add(tag(root))
    (root / "roles" / "main.yml").write_text("---\n")
    seen.add(tag(root))
    seen.add(tag(root, base=f"{BASE[:-1]}c"))
    seen.add(tag(root, roles=["sshd"]))
    seen.add(tag(root, key="ssh-ed25519 BBBB"))
    assert len(seen) == 7


def test_what_is_no_source_makes_no_other_snapshot(root: Path) -> None:
    first = tag(root)
    (root / "docs" / "page.md").write_text("# A page\n")
    (root / "plugins" / "__pycache__").mkdir()
    (root / "plugins" / "__pycache__" / "source.pyc").write_text("compiled")
    # site.yml has run on a snapshot, and no example.
    (root / "playbooks" / "examples").mkdir()
    (root / "playbooks" / "examples" / "web.yml").write_text("---\n")
    assert tag(root) == first


def test_a_bare_system_is_its_own_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "ensure", lambda _client, name: f"image-of-{name}")
    client: t.Any = None
    assert snapshots.image(client, "debian13") == "image-of-debian13"


def test_a_snapshot_is_made_where_the_engine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str, str]] = []
    there: set[str] = set()
    monkeypatch.setattr(images, "ensure", lambda _client, _name: BASE)
    monkeypatch.setattr(images, "_exists", lambda _client, name: name in there)
    monkeypatch.setattr(fleet, "key", lambda: "ssh-ed25519 AAAA")

    def make(_client: t.Any, name: str, base: str, wanted: str) -> None:
        made.append((name, base, wanted))
        there.add(wanted)

    monkeypatch.setattr(snapshots, "_make", make)
    client: t.Any = None
    found = snapshots.ensure(client, ["debian13+fail2ban"])
    assert snapshots.ensure(client, ["debian13+fail2ban"]) == found
    assert made == [("debian13+fail2ban", BASE, found["debian13+fail2ban"])]


def test_the_roles_of_each_snapshot_exist() -> None:
    """Also that only scenarios which are not about a first run start from one."""
    bare = {"admin_user", "bootstrap", "default", "fail2ban", "fail2ban_attack", "interrupted", "redhat", "ubuntu"}
    for path in ROOT.glob("molecule/*/molecule.yml"):
        for platform in (yaml.safe_load(path.read_text()) or {}).get("platforms", []):
            _system, *roles = platform.get("image", platform["name"]).split("+")
            assert all((ROOT / "roles" / role).is_dir() for role in roles), path
            assert not (roles and path.parent.name in bare), path
