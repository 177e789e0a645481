# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""New logins from the controller: makes an ``SshTarget`` of Ansible's settings of a connection and runs the client."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import subprocess
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.become import DEFAULT_BECOME
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

from .client import (
    MARK,
    Reply,
    SshTarget,
    command,
    login_error,
    marked,
)
from .client_settings import ClientSettings, ask_client, forced_port
from .sudo import (
    as_root,
    is_root,
    needs_password,
    rejects_password,
    sudo_error,
    without_sudo,
)
from .target import target_error

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase
    from ansible.plugins.connection import ConnectionBase

__all__ = [
    "Login",
    "PasswordWanted",
    "SudoRefused",
    "become_method",
    "become_password",
    "client_settings",
    "is_ssh",
    "log_in",
    "run",
    "target_of",
]

_ARGUMENT_OPTIONS = ("ssh_args", "ssh_common_args", "ssh_extra_args")
# ConnectTimeout limits the connection alone; this limits a shell or sudo that hangs. Who gives a slow host more time to
# connect gives its shell more, too.
_SHELL_SECONDS, _SHELL_FACTOR = 15, 1.5
# A host that sends output without an end must not fill the controller's memory.
_MOST_OUTPUT = 1024 * 1024
_CHUNK = 65536


@dataclass(frozen=True)
class Login:
    """A proven login. ``sudo`` says how root was reached: ``nopasswd``, ``password``, ``root`` or ``unchecked``."""

    seconds: float
    sudo: str


class SudoRefused(BaselineError):
    """The login works, sudo after it does not."""


class PasswordWanted(SudoRefused):
    """sudo asks for a password, and the play has none or another one."""


def is_ssh(connection: ConnectionBase) -> bool:
    """Return whether Ansible reaches the host by the OpenSSH client."""
    return bool(connection.transport == "ssh")


def target_of(connection: ConnectionBase, *, user: str | None = None, port: int | None = None) -> SshTarget:
    """Return the login of ``connection``, with ``user`` and ``port`` instead of its own if they are given.

    Raises if ssh could read its host or user as anything else than a name.
    """
    key = connection.get_option("private_key_file")
    error = target_error(connection.get_option("host"), [user, connection.get_option("remote_user")])
    if error:
        raise error
    settings = client_settings(connection)
    return SshTarget(
        host=connection.get_option("host"),
        user=user or connection.get_option("remote_user"),
        port=port or settings.port,
        key=os.path.expanduser(key) if key else None,
        check_host_key=connection.get_option("host_key_checking") is not False and settings.strict != "no",
        program=connection.get_option("ssh_executable"),
        arguments=tuple(_arguments(connection)),
        become=become_method(connection),
    )


def client_settings(connection: ConnectionBase) -> ClientSettings:
    """Return what ssh uses for ``connection``. Its port is the one that the connection really has, as far as known."""
    program, host = connection.get_option("ssh_executable"), connection.get_option("host")
    first = shlex.split(connection.get_option("ssh_args") or "")
    user, own = connection.get_option("remote_user"), connection.get_option("port")
    settings = ask_client(program, _arguments(connection), host, user=user)
    forced = forced_port(program, first, host)
    return replace(settings, port=forced or (int(own) if own else settings.port), is_forced=forced is not None)


def _arguments(connection: ConnectionBase) -> list[str]:
    return [word for name in _ARGUMENT_OPTIONS for word in shlex.split(connection.get_option(name) or "")]


def become_method(connection: ConnectionBase) -> str:
    """Return the method by which the play becomes root, without the name of its collection; ``sudo`` if it does not."""
    become = connection.become
    return str(become.name).rpartition(".")[2] if become else DEFAULT_BECOME


def become_password(action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> str | None:
    """Return the password that the play would give to sudo, even if the task itself does not become."""
    become = action._connection.become
    if become is not None:
        return become.get_option("become_pass", playcontext=action._play_context)
    names = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
    given = next((task_vars[name] for name in names if task_vars.get(name)), None)
    return action._templar.template(given) if given else action._play_context.become_pass or None


def run(target: SshTarget, script: str, *, seconds: int, data: str | None = None, master: str | None = None) -> Reply:
    """Run ``script`` over a new connection, or over the control master ``master``.

    ``data`` is its standard input. It may be a password, so it is only written after the script has printed the mark of
    a successful login.
    """
    argv = command(target, marked(script), seconds=seconds, master=master)
    limit = seconds + round(max(_SHELL_SECONDS, _SHELL_FACTOR * seconds))
    # The messages of ssh are matched, so they must not be translated.
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        client = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    except FileNotFoundError as error:
        problem = f"the OpenSSH client {target.program} is not installed on this controller"
        raise BaselineError(problem, hint="install it") from error
    with client:
        try:
            out, err = _exchange(client, (data or "").encode(), until=time.monotonic() + limit)
            return Reply(client.wait(1), out.decode(errors="replace"), err.decode(errors="replace"))
        except (TimeoutError, subprocess.TimeoutExpired):
            return Reply(255, "", f"ssh: {target.host} did not answer within {limit} seconds")
        except _TooMuch:
            size = f"{_MOST_OUTPUT // 1024} KiB"
            return Reply(255, "", f"ssh: {target.host} sent more than {size}, so the connection was closed")
        finally:
            client.kill()


class _TooMuch(Exception):
    """The host sends more output than is read."""


def _exchange(client: subprocess.Popen[bytes], data: bytes, *, until: float) -> tuple[bytes, bytes]:
    """Return the output of ``client``, and give it ``data`` after it has printed the mark of a login."""
    stdin, stdout, stderr = (t.cast("t.IO[bytes]", pipe) for pipe in (client.stdin, client.stdout, client.stderr))
    got = {stdout: bytearray(), stderr: bytearray()}
    if not data:
        stdin.close()
    with selectors.DefaultSelector() as selector:
        for stream in got:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = until - time.monotonic()
            events = selector.select(left) if left > 0 else []
            if not events:
                raise TimeoutError
            for key, _mask in events:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                got[t.cast(t.IO[bytes], key.fileobj)] += chunk
            if sum(map(len, got.values())) > _MOST_OUTPUT:
                raise _TooMuch
            if not stdin.closed and MARK.encode() in got[stdout][-2 * _CHUNK :]:
                # A client that has ended does not read it.
                with contextlib.suppress(BrokenPipeError):
                    stdin.write(data)
                    stdin.close()
    return bytes(got[stdout]), bytes(got[stderr])


def log_in(target: SshTarget, *, seconds: int, sudo: bool, password: str | None = None) -> Login:
    """Prove a new key login and, with ``sudo``, that it reaches root.

    Root needs no sudo, and a bare host has none. ``PasswordWanted`` is raised if only a password is missing.
    """
    started = time.monotonic()
    reply = run(target, as_root("true", become=target.become)[0] if sudo else "true", seconds=seconds)
    error = login_error(target, reply)
    if error:
        raise error
    reached = "unchecked"
    if sudo:
        reached = "root" if without_sudo(reply) else "nopasswd"
        if not is_root(reply) and needs_password(reply) and password and target.sends_password:
            reached = "password"
            script, data = as_root("true", password=password, become=target.become)
            reply = run(target, script, seconds=seconds, data=data)
        error = sudo_error(target, reply, tried=reached)
        if error:
            wanted = rejects_password(reply) if reached == "password" else needs_password(reply)
            raise (PasswordWanted if wanted else SudoRefused)(error.problem, state="", hint=error.hint)
    return Login(round(time.monotonic() - started, 2), reached)
