"""The table of the freebsd family: a row for each logical name, and names that its package manager takes."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import SETS, checked, logical_names
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rows import Included, Row, Unavailable
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.table_freebsd import TABLE

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
        assert [checked(package, "freebsd") for package in row] == list(row)


def test_a_repository_has_only_packages_of_the_rows() -> None:
    named = {package for _name, row in ROWS if isinstance(row, tuple) for package in row}
    for repositories in TABLE.repositories.values():
        for packages in repositories.values():
            assert set(packages) <= named


def test_python_modules_are_named_by_their_origin() -> None:
    """The names of their packages start with the version of the default Python, which changes."""
    packages = [package for _name, row in ROWS if isinstance(row, tuple) for package in row]
    assert [package for package in packages if package.startswith("py") and package != "python3"] == []
