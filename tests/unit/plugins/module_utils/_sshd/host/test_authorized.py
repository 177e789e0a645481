"""A user's key files, read with that user's rights: what root may read beyond them is not given away."""

from __future__ import annotations

import grp
import os
import pwd
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_keys import KeyFile, RevokedKeys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import authorized
from tests.unit.fake_host import Expected, FakeHost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

FIXTURES = Path(__file__).parents[4] / "fixtures" / "ssh_keys"
KEY = (FIXTURES / "ed25519-openssh9.2.pub").read_text()
NOBODY = pwd.getpwnam("nobody")


class Module:
    """The little of AnsibleModule that finding files needs."""

    check_mode = False


class Sshd:
    """The little of the sshd program that is asked."""

    host = Host(t.cast(t.Any, Module()))
    release = (9, 2, 1)

    def is_debians(self) -> bool:
        return True


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    for one in (tmp_path, *tmp_path.parents):
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    return home


def read(home: Path, name: str = "keys") -> KeyFile:
    entry = pwd.struct_passwd((*NOBODY[:5], str(home), NOBODY[6]))
    effective: Effective = {"authorizedkeysfile": (name,)}
    [file] = authorized.read_key_files(t.cast(t.Any, Sshd()), entry, effective)
    assert os.geteuid() == 0
    return file


def test_a_users_keys(home: Path) -> None:
    (home / "keys").write_text(KEY)
    os.chown(home / "keys", NOBODY.pw_uid, NOBODY.pw_gid)
    file = read(home)
    assert (file.exists, file.unreadable, file.distrusted) == (True, "", "")
    assert [key.kind for key in file.keys] == ["ssh-ed25519"]


