"""The kinds of rows."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rows import Included, PackageTable, Unavailable


@pytest.mark.parametrize("row", [Included("in base"), Unavailable("no port"), PackageTable({}, {}, {})])
def test_rows_cannot_be_changed(row: Included | Unavailable | PackageTable) -> None:
    name = dataclasses.fields(row)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(row, name, "something else")


def test_a_reason_is_no_list_of_packages() -> None:
    assert not isinstance(Included("in base"), tuple)
    assert Included("a") != Unavailable("a")
