"""What the controller reads out of the task by itself."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.request import (
    LoginLimits,
    ProofRequest,
    proof_request,
)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, ProofRequest((), 45, frozenset({22})), id="nothing"),
        pytest.param({"guard_users": "a,b"}, ProofRequest(("a", "b"), 45, frozenset({22})), id="users in a text"),
        pytest.param({"guard_users": ["a", 7]}, ProofRequest(("a", "7"), 45, frozenset({22})), id="users"),
        pytest.param({"guard_users": None, "settings": None}, ProofRequest((), 45, frozenset({22})), id="null"),
        pytest.param({"confirm_timeout": "30"}, ProofRequest((), 30, frozenset({22})), id="seconds as a text"),
        pytest.param({"settings": {"port": 2222}}, ProofRequest((), 45, frozenset({2222})), id="a port"),
        pytest.param({"settings": {"PORT": ["22", 2222]}}, ProofRequest((), 45, frozenset({22, 2222})), id="ports"),
        pytest.param({"defaults": {"Port": "2222"}}, ProofRequest((), 45, frozenset({2222})), id="by default"),
        pytest.param(
            {"settings": {"Port": None}, "defaults": {"Port": 2222}},
            ProofRequest((), 45, frozenset({22})),
            id="left out",
        ),
        pytest.param(
            {"settings": {"ListenAddress": ["192.0.2.1:2200", "[2001:db8::1]:2201", "2001:db8::22", "192.0.2.2"]}},
            ProofRequest((), 45, frozenset({2200, 2201})),
            id="ports of addresses",
        ),
        pytest.param({"settings": '{"Port": 2222}'}, ProofRequest((), 45, frozenset({2222})), id="settings as a text"),
    ],
)
def test_proof_request(arguments: dict[str, t.Any], expected: ProofRequest) -> None:
    assert proof_request(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"confirm_timeout": 14}, "14 seconds are not from 15 to 3600"),
        ({"confirm_timeout": "soon"}, "an argument of the task cannot be read"),
        ({"guard_users": {"a": 1}}, "an argument of the task cannot be read"),
        ({"settings": ["Port"]}, "an argument of the task cannot be read"),
    ],
)
def test_arguments_that_cannot_be_read(arguments: dict[str, t.Any], part: str) -> None:
    with pytest.raises(BaselineError, match=part):
        proof_request(arguments)


@pytest.mark.parametrize(
    ("seconds", "limits", "lost"),
    [
        pytest.param(15, LoginLimits(10, 30), 90, id="the least"),
        pytest.param(45, LoginLimits(10, 30), 90, id="the default"),
        pytest.param(55, LoginLimits(11, 30), 90, id="a little more"),
        pytest.param(300, LoginLimits(60, 120), 120, id="a slow host"),
        pytest.param(3600, LoginLimits(720, 1440), 1440, id="the most"),
    ],
)
def test_the_limits_of_a_login_grow_with_the_time_that_the_task_gives(
    seconds: int, limits: LoginLimits, lost: int
) -> None:
    found = proof_request({"confirm_timeout": seconds}).limits
    assert found == limits
    assert found.after_lost_answer == LoginLimits(limits.connect, lost)
