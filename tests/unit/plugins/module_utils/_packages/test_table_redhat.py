"""The table of the redhat family: a row for each logical name, and names that its package manager takes."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import SETS, checked, logical_names
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rows import Included, Row, Unavailable
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.table_redhat import TABLE

ROWS: list[tuple[str, Row]] = [
    *TABLE.rows.items(),
    *(item for exceptions in TABLE.exceptions.values() for item in exceptions.items()),
]


def test_each_logical_name_has_a_row_and_no_other_has() -> None:
    assert sorted(TABLE.rows) == sorted(set(logical_names()) - set(SETS))
    assert {name for exceptions in TABLE.exceptions.values() for name in exceptions} <= set(TABLE.rows)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_row_has_packages_or_a_reason(name: str, row: Row) -> None:
    if isinstance(row, Included):
        assert row.where
    elif isinstance(row, Unavailable):
        assert row.why
    else:
        assert row, name
        assert len(set(row)) == len(row)
        assert [checked(package, "redhat") for package in row] == list(row)


def test_a_repository_has_only_packages_of_the_rows() -> None:
    named = {package for _name, row in ROWS if isinstance(row, tuple) for package in row}
    for repositories in TABLE.repositories.values():
        for packages in repositories.values():
            assert set(packages) <= named


def test_no_row_installs_firewalld_on_a_host_that_has_none() -> None:
    """It would start at the next boot and allow port 22 only."""
    rows = {name: row for name, row in ROWS if name != "packet-filter"}
    assert not [name for name, row in rows.items() if isinstance(row, tuple) and "fail2ban-firewalld" in row]
    assert TABLE.rows["fail2ban"] == ("fail2ban-server", "fail2ban-systemd", "nftables", "openssh-clients")


@pytest.mark.parametrize("release", ["el9", "el10"])
def test_fail2ban_is_in_epel(release: str) -> None:
    assert {"fail2ban-server", "fail2ban-systemd"} <= set(TABLE.repositories[release]["epel"])
