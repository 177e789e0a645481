"""A host that answers whatever it likes: no process is started for it, no file opened, and nothing falls over."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import types
import typing as t

import pytest
from ansible.plugins.action import ActionBase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.action.sshd_config import ActionModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import ModuleCode
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT, ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Confirmation, Preflight
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers import action as action_of_modules
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import login
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings

OPTIONS = {
    "remote_user": "root",
    "host": "192.0.2.7",
    "port": None,
    "private_key_file": None,
    "host_key_checking": True,
    "ssh_executable": "ssh",
}
WITHOUT = {"MACs": ("hmac-sha1",), "Ciphers": ("aes128-ctr",)}
PLANNED = Confirmation("", 22, preflight=Preflight(WITHOUT, keys=("ssh-ed25519 256 SHA256:a",)))
APPLIED = Confirmation("", 22, armed=ArmedRollback(20, "systemd", BASE, "0" * 32, "sshd"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def answer(confirmation: Confirmation) -> t.Any:
    """Return what an honest host answers, with a change of one port."""
    return json.loads(json.dumps({"changed": True, "ports": [22], "confirmation": confirmation.as_json()}))


class Run:
    """One run of the action plugin; ``started`` is the argument list of each process that it would have started."""

    def __init__(self, plan: t.Any, apply: t.Any = None) -> None:
        self._answers = {"plan": plan, "apply": apply}
        self.started: list[list[str]] = []

    def _execute(self, module_args: dict[str, t.Any], task_vars: t.Any, *, wrap_async: bool) -> t.Any:
        assert not wrap_async
        return self._answers[module_args[PHASE_ARGUMENT]["phase"]]

    def _start(self, argv: list[str], **_options: t.Any) -> t.NoReturn:
        self.started.append(argv)
        raise FileNotFoundError

    def result(self) -> dict[str, t.Any]:
        action = ActionModule.__new__(ActionModule)
        arguments = {"guard_users": ["deploy"], "confirm_timeout": 20, "settings": {"PermitRootLogin": False}}
        action._task = types.SimpleNamespace(check_mode=False, args=arguments, action="pyhost.baseline.sshd_config")
        action._connection = types.SimpleNamespace(transport="ssh", get_option=OPTIONS.get, become=None)
        action._play_context = types.SimpleNamespace(become_pass=None)
        action.__dict__["_execute_module"] = self._execute

        def forbidden(*arguments: t.Any, **_options: t.Any) -> t.NoReturn:
            raise AssertionError(f"the answer of a host led to {arguments}")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ActionBase, "run", lambda *_arguments: {})
            # It is asked about this controller, whatever the host answers.
            patch.setattr(login, "ask_client", lambda *_given, **_user: ClientSettings())
            patch.setattr(action_of_modules, "collection_code", lambda *, archive: ModuleCode("0" * 64))
            patch.setattr(subprocess, "Popen", self._start)
            for name in ("system", "open", "mkdir", "unlink", "rename"):
                patch.setattr(os, name, forbidden)
            patch.setattr(builtins, "open", forbidden)
            found = action.run(None, {})
        json.dumps(found)
        assert str(found.get("msg", "")).isprintable()
        return found


def laid_over(whole: t.Any, path: str, value: t.Any) -> t.Any:
    *folders, name = path.split(".")
    place = whole
    for folder in folders:
        place = place[folder]
    place[name] = value
    return whole


def test_an_honest_host_is_logged_in_to() -> None:
    run = Run(answer(PLANNED))
    assert "the OpenSSH client ssh is not installed" in run.result()["msg"]
    assert run.started[0][:5] == ["ssh", "-o", "MACs=-hmac-sha1", "-o", "Ciphers=-aes128-ctr"]


@given(JSON)
def test_any_answer_at_all(whole: t.Any) -> None:
    run = Run(whole)
    run.result()
    assert run.started == []


@given(JSON)
def test_any_confirmation(value: t.Any) -> None:
    run = Run(laid_over(answer(PLANNED), "confirmation", value))
    assert "confirmation" in run.result()["msg"]
    assert run.started == []


FIELDS = [
    *("changed", "ports", "warnings", "diff", "invocation", "ansible_facts", "failed", "msg"),
    *("confirmation.refusal", "confirmation.server_port", "confirmation.armed", "confirmation.preflight"),
    *("confirmation.preflight.without", "confirmation.preflight.keys", "confirmation.preflight.new_keys"),
    *("confirmation.preflight.without.ProxyCommand", "confirmation.preflight.without.MACs"),
]


@given(st.sampled_from(FIELDS), JSON | st.lists(st.text(), max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_value_of_one_field(path: str, value: t.Any) -> None:
    run = Run(laid_over(answer(PLANNED), path, value))
    run.result()
    for argv in run.started:
        names = [word.partition("=")[0] for flag, word in zip(argv, argv[1:], strict=False) if flag == "-o"]
        assert not {"ProxyCommand", "LocalCommand", "KnownHostsCommand", "Include", "Match"} & set(names)
        assert argv[-2] == OPTIONS["host"]


@pytest.mark.parametrize("error", [AttributeError, KeyError, RecursionError, TypeError, ValueError])
def test_an_answer_that_ansible_core_cannot_read(error: type[Exception]) -> None:
    run = Run(None)

    def fail(**_arguments: t.Any) -> t.NoReturn:
        raise error("'list' object has no attribute 'keys'")

    # It stands in for ansible-core, which falls over the answer.
    run.__dict__["_execute"] = fail
    said = run.result()
    assert (
        said["failed"] and "ansible-core cannot read it" in said["msg"] and "this task changed nothing" in said["msg"]
    )


LIES = [
    pytest.param("confirmation.armed.base", "/tmp/evil", "confirmation.armed.base", id="another place"),
    pytest.param("confirmation.armed.token", "0; reboot", "confirmation.armed.token", id="a command for the token"),
    pytest.param("confirmation.armed.seconds", 3600, "confirmation.armed.seconds", id="more time"),
    pytest.param("ports", [2200], "ports", id="another port"),
    pytest.param("ports", "22", "ports", id="ports in a text"),
    pytest.param("changed", "yes", "changed", id="a text for a flag"),
]


@pytest.mark.parametrize(("path", "value", "named"), LIES)
def test_a_lie_after_the_change_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch, path: str, value: t.Any, named: str
) -> None:
    logins: list[str] = []

    def log_in(*_arguments: t.Any, **_options: t.Any) -> t.Any:
        logins.append("before")
        return types.SimpleNamespace(sudo="nopasswd")

    module = "ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.login"
    monkeypatch.setattr(f"{module}.log_in", log_in)
    run = Run(answer(PLANNED), laid_over(answer(APPLIED), path, value))
    said = run.result()
    assert said["failed"] and named in said["msg"]
    assert "the host rolls the change back by itself within 20 seconds" in said["msg"]
    assert logins == ["before"] and run.started == []
