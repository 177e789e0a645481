"""The records that all package managers share."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    PackagesDifference,
    Simulation,
    compare_packages,
    describe_changes,
)


def test_two_states_are_compared() -> None:
    difference = compare_packages({"a": "1", "b": "1", "c": "1"}, {"b": "1", "c": "2", "d": "1"})

    assert difference == PackagesDifference(
        installed={"d": "1"}, upgraded={"c": {"before": "1", "after": "2"}}, removed={"a": "1"}
    )
    assert difference.names == ["d", "c", "a"]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        pytest.param({"a": "1"}, {"a": "1"}, "no package was changed", id="none"),
        pytest.param(
            {"a": "1", "b": "1"},
            {"b": "2", "c": "1"},
            "these packages were changed nevertheless: c, b, a",
            id="some",
        ),
    ],
)
def test_a_failed_transaction_is_described(before: dict[str, str], after: dict[str, str], sentence: str) -> None:
    assert describe_changes(before, after) == sentence


def test_a_simulation_is_applied() -> None:
    simulation = Simulation({"b": "2", "c": "1"}, ("a",))

    assert simulation.applied({"a": "1", "b": "1", "z": "1"}) == {"b": "2", "c": "1", "z": "1"}
