# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh login by the OpenSSH client: its argument list, and what its words mean. Pure; ssh(1), ssh_config(5).

Fresh means that nothing which is already open may help: no control master, no password, no prompt.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import forbidden_character, printable
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight

__all__ = [
    "MARK",
    "Reply",
    "Target",
    "command",
    "login_complaint",
    "marked",
    "rehearsal_complaint",
    "rehearsed",
    "why",
    "words",
]

# Printed by the login's shell: ssh's own exit status 255 may also be that of the remote command.
MARK = "pyhost.baseline: logged in"


@dataclass(frozen=True)
class Target:
    """Whom to log in as, where and how: Ansible's settings of the connection. ``None`` leaves it to ssh_config(5)."""

    host: str
    user: str | None = None
    port: int | None = None
    key: str | None = None
    check_host_key: bool = True
    program: str = "ssh"
    arguments: tuple[str, ...] = ()
    # Of ssh_config(5), before all others, so that they win.
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        login = f"{self.user}@{self.host}" if self.user else self.host
        return login + (f" port {self.port}" if self.port else "")


@dataclass(frozen=True)
class Reply:
    """What the client did: its exit status, what the host's shell printed, and what the client and sudo said."""

    rc: int
    out: str
    err: str

    @property
    def logged_in(self) -> bool:
        return MARK in self.out


def command(target: Target, script: str, *, seconds: int, master: str | None = None) -> list[str]:
    """Return the argument list that runs ``script`` over a new connection, or over that of a control ``master``.

    ssh takes the first value of an option, so what must hold stands before the user's own arguments; only ``-S`` is
    taken from the last place.
    """
    _require_fit_user(target.user)
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
        "ServerAliveCountMax=2",
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
        # With a named key an agent full of others must not spend sshd's MaxAuthTries.
        options += ["IdentitiesOnly=yes", f'IdentityFile="{target.key}"']
    flags = [word for option in options for word in ("-o", option)]
    return [target.program, *flags, *target.arguments, "-S", master or "none", "--", target.host, in_sh(script)]


def _require_fit_user(user: str | None) -> None:
    """Refuse a name that could mean more than a user to ssh or, by ``%r``, to a shell of ssh_config(5).

    It may come from a host: ssh_reach tells who logged in.
    """
    if user and (user[0] == "-" or user[-1] == "\\" or forbidden_character(user) or set(user) & set("'`\";&<>|(){} $")):
        raise BaselineError(
            f"the user of the connection is {printable(user, longest=80)!r}, which cannot be the name of a user; "
            "nothing was tried; set ansible_user"
        )


def marked(script: str) -> str:
    """Return ``script`` so that it first prints the mark that somebody is logged in.

    sudo speaks the language of the environment, and its words are matched.
    """
    return f"LC_ALL=C; export LC_ALL; echo '{MARK}'; {script}"


def in_sh(script: str) -> str:
    """Return the words by which any login shell, csh included, has sh(1) run ``script``."""
    return f"exec /bin/sh -c {shlex.quote(script)}"


def rehearsed(target: Target, rehearsal: Preflight | None) -> Target:
    """Return ``target`` without the algorithms that go away with a change, so that its login is one as after it.

    A leading ``-`` takes them from the client's own list, which need not know their names, and lets it go on to prefer
    the host keys that it knows.
    """
    without = rehearsal.without if rehearsal else {}
    return replace(target, options=tuple(f"{option}=-{','.join(names)}" for option, names in without.items()))


def rehearsal_complaint(target: Target, rehearsal: Preflight, said: str) -> str:
    """Say why a login as it will be after the change fails (``said``), where one as it is now works."""
    if not re.search(r"Host key verification failed|host key is known", said):
        return f"{said}, once the algorithms that this change takes away are left out"
    keys = ", ".join(rehearsal.keys)
    if not keys:
        return (
            f"{target} would show none of its present host keys after the change, so nobody could verify it "
            f"(new: {', '.join(rehearsal.new_keys) or 'none'}); let one that clients know stay, or make the "
            "new ones first and let the clients learn them"
        )
    port = f" -p {target.port}" if target.port else ""
    login = f"{target.user}@{target.host}" if target.user else target.host
    return (
        f"this controller knows none of the host keys that {target} would show after the change ({keys}), and to trust "
        f"them unseen would be unsafe; let ssh learn them over the key that it knows: `ssh -o UpdateHostKeys=yes{port} "
        f"{login} true` with the connection's own options, or compare the fingerprints and add them to known_hosts"
    )


