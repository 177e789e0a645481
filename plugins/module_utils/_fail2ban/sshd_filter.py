# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter sshd of fail2ban: its mode, messages of sshd that it misreads, and parameters that repair this.

Messages about link-local addresses have the zone (``fe80::1%eth0``), which the filter does not expect (fail2ban#3786).
"""

from __future__ import annotations

import re
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
    "once_parameter",
    "probe_log",
    "sshd_mode",
    "zone_parameters",
]

# sshd logs an unknown user, and repeats it with each password and at the end of the connection. The filter counts each
# line as a failure. Without these lines only the first one counts, so an attempt counts once.
_REPEATED = (
    r"(?:Failed \S+ for|Connection (?:closed|reset) by|Disconnected from|Disconnecting|"
    r"maximum authentication attempts exceeded for) invalid user"
)
# As ignoreregex it also hides accounts that sshd refuses by themselves: it calls them invalid, too. It is used with a
# filter that does not take _ONCE.
SSHD_ONCE = rf"^(?:error: )?{_REPEATED}\s"

# The zone of a link-local address. fail2ban would interpolate a percent sign. The packet filter takes no zone.
_ZONE = r"(?:\x25[^\s:]+)?"
_ADDRESS = r"(?:\d+\.){3}\d+|[\da-fA-F:.]*:[\da-fA-F:.]*"
# The same by expressions, which the filter has to try before its own. The first one that matches a message counts.
# fail2ban keeps a failure without an address until another message of the same connection has one. A message with
# F-NOFAIL is no failure and only gives its address. The address is taken only from messages that a name with blanks
# cannot imitate. These expressions do not take the name: two names in one connection are a failure by themselves.
_ONCE = (
    # Accounts that sshd refuses whatever the password or key is (allowed_user in auth.c), without an address ...
    r"^User <F-USER>\S+</F-USER> not allowed because (?:shell .+ (?:does not exist|is not executable)|"
    r"account is locked)\s*$",
    r"^Account <F-USER>\S+</F-USER> has expired\s*$",
    # ... or with a host name (UseDNS yes) or a zone in its place.
    rf"^User <F-USER>\S+</F-USER> from (?!(?:{_ADDRESS}) )\S+ not allowed because .*$",
    rf"^<F-NOFAIL>{_REPEATED}</F-NOFAIL> \S+ (?:from )?<ADDR>{_ZONE} port \d+(?: ssh2)?(?: \[preauth\])?\s*$",
    # The last message of its connection.
    rf"^<F-NOFAIL><F-MLFFORGET>Disconnecting</F-MLFFORGET> invalid user</F-NOFAIL> \S+ <ADDR>{_ZONE} port \d+:\s",
    rf"^<F-NOFAIL>{_REPEATED}</F-NOFAIL>\s",
    # A client that gives up says why. "Disconnected from" follows, and counts where ends of connections do.
    rf"^<F-NOFAIL>Received disconnect from</F-NOFAIL> <ADDR>{_ZONE} port \d+:\s*(?:3|14):",
)
# What the filter calls the rest of a message behind an address.
_BEHIND_ADDRESS = ("__suff", "__on_port_opt")


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
        rf"^Timeout before authentication for connection from <ADDR>{_ZONE} to \S+, pid = \d+(?: \(early\))?\s*$",
    ),
    _Message(
        "fatal: Timeout before authentication for 192.0.2.2 port 12",
        "192.0.2.2",
        rf"^Timeout before authentication for <ADDR>{_ZONE} port \d+\s*$",
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


def once_parameter(filter_text: str) -> tuple[str, str] | None:
    """Return the parameter (name and value) with which the filter sshd counts an attempt once, else ``None``.

    Its expressions have to come before those for ends of connections. They replace the ones for refused keys of unknown
    users, which they contain. The parameter ``publickey`` of the filter selects these by their name.
    """
    definition = parse_sections(filter_text).get("Definition", {})
    name = f"cmnfailre-failed-pub-{definition.get('publickey', '')}"
    return (name, "\n".join(_ONCE)) if name in definition else None


def zone_parameters(filter_text: str) -> list[tuple[str, str]]:
    """Return the parameters with which the filter sshd takes the zone behind an address."""
    settings: dict[str, str] = {}
    for section in ("DEFAULT", "Definition"):
        settings.update(parse_sections(filter_text).get(section, {}))
    found = [(name, settings[name]) for name in _BEHIND_ADDRESS if name in settings]
    # A text with other parameters would be interpolated twice.
    return [(name, _ZONE + own) for name, own in found if not re.search(r'[%"<]', own)]


def counts_ends(options: t.Mapping[str, t.Any], others: t.Mapping[str, str]) -> bool:
    """Return whether a jail with the filter sshd counts the end of a connection (``others``: from other files)."""
    mode = str(options.get("mode", others.get("mode", "")))
    return mode in ("ddos", "aggressive") and not _has_expressions(options, others)


def _has_expressions(options: t.Mapping[str, t.Any], others: t.Mapping[str, str]) -> bool:
    """Return whether the jail has an option failregex, which replaces the expressions of the filter."""
    return "failregex" in {**others, **options}


def count_once(
    probes: HostProbes, options: dict[str, t.Any], others: t.Mapping[str, str], text: str
) -> dict[str, t.Any]:
    """Return the options of a jail with the filter sshd (with the ``text``) that counts each failure once."""
    takes_parameters = "filter" not in others and options.get("filter", "sshd") == "sshd"
    once = once_parameter(text) if takes_parameters and not _has_expressions(options, others) else None
    found = {"mode": sshd_mode(passwords=probes.passwords), **({} if once else {"ignoreregex": SSHD_ONCE})}
    options = {**{option: value for option, value in found.items() if option not in others}, **options}
    if not takes_parameters:
        return options
    chosen = log_source.filter_for_sessions(text) if probes.session else None
    missed = expressions_parameter(text, probes.missed) if counts_ends(options, others) else None
    for parameter in (*zone_parameters(text), once, missed):
        if parameter:
            chosen = log_source.with_parameter(chosen or "sshd[mode=%(mode)s]", *parameter)
    return {**options, "filter": chosen} if chosen else options
