# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``changed`` and the diff follow from the same two values."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({"/etc/a": "x"}, {"/etc/a": "x"}, [], id="no change"),
        pytest.param({"/etc/a": "x", "b": "1"}, {"/etc/a": "y", "b": "1"}, ["/etc/a"], id="a change"),
        pytest.param({"/etc/a": "x"}, {}, ["/etc/a"], id="removed"),
        pytest.param({}, {"b": "1", "/etc/a": "x"}, ["/etc/a", "b"], id="new, in order"),
    ],
)
def test_the_diff_has_what_differs(before: dict[str, str], after: dict[str, str], names: list[str]) -> None:
    found = PolicyResult(before, after)
    assert found.changed is bool(names)
    assert [part["before_header"] for part in found.diff] == names
    for part in found.diff:
        name = part["after_header"]
        assert (part["before"], part["after"]) == (before.get(name, ""), after.get(name, ""))


def test_results_share_no_state() -> None:
    first = PolicyResult()
    first.warnings.append("x")
    first.before["a"] = "b"
    assert PolicyResult() == PolicyResult(before={}, after={}, result={}, warnings=[])
