"""The controller's half of the plan: the guard of sshd judges the become method of the play."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.action.baseline_plan import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import PHASE_ARGUMENT

SSHD: dict[str, t.Any] = {"role": "sshd", "module": "sshd_config", "options": {"settings": {"Port": 22}}}
PACKAGES: dict[str, t.Any] = {"role": "packages", "module": "packages", "options": {"name": ["sudo"]}}


def module_args(become: str | None, requests: t.Any) -> t.Any:
    action: t.Any = ActionModule.__new__(ActionModule)
    action._connection = types.SimpleNamespace(become=types.SimpleNamespace(name=become) if become else None)
    action._task = types.SimpleNamespace(args={"requests": requests})
    return action._module_args()


@pytest.mark.parametrize("become", [None, "sudo", "ansible.builtin.sudo"])
def test_sudo_needs_no_word(become: str | None) -> None:
    assert module_args(become, [SSHD]) is None


def test_another_method_reaches_the_guard_of_sshd() -> None:
    packages, sshd = module_args("ansible.builtin.su", [PACKAGES, SSHD])["requests"]
    assert packages == PACKAGES
    assert sshd["options"] == {**SSHD["options"], PHASE_ARGUMENT: {"phase": "", "login_user": "", "become": "su"}}


@pytest.mark.parametrize("requests", [None, "sshd", [None], [{**SSHD, "module": "packages", "options": None}]])
def test_what_is_no_request_is_left_to_the_module(requests: t.Any) -> None:
    found = module_args("su", requests)
    assert found is None or found["requests"] == requests
