"""What differs by family in a role has an entry for each family."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.plan import PLATFORMS, AccountPlatform

ROLES = Path(__file__).resolve().parents[3] / "roles"
TABLES = [
    (path.parent.parent.name, name, table)
    for path in sorted(ROLES.glob("*/vars/main.yml"))
    for name, table in (yaml.safe_load(path.read_text()) or {}).items()
    if name.endswith("_by_family")
]


@pytest.mark.parametrize(("role", "name", "table"), TABLES, ids=[name for _role, name, _table in TABLES])
def test_each_family_has_an_entry(role: str, name: str, table: dict[str, object]) -> None:
    assert set(table) == {"debian", "redhat", "freebsd"}
    assert name == f"__{role}_by_family"


def test_there_are_such_tables() -> None:
    assert {role for role, _name, _table in TABLES} >= {"sshd"}
    assert set(PLATFORMS) == {"debian", "redhat", "freebsd"}


def test_freebsd_keeps_what_packages_bring_below_usr_local() -> None:
    assert PLATFORMS["freebsd"] == AccountPlatform(
        "/bin/sh", ("wheel",), "/usr/local/etc/sudoers.d", "/etc/master.passwd", has_pw=True
    )
