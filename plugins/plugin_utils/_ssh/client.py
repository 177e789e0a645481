# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new login by the OpenSSH client: its argument list, and the error of a failed one. Pure; ssh(1), ssh_config(5).

Nothing that is already open can help the login: no control master, no password, no prompt.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import forbidden_character, printable
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight

from .messages import hint_for, without_noise

__all__ = [
    "MARK",
    "Reply",
    "SshTarget",
    "command",
    "login_error",
    "marked",
    "preflight_error",
    "preflight_target",
    "reply_message",
]

# Printed by the login shell, because the remote command may also end with ssh's own exit status 255.
MARK = "pyhost.baseline: logged in"


@dataclass(frozen=True)
class SshTarget:
    """Whom to log in as, where and how: Ansible's settings of the connection. ``None``: ssh_config(5) decides."""

    host: str
    user: str | None = None
    port: int | None = None
    key: str | None = None
    check_host_key: bool = True
    program: str = "ssh"
    arguments: tuple[str, ...] = ()
    # Options of ssh_config(5) that come first and therefore take precedence.
    options: tuple[str, ...] = ()
    # The method by which the play becomes root there.
    become: str = "sudo"

    @property
    def sends_password(self) -> bool:
        """Whether the become method reads a password without a terminal."""
        return self.become in ("sudo", "su")

    def __str__(self) -> str:
        login = f"{self.user}@{self.host}" if self.user else self.host
        return login + (f" port {self.port}" if self.port else "")


@dataclass(frozen=True)
class Reply:
    """The result of the client: its exit status, the output of the host's shell, the messages of client and sudo."""

    rc: int
    out: str
    err: str

    @property
    def logged_in(self) -> bool:
        return MARK in self.out


def command(target: SshTarget, script: str, *, seconds: int, master: str | None = None) -> list[str]:
    """Return the argument list that runs ``script`` over a new connection, or over that of a control ``master``.

    ssh uses the first value of an option, so the required options precede the user's own arguments. Of ``-S`` it uses
    the last one.
    """
    _require_safe_user(target.user)
    options = [
        *target.options,
        "ControlMaster=no",
        f"ControlPath={master or 'none'}",
        "BatchMode=yes",
        "PreferredAuthentications=publickey",
        "PubkeyAuthentication=yes",
        "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no",
        f"ConnectTimeout={seconds}",
        "ConnectionAttempts=1",
        "ServerAliveInterval=5",
        # 10 seconds at least: a host that may be slow to answer may be slow between two answers, too.
        f"ServerAliveCountMax={max(2, seconds // 5)}",
        "LogLevel=INFO",
        "RequestTTY=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
    ]
    if not target.check_host_key:
        options.append("StrictHostKeyChecking=no")
    if target.user:
        options.append(f'User="{target.user}"')
    if target.port:
        options.append(f"Port={target.port}")
    if target.key:
        # With a named key, the other keys of an agent must not use up sshd's MaxAuthTries.
        options += ["IdentitiesOnly=yes", f'IdentityFile="{target.key}"']
    flags = [word for option in options for word in ("-o", option)]
    return [target.program, *flags, *target.arguments, "-S", master or "none", "--", target.host, in_sh(script)]


def _require_safe_user(user: str | None) -> None:
    """Refuse a name that ssh or, by ``%r``, a shell of ssh_config(5) could read as more than a user.

    The name may come from a host: ssh_reach returns who logged in.
    """
    if user and (user[0] == "-" or user[-1] == "\\" or forbidden_character(user) or set(user) & set("'`\";&<>|(){} $")):
        raise BaselineError(
            f"the user of the connection is {printable(user, longest=80)!r}, which is not a valid user name",
            state="no login was tried",
            hint="set ansible_user",
        )


def marked(script: str) -> str:
    """Return ``script`` so that it first prints the mark of a successful login.

    The messages of sudo depend on the locale of the environment, and they are matched.
    """
    return f"LC_ALL=C; export LC_ALL; echo '{MARK}'; {script}"


def in_sh(script: str) -> str:
    """Return the command by which any login shell, csh included, runs ``script`` with sh(1)."""
    return f"exec /bin/sh -c {shlex.quote(script)}"


def preflight_target(target: SshTarget, preflight: Preflight | None) -> SshTarget:
    """Return ``target`` without the algorithms that a change removes, so that the login is as it will be afterwards.

    A leading ``-`` removes them from the client's own list. The client need not know their names, and continues to
    prefer the host keys that it knows.
    """
    without = preflight.without if preflight else {}
    return replace(target, options=tuple(f"{option}=-{','.join(names)}" for option, names in without.items()))


def preflight_error(target: SshTarget, preflight: Preflight, message: str) -> BaselineError:
    """Return why a login as it will be after the change fails (``message``), although one as it is now works."""
    if not re.search(r"Host key verification failed|host key is known", message):
        return BaselineError(f"{message}, if the algorithms that this change removes are left out", state="")
    keys = ", ".join(preflight.keys)
    if not keys:
        new = ", ".join(preflight.new_keys) or "none"
        return BaselineError(
            f"{target} would show none of its present host keys after the change, so nobody could verify it (new: "
            f"{new})",
            state="",
            hint="keep one that clients know, or create the new ones first and let the clients learn them",
        )
    port = f" -p {target.port}" if target.port else ""
    login = f"{target.user}@{target.host}" if target.user else target.host
    return BaselineError(
        f"this controller knows none of the host keys that {target} would show after the change ({keys}), and it "
        f"would be "
        "unsafe to trust them unseen",
        state="",
        hint=f"let ssh learn them over the key that it knows: `ssh -o UpdateHostKeys=yes{port} {login} true` with the "
        "connection's own options, or compare the fingerprints and add them to known_hosts",
    )


def reply_message(reply: Reply) -> str:
    """Return the messages of the client, else of the host, on one line, without warnings and debug lines."""
    found = without_noise(reply.err) or without_noise(reply.out.replace(MARK, ""))
    return found or f"no output, exit status {reply.rc}"


def login_error(target: SshTarget, reply: Reply) -> BaselineError | None:
    """Return why the login failed, ``None`` if the host's shell ran."""
    if reply.logged_in:
        return None
    message = reply_message(reply)
    if reply.rc == 0:
        return BaselineError(
            f"a new login as {target} is accepted but runs no command: {message}",
            state="",
            hint="look for ForceCommand in sshd_config, command= in authorized_keys, or a login shell that is not a "
            "shell",
        )
    hint = hint_for(f"{reply.err}\n{reply.out}")
    return BaselineError(f"a new key login as {target} fails: {message}", state="", hint=hint)
