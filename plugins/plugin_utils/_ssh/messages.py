# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the OpenSSH client: what each means, and what it says about other logins to the host. Pure."""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = [
    "MESSAGES",
    "SshMessage",
    "Verdict",
    "has_changed_key",
    "hint_for",
    "is_of_jump_host",
    "verdict_of",
    "without_noise",
]


class Verdict(enum.Enum):
    """What a refused login says: about this user alone, about all users of the port, or about the whole host.

    ``NO_LOGIN`` is a connection that was made and ended before a login was tried. On a port on which sshd is only
    desired, it is not sshd; on the port of the connection, sshd may refuse this controller. ``UNFIT`` is a host that
    answered and cannot be a managed host.
    """

    NEXT_USER = "user"
    NEXT_PORT = "port"
    NO_LOGIN = "no login"
    STOP = "stop"
    UNFIT = "unfit"


@dataclass(frozen=True)
class SshMessage:
    """A message by its ``pattern``. An empty ``hint`` or no ``verdict``: the message does not decide that."""

    pattern: str
    hint: str = ""
    verdict: Verdict | None = None


_CHANGED_KEY = r"REMOTE HOST IDENTIFICATION HAS CHANGED"
# By ssh, where it reaches the host by a jump host or another program: the line after the reason of the other program.
_PROXY_ENDED = r"Connection (?:closed|reset) by UNKNOWN port"
# What the ssh to a jump host says of that host. The ssh to the host itself would end without the line above.
_JUMP_HOST = (
    r"Permission denied|Too many authentication failures|Host key verification failed|connect to (?:host|address) .*: "
    r"|Could not resolve hostname|Connection timed out during banner exchange"
    r"|Connection (?:closed|reset) by (?!UNKNOWN|remote host)"
)

# The first message that matches and has a hint (a verdict) decides it.
MESSAGES = (
    # With StrictHostKeyChecking=no ssh goes on after it, and what follows decides.
    SshMessage(
        r"has changed and you have requested strict checking",
        "another host answers there, or the host was reinstalled: compare the fingerprint, then remove the old key "
        "with 'ssh-keygen -R HOST'",
        Verdict.STOP,
    ),
    SshMessage(
        _CHANGED_KEY,
        "another host answers there, or the host was reinstalled: compare the fingerprint, then remove the old key "
        "with 'ssh-keygen -R HOST'",
    ),
    SshMessage(
        r"Host key verification failed|No \S+ host key is known",
        "this controller does not know the host's key: connect once with ssh, compare the fingerprint and accept the "
        "key, or add it to known_hosts",
        Verdict.STOP,
    ),
    SshMessage(
        r"Not allowed at this time|Exceeded MaxStartups",
        "sshd refuses this controller for a while because of earlier failures (PerSourcePenalties, MaxStartups): wait "
        "a minute and run again",
        Verdict.STOP,
    ),
    SshMessage(
        r"stdio forwarding failed|channel \d+: open failed",
        "the jump host was reached and does not open the connection to the host: check the address and port as seen "
        "from there, that the host is up, and that the jump host may forward to that port (PermitOpen, "
        "AllowTcpForwarding)",
        Verdict.NEXT_PORT,
    ),
    SshMessage(
        r"Could not resolve hostname|Name or service not known|name resolution",
        "the host's name is not known to DNS: correct the name in the inventory, or set ansible_host",
        Verdict.STOP,
    ),
    SshMessage(r"to use .* you must install the sshpass program", verdict=Verdict.STOP),
    SshMessage(r"connect to (?:host|address) .*: ", verdict=Verdict.NEXT_PORT),
    SshMessage(r"Connection timed out during banner exchange|Operation timed out", verdict=Verdict.NEXT_PORT),
    SshMessage(
        r"Too many authentication failures",
        "ssh offered more keys than sshd's MaxAuthTries allows, and an agent's keys come first, before a named one: "
        "name the key (ansible_ssh_private_key_file) and let ssh offer no other (ansible_ssh_common_args: '-o "
        "IdentitiesOnly=yes')",
        Verdict.NEXT_USER,
    ),
    SshMessage(
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        "other users can read the private key on this controller, so ssh does not use it: chmod 600",
    ),
    SshMessage(
        r"Identity file .* not accessible|Load key .*: (?:No such file|Permission denied)",
        "the private key does not exist or cannot be read on this controller",
    ),
    SshMessage(
        r"Load key .*: |incorrect passphrase",
        "the private key on this controller needs a passphrase: load the key into an agent first",
    ),
    SshMessage(
        r"Permission denied",
        "sshd accepts none of the keys that this controller offers for that user: check the user's authorized_keys, "
        "AllowUsers and DenyUsers, and that the private key is the one of this controller",
        Verdict.NEXT_USER,
    ),
    SshMessage(r"Invalid/incorrect (?:username/)?password", verdict=Verdict.NEXT_USER),
    SshMessage(
        r"no matching (?:host key type|key exchange method|cipher|MAC) found",
        "client and sshd share no algorithm: the host's lists are too new for this controller's ssh, or the reverse",
    ),
    SshMessage(r"Connection refused", "nothing listens there, or a firewall rejects the connection"),
    SshMessage(
        r"connect (?:to (?:host|address)|failed:) .*timed out",
        "packets are dropped on the way: check the firewalls on the host and in front of it",
    ),
    # From here on TCP was connected: no firewall drops these packets.
    SshMessage(
        r"timed out during banner exchange",
        "the port takes connections, but no sshd answers there: the host is overloaded or stopped, sshd has too many "
        "connections that are not logged in yet (MaxStartups), or another program listens there",
    ),
    SshMessage(
        r"did not answer within|timed out|Timeout, server .* not responding",
        "the connection was made and then fell silent: the host or its network went down meanwhile, or the host is too "
        "slow for this limit, which grows with the task's own (confirm_timeout, timeout)",
    ),
    SshMessage(
        r"No route to host|Network is unreachable|Host is down",
        "the host or its network is down, or a firewall rejects the connection",
    ),
    SshMessage(
        r"_exchange_identification: banner line|banner exchange: .*(?:invalid format|protocol version)",
        "something else than sshd has the port: correct the port",
        Verdict.NO_LOGIN,
    ),
    # With ControlPersist, as Ansible has it, ssh drops what the program on the way says.
    SshMessage(
        _PROXY_ENDED,
        "the jump host or proxy command gives no connection to sshd: log in to the jump host by itself, and check "
        "that it reaches the address and port, that it may forward to that port (PermitOpen, AllowTcpForwarding), and "
        "that sshd does not refuse it for a while (PerSourcePenalties, fail2ban)",
        Verdict.NO_LOGIN,
    ),
    SshMessage(
        r"_exchange_identification: ",
        "the connection ends before sshd's first line: sshd refuses this controller for a while after failed logins "
        "(PerSourcePenalties, fail2ban) or has too many connections (MaxStartups), or something else has the port: "
        "wait some minutes, and look at sshd's log on the host",
        Verdict.NO_LOGIN,
    ),
    SshMessage(
        r"Connection (?:closed|reset)|banner exchange",
        "sshd closes the connection: it may refuse the account after it accepted the key (PAM, an expired account), or "
        "this controller after earlier failures (fail2ban, PerSourcePenalties)",
        Verdict.NO_LOGIN,
    ),
    SshMessage(
        r"account is (?:currently )?not available|account has expired|account is locked|nologin",
        "the account is closed: give it a login shell and an expiry date that has not passed",
    ),
)
_NOISE = re.compile(
    r"debug\d: |Warning: |\*\*|@|mux_client|Pseudo-terminal will not|Authorized (?:access|users?) only|$"
)
_MOST_LINES = 3
# A host sends as much as it likes, a banner for one: only the end is searched, in lines of a limited length.
_READ_LINES, _READ_CHARACTERS = 60, 500


