# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's half on the controller, over ansible-core's own code and a connection that says whatever it likes."""

from __future__ import annotations

import inspect
import json
import typing as t
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.action.packages import ActionModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import quoted_errors
from tests.unit.plugins.untrusted import ANSWERS, EVIL, acting, nothing_touched


def answered(out: str, err: str = "", *, seconds: int = 0) -> dict[str, t.Any]:
    """Return what ansible-core's own code makes of what a module printed."""
    plugin = ActionModule.__new__(ActionModule)
    plugin._task = SimpleNamespace(action="pyhost.baseline.packages", async_val=seconds)
    plugin._connection = SimpleNamespace(has_native_async=False)
    plugin._used_interpreter = "#!/usr/bin/python3"
    profile = ["modern"] if len(inspect.signature(ActionBase._parse_returned_data).parameters) > 2 else []
    # The first time ansible-core imports its decoder.
    plugin._parse_returned_data({"stdout": "{}", "stderr": "", "rc": 0}, *profile)
    with nothing_touched():
        found = plugin._parse_returned_data({"stdout": out, "stderr": err, "rc": 1}, *profile)
    # Since 2.21 it is a record, of which an action gets this mapping.
    found = found.as_result_dict(for_round_trip=True) if hasattr(found, "as_result_dict") else found
    return t.cast("dict[str, t.Any]", found)


def without_own(found: dict[str, t.Any], answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return ``found`` without what ansible-core itself adds to ``answer`` (since 2.21 both states)."""
    own = {"_ansible_parsed": True, "changed": False, "failed": False}
    return {name: value for name, value in found.items() if name in answer or own.get(name) is not value}


def test_ansible_core_asks_what_is_checked() -> None:
    """Its action runs a module by a method that reads the answer by the one that is replaced here."""
    assert "self._parse_returned_data(" in inspect.getsource(ActionBase._execute_module)


def test_an_honest_answer_stays() -> None:
    found = answered('\n{"changed": true, "installed": {"git": "1:2.39"}, "invocation": {"module_args": {}}}\n')
    answer = {"changed": True, "installed": {"git": "1:2.39"}, "invocation": {"module_args": {}}}
    assert without_own(found, answer) == answer


def test_mitogen_names_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[t.Any] = []
    monkeypatch.setattr(ActionBase, "_parse_returned_data", lambda _action, res, **named: asked.append((res, named)))
    plugin: t.Any = ActionModule.__new__(ActionModule)
    plugin._task = SimpleNamespace(action="pyhost.baseline.packages", async_val=0)
    plugin._parse_returned_data({"stdout": '{"changed": true, "x": 1}', "stderr": ""}, profile="legacy")
    [(res, named)] = asked
    assert (json.loads(res["stdout"])["changed"], named) == (True, {"profile": "legacy"})


def test_what_is_no_answer_is_a_failure_in_a_sentence() -> None:
    found = answered(f"{EVIL}\nnot found\n", EVIL)
    assert found["failed"] is True
    assert found["msg"].startswith("the host's Python printed no answer of a module, but: ")
    assert found["rc"] == 1
    assert acting({name: value for name, value in found.items() if name != "exception"}) == set()
    assert EVIL not in str(found)


def test_a_job_in_the_background_answers_for_itself() -> None:
    job = {"started": 1, "finished": 0, "ansible_job_id": "j123.456", "results_file": "/root/.ansible_async/j123.456"}
    found = answered(json.dumps({**job, "_ansible_suppress_tmpdir_delete": True}), seconds=60)
    assert without_own(found, job) in (job, {**job, "_ansible_suppress_tmpdir_delete": True})
    assert answered(json.dumps({**job, "ansible_job_id": "../x"}), seconds=60)["failed"] is True


@pytest.mark.parametrize(
    "job",
    [
        pytest.param({"failed": 0, "started": 1, "finished": 0, "ansible_job_id": "j1.2"}, id="ansible-core 2.18"),
        pytest.param({"failed": False, "started": True, "finished": False, "ansible_job_id": "j1.2"}, id="2.21"),
        pytest.param(
            {"changed": True, "started": 1, "finished": 0, "ansible_job_id": "0f3c9a71d2b4e865"}, id="mitogen"
        ),
    ],
)
def test_each_ansible_core_starts_its_jobs(job: dict[str, t.Any]) -> None:
    assert without_own(answered(json.dumps(job), seconds=60), job) == job


@given(st.one_of(st.text(), ANSWERS.map(json.dumps)), st.text())
def test_no_output_breaks_ansible_core(out: str, err: str) -> None:
    found = answered(out, err)
    found.pop("exception", None)
    assert acting(found) == set()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (AnsibleConnectionFailure(EVIL), AnsibleConnectionFailure),
        (AnsibleAuthenticationFailure(EVIL), AnsibleConnectionFailure),
        (AnsibleError(EVIL), AnsibleError),
    ],
)
def test_what_a_connection_raises_is_quoted(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, quoted_errors():
        raise raised
    assert str(caught.value).isprintable()
    assert caught.value.__suppress_context__


def test_what_an_action_says_itself_stays() -> None:
    with pytest.raises(AnsibleActionFail, match="no host said this"), quoted_errors():
        raise AnsibleActionFail("no host said this")
