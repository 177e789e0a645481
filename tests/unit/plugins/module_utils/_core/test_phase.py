"""The phase crosses to the host, the armed rollback comes back; nothing else gets through."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.answer_fields import InvalidConfirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import (
    ArmedRollback,
    PhaseRequest,
    parse_armed_rollback,
    read_phase_request,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE

ARMED = ArmedRollback(45, "systemd", BASE, "0" * 32, "firewall")


@pytest.mark.parametrize("phase", [PhaseRequest("plan", "root"), PhaseRequest("apply", ""), PhaseRequest("", "", "su")])
def test_the_phase_crosses_to_the_host(phase: PhaseRequest) -> None:
    (argument,) = json.loads(json.dumps(phase.as_argument())).values()
    assert read_phase_request(argument) == phase


def test_without_the_controllers_half_there_is_no_phase() -> None:
    assert read_phase_request(None) == PhaseRequest()


@pytest.mark.parametrize(
    "value",
    [
        "plan",
        {},
        {"phase": "plan"},
        {"phase": "plan", "login_user": ""},
        {"phase": "all", "login_user": "", "become": "sudo"},
        {"phase": None, "login_user": "", "become": "sudo"},
        {"phase": "plan", "login_user": "a\nb", "become": "sudo"},
        {"phase": "plan", "login_user": "", "become": "su do"},
        {"phase": "plan", "login_user": "", "become": "sudo", "more": 1},
    ],
)
def test_another_phase_is_refused(value: t.Any) -> None:
    with pytest.raises(BaselineError, match=r"^_pyhost_phase.*; this task changed nothing"):
        read_phase_request(value)


def test_the_armed_rollback_comes_back() -> None:
    sent = json.loads(json.dumps(asdict(ARMED)))
    assert parse_armed_rollback(sent, topic="firewall", seconds=45) == ARMED
    assert ARMED.paths.record == f"{BASE}/rollback-firewall.record"
    assert parse_armed_rollback(None, topic="firewall", seconds=45) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("topic", "sshd"),
        ("topic", "../x"),
        ("seconds", 3600),
        ("base", "/tmp"),
        ("token", "0"),
        ("boot", "never"),
    ],
)
def test_another_rollback_is_refused_by_the_name_of_the_field(field: str, value: t.Any) -> None:
    with pytest.raises(InvalidConfirmation, match=rf"^confirmation\.armed\.{field} "):
        parse_armed_rollback({**asdict(ARMED), field: value}, topic="firewall", seconds=45)
