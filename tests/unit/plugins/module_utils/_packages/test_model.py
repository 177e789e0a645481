"""The request, the result and the progress that all package managers share."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    PackagesDifference,
    Progress,
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


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        pytest.param([], "this task changed nothing", id="none"),
        pytest.param(["ran apt-get"], "this task ran apt-get, and changed nothing else", id="one"),
        pytest.param(
            ["updated the package index", "enabled the repository crb", "updated the package index"],
            "this task updated the package index, enabled the repository crb, and changed nothing else",
            id="each once",
        ),
    ],
)
def test_an_error_says_what_has_been_changed_when_it_comes(steps: list[str], state: str) -> None:
    progress = Progress()
    with pytest.raises(BaselineError) as caught, progress.in_errors():
        for step in steps:
            progress.record(step)
        raise BaselineError("no space")
    assert caught.value.state == state


def test_an_error_with_a_state_of_its_own_keeps_it() -> None:
    with pytest.raises(BaselineError) as caught, Progress().in_errors():
        raise BaselineError("no space", state="half of it was installed")
    assert str(caught.value) == "no space; half of it was installed"