def _lines(text: str) -> list[str]:
    """Return the last lines of ``text``, each cut and printable."""
    lines = text[-_READ_LINES * _READ_CHARACTERS :].splitlines()[-_READ_LINES:]
    return [printable(" ".join(line[:_READ_CHARACTERS].split())) for line in lines]


def _matches(text: str) -> t.Iterator[SshMessage]:
    lines = _lines(text)
    return (one for one in MESSAGES if any(re.search(one.pattern, line) for line in lines))


def without_noise(text: str) -> str:
    """Return the last known messages in ``text``, else its last lines, on one line; without warnings and banners."""
    lines = [line.rstrip(".") for line in _lines(text) if not _NOISE.match(line)]
    known = [line for line in lines if any(re.search(one.pattern, line) for one in MESSAGES)]
    return "; ".join(dict.fromkeys((known or lines)[-_MOST_LINES:]))


def hint_for(text: str) -> str:
    """Return the meaning of the messages in ``text`` and what to do, an empty text if no message is known."""
    hint = next((one.hint for one in _matches(text) if one.hint), "")
    if is_of_jump_host(text):
        return f"this is about the jump host and not about the host itself{f': {hint}' if hint else ''}"
    return hint


def verdict_of(text: str) -> Verdict:
    """Return what the messages in ``text`` say about other logins; an unknown message ends the search."""
    if is_of_jump_host(text):
        return Verdict.STOP
    return next((one.verdict for one in _matches(text) if one.verdict), Verdict.STOP)


def has_changed_key(text: str) -> bool:
    """Return whether ssh says that the host's key is not the one of known_hosts, also where it goes on."""
    return any(re.search(_CHANGED_KEY, line) for line in _lines(text))


def is_of_jump_host(text: str) -> bool:
    """Return whether the login to a jump host failed, so that every user and port of the host would fail, too."""
    lines = _lines(text)
    return any(re.search(_PROXY_ENDED, line) for line in lines) and any(re.search(_JUMP_HOST, line) for line in lines)
