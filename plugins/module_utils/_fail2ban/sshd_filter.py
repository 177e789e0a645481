# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter sshd of fail2ban: its mode, messages of sshd that it does not know, and expressions for them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import log_source
from .jail_files import parse_sections

if t.TYPE_CHECKING:
    from .plan import HostProbes

__all__ = [
    "SSHD_ONCE",
    "count_once",
    "counts_ends",
    "expressions_parameter",
    "missed_expressions",
    "probe_log",
    "sshd_mode",
]

# sshd logs an unknown user, and repeats it with each password and at the end of the connection. The filter counts each
# line as a failure. Without these lines only the first one counts, so an attempt counts once.
SSHD_ONCE = (
    r"^(?:error: )?(?:Failed \S+ for|Connection (?:closed|reset) by|Disconnected from|Disconnecting|"
    r"maximum authentication attempts exceeded for) invalid user\s"
)


def sshd_mode(*, passwords: bool) -> str:
    """Return the mode of the filter that counts an attempt once.

    An sshd that accepts passwords logs each wrong one and also the end of the connection, which only the mode
    aggressive counts. An sshd that accepts only keys logs only the end.
    """
    return "normal" if passwords else "aggressive"


@dataclass(frozen=True)
class _Message:
    """A message of sshd about ``address``, and the expression that matches the whole message."""

    text: str
    address: str
    expression: str


# Messages about a connection that reaches LoginGraceTime. Of the message of OpenSSH 9.8 and later the filter of
# fail2ban 1.1.0 knows the beginning, and takes the word "connection" for a host. fail2ban 1.0 knows neither message
# (grace_alarm_handler and child_reap in sshd.c).
_MESSAGES = (
    _Message(
        "Timeout before authentication for connection from 192.0.2.1 to 192.0.2.9, pid = 12",
        "192.0.2.1",
        r"^Timeout before authentication for connection from <ADDR> to \S+, pid = \d+(?: \(early\))?\s*$",
    ),
    _Message(
        "fatal: Timeout before authentication for 192.0.2.2 port 12",
        "192.0.2.2",
        r"^Timeout before authentication for <ADDR> port \d+\s*$",
    ),
)


def probe_log() -> str:
    """Return a log that contains each message once."""
    return "".join(f"2026-01-01 00:00:00 host sshd[{pid}]: {one.text}\n" for pid, one in enumerate(_MESSAGES, 1))


def missed_expressions(addresses: str) -> tuple[str, ...]:
    """Return the expressions that a filter lacks that found ``addresses``, one a line, in :func:`probe_log`."""
    found = addresses.split()
    return tuple(one.expression for one in _MESSAGES if one.address not in found)


def expressions_parameter(filter_text: str, expressions: t.Sequence[str]) -> tuple[str, str] | None:
    """Return the parameter (name and value) that adds ``expressions`` to the filter sshd with the text ``filter_text``.

    The option failregex of a jail would replace all expressions of the filter. The last part of the filter has a name
    of its own (cfooterre). The result is ``None`` for a filter without it.
    """
    own = parse_sections(filter_text).get("Definition", {}).get("cfooterre")
    if not own or not expressions or '"' in own:
        return None
    return "cfooterre", "\n".join([own, *expressions])


def counts_ends(options: t.Mapping[str, t.Any], others: t.Mapping[str, str]) -> bool:
    """Return whether a jail with the filter sshd counts the end of a connection (``others``: from other files).

    The option failregex of a jail replaces the expressions of the filter.
    """
    mode = str(options.get("mode", others.get("mode", "")))
    return mode in ("ddos", "aggressive") and "failregex" not in {**others, **options}


def count_once(
    probes: HostProbes, options: dict[str, t.Any], others: t.Mapping[str, str], text: str
) -> dict[str, t.Any]:
    """Return the options of a jail with the filter sshd (with the ``text``) that counts each failure once."""
    found = {"mode": sshd_mode(passwords=probes.passwords), "ignoreregex": SSHD_ONCE}
    options = {**{option: value for option, value in found.items() if option not in others}, **options}
    if "filter" in others or options.get("filter", "sshd") != "sshd":
        return options
    chosen = log_source.filter_for_sessions(text) if probes.session else None
    parameter = expressions_parameter(text, probes.missed) if counts_ends(options, others) else None
    if parameter:
        chosen = log_source.with_parameter(chosen or "sshd[mode=%(mode)s]", *parameter)
    return {**options, "filter": chosen} if chosen else options
