# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ssh_login over a fake connection: the options, the login that it makes, and its results."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.pyhost.baseline.plugins.action import ssh_login
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import login as connections
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.login import Login


class Connection:
    become = None

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self._shell = SimpleNamespace(tmpdir=None)

    def get_option(self, name: str) -> t.Any:
        return {"host": "192.0.2.7", "remote_user": "root", "ssh_executable": "ssh"}.get(name)


def run(
    monkeypatch: pytest.MonkeyPatch,
    login: Login | BaselineError,
    *,
    transport: str = "ssh",
    own_port: int | None = None,
    **args: t.Any,
) -> t.Any:
    """Run the action; return its result and the logins that it made."""
    logins: list[tuple[SshTarget, dict[str, t.Any]]] = []

    def log_in(target: SshTarget, **options: t.Any) -> Login:
        logins.append((target, options))
        if isinstance(login, BaselineError):
            raise login
        return login

    monkeypatch.setattr(ssh_login, "log_in", log_in)
    monkeypatch.setattr(connections, "ask_client", lambda *_given, **_user: ClientSettings(port=own_port))
    plugin = ssh_login.ActionModule.__new__(ssh_login.ActionModule)
    plugin._connection = Connection(transport)
    plugin._play_context = SimpleNamespace(become_pass="secret")
    plugin._task = SimpleNamespace(action="ssh_login", async_val=0, check_mode=False, diff=False, args=args)
    return plugin.run(None, {}), logins


PROVEN = Login(0.3, "nopasswd")


def test_the_login_of_the_connection_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    result, logins = run(monkeypatch, PROVEN)
    assert logins == [(SshTarget("192.0.2.7", user="root"), {"seconds": 10, "sudo": True, "password": "secret"})]
    assert {name: result[name] for name in ("changed", "login", "host", "user", "port", "seconds", "sudo")} == {
        "changed": False,
        "login": True,
        "host": "192.0.2.7",
        "user": "root",
        "port": 22,
        "seconds": 0.3,
        "sudo": "nopasswd",
    }


def test_the_port_is_the_one_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """From ssh_config, for one."""
    result, [(target, _options)] = run(monkeypatch, PROVEN, own_port=2200)
    assert (target.port, result["port"]) == (2200, 2200)


def test_the_options_replace_user_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    result, [(target, options)] = run(monkeypatch, PROVEN, user="deploy", port=2222, timeout=5, sudo=False)
    assert (target.user, target.port, options["seconds"], options["sudo"]) == ("deploy", 2222, 5, False)
    assert (result["user"], result["port"]) == ("deploy", 2222)


def test_a_failed_login_has_the_parts_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    error = BaselineError("a new key login fails", state="", hint="check the key")
    result, _logins = run(monkeypatch, error)
    assert (result["failed"], result["login"], result["changed"]) == (True, False, False)
    assert (result["msg"], result["hint"]) == ("a new key login fails; check the key", "check the key")


@pytest.mark.parametrize(
    ("transport", "args", "message"),
    [
        ("ssh", {"port": 70000}, "port: 70000 is not from 1 to 65535; no login was tried"),
        ("ssh", {"port": 0}, "port: 0 is not from 1 to 65535; no login was tried"),
        ("ssh", {"timeout": 0}, "timeout: 0 is not 1 second or more; no login was tried"),
        (
            "local",
            {},
            "the connection of this host is 'local', so a login by ssh cannot be proven; no login was tried; "
            "use the connection ssh",
        ),
        (
            "ssh",
            {"user": "-oProxyCommand=x"},
            "the user is '-oProxyCommand=x', which ssh would read as an option; no connection was made; "
            "correct the user's name",
        ),
    ],
)
def test_invalid_input_tries_no_login(
    monkeypatch: pytest.MonkeyPatch, transport: str, args: dict[str, t.Any], message: str
) -> None:
    result, logins = run(monkeypatch, PROVEN, transport=transport, **args)
    assert (result["failed"], result["login"], result["msg"], logins) == (True, False, message, [])
