# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in anew from the controller: Ansible's settings of a connection become a ``Target``, the client is run. Glue."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import subprocess
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

from .client import (
    MARK,
    Reply,
    Target,
    command,
    login_complaint,
    marked,
)
from .sudo import (
    as_root,
    is_root,
    needs_password,
    rejects_password,
    sudo_complaint,
    without_sudo,
)
from .target import target_error

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase
    from ansible.plugins.connection import ConnectionBase

__all__ = ["Login", "PasswordWanted", "SudoRefused", "become_password", "is_ssh", "log_in", "run", "target_of"]

_ARGUMENT_OPTIONS = ("ssh_args", "ssh_common_args", "ssh_extra_args")
# The connection alone has its own limit (ConnectTimeout); a shell or sudo that hangs must end too.
_SHELL_SECONDS = 15
# An honest host prints some lines. What one sends without an end must not fill the controller's memory.
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
    """sudo asks for a password, and the play has none or that of somebody else."""


def is_ssh(connection: ConnectionBase) -> bool:
    """Say whether Ansible reaches the host by the OpenSSH client."""
    return bool(connection.transport == "ssh")


def target_of(connection: ConnectionBase, *, user: str | None = None, port: int | None = None) -> Target:
    """Return the login of ``connection``, with ``user`` and ``port`` in place of its own where they are given.

    Raises where its host or user could be anything else to ssh than a name.
    """
    arguments = [word for name in _ARGUMENT_OPTIONS for word in shlex.split(connection.get_option(name) or "")]
    key = connection.get_option("private_key_file")
    own_port = connection.get_option("port")
    refusal = target_error(connection.get_option("host"), [user, connection.get_option("remote_user")])
    if refusal:
        raise BaselineError(refusal)
    return Target(
        host=connection.get_option("host"),
        user=user or connection.get_option("remote_user"),
        port=port or (int(own_port) if own_port else None),
        key=os.path.expanduser(key) if key else None,
        check_host_key=connection.get_option("host_key_checking") is not False,
        program=connection.get_option("ssh_executable"),
        arguments=tuple(arguments),
    )


def become_password(action: ActionBase, task_vars: t.Mapping[str, t.Any]) -> str | None:
    """Return the password that the play would give to sudo, also where the task itself does not become."""
    become = action._connection.become
    if become is not None:
        return become.get_option("become_pass", playcontext=action._play_context)
    names = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
    given = next((task_vars[name] for name in names if task_vars.get(name)), None)
    return action._templar.template(given) if given else action._play_context.become_pass or None


def run(target: Target, script: str, *, seconds: int, data: str | None = None, master: str | None = None) -> Reply:
    """Run ``script`` over a new connection, or over the control master ``master``.

    ``data`` is its standard input. It may be a password, so it is only written once the script has printed that
    somebody is logged in and that it runs.
    """
    argv = command(target, marked(script), seconds=seconds, master=master)
    limit = seconds + _SHELL_SECONDS
    # ssh's words are matched, so they must not be translated.
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
        raise BaselineError(f"the OpenSSH client {target.program} is not installed on this controller") from error
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
    """The host sends without an end."""


def _exchange(client: subprocess.Popen[bytes], data: bytes, *, until: float) -> tuple[bytes, bytes]:
    """Return what ``client`` prints until it ends, and give it ``data`` when it has printed the mark of a login."""
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
                # Who ends without reading has no use for it.
                with contextlib.suppress(BrokenPipeError):
                    stdin.write(data)
                    stdin.close()
    return bytes(got[stdout]), bytes(got[stderr])


def log_in(target: Target, *, seconds: int, sudo: bool, password: str | None = None) -> Login:
    """Prove a new key login, and with ``sudo`` that it reaches root; raises with the sentence for the user.

    Root needs no sudo, and a bare host has none. ``PasswordWanted`` is raised where all that is missing is a password.
    """
    started = time.monotonic()
    reply = run(target, as_root("true")[0] if sudo else "true", seconds=seconds)
    complaint = login_complaint(target, reply)
    if complaint:
        raise BaselineError(complaint)
    reached = "unchecked"
    if sudo:
        reached = "root" if without_sudo(reply) else "nopasswd"
        if not is_root(reply) and needs_password(reply) and password:
            reached = "password"
            script, data = as_root("true", password=password)
            reply = run(target, script, seconds=seconds, data=data)
        complaint = sudo_complaint(target, reply, tried=reached)
        if complaint:
            wanted = rejects_password(reply) if reached == "password" else needs_password(reply)
            raise (PasswordWanted if wanted else SudoRefused)(complaint)
    return Login(round(time.monotonic() - started, 2), reached)
