"""An error says what its run has changed before."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress


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
