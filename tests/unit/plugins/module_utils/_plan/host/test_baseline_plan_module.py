"""The module around the plan: what it prints, what it logs, and when it fails. The plan is a stand-in."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.host import baseline_plan_module
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.model import PartRequest, PlanPart
from ansible_collections.pyhost.baseline.plugins.modules import baseline_plan

REQUEST = {"role": "sshd", "module": "sshd_config", "options": {"settings": {"Port": 22}}}
DIFF = {"before_header": "/x", "after_header": "/x", "before": "", "after": "y"}
IN_FORCE = PlanPart("sshd", "sshd_config", in_force=True, warnings=["a warning"], known_after_apply=["later"])
DIFFERS = PlanPart("sshd", "sshd_config", differences=[DIFF], known_after_apply=["later"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., t.Any]:
    """Return what the module prints and warns of for a plan, and what it logs."""

    def call(plan: t.Any, *, uid: int = 0, check_mode: bool = False, **given: t.Any) -> t.Any:
        asked: list[t.Any] = []

        def plan_host(_module: t.Any, requests: t.Any) -> t.Any:
            asked.extend(requests)
            if isinstance(plan, Exception):
                raise plan
            return plan

        warned: list[str] = []
        logged: list[str] = []
        arguments = {"_ansible_check_mode": check_mode, "requests": [REQUEST], **given}
        monkeypatch.setattr(basic, "_load_params", lambda: arguments)
        # ansible-core 2.21 asks here whether the answer is to have the arguments.
        monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", {"_ansible_inject_invocation": True}, raising=False)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warned.append(text))
        monkeypatch.setattr(basic.AnsibleModule, "log", lambda _module, text, **_named: logged.append(text))
        monkeypatch.setattr(baseline_plan_module, "plan_host", plan_host)
        monkeypatch.setattr(baseline_plan.PlanModule, "load_source", lambda _module, _name: baseline_plan_module)
        monkeypatch.setattr(baseline_plan.os, "geteuid", lambda: uid)
        with pytest.raises(SystemExit):
            baseline_plan.main()
        return json.loads(capsys.readouterr().out), warned, logged, asked

    return call


def test_a_plan_changes_nothing(run: t.Callable[..., t.Any]) -> None:
    found, warned, logged, asked = run([DIFFERS])
    assert (found["changed"], found["in_force"], found["roles"]) == (False, False, {"sshd": False})
    assert found["parts"][0]["differences"] == [DIFF]
    assert warned == []
    # Options of other modules may be secrets.
    assert logged == ["Invoked to plan sshd_config"]
    assert asked == [PartRequest("sshd", "sshd_config", t.cast(t.Any, REQUEST["options"]))]


def test_check_mode_predicts(run: t.Callable[..., t.Any]) -> None:
    found, warned, _logged, _asked = run([DIFFERS], check_mode=True)
    assert found["changed"] and warned == ["later"]
    assert found["diff"][0]["after_header"] == "sshd: /x"
    found, warned, _logged, _asked = run([IN_FORCE], check_mode=True)
    assert not found["changed"] and warned == ["later", "a warning"]


def test_the_errors_of_all_parts_are_one_failure(run: t.Callable[..., t.Any]) -> None:
    found, *_ = run([IN_FORCE, PlanPart("fail2ban", "fail2ban_jails", errors=["one", "two"])])
    assert found["failed"] and found["errors"] == ["fail2ban: one", "fail2ban: two"]
    assert found["msg"] == "the plan has 2 errors: fail2ban: one; fail2ban: two; no role has changed anything"
    assert "parts" not in found


def test_an_error_of_the_plan_itself(run: t.Callable[..., t.Any]) -> None:
    assert run(BaselineError("it broke"))[0]["msg"] == "it broke; this task changed nothing"


def test_only_root_plans(run: t.Callable[..., t.Any]) -> None:
    found, _warned, _logged, asked = run([IN_FORCE], uid=1000)
    assert found["hint"] == "run the task with become: true" and asked == []


def test_a_role_is_one_line(run: t.Callable[..., t.Any]) -> None:
    found, _warned, _logged, asked = run([IN_FORCE], requests=[{**REQUEST, "role": "a\u2028b"}])
    assert found["failed"] and "U+2028 (LINE SEPARATOR)" in found["msg"] and asked == []


def test_an_unknown_module_is_refused(run: t.Callable[..., t.Any]) -> None:
    found, *_ = run([IN_FORCE], requests=[{**REQUEST, "module": "command"}])
    assert found["failed"] and "command" in found["msg"]
