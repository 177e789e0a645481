# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe over a fake connection plugin: what it sets, in which order, and what it makes of failures."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.action import ssh_reach as actions
from ansible_collections.pyhost.baseline.plugins.action.ssh_reach import ActionModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import ProbeAnswer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import (
    WINDOWS,
    Candidate,
    LoginRefusal,
    Verdict,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.seen import SeenMachines
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import login as logins
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.known_hosts import KnownKey
from tests.unit.plugins.untrusted import EVIL, acting, nothing_touched

ANSWER = b"pyhost.baseline.reach begin\nuid=0\nlogin=root\nkernel=Linux\npyhost.baseline.reach end\n"


class FakeConnection:
    """Records what the plugin asks of Ansible's ssh connection plugin."""

    def __init__(self, result: t.Any, *, transport: str = "ssh") -> None:
        self.transport = transport
        self.has_pipelining = transport != "paramiko"
        self.become = None
        self.calls: list[tuple[t.Any, ...]] = []
        self._shell = SimpleNamespace()
        self._result = result
        self.options: dict[str, t.Any] = {}

    def set_option(self, name: str, value: t.Any) -> None:
        self.calls.append(("set", name, value))

    def reset(self) -> None:
        self.calls.append(("reset",))

    def exec_command(self, command: str, *, in_data: bytes | None = None, sudoable: bool) -> tuple[int, bytes, bytes]:
        # As ansible-core's paramiko_ssh has it.
        assert not in_data or self.has_pipelining, "this module does not support optimized module pipelining"
        self.calls.append(("exec", command, in_data, sudoable))
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A controller whose ssh has no settings of its own, and which has reached no machine before."""
    monkeypatch.setattr(logins, "ask_client", lambda *_given, **_user: ClientSettings())
    monkeypatch.setattr(ActionModule, "_notes", staticmethod(lambda: SeenMachines(str(tmp_path))))


def probe(connection: FakeConnection) -> ProbeAnswer | LoginRefusal:
    plugin = ActionModule.__new__(ActionModule)
    plugin._connection = connection
    return plugin._probe(Candidate("deploy", 2222), "script")


def test_a_probe_is_one_login_of_its_own() -> None:
    connection = FakeConnection((0, ANSWER, b""))
    result = probe(connection)
    assert isinstance(result, ProbeAnswer)
    assert (result.login, result.uid) == ("root", 0)
    assert connection.calls == [
        ("set", "remote_user", "deploy"),
        ("set", "port", 2222),
        ("set", "reconnection_retries", 0),
        ("reset",),
        ("exec", "/bin/sh -s", b"script", False),
    ]


def test_a_client_without_standard_input_gets_the_script_as_a_command() -> None:
    connection = FakeConnection((0, ANSWER, b""), transport="paramiko")
    assert isinstance(probe(connection), ProbeAnswer)
    assert connection.calls == [("exec", "/bin/sh -c script", None, False)]


@pytest.mark.parametrize("kind", ["local", "docker", "chroot", "machinectl"])
def test_other_connections_are_taken_as_they_are(kind: str) -> None:
    connection = FakeConnection((0, ANSWER, b""), transport=kind)
    assert isinstance(probe(connection), ProbeAnswer)
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
        (AnsibleConnectionFailure("Failed to connect to the host via ssh: Connection reset by peer"), Verdict.NO_LOGIN),
        (AnsibleConnectionFailure("Failed to connect to the host via ssh: what?"), Verdict.STOP),
    ],
    ids=["password", "port", "no login", "unknown"],
)
def test_failures_are_judged(error: Exception, verdict: Verdict) -> None:
    result = probe(FakeConnection(error))
    assert isinstance(result, LoginRefusal)
    assert result.verdict is verdict


def test_a_login_that_runs_nothing_is_refused() -> None:
    result = probe(FakeConnection((1, b"This account is currently not available.\n", b"")))
    assert isinstance(result, LoginRefusal)
    assert result.verdict is Verdict.NEXT_USER


def test_an_answer_that_cannot_be_true_ends_the_search() -> None:
    result = probe(FakeConnection((0, ANSWER.replace(b"login=root", b"login=-oProxyCommand=x"), b"")))
    assert isinstance(result, LoginRefusal)
    assert result.verdict is Verdict.UNFIT
    assert "login is '-oProxyCommand=x'" in result.reason


class Shell:
    """A connection whose host has sudo, which makes nobody root but prints and raises whatever it likes."""

    def __init__(self, connection: t.Any, become: t.Any) -> None:
        self.transport, self.become = "ssh", SimpleNamespace(name="sudo")
        self._shell = SimpleNamespace(tmpdir=None)
        self._connection, self._become = connection, become

    def get_option(self, name: str) -> t.Any:
        return {"host": "192.0.2.1", "ssh_executable": "ssh", **self._connection.options}.get(name)

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


def reach(result: t.Any, become: t.Any = None, **args: t.Any) -> dict[str, t.Any]:
    """Run the action with ``args`` and the default users."""
    plugin = ActionModule.__new__(ActionModule)
    plugin._connection = Shell(FakeConnection(result), become)
    plugin._task = SimpleNamespace(
        action="pyhost.baseline.ssh_reach", async_val=0, check_mode=False, diff=False, args=args
    )
    plugin._loader = None
    own = {
        "_named_python": lambda _variables: None,
        "_forced": set,
        "_low_level_execute_command": lambda *_a, **_k: become,
    }
    for name, method in own.items():
        setattr(plugin, name, method)
    return plugin.run(None, {})


ROOT = REACHED.replace(b"uid=1000", b"uid=0").replace(b"login=deploy", b"login=root")


def test_the_login_that_answers_is_returned() -> None:
    found = reach((0, ROOT, b""), users=["root"], ports=[2222])
    assert (found["user"], found["port"], found["login"], found["uid"]) == ("root", 2222, "root", 0)
    assert (found["python"], found["install_python"], found["tried"]) == ("/usr/bin/python3", None, [])
    assert "warnings" not in found and found["changed"] is False


def test_a_host_without_python_gets_the_command_that_installs_it() -> None:
    bare = ROOT.replace(b"python=3.13.5 /usr/bin/python3\n", b"")
    found = reach((0, bare, b""), python_required=False)
    assert found["python"] is None and "apt-get" in found["install_python"]
    refused = reach((0, bare, b""))
    assert refused["failed"] and refused["msg"].startswith("the host has no Python, and Ansible needs ")
    assert refused["hint"].startswith("run playbooks/bootstrap.yml")


def test_a_release_that_was_never_run_is_refused_or_warned_of() -> None:
    fedora = ROOT.replace(b"system=debian\nversion=13", b"system=fedora\nversion=44\nname=Fedora 44")
    assert "never run" in reach((0, fedora, b""))["msg"]
    found = reach((0, fedora, b""), allow_unproven=True)
    assert found["warnings"] == [
        "pyhost.baseline was never run on Fedora 44: make sure that you have another way in, such as a console"
    ]


def test_a_host_without_a_login_is_unreachable_with_all_reasons() -> None:
    denied = AnsibleConnectionFailure("Failed to connect to the host via ssh: x: Permission denied (publickey).")
    found = reach(denied, users=["deploy", "root"], ports=[2222])
    assert found["unreachable"] and "failed" not in found
    assert [(one["user"], one["reason"]) for one in found["tried"]] == [
        (user, "x: Permission denied (publickey)") for user in ("deploy", "root", None)
    ]
    assert found["hint"] == "name a user and key that can log in with '-u USER --private-key FILE'"


def test_a_user_without_root_is_an_error_with_a_hint() -> None:
    found = reach((0, REACHED, b""), {"rc": 1, "stdout": "", "stderr": "sudo: no\n"}, users=["deploy"])
    assert found["failed"] and found["msg"].startswith("'deploy' logs in but cannot become root: sudo: no; this task ")
    assert "--ask-become-pass" in found["hint"]
    assert found["tried"][0]["reason"] == "'deploy' logs in but cannot become root: sudo: no"


def test_windows_is_refused() -> None:
    found = reach((1, b"#< CLIXML", b""))
    assert found["failed"] and found["msg"].startswith("the host runs Windows, ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"ports": [0]}, "ports: 0 is not a port; no connection was made; give 1 to 65535"),
        (
            {"users": ["-x"]},
            "the user is '-x', which ssh would read as an option; no connection was made; correct the user's name",
        ),
    ],
)
def test_invalid_input_makes_no_connection(args: dict[str, t.Any], message: str) -> None:
    found = reach(AssertionError("a connection was made"), **args)
    assert (found["failed"], found["msg"]) == (True, message)


@pytest.mark.parametrize(
    ("extra", "forced"),
    [
        ({}, set()),
        ({"ansible_user": "x"}, {"user"}),
        ({"ansible_ssh_port": 1, "ansible_ssh_user": "x"}, {"user", "port"}),
    ],
)
def test_extra_variables_decide(extra: dict[str, t.Any], forced: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "load_extra_vars", lambda _loader: extra)
    plugin = ActionModule.__new__(ActionModule)
    plugin._loader = None
    assert plugin._forced() == forced


@pytest.mark.parametrize(
    ("value", "named"), [("auto", None), ("auto_silent", None), ("/opt/py/bin/python", "/opt/py/bin/python")]
)
def test_the_interpreter_that_the_user_named(value: str, named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions.C.config, "get_config_value", lambda _name, variables: value)
    plugin = ActionModule.__new__(ActionModule)
    plugin._templar = SimpleNamespace(template=lambda text: text)
    assert plugin._named_python({}) == named


# A host behind a forwarded port, its gateway, and their notes.

KEYS = b"machine=" + b"a" * 32 + b"\nhost_key=AAAA\npyhost.baseline.reach end"
GATEWAY = ROOT.replace(b"pyhost.baseline.reach end", KEYS)


@dataclass
class Ports:
    """A host, or several behind one address, of which each port answers otherwise."""

    says: dict[int | None, t.Any]
    variables: dict[str, t.Any] = field(default_factory=dict)
    client: ClientSettings = ClientSettings(host="192.0.2.1", port=22)
    name: str = "vm"
    probed: list[int | None] = field(default_factory=list)

    def reach(self, monkeypatch: pytest.MonkeyPatch, **args: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(logins, "ask_client", lambda *_given, **_user: self.client)
        plugin = ActionModule.__new__(ActionModule)
        connection = FakeConnection(None)
        connection.options = {"remote_user": "root", **self.variables}
        plugin._connection = Shell(connection, None)
        plugin._connection.become = None
        task = {"action": "pyhost.baseline.ssh_reach", "async_val": 0, "check_mode": False, "diff": False, "args": args}
        plugin._task = SimpleNamespace(**task)
        plugin._loader = None

        def answer(*_given: t.Any, **_more: t.Any) -> t.Any:
            port = next(call[2] for call in reversed(connection.calls) if call[:2] == ("set", "port"))
            self.probed.append(port)
            found = self.says[port]
            if isinstance(found, str):
                raise AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {found}")
            return found if isinstance(found, tuple) else (0, found, b"")

        connection.exec_command = answer  # type: ignore[method-assign]
        for name, method in {"_named_python": lambda _variables: None, "_forced": set}.items():
            setattr(plugin, name, method)
        return plugin.run(None, {"inventory_hostname": self.name})


CLOSED = "ssh: connect to host 192.0.2.1 port 2201: Connection refused"
CLOSING = "kex_exchange_identification: Connection closed by remote host\nConnection closed by 192.0.2.1 port 2222"


@pytest.mark.parametrize(
    ("host", "ports", "probed", "port"),
    [
        pytest.param(Ports({2201: CLOSED}, {"port": 2201}), [], [2201], None, id="forwarded, and the VM is down"),
        pytest.param(Ports({2201: ROOT}, {"port": 2201}), [2222], [2201], 2201, id="forwarded, and a port is desired"),
        pytest.param(Ports({2201: CLOSED, 22: ROOT}, {"port": 2201}), [22], [2201, 22], 22, id="the port is explicit"),
        pytest.param(Ports({2200: ROOT}, client=ClientSettings(port=2200)), [], [2200], 2200, id="Port in ssh_config"),
        pytest.param(Ports({2222: CLOSING, 22: ROOT}), [2222], [2222, 22], 22, id="something accepts and closes"),
        pytest.param(Ports({22: CLOSING}), [22], [22], None, id="sshd itself closes"),
        pytest.param(Ports({2222: ROOT}, {"port": 2222}), [2222], [2222], 2222, id="given and desired"),
        pytest.param(Ports({None: ROOT}, client=ClientSettings()), [], [None], None, id="a client that is not asked"),
    ],
)
def test_the_ports_that_are_tried(
    monkeypatch: pytest.MonkeyPatch, host: Ports, ports: list[int], probed: list[int], port: int | None
) -> None:
    found = host.reach(monkeypatch, ports=ports)
    assert (host.probed, found.get("port")) == (probed, port)


def test_a_port_that_ansible_ssh_args_force_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "forced_port", lambda *_given: 2203)
    host = Ports({2203: ROOT}, {"port": 2222})
    assert host.reach(monkeypatch, ports=[22])["port"] == 2203


def test_a_gateway_with_another_known_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "known_keys", lambda _client, port: [KnownKey("ssh-ed25519", f"key for {port}")])
    host = Ports({2201: CLOSED, 22: GATEWAY}, {"port": 2201})
    found = host.reach(monkeypatch, ports=[22])
    assert found["failed"] and found["msg"].startswith(
        "another machine answers on port 22: it has none of the host keys"
    )


def test_a_gateway_that_was_reached_by_its_own_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ports({22: GATEWAY}, name="gateway").reach(monkeypatch)["port"] == 22
    host = Ports({2201: CLOSED, 22: GATEWAY}, {"port": 2201})
    found = host.reach(monkeypatch, ports=[22])
    assert found["failed"] and "the machine that answers is 'gateway' (192.0.2.1) of an earlier run" in found["msg"]


def test_a_clone_with_the_same_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ports({22: GATEWAY}).reach(monkeypatch)["port"] == 22
    found = Ports({22: GATEWAY.replace(b"a" * 32, b"b" * 32)}).reach(monkeypatch)
    assert found["failed"] and "another machine answers than in an earlier run" in found["msg"]
    # A host that was installed anew has new keys, which ssh has checked.
    anew = GATEWAY.replace(b"a" * 32, b"b" * 32).replace(b"AAAA", b"BBBB")
    assert Ports({22: anew}).reach(monkeypatch)["port"] == 22


def test_the_wrong_machine_does_not_get_the_become_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "known_keys", lambda _client, _port: [KnownKey("ssh-ed25519", "another")])
    monkeypatch.setattr(ActionModule, "_escalation_error", lambda *_given: pytest.fail("it tried to become root"))
    host = Ports({2201: CLOSED, 22: GATEWAY.replace(b"uid=0", b"uid=1000")}, {"port": 2201})
    assert "another machine answers on port 22" in host.reach(monkeypatch, ports=[22])["msg"]


CHANGED = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"


def test_who_switched_the_check_off_gets_all_candidates_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Ports({22: ROOT})
    said = [f"{CHANGED}deploy@192.0.2.1: Permission denied (publickey).", (0, ROOT, CHANGED.encode())]
    host.says = {22: None}
    monkeypatch.setattr(host, "says", _Turns(said))
    found = host.reach(monkeypatch, users=["deploy", "root"])
    assert found["user"] == "root"
    (warning,) = found["warnings"]
    assert warning.startswith(
        "the host key of 192.0.2.1 is another one than this controller knows, and the check is off"
    )


class _Turns:
    """One answer after the other, whatever the port."""

    def __init__(self, answers: list[t.Any]) -> None:
        self._answers = answers

    def __getitem__(self, _port: int) -> t.Any:
        return self._answers.pop(0)


class Adorned(ActionModule):
    """Mitogen derives a class of its own from that of each action."""


def test_mitogens_connection_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = SimpleNamespace(run=lambda _tmp, variables: {"found": True, "from": variables})
    made: list[t.Any] = []

    def over_own_ssh(*given: t.Any) -> t.Any:
        made.append(given)
        return plain

    monkeypatch.setattr(actions, "over_own_ssh", over_own_ssh)
    plugin: t.Any = Adorned.__new__(Adorned)
    plugin._connection = FakeConnection(AssertionError("mitogen's connection was used"))
    plugin._connection._shell.tmpdir = None
    task = {"action": "pyhost.baseline.ssh_reach", "async_val": 0, "check_mode": False, "diff": False, "args": {}}
    plugin._task = SimpleNamespace(**task)
    assert plugin.run(None, {"a": 1}) == {"found": True, "from": {"a": 1}}
    assert made == [(plugin, ActionModule)]
    assert plugin._connection.calls == []
