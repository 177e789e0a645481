# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of the OpenSSH client: what each means, and what it says about other logins to the host. Pure."""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

__all__ = ["MESSAGES", "SshMessage", "Verdict", "hint_for", "verdict_of", "without_noise"]


class Verdict(enum.Enum):
    """What a refused login says: about this user alone, about all users of the port, or about the whole host.

    ``UNFIT`` is a host that answered and cannot be a managed host.
    """

    NEXT_USER = "user"
    NEXT_PORT = "port"
    STOP = "stop"
    UNFIT = "unfit"


@dataclass(frozen=True)
class SshMessage:
    """A message by its ``pattern``. An empty ``hint`` or no ``verdict``: the message does not decide that."""

    pattern: str
    hint: str = ""
    verdict: Verdict | None = None


# The first message that matches and has a hint (a verdict) decides it.
MESSAGES = (
    SshMessage(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        "another host answers there, or the host was reinstalled: compare the fingerprint, then remove the old key "
        "with 'ssh-keygen -R HOST'",
        Verdict.STOP,
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
        r"Could not resolve hostname|Name or service not known|name resolution",
        "the host's name is not known to DNS: correct the name in the inventory, or set ansible_host",
        Verdict.STOP,
    ),
    SshMessage(r"to use .* you must install the sshpass program", verdict=Verdict.STOP),
    SshMessage(r"connect to (?:host|address) .*: ", verdict=Verdict.NEXT_PORT),
    SshMessage(r"Connection timed out during banner exchange|Operation timed out", verdict=Verdict.NEXT_PORT),
    SshMessage(
        r"Too many authentication failures",
        "more keys were offered than MaxAuthTries allows: name the one key (ansible_ssh_private_key_file)",
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
        r"kex_exchange_identification|Connection (?:closed|reset)|banner exchange",
        "sshd closes the connection: it may refuse the account after it accepted the key (PAM, an expired account), or "
        "this controller after earlier failures (fail2ban, PerSourcePenalties)",
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
    return next((one.hint for one in _matches(text) if one.hint), "")


def verdict_of(text: str) -> Verdict:
    """Return what the messages in ``text`` say about other logins; an unknown message ends the search."""
    return next((one.verdict for one in _matches(text) if one.verdict), Verdict.STOP)
