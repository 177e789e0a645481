"""A new login, with shell scripts as the client: its limits, its input, and the settings of the connection."""

from __future__ import annotations

import time
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import login
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import MARK, Reply, SshTarget


@pytest.fixture
def client(tmp_path: Path) -> t.Callable[[str], SshTarget]:
    """Return what makes a target whose client is a script."""

    def make(script: str) -> SshTarget:
        program = tmp_path / "ssh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return SshTarget("web", program=str(program))

    return make


def test_both_streams_and_the_status_come_back(client: t.Callable[[str], SshTarget]) -> None:
    assert login.run(client("echo out; echo err >&2; exit 3"), "true", seconds=5) == Reply(3, "out\n", "err\n")


@pytest.mark.parametrize("stream", [1, 2])
def test_a_host_that_sends_without_an_end_is_left(client: t.Callable[[str], SshTarget], stream: int) -> None:
    started = time.monotonic()
    reply = login.run(client(f"exec cat /dev/zero >&{stream}"), "true", seconds=5)
    assert reply == Reply(255, "", "ssh: web sent more than 1024 KiB, so the connection was closed")
    assert time.monotonic() - started < 5


def test_a_host_that_hangs_is_left(client: t.Callable[[str], SshTarget], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_SHELL_SECONDS", 0)
    # More for a host that is given more to connect.
    reply = login.run(client("exec sleep 60"), "true", seconds=1)
    assert reply == Reply(255, "", "ssh: web did not answer within 3 seconds")


def test_a_client_that_shuts_its_output_and_stays_is_left(client: t.Callable[[str], SshTarget]) -> None:
    started = time.monotonic()
    assert login.run(client("exec sleep 60 >&- 2>&-"), "true", seconds=5).rc == 255
    assert time.monotonic() - started < 10


def test_a_password_is_for_a_login_that_was_seen(client: t.Callable[[str], SshTarget], tmp_path: Path) -> None:
    """What is asked before is a question of somebody else: a banner, a forced command, another program."""
    got = tmp_path / "got"
    script = f"echo Password:; timeout 0.5 cat >{got}"
    login.run(client(script), "true", seconds=5, data="secret\n")
    assert got.read_text() == ""
    login.run(client(f"{script}; echo '{MARK}'; cat >>{got}"), "true", seconds=5, data="secret\n")
    assert got.read_text() == "secret\n"


def test_a_client_that_does_not_read_is_no_error(client: t.Callable[[str], SshTarget]) -> None:
    assert login.run(client(f"exec <&-; echo '{MARK}'"), "true", seconds=5, data="secret\n").logged_in


def test_no_client() -> None:
    with pytest.raises(BaselineError, match="the OpenSSH client /no/ssh is not installed"):
        login.run(SshTarget("web", program="/no/ssh"), "true", seconds=5)


IN, ROOT = f"{MARK}\n", f"{MARK}\npyhost.baseline: root\n"
WANTED = Reply(1, IN, "sudo: a password is required\n")


def answers(monkeypatch: pytest.MonkeyPatch, *replies: Reply) -> list[str | None]:
    """Play ``replies`` one after the other; return the list of what was written to each login."""
    left, written = list(replies), []

    def run(_target: SshTarget, _script: str, *, seconds: int, data: str | None = None) -> Reply:
        written.append(data)
        return left.pop(0)

    monkeypatch.setattr(login, "run", run)
    return written


@pytest.mark.parametrize(
    ("replies", "password", "reached"),
    [
        pytest.param([Reply(0, ROOT, "")], None, "nopasswd", id="nopasswd"),
        pytest.param([Reply(0, f"{ROOT}pyhost.baseline: root without sudo\n", "")], None, "root", id="root"),
        pytest.param([WANTED, Reply(0, ROOT, "")], "x", "password", id="password"),
    ],
)
def test_ways_to_root(
    monkeypatch: pytest.MonkeyPatch, replies: list[Reply], password: str | None, reached: str
) -> None:
    written = answers(monkeypatch, *replies)
    assert login.log_in(SshTarget("web"), seconds=5, sudo=True, password=password).sudo == reached
    assert written == [None, "x\n"][: len(replies)]


@pytest.mark.parametrize(
    ("replies", "password", "error"),
    [
        pytest.param([WANTED], None, login.PasswordWanted, id="a password is wanted"),
        pytest.param(
            [WANTED, Reply(1, IN, "sudo: 1 incorrect password attempt\n")], "x", login.PasswordWanted, id="another one"
        ),
        pytest.param(
            [WANTED, Reply(1, IN, "Sorry, user deploy is not allowed to execute '/bin/sh' as root on web.\n")],
            "x",
            login.SudoRefused,
            id="a password does not help",
        ),
        pytest.param([Reply(0, IN, "")], None, login.SudoRefused, id="nobody says that it is root"),
        pytest.param(
            [Reply(1, f"{IN}pyhost.baseline: not root but uid 33\n", "")], None, login.SudoRefused, id="somebody else"
        ),
        pytest.param(
            [Reply(1, IN, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n")],
            "x",
            login.SudoRefused,
            id="no setuid bit",
        ),
    ],
)
def test_ways_that_end_before(
    monkeypatch: pytest.MonkeyPatch, replies: list[Reply], password: str | None, error: type[Exception]
) -> None:
    answers(monkeypatch, *replies)
    with pytest.raises(login.SudoRefused) as raised:
        login.log_in(SshTarget("web"), seconds=5, sudo=True, password=password)
    assert raised.value.__class__ is error


def test_a_failed_login_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, Reply(255, "", "deploy@web: Permission denied (publickey).\n"))
    with pytest.raises(BaselineError, match="a new key login as web fails: .*Permission denied") as raised:
        login.log_in(SshTarget("web"), seconds=5, sudo=False)
    assert "authorized_keys" in raised.value.hint


def test_without_sudo_the_login_alone_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, Reply(0, IN, ""))
    assert login.log_in(SshTarget("web"), seconds=5, sudo=False).sudo == "unchecked"


class Connection:
    """An Ansible connection with options."""

    transport = "ssh"
    become: t.Any = None

    def __init__(self, **options: t.Any) -> None:
        self.options = {
            "host": "192.0.2.7",
            "remote_user": "deploy",
            "ssh_executable": "ssh",
            "ssh_common_args": "-o 'ProxyJump=jump host'",
            **options,
        }

    def get_option(self, name: str) -> t.Any:
        return self.options.get(name)


def test_the_settings_of_the_connection_become_a_target() -> None:
    plain = login.target_of(Connection())
    assert plain == SshTarget("192.0.2.7", user="deploy", port=22, arguments=("-o", "ProxyJump=jump host"))
    options = {"port": "2222", "private_key_file": "~/key", "host_key_checking": False, "ssh_args": "-4"}
    full = login.target_of(Connection(**options))
    assert (full.port, full.key, full.check_host_key) == (2222, str(Path("~/key").expanduser()), False)
    assert full.arguments == ("-4", "-o", "ProxyJump=jump host")
    other = login.target_of(Connection(port=22), user="ann", port=2200)
    assert (other.user, other.port) == ("ann", 2200)


@pytest.mark.parametrize(
    ("options", "port", "is_forced"),
    [
        ({}, 22, False),
        ({"port": 2222}, 2222, False),
        ({"ssh_common_args": "-F CONFIG"}, 2200, False),
        ({"ssh_common_args": "-F CONFIG", "port": 2222}, 2222, False),
        ({"ssh_common_args": "-o Port=2201"}, 2201, False),
        ({"ssh_extra_args": "-p 2202"}, 2202, False),
        ({"ssh_common_args": "-o Port=2201", "port": 2222}, 2222, False),
        ({"ssh_args": "-o Port=2203", "port": 2222}, 2203, True),
        ({"ssh_args": "-C -o ControlPath=/export/%r", "port": 2222}, 2222, False),
        ({"ssh_executable": "/no/ssh"}, None, False),
    ],
    ids=[
        "usual",
        "given",
        "config",
        "given over config",
        "common",
        "extra",
        "given over common",
        "first",
        "no",
        "none",
    ],
)
def test_the_port_of_the_connection(options: dict[str, t.Any], port: int, is_forced: bool, tmp_path: Path) -> None:
    """As Ansible's command line has it: ssh takes the first."""
    config = tmp_path / "config"
    config.write_text("Host 192.0.2.*\n Port 2200\n")
    named = {name: str(value).replace("CONFIG", str(config)) for name, value in options.items()}
    found = login.client_settings(Connection(**{"ssh_common_args": "-F /dev/null", **named}))
    assert (found.port, found.is_forced) == (port, is_forced)
    assert login.target_of(Connection(**{"ssh_common_args": "-F /dev/null", **named})).port == port


@pytest.mark.parametrize(
    ("options", "checked"),
    [
        ({}, True),
        ({"host_key_checking": False}, False),
        ({"ssh_common_args": "-o StrictHostKeyChecking=no"}, False),
        ({"ssh_args": "-o StrictHostKeyChecking=off"}, False),
        ({"ssh_common_args": "-o StrictHostKeyChecking=accept-new"}, True),
    ],
)
def test_who_switched_the_check_of_host_keys_off(options: dict[str, t.Any], checked: bool) -> None:
    assert login.target_of(Connection(**options)).check_host_key is checked


@pytest.mark.parametrize(
    ("become", "name"),
    [(None, "sudo"), ("sudo", "sudo"), ("ansible.builtin.su", "su"), ("community.general.doas", "doas")],
)
def test_the_become_method_of_the_play(become: str | None, name: str) -> None:
    connection = Connection()
    connection.become = types.SimpleNamespace(name=become) if become else None
    assert login.target_of(connection).become == name


def test_a_password_that_the_method_cannot_read_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    written = answers(monkeypatch, Reply(1, IN, "doas: Authentication required\n"))
    with pytest.raises(login.PasswordWanted):
        login.log_in(SshTarget("web", become="doas"), seconds=5, sudo=True, password="x")
    assert written == [None]


@pytest.mark.parametrize("options", [{"host": "-oProxyCommand=x"}, {"remote_user": "-oProxyCommand=x"}])
def test_a_name_that_ssh_reads_as_an_option_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(BaselineError, match="which ssh would read as an option; no connection was made"):
        login.target_of(Connection(**options))


@pytest.mark.parametrize(("transport", "expected"), [("ssh", True), ("local", False)])
def test_other_connections_are_not_ssh(transport: str, expected: bool) -> None:
    assert login.is_ssh(types.SimpleNamespace(transport=transport)) is expected


def action(*, become: t.Any = None, password: str | None = None) -> t.Any:
    return types.SimpleNamespace(
        _connection=types.SimpleNamespace(become=become),
        _play_context=types.SimpleNamespace(become_pass=password),
        _templar=types.SimpleNamespace(template=lambda text: text.replace("{{ x }}", "secret")),
    )


@pytest.mark.parametrize(
    ("task_vars", "given", "expected"),
    [
        ({"ansible_become_password": "{{ x }}"}, "of the play", "secret"),
        ({"ansible_become_pass": "a", "ansible_sudo_pass": "b"}, None, "a"),
        ({}, "of the play", "of the play"),
        ({}, "", None),
    ],
)
def test_the_become_password_of_the_play(task_vars: dict[str, str], given: str | None, expected: str | None) -> None:
    assert login.become_password(action(password=given), task_vars) == expected


def test_the_become_plugin_has_the_password() -> None:
    become = types.SimpleNamespace(get_option=lambda name, playcontext: f"{name} of {playcontext.become_pass}")
    assert login.become_password(action(become=become, password="x"), {}) == "become_pass of x"
