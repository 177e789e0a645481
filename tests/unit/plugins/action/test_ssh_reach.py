# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe over a fake connection plugin: what it sets, in which order, and what it makes of failures."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure

from ansible_collections.pyhost.baseline.plugins.action.ssh_reach import ActionModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach import WINDOWS, Candidate, Refusal, Verdict
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach_answer import Answer

ANSWER = b"pyhost.baseline.reach begin\nuid=0\nlogin=root\nkernel=Linux\npyhost.baseline.reach end\n"


class FakeConnection:
    """Records what the plugin asks of Ansible's ssh connection plugin."""

    def __init__(self, result: t.Any, *, transport: str = "ssh") -> None:
        self.transport = transport
        self.become = None
        self.calls: list[tuple[t.Any, ...]] = []
        self._shell = SimpleNamespace()
        self._result = result

    def set_option(self, name: str, value: t.Any) -> None:
        self.calls.append(("set", name, value))

    def reset(self) -> None:
        self.calls.append(("reset",))

    def exec_command(self, command: str, *, in_data: bytes, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.calls.append(("exec", command, in_data, sudoable))
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def probe(connection: FakeConnection) -> Answer | Refusal:
    plugin = ActionModule.__new__(ActionModule)
    plugin._connection = connection
    return plugin._probe(Candidate("deploy", 2222), "script")


def test_a_probe_is_one_login_of_its_own() -> None:
    connection = FakeConnection((0, ANSWER, b""))
    result = probe(connection)
    assert isinstance(result, Answer)
    assert (result.login, result.uid) == ("root", 0)
    assert connection.calls == [
        ("set", "remote_user", "deploy"),
        ("set", "port", 2222),
        ("set", "reconnection_retries", 0),
        ("reset",),
        ("exec", "/bin/sh -s", b"script", False),
    ]


def test_other_connections_are_taken_as_they_are() -> None:
    connection = FakeConnection((0, ANSWER, b""), transport="local")
    assert isinstance(probe(connection), Answer)
    assert connection.calls == [("exec", "/bin/sh -s", b"script", False)]


@pytest.mark.parametrize("transport", ["winrm", "psrp"])
def test_windows_is_not_asked(transport: str) -> None:
    connection = FakeConnection((0, ANSWER, b""), transport=transport)
    assert probe(connection) == WINDOWS
    assert connection.calls == []


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AnsibleAuthenticationFailure("Invalid/incorrect password: Permission denied"), Verdict.NEXT_USER),
        (
            AnsibleConnectionFailure(
                "Failed to connect to the host via ssh: ssh: connect to host h port 2222: refused"
            ),
            Verdict.NEXT_PORT,
        ),
        (AnsibleConnectionFailure("Failed to connect to the host via ssh: Connection reset by peer"), Verdict.STOP),
    ],
    ids=["password", "port", "unknown"],
)
def test_failures_are_judged(error: Exception, verdict: Verdict) -> None:
    result = probe(FakeConnection(error))
    assert isinstance(result, Refusal)
    assert result.verdict is verdict


def test_a_login_that_runs_nothing_is_refused() -> None:
    result = probe(FakeConnection((1, b"This account is currently not available.\n", b"")))
    assert isinstance(result, Refusal)
    assert result.verdict is Verdict.NEXT_USER
