# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a jail counts: a refused login at sshd over loopback, and what the log of fail2ban has of it."""

from __future__ import annotations

import ipaddress
import re
import secrets
import typing as t

if t.TYPE_CHECKING:
    from .findings import SshdFacts, WatchedJail

__all__ = [
    "VISIBLE_LEVELS",
    "connect_addresses",
    "is_refused",
    "login_command",
    "not_counted",
    "random_source",
    "random_user",
    "sightings",
    "unproven",
    "why_not_counted",
]

# fail2ban logs a failure ("Found") and one of an ignored address ("Ignore") at the level INFO.
VISIBLE_LEVELS = ("INFO", "DEBUG", "TRACEDEBUG", "HEAVYDEBUG", "MSG")
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "PreferredAuthentications=publickey",
    "IdentityFile=/dev/null",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "NumberOfPasswordPrompts=0",
    "ControlPath=none",
    "ProxyCommand=none",
    "ConnectTimeout=10",
    "LogLevel=ERROR",
)


def random_source() -> str:
    """Return an address of 127.0.0.0/8 that nothing else connects from, to recognize the login by."""
    return f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"


def random_user() -> str:
    """Return a user name that nobody has."""
    return f"pyhost-baseline-{secrets.token_hex(6)}"


def connect_addresses(facts: SshdFacts) -> list[tuple[str, int]]:
    """Return the addresses and ports of this host on which to reach sshd, loopback first."""
    found = {(one, port) for address, port in facts.listens for one in _local(address)}
    return sorted(found, key=lambda one: (not one[0].startswith("127."), one[0] != "::1", one))


def _local(address: str) -> list[str]:
    """Return the addresses on which a server that listens on ``address`` is reached from its own host."""
    if address and not ipaddress.ip_address(address.split("%", 1)[0]).is_unspecified:
        return [address]
    # A socket of systemd for IPv6 takes IPv4, too.
    return ["127.0.0.1"] if "." in address else ["127.0.0.1", "::1"]


def login_command(user: str, address: str, port: int, source: str) -> list[str]:
    """Return the command of a login as ``user`` that sshd refuses, from ``source`` (empty: any address)."""
    options = [*_OPTIONS, *([f"BindAddress={source}"] if source else [])]
    words = [word for option in options for word in ("-o", option)]
    return ["ssh", "-F", "none", "-T", "-n", *words, "-p", str(port), "-l", user, address, "true"]


def is_refused(output: str) -> bool:
    """Return whether sshd took the name of the user and refused the login, by the ``output`` of ssh(1)."""
    return "Permission denied (" in output


def sightings(log: str, jail: str, address: str) -> int:
    """Return how many failures of ``address`` the ``jail`` has found according to ``log``, also if it ignores them."""
    pattern = rf"\[{re.escape(jail)}\] (?:Found|Ignore) {re.escape(address)}(?![\w.:])"
    return len(re.findall(pattern, log))


def not_counted(jail: str, reason: str) -> str:
    """Return that ``jail`` does not count failed logins."""
    return f"the jail {jail} does not count failed logins: sshd refused one over loopback, and {reason}"


def unproven(jail: str, reason: str) -> str:
    """Return that it is not known whether ``jail`` counts failed logins."""
    return f"whether the jail {jail} counts failed logins is not proven: {reason}"


def why_not_counted(
    jail: WatchedJail, user: str, *, entries: t.Sequence[t.Mapping[str, t.Any]], lines: str, causes: t.Sequence[str]
) -> str:
    """Return why ``jail`` did not count the login as ``user``.

    ``entries``: the entries of the journal since then (``journalctl --output json``); ``lines``: the end of the log
    files of the jail; ``causes``: what may keep messages of sshd from the log.
    """
    logged = [entry for entry in entries if user in str(entry.get("MESSAGE"))]
    written = [line for line in lines.splitlines() if user in line]
    if jail.journal and logged:
        if jail.matches and not any(_is_selected(entry, match) for entry in logged for match in jail.matches):
            named = ", ".join(f"{name}={logged[0].get(name)}" for name in ("SYSLOG_IDENTIFIER", "_UID", "_TRANSPORT"))
            return f"its journal match ({' + '.join(jail.matches)}) does not select what sshd logs ({named})"
        return f"its filter does not find a failure in what sshd logs ({logged[0]['MESSAGE']!r})"
    if written:
        return f"its filter does not find a failure in what sshd logs ({written[0]!r})"
    where = "the journal" if jail.journal else ", ".join(jail.paths) or "its log"
    listed = f": {'; '.join(causes)}" if causes else ""
    return f"{where} has no message of sshd about it{listed}"


def _is_selected(entry: t.Mapping[str, t.Any], match: str) -> bool:
    """Return whether a journal ``match`` selects ``entry``. Of a field with several values one has to fit."""
    wanted: dict[str, list[str]] = {}
    for word in match.split():
        name, _equals, value = word.partition("=")
        wanted.setdefault(name, []).append(value)
    return all(str(entry.get(name)) in values for name, values in wanted.items())
