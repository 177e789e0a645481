"""The controller's half of the plan: the guard of sshd judges the become method of the play."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.action.baseline_plan import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import CODE_ARGUMENT
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT

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


def run_module(answers: list[dict[str, t.Any]], *, in_background: bool = False) -> tuple[t.Any, list[t.Any]]:
    """Return the result and the archives that were sent; ``answers``: what the host answers, one call after another."""
    action: t.Any = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(args={"requests": []})
    sent: list[t.Any] = []

    def execute(*, module_args: t.Any, task_vars: t.Any, wrap_async: bool) -> t.Any:
        assert module_args["requests"] == [] and task_vars is None and wrap_async is in_background
        sent.append(module_args[CODE_ARGUMENT]["archive"])
        return answers.pop(0)

    action._execute_module = execute
    return action._run_module(None, None, in_background=in_background), sent


def test_the_code_is_sent_to_a_host_without_it() -> None:
    done, sent = run_module([{"changed": False, "in_force": True}])
    assert (done["in_force"], sent) == (True, [None])
    done, sent = run_module([{"code_missing": True}, {"changed": False, "in_force": True}])
    assert done == {"changed": False, "in_force": True}
    assert sent[0] is None and len(sent[1]) > 100_000
    # A host that asks again gets no third call.
    done, sent = run_module([{"code_missing": True}, {"code_missing": True, "changed": False}])
    assert done["failed"] and done["msg"].startswith("the host asks for the code") and len(sent) == 2


def test_a_job_in_the_background_gets_the_code_at_once() -> None:
    done, sent = run_module([{"started": 1}], in_background=True)
    assert done == {"started": 1} and len(sent) == 1 and sent[0]