# What ssh says, what it means for the person at the controller; the first match counts.
_MEANINGS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        "another host answers there, or it was installed anew: compare the fingerprint, then remove the old key",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        "this controller does not know the host's key there: compare its fingerprint and add it to known_hosts",
    ),
    (
        r"Not allowed at this time|Exceeded MaxStartups",
        "sshd refuses this controller for a while because of earlier failures (PerSourcePenalties, MaxStartups)",
    ),
    (
        r"Too many authentication failures",
        "more keys were offered than MaxAuthTries allows: name the one key (ansible_ssh_private_key_file)",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        "the private key on this controller can be read by others, so ssh does not use it: chmod 600",
    ),
    (
        r"Identity file .* not accessible|Load key .*: (?:No such file|Permission denied)",
        "the private key is not there or cannot be read on this controller",
    ),
    (
        r"Load key .*: |incorrect passphrase",
        "the private key cannot be used on this controller without a question: load it into an agent first",
    ),
    (
        r"Permission denied",
        "sshd takes none of the keys that this controller offers for that user: check the user's authorized_keys, "
        "AllowUsers and DenyUsers, and that the private key is the one of this controller",
    ),
    (
        r"no matching (?:host key type|key exchange method|cipher|MAC) found",
        "client and sshd share no algorithm: the host's lists are too new for this controller's ssh, or the reverse",
    ),
    (
        r"Could not resolve hostname|Name or service not known|name resolution",
        "the host's name is not known here: set ansible_host",
    ),
    (
        r"Connection refused",
        "nothing listens there, or a firewall rejects the connection",
    ),
    (
        r"timed out|did not answer within",
        "packets are dropped on the way: look for a firewall on the host or before it",
    ),
    (
        r"No route to host|Network is unreachable|Host is down",
        "the host or its network is down, or a firewall rejects the connection",
    ),
    (
        r"kex_exchange_identification|Connection (?:closed|reset)|banner exchange",
        "sshd ends it: the account may be refused after its key was taken (PAM, an expired account), or earlier "
        "failures shut this controller out (fail2ban, PerSourcePenalties)",
    ),
    (
        r"account is (?:currently )?not available|account has expired|account is locked|nologin",
        "the account is closed: give it a login shell and an expiry date that has not passed",
    ),
)
_NOISE = re.compile(r"debug\d: |Warning: |\*\* |@+$|mux_client|Pseudo-terminal will not")
_MOST_LINES = 3
# A host sends as much as it likes: the patterns see the end of it, in lines of a length that no honest one passes.
_READ_LINES, _READ_CHARACTERS = 60, 500


def _lines(text: str) -> list[str]:
    """Return the last lines of ``text``, each cut and printable."""
    lines = text[-_READ_LINES * _READ_CHARACTERS :].splitlines()[-_READ_LINES:]
    return [printable(" ".join(line[:_READ_CHARACTERS].split())) for line in lines]


def words(reply: Reply) -> str:
    """Return what was said on one line: standard error, else standard output, without warnings and debug lines."""
    for text in (reply.err, reply.out.replace(MARK, "")):
        told = [line.rstrip(".") for line in _lines(text) if line and not _NOISE.match(line)]
        if told:
            telling = [line for line in told if any(re.search(meaning[0], line) for meaning in _MEANINGS)]
            return "; ".join(dict.fromkeys((telling or told)[-_MOST_LINES:]))
    return f"no words, exit status {reply.rc}"


def why(text: str) -> str:
    """Return what ssh's ``text`` means and what to do about it, an empty text where it is not known."""
    lines = _lines(text)
    return next((meaning for pattern, meaning in _MEANINGS if any(re.search(pattern, line) for line in lines)), "")


def login_complaint(target: Target, reply: Reply) -> str | None:
    """Say why the login failed, ``None`` where the host's shell ran."""
    if reply.logged_in:
        return None
    said = words(reply)
    if reply.rc == 0:
        return (
            f"a new login as {target} is let in but runs no command: {said}; "
            "look for ForceCommand in sshd_config, command= in authorized_keys, or a login shell that is none"
        )
    hint = why(f"{reply.err}\n{reply.out}")
    return f"a new key login as {target} fails: {said}" + (f"; {hint}" if hint else "")
