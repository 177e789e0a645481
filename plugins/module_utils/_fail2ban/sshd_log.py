# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd and journald do with the messages of sshd: levels, namespaces and rates that lose failed logins.

See systemd.exec(5) (``LogLevelMax=``, ``LogNamespace=``, ``LogRateLimitBurst=``) and journald.conf(5)
(``MaxLevelStore=``, ``RateLimitBurst=``).
"""

from __future__ import annotations

import getopt
import re
import typing as t
from dataclasses import dataclass, field

from .._core.text import is_number

__all__ = ["PROPERTIES", "SshdLog", "argument_cause", "journal_settings", "log_errors", "log_warnings", "span_seconds"]

# The properties of a unit that decide about its messages, as systemctl(1) shows them.
PROPERTIES = ("LogLevelMax", "LogNamespace", "LogRateLimitIntervalUSec", "LogRateLimitBurst")

# syslog(3). sshd logs a failed login at the level info.
_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_INFO = _LEVELS.index("info")
_DEFAULT_BURST, _DEFAULT_INTERVAL = 10000, 30.0
# One refused login is up to this many messages (docs/fail2ban.md).
_MESSAGES = 4
# The options of sshd(8) for getopt(3).
_OPTIONS = "C:E:b:c:f:g:h:k:o:p:u:46DGQRTVdeiqrt"
# journald multiplies the burst by up to this factor, depending on the free space of the disk.
_MOST_FACTOR = 6
# Below this rate the messages about one attacker can be lost in those about others.
_FEW = 1000


@dataclass(frozen=True)
class SshdLog:
    """The unit of sshd (``name``, its ``properties``) and the settings of journald. Each is empty without systemd.

    ``pids``: the processes of sshd and journald. If both are the same ones, their settings are, too.
    """

    unit: str = ""
    properties: t.Mapping[str, str] = field(default_factory=dict)
    journald: t.Mapping[str, str] = field(default_factory=dict)
    pids: tuple[int, ...] = ()
    # The arguments of the running sshd.
    arguments: tuple[str, ...] = ()


def journal_settings(text: str) -> dict[str, str]:
    """Return the settings in ``systemd-analyze cat-config systemd/journald.conf``; the last value counts."""
    return dict(re.findall(r"^\s*(\w+)\s*=[ \t]*(.*?)\s*$", text, re.MULTILINE))


def log_errors(log: SshdLog, maxretry: int) -> list[str]:
    """Return why the journal lacks messages of sshd about failed logins. ``maxretry``: the failures before a ban."""
    errors = []
    namespace = log.properties.get("LogNamespace", "")
    if namespace:
        errors.append(
            f"{log.unit} logs to the journal namespace {namespace} (LogNamespace), which fail2ban does not read"
        )
    for where, level in (
        (f"{log.unit} has LogLevelMax", log.properties.get("LogLevelMax", "")),
        ("journald.conf has MaxLevelStore", log.journald.get("MaxLevelStore", "")),
    ):
        if _excludes_info(level):
            errors.append(f"{where}={_level_name(level)}, which excludes failed logins (level info)")
    burst, interval, where = _rate(log)
    if burst and burst * _MOST_FACTOR < _MESSAGES * maxretry:
        errors.append(
            f"journald keeps about {burst} messages of sshd in {interval:g} seconds ({where}), and loses others: "
            f"{maxretry} failed logins (maxretry) are up to {_MESSAGES * maxretry} messages"
        )
    return errors


def log_warnings(log: SshdLog, maxretry: int) -> list[str]:
    """Return that journald may lose messages of sshd during an attack."""
    burst, interval, where = _rate(log)
    if not burst or burst >= _FEW or burst * _MOST_FACTOR < _MESSAGES * maxretry:
        return []
    return [
        f"journald keeps about {burst} messages of sshd in {interval:g} seconds ({where}): during an attack it loses "
        f"others, and fail2ban does not count them; set it to {_FEW} or more"
    ]


def argument_cause(arguments: t.Sequence[str]) -> str:
    """Return which of the ``arguments`` of sshd keeps its messages from syslog (sshd(8)), empty if none does.

    A running sshd shows them as ``sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups``.
    """
    first = next((place for place, word in enumerate(arguments, 1) if word.endswith("/sshd")), 0)
    try:
        options, _rest = getopt.getopt(list(arguments[first:]), _OPTIONS)
    except getopt.GetoptError:
        return ""
    for option, value in options:
        if option == "-q":
            return "sshd runs with -q, so it logs nothing"
        if option == "-E":
            return f"sshd runs with -E {value}, so it logs to that file only"
        if option == "-o" and value.lower().startswith("loglevel"):
            return f"sshd runs with -o {value}"
    return ""


def _level_name(level: str) -> str:
    return _LEVELS[int(level)] if is_number(level) and int(level) < len(_LEVELS) else level


def _excludes_info(level: str) -> bool:
    name = _level_name(level.strip())
    return name in _LEVELS and _LEVELS.index(name) < _INFO


def _rate(log: SshdLog) -> tuple[int, float, str]:
    """Return how many messages of sshd journald keeps in how many seconds, 0 for all, and the name of the setting."""
    burst, where = log.properties.get("LogRateLimitBurst", ""), f"LogRateLimitBurst of {log.unit}"
    if not _positive(burst):
        burst, where = log.journald.get("RateLimitBurst", ""), "RateLimitBurst of journald.conf"
    interval = span_seconds(log.properties.get("LogRateLimitIntervalUSec", "")) or span_seconds(
        log.journald.get("RateLimitIntervalSec", log.journald.get("RateLimitInterval", ""))
    )
    if not is_number(burst):
        return _DEFAULT_BURST, _DEFAULT_INTERVAL if interval is None else interval, where
    # Zero turns the limit off.
    is_off = interval == 0 or int(burst) == 0
    return 0 if is_off else int(burst), _DEFAULT_INTERVAL if interval is None else interval, where


def _positive(number: str) -> bool:
    return is_number(number) and int(number) > 0


_UNITS = {
    unit: seconds
    for units, seconds in (
        ("us usec", 1e-6),
        ("ms msec", 1e-3),
        ("s sec second seconds", 1.0),
        ("m min minute minutes", 60.0),
        ("h hr hour hours", 3600.0),
        ("d day days", 86400.0),
        ("w week weeks", 604800.0),
    )
    for unit in units.split()
}


def span_seconds(text: str) -> float | None:
    """Return a time span of systemd.time(7) (``30s``, ``1min 30s``) in seconds, ``None`` if it is none."""
    parts = re.findall(r"([\d.]+)\s*([a-z]*)", text)
    if not parts or re.sub(r"[\d.]+\s*[a-z]*", "", text).strip():
        return None
    try:
        return sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    except (KeyError, ValueError):
        return None
