# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in anew from the controller: Ansible's settings of a connection become a ``Target``, the client is run. Glue."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_client import (
    MARK,
    Reply,
    Target,
    command,
    login_complaint,
    needs_password,
    sudo_complaint,
)
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh_target import target_error

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase
    from ansible.plugins.connection import ConnectionBase

__all__ = ["Login", "SudoRefused", "as_root", "become_password", "is_ssh", "log_in", "run", "target_of"]

_ARGUMENT_OPTIONS = ("ssh_args", "ssh_common_args", "ssh_extra_args")
# The connection alone has its own limit (ConnectTimeout); a shell or sudo that hangs must end too.
_SHELL_SECONDS = 15
_ROOT = "pyhost.baseline: root"


@dataclass(frozen=True)
class Login:
    """A proven login. ``sudo`` says how root was reached: ``nopasswd``, ``password``, ``root`` or ``unchecked``."""

    seconds: float
    sudo: str


class SudoRefused(BaselineError):
    """The login works, sudo after it does not."""


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


def as_root(script: str, *, password: str | None = None) -> tuple[str, str | None]:
    """Return what a login runs, and its standard input, so that ``script`` runs as root."""
    quoted = shlex.quote(script)
    sudo = f"sudo -S -k -p '' sh -c {quoted}" if password else f"sudo -n sh -c {quoted}"
    return f'if [ "$(id -u)" = 0 ]; then {script}; else {sudo}; fi', f"{password}\n" if password else None


def run(target: Target, script: str, *, seconds: int, data: str | None = None, master: str | None = None) -> Reply:
    """Run ``script`` over a new connection, or over the control master ``master``; ``data`` is its standard input."""
    argv = command(target, script, seconds=seconds, master=master)
    # ssh's words are matched, so they must not be translated.
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv,
            input=(data or "").encode(),
            capture_output=True,
            timeout=seconds + _SHELL_SECONDS,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise BaselineError(f"the OpenSSH client {target.program} is not installed on this controller") from error
    except subprocess.TimeoutExpired:
        return Reply(255, "", f"ssh: {target.host} did not answer within {seconds + _SHELL_SECONDS} seconds")
    return Reply(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def log_in(target: Target, *, seconds: int, sudo: bool, password: str | None = None) -> Login:
    """Prove a new key login, and with ``sudo`` that it reaches root; raises with the sentence for the user."""
    started = time.monotonic()
    # Root needs no sudo, and a bare host has none.
    proof = f"if [ \"$(id -u)\" = 0 ]; then echo '{_ROOT}'; else sudo -n true; fi" if sudo else "true"
    reply = run(target, f"echo '{MARK}'; {proof}", seconds=seconds)
    complaint = login_complaint(target, reply)
    if complaint:
        raise BaselineError(complaint)
    reached = "unchecked"
    if sudo:
        reached = "root" if _ROOT in reply.out else "nopasswd"
        if needs_password(reply) and password:
            reached = "password"
            reply = run(target, "sudo -S -k -p '' true", seconds=seconds, data=password + "\n")
        complaint = sudo_complaint(target, reply, tried=reached)
        if complaint:
            raise SudoRefused(complaint)
    return Login(round(time.monotonic() - started, 2), reached)
