# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe over a fake connection plugin: what it sets, in which order, and what it makes of failures."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.action.ssh_reach import ActionModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import Answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import WINDOWS, Candidate, Refusal, Verdict
from tests.unit.plugins.untrusted import EVIL, acting, nothing_touched

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


def test_an_answer_that_cannot_be_true_ends_the_search() -> None:
    result = probe(FakeConnection((0, ANSWER.replace(b"login=root", b"login=-oProxyCommand=x"), b"")))
    assert isinstance(result, Refusal)
    assert result.verdict is Verdict.UNFIT
    assert "login is '-oProxyCommand=x'" in result.reason


class Shell:
    """A connection whose host has sudo, which makes nobody root but prints and raises whatever it likes."""

    def __init__(self, connection: t.Any, become: t.Any) -> None:
        self.transport, self.become = "ssh", SimpleNamespace(name="sudo")
        self._shell = SimpleNamespace(tmpdir=None)
        self._connection, self._become = connection, become

    def get_option(self, name: str) -> t.Any:
        return {"host": "192.0.2.1", "remote_user": None, "port": None}[name]

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._connection, name)


def ran(result: t.Any, become: t.Any) -> dict[str, t.Any]:
    """Run the whole action against a host of which every word is made up."""
    plugin = ActionModule.__new__(ActionModule)
    plugin._connection = Shell(FakeConnection(result), become)
    plugin._task = SimpleNamespace(
        action="pyhost.baseline.ssh_reach", async_val=0, check_mode=False, diff=False, args={"users": ["deploy"]}
    )

    def low_level(_command: str, *, sudoable: bool) -> dict[str, t.Any]:
        assert sudoable
        if isinstance(become, Exception):
            raise become
        return t.cast("dict[str, t.Any]", become)

    # What Ansible's configuration and command line say is of no interest here.
    own = {"_named_python": lambda _variables: None, "_forced": set, "_low_level_execute_command": low_level}
    for name, method in own.items():
        setattr(plugin, name, method)
    with nothing_touched():
        return plugin.run(None, {})


REACHED = (
    b"pyhost.baseline.reach begin\nuid=1000\nlogin=deploy\nkernel=Linux\nsystem=debian\nversion=13\nsudo=refused\n"
    b"python=3.13.5 /usr/bin/python3\npyhost.baseline.reach end\n"
)


@pytest.mark.parametrize(
    ("number", "is_root"), [("0", True), ("lecture\r\n0\r\n", True), ("1000", False), ("10", False)]
)
def test_only_the_number_of_root_is_root(number: str, is_root: bool) -> None:
    found = ran((0, REACHED, b""), {"rc": 0, "stdout": number, "stderr": ""})
    assert bool(found.get("failed")) is not is_root, found


_BYTES = st.one_of(
    st.binary(),
    st.just(EVIL.encode()),
    st.just(REACHED),
    st.tuples(st.binary(), st.binary()).map(
        lambda parts: REACHED.replace(b"deploy", parts[0]).replace(b"3.13", parts[1])
    ),
    st.text().map(
        lambda text: f"pyhost.baseline.reach begin\n{text}\npyhost.baseline.reach end".encode(errors="replace")
    ),
)
_WORDS = st.one_of(st.text(), st.just(EVIL), st.just("Permission denied " + EVIL), st.just("x" * 100_000))


@given(
    st.one_of(
        st.tuples(st.integers(0, 255), _BYTES, _BYTES),
        st.builds(AnsibleConnectionFailure, _WORDS),
        st.builds(AnsibleAuthenticationFailure, _WORDS),
    ),
    st.one_of(
        st.fixed_dictionaries({"rc": st.integers(0, 2), "stdout": _WORDS, "stderr": _WORDS}),
        st.builds(AnsibleConnectionFailure, _WORDS),
        st.builds(AnsibleError, _WORDS),
    ),
)
def test_no_host_breaks_the_search(result: t.Any, become: t.Any) -> None:
    found = ran(result, become)
    assert acting(found) == set()
    assert all("\n" not in text for text in (found.get("msg", ""), *found.get("warnings", [])))
    assert len(str(found)) < 20_000
    if not found.get("failed") and not found.get("unreachable"):
        assert found["python"] is None or found["python"].startswith("/")
