"""The time that a change waits for its confirmation."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.confirm_timeout import check_seconds
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError


@pytest.mark.parametrize("seconds", [15, 45, 3600])
def test_seconds_that_a_login_and_a_rescue_allow(seconds: int) -> None:
    check_seconds(seconds)


@pytest.mark.parametrize("seconds", [-1, 14, 3601])
def test_other_seconds_are_refused_by_the_name_of_the_option(seconds: int) -> None:
    with pytest.raises(BaselineError) as caught:
        check_seconds(seconds)
    assert (caught.value.option, caught.value.problem) == (
        "confirm_timeout",
        f"{seconds} seconds are not from 15 to 3600",
    )