def test_a_link_to_what_root_alone_may_read(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(KEY)
    (tmp_path / "secret").chmod(0o600)
    (home / "keys").symlink_to(tmp_path / "secret")
    file = read(home)
    assert file.unreadable == "Permission denied (sshd reads it as nobody)"
    assert file.keys == ()


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file(home: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(home / "keys", 0o666)
    elif kind == "endless":
        (home / "keys").symlink_to("/dev/zero")
    else:
        (home / "keys").mkdir()
    assert read(home).unreadable == "it is no regular file"


def test_a_file_without_an_end_is_read_in_part(home: Path) -> None:
    with open(home / "keys", "w") as file:
        file.write(KEY)
        file.truncate(10 << 30)
    assert len(read(home).keys) == 1


def test_a_file_that_goes_away_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "keys").write_text(KEY)
    find = os.path.realpath

    def gone(path: str) -> str:
        (home / "keys").unlink(missing_ok=True)
        return find(path)

    monkeypatch.setattr(authorized.os.path, "realpath", gone)
    # Put by root, so that the user can take it away.
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    assert not read(home).exists


@pytest.mark.parametrize(
    ("mode", "owner", "expected"),
    [
        pytest.param(0o644, NOBODY.pw_uid, "", id="trusted"),
        pytest.param(0o666, NOBODY.pw_uid, "(mode 0666) can be written by others; `chmod go-w", id="others"),
        pytest.param(0o644, 4242, "belongs to uid 4242; `chown` it to nobody", id="another owner"),
    ],
)
def test_strict_modes(home: Path, mode: int, owner: int, expected: str) -> None:
    (home / "keys").write_text(KEY)
    (home / "keys").chmod(mode)
    os.chown(home / "keys", owner, NOBODY.pw_gid)
    found = read(home).distrusted
    assert expected in found and bool(found) is bool(expected)


def test_a_folder_on_the_way_to_the_home_counts(home: Path) -> None:
    (home / "d").mkdir()
    os.chown(home / "d", NOBODY.pw_uid, NOBODY.pw_gid)
    (home / "d").chmod(0o777)
    (home / "d" / "keys").write_text(KEY)
    assert f"{home}/d (mode 0777) can be written by others" in read(home, "d/keys").distrusted


@pytest.mark.parametrize(
    ("members", "primary", "private"),
    [
        pytest.param([], ["nobody"], True, id="the owner's own group"),
        pytest.param(["nobody"], [], True, id="the owner as its one member"),
        pytest.param(["nobody", "mallory"], [], False, id="another member"),
        pytest.param([], ["nobody", "mallory"], False, id="another's first group too"),
        pytest.param([], [], False, id="nobody in it"),
    ],
)
def test_a_group_that_is_the_owners_alone(
    members: list[str], primary: list[str], private: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's and Ubuntu's sshd let such a group write, others do not."""
    (home / "keys").write_text(KEY)
    os.chown(home / "keys", NOBODY.pw_uid, 4242)
    (home / "keys").chmod(0o664)
    numbers = {"nobody": NOBODY.pw_uid, "mallory": 4243}
    entries = [pwd.struct_passwd((name, "x", numbers[name], 4242, "", "/", "/bin/sh")) for name in primary]
    monkeypatch.setattr(authorized.grp, "getgrgid", lambda gid: grp.struct_group(("team", "x", gid, members)))
    monkeypatch.setattr(authorized.pwd, "getpwall", lambda: entries)
    found = read(home).distrusted
    assert ("can be written by a group that is not nobody's alone" in found) is not private
    assert private is (found == "")
    monkeypatch.setattr(Sshd, "is_debians", lambda _self: False)
    assert "can be written by others" in read(home).distrusted


def test_a_group_without_an_entry_is_nobodys(home: Path) -> None:
    (home / "keys").write_text(KEY)
    os.chown(home / "keys", NOBODY.pw_uid, 4242)
    (home / "keys").chmod(0o664)
    assert "can be written by a group" in read(home).distrusted


def test_patterns_from_openssh_10_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.pub", "b.pub"):
        (home / name).write_text(KEY)
        os.chown(home / name, NOBODY.pw_uid, NOBODY.pw_gid)
    assert not read(home, "*.pub").exists, "before, the pattern is a name"
    monkeypatch.setattr(Sshd, "release", (10, 0, 2))
    entry = pwd.struct_passwd((*NOBODY[:5], str(home), NOBODY[6]))
    found = authorized.read_key_files(t.cast(t.Any, Sshd()), entry, {"authorizedkeysfile": ("*.pub none",)})
    assert sorted(file.path for file in found) == [str(home / "a.pub"), str(home / "b.pub")]


@pytest.mark.parametrize("path", ["", "none"])
def test_no_revoked_keys(path: str) -> None:
    assert authorized.read_revoked_keys(t.cast(t.Any, Sshd()), path, []) == RevokedKeys()


def test_a_list_of_revoked_keys(tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text(f"# old\n{KEY}")
    found = authorized.read_revoked_keys(t.cast(t.Any, Sshd()), str(tmp_path / "revoked"), [])
    assert found == RevokedKeys(frozenset({KEY.split()[1]}))


@pytest.mark.parametrize("name", ["gone", "."])
def test_revoked_keys_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    found = authorized.read_revoked_keys(t.cast(t.Any, Sshd()), path, [])
    assert found.broken == f"RevokedKeys ({path}) is no file that can be read"


@pytest.mark.parametrize(("rc", "blobs"), [(0, []), (1, [KEY.split()[1]])])
def test_a_krl_is_asked_of_ssh_keygen(tmp_path: Path, rc: int, blobs: list[str]) -> None:
    path = str(tmp_path / "krl")
    Path(path).write_text("SSHKRL\n\0")
    host = FakeHost({path: "SSHKRL\n\0"}, [Expected(["ssh-keygen", "-Q", "-f", path, "/scratch/key"], rc=rc)])
    asked = Sshd()
    asked.host = t.cast(t.Any, host)
    files = [KeyFile("k", exists=True, keys=tuple(parse_authorized_keys(KEY)))]
    assert authorized.read_revoked_keys(t.cast(t.Any, asked), path, files) == RevokedKeys(frozenset(blobs))
    assert host.laid_out["/scratch/key"].split() == KEY.split()[:2]
    host.done()
