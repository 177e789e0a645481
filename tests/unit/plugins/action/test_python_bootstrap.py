# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation of Python over a fake shell: once, again while a lock is held, and the error of a failure."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.pyhost.baseline.plugins.action import python_bootstrap
from ansible_collections.pyhost.baseline.plugins.modules import python_bootstrap as documented
from tests.unit.fake_host import Clock
from tests.unit.plugins.untrusted import EVIL

LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)\n"
BROKEN = "E: Unable to locate package python3\n"
Answer = dict[str, t.Any]


def answer(rc: int = 0, stdout: str = "", stderr: str = "") -> Answer:
    return {"rc": rc, "stdout": stdout, "stderr": stderr}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(python_bootstrap, "time", clock)
    return clock


class Shell:
    """The host's shell: it gives ``answers`` in turn, the last one again and again, each after ``seconds``."""

    def __init__(self, clock: Clock, *answers: Answer | Exception, seconds: float = 0.0) -> None:
        self.commands: list[str] = []
        self._clock, self._answers, self._seconds = clock, list(answers), seconds

    def run(self, *, check_mode: bool = False, **options: t.Any) -> Answer:
        task = SimpleNamespace(
            action="pyhost.baseline.python_bootstrap",
            args=options,
            async_val=0,
            check_mode=check_mode,
            delegate_to=None,
            environment=None,
            diff=False,
        )
        plugin: t.Any = python_bootstrap.ActionModule(
            task=task,
            connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir="/tmp/x"), transport="ssh"),
            play_context=SimpleNamespace(check_mode=check_mode),
            loader=None,
            templar=None,
            shared_loader_obj=None,
        )
        # As Ansible's loader sets it.
        plugin._load_name = "python_bootstrap"
        plugin.__dict__["_low_level_execute_command"] = self._execute
        done: Answer = plugin.run(task_vars={})
        return done

    def _execute(self, command: str, *, executable: str) -> Answer:
        # No module of Ansible's is copied to the host: that would need Python.
        assert executable == "/bin/sh"
        self.commands.append(command)
        self._clock.now += self._seconds
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, Exception):
            raise found
        return found


def test_python_is_installed_by_one_command(clock: Clock) -> None:
    shell = Shell(clock, answer(stdout=BROKEN))
    done = shell.run(command="{ apt-get install python3; } </dev/null")
    assert (done["changed"], done.get("failed"), done.get("msg")) == (True, None, None)
    assert shell.commands == ["{ apt-get install python3; } </dev/null"]
    assert clock.now == 0


def test_check_mode_runs_nothing(clock: Clock) -> None:
    shell = Shell(clock, answer())
    done = shell.run(check_mode=True, command="x")
    assert done["changed"] and not done.get("failed")
    assert shell.commands == []


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_lock_is_waited_for(clock: Clock, stream: str) -> None:
    locked = answer(100, **{stream: LOCKED})
    shell = Shell(clock, locked, locked, answer())
    done = shell.run(command="x")
    assert done["changed"] and not done.get("failed")
    assert shell.commands == ["x", "x", "x"]
    assert clock.now == 20


def test_a_success_that_mentions_a_lock_is_a_success(clock: Clock) -> None:
    shell = Shell(clock, answer(0, LOCKED))
    assert not shell.run(command="x").get("failed")
    assert clock.now == 0


@pytest.mark.parametrize(
    ("options", "seconds", "tries", "waited"),
    [
        pytest.param({}, 0.0, 31, 300, id="five minutes by default"),
        pytest.param({"lock_timeout": 25}, 0.0, 4, 30, id="as long as requested"),
        pytest.param({"lock_timeout": 20}, 0.0, 3, 20, id="to the second"),
        pytest.param({"lock_timeout": 0}, 0.0, 1, 0, id="not at all"),
        pytest.param({"lock_timeout": 25}, 7.0, 3, 41, id="the command's own time counts"),
    ],
)
def test_a_lock_is_not_waited_for_without_end(
    clock: Clock, options: dict[str, t.Any], seconds: float, tries: int, waited: float
) -> None:
    shell = Shell(clock, answer(100, stderr=LOCKED), seconds=seconds)
    done = shell.run(command="x", **options)
    assert (done["failed"], done["rc"], len(shell.commands), clock.now) == (True, 100, tries, waited)
    assert done["msg"].startswith("Python cannot be installed: E: Could not get lock /var/lib/dpkg/lock-frontend.")


def test_another_error_is_not_tried_again(clock: Clock) -> None:
    shell = Shell(clock, answer(100, "Reading package lists...\n", BROKEN))
    done = shell.run(command="x")
    assert shell.commands == ["x"] and clock.now == 0
    # Something may have been installed.
    assert (done["failed"], done["changed"], done["rc"]) == (True, True, 100)
    assert done["msg"] == (
        "Python cannot be installed: E: Unable to locate package python3; packages may have been installed in part; "
        "correct that on the host or in its package sources, and run this again"
    )
    assert done["hint"] == "correct that on the host or in its package sources, and run this again"


def test_what_the_host_says_is_quoted(clock: Clock) -> None:
    done = Shell(clock, answer(1, stderr=f"error: {EVIL}\n")).run(command="x")
    assert "\x1b" not in done["msg"] and "\\x1b" in done["msg"]
    with pytest.raises(AnsibleConnectionFailure) as caught:
        Shell(clock, AnsibleConnectionFailure(EVIL)).run(command="x")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"command": "x", "lock_timeout": "soon"}, {"command": "x", "other": 1}])
def test_bad_options_reach_no_host(clock: Clock, options: dict[str, t.Any]) -> None:
    shell = Shell(clock, answer())
    with pytest.raises(AnsibleActionFail):
        shell.run(**options)
    assert shell.commands == []


def test_the_options_are_the_documented_ones(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    given: list[t.Any] = []
    check = python_bootstrap.ActionModule.validate_argument_spec

    def noted(self: t.Any, argument_spec: t.Any) -> t.Any:
        given.append(argument_spec)
        return check(self, argument_spec=argument_spec)

    monkeypatch.setattr(python_bootstrap.ActionModule, "validate_argument_spec", noted)
    Shell(clock, answer()).run(command="x")
    assert set(options) == set(given[0])
    for name, one in options.items():
        for part in ("type", "required", "default"):
            assert one.get(part) == given[0][name].get(part), (name, part)


def test_mitogens_connection_is_not_asked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would start a Python on the host first."""
    plain = SimpleNamespace(run=lambda _tmp, _variables: {"changed": True, "plain": True})
    monkeypatch.setattr(python_bootstrap, "over_own_ssh", lambda _action, _class: plain)
    shell = Shell(clock, answer())
    assert shell.run(command="x") == {"changed": True, "plain": True}
    assert shell.commands == []
