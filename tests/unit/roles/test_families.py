"""What differs by family in a role has an entry for each family."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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
    assert {role for role, _name, _table in TABLES} >= {"admin_user"}


def test_freebsd_keeps_what_packages_bring_below_usr_local() -> None:
    own = {role: table["freebsd"] for role, _name, table in TABLES}
    assert own["admin_user"] == {
        "shell": "/bin/sh",
        "groups": ["wheel"],
        "sudoers": "/usr/local/etc/sudoers.d",
        "group": "wheel",
        "visudo": "/usr/local/sbin/visudo",
    }
