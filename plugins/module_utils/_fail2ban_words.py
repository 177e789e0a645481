# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd says of a connection that fail2ban's filter may not know, and the expressions that understand it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

__all__ = ["counts_ends", "probe_log", "unread"]


@dataclass(frozen=True)
class _Words:
    """One wording, said of ``address``, and the expression for it; all that sshd says is in it, from end to end."""

    said: str
    address: str
    expression: str


# A connection that comes to the end of LoginGraceTime. Of OpenSSH 9.8 and later the filter of fail2ban 1.1.0 knows the
# beginning, and takes the word "connection" for a host; 1.0 knows neither (grace_alarm_handler and child_reap, sshd.c).
_WORDS = (
    _Words(
        "Timeout before authentication for connection from 192.0.2.1 to 192.0.2.9, pid = 12",
        "192.0.2.1",
        r"^Timeout before authentication for connection from <ADDR> to \S+, pid = \d+(?: \(early\))?\s*$",
    ),
    _Words(
        "fatal: Timeout before authentication for 192.0.2.2 port 12",
        "192.0.2.2",
        r"^Timeout before authentication for <ADDR> port \d+\s*$",
    ),
)


def probe_log() -> str:
    """Return a log in which each wording stands once."""
    return "".join(f"2026-01-01 00:00:00 host sshd[{at}]: {one.said}\n" for at, one in enumerate(_WORDS, 1))


def unread(addresses: str) -> tuple[str, ...]:
    """Return the expressions for what a filter missed that found ``addresses``, one a line, in :func:`probe_log`."""
    found = addresses.split()
    return tuple(one.expression for one in _WORDS if one.address not in found)


def counts_ends(options: t.Mapping[str, t.Any], others: t.Mapping[str, str]) -> bool:
    """Say whether a jail with the filter sshd takes the end of a connection for a failure (``others``: other files).

    Where its filter is named with parameters of its own, these are somebody's choice.
    """
    said = str(options.get("filter", others.get("filter", "")))
    mode = str(options.get("mode", others.get("mode", "")))
    return mode in ("ddos", "aggressive") and ("[" not in said or "mode=%(mode)s" in said)
