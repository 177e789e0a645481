# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of unattended-upgrade(8): what is wished, which configuration says so, what it comes to on a host."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import is_number
from .apt_conf import Config, File, Lost

__all__ = [
    "DEFAULTS",
    "HEADER",
    "LISTS",
    "NAMES",
    "VALUES",
    "Policy",
    "as_bool",
    "culprits",
    "defeated",
    "effective",
    "lost_items",
    "policy",
    "problems",
]

HEADER = """Managed by pyhost.baseline.unattended_upgrades; changes made here are lost.
It sorts after 20auto-upgrades and 50unattended-upgrades, and says the whole policy. See apt.conf(5)."""

_UU = "Unattended-Upgrade::"
_PERIODIC = "APT::Periodic::"

# The lists that our file owns whole, by the option that fills them. Allowed-Origins is the older way to name an origin:
# what stands there is allowed besides our origins, so it is emptied.
LISTS: dict[str, str] = {
    "allowed_origins": _UU + "Allowed-Origins",
    "origins": _UU + "Origins-Pattern",
    "blocklist": _UU + "Package-Blacklist",
    "allowlist": _UU + "Package-Whitelist",
    "days": _UU + "Update-Days",
}

# Single values by option: key and type. An option that is not given (None) is left to other files.
VALUES: dict[str, tuple[str, str]] = {
    "update_lists_interval": (_PERIODIC + "Update-Package-Lists", "int"),
    "upgrade_interval": (_PERIODIC + "Unattended-Upgrade", "int"),
    "autoclean_interval": (_PERIODIC + "AutocleanInterval", "int"),
    "reboot_automatically": (_UU + "Automatic-Reboot", "bool"),
    "reboot_time": (_UU + "Automatic-Reboot-Time", "str"),
    "reboot_with_users": (_UU + "Automatic-Reboot-WithUsers", "bool"),
    "mail_to": (_UU + "Mail", "str"),
    "mail_report": (_UU + "MailReport", "str"),
    "mail_from": (_UU + "Sender", "str"),
    "remove_unused_kernels": (_UU + "Remove-Unused-Kernel-Packages", "bool"),
    "remove_new_unused_dependencies": (_UU + "Remove-New-Unused-Dependencies", "bool"),
    "remove_unused_dependencies": (_UU + "Remove-Unused-Dependencies", "bool"),
    "minimal_steps": (_UU + "MinimalSteps", "bool"),
    "fix_interrupted_dpkg": (_UU + "AutoFixInterruptedDpkg", "bool"),
    "install_on_shutdown": (_UU + "InstallOnShutdown", "bool"),
    "only_on_ac_power": (_UU + "OnlyOnACPower", "bool"),
    "skip_on_metered": (_UU + "Skip-Updates-On-Metered-Connections", "bool"),
    "allow_downgrade": (_UU + "Allow-downgrade", "bool"),
    "syslog": (_UU + "SyslogEnable", "bool"),
    "log_facility": (_UU + "SyslogFacility", "str"),
    "verbose": (_UU + "Verbose", "bool"),
}

_ENABLE = _PERIODIC + "Enable"
# apt's own download limit counts per method, so both are set.
_LIMITS = ("Acquire::http::Dl-Limit", "Acquire::https::Dl-Limit")
NAMES = (*LISTS, *VALUES, "download_limit")

# What unattended-upgrade does where nothing is configured, for the options whose absence does not mean "off".
DEFAULTS: dict[str, str] = {
    _ENABLE: "1",
    VALUES["reboot_time"][0]: "now",
    VALUES["reboot_with_users"][0]: "true",
    VALUES["mail_report"][0]: "on-change",
    VALUES["remove_unused_kernels"][0]: "true",
    VALUES["remove_new_unused_dependencies"][0]: "true",
    VALUES["minimal_steps"][0]: "true",
    VALUES["fix_interrupted_dpkg"][0]: "true",
    VALUES["only_on_ac_power"][0]: "true",
    VALUES["skip_on_metered"][0]: "true",
    VALUES["log_facility"][0]: "daemon",
}

# By number, as `date +%w` counts: the names are compared in the host's language.
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_TRUE = ("yes", "true", "with", "on", "enable")


@dataclass(frozen=True)
class Policy:
    """The configuration that is to be in force: whole lists and single values, by key."""

    lists: t.Mapping[str, tuple[str, ...]]
    values: t.Mapping[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.lists, *self.values)


def policy(options: t.Mapping[str, t.Any], patterns: t.Sequence[str]) -> Policy:
    """Return the policy of the module's ``options`` with the resolved origin ``patterns``; a bad value raises."""
    for name in ("blocklist", "allowlist"):
        for regex in options[name]:
            _check_regex(name, regex)
    lists = {
        "allowed_origins": (),
        "origins": tuple(patterns),
        "blocklist": tuple(options["blocklist"]),
        "allowlist": tuple(options["allowlist"]),
        "days": tuple(str(_DAYS.index(day)) for day in options["days"]),
    }
    wished = {
        **{name: options.get(name) for name in VALUES},
        "reboot_automatically": options["reboot"] == "when_required",
        "reboot_time": _reboot_time(options["reboot_time"]),
    }
    values = {_ENABLE: "1"}
    for name, (key, _kind) in VALUES.items():
        if wished[name] is not None:
            values[key] = _text(name, wished[name])
    if options.get("download_limit") is not None:
        values.update({key: _text("download_limit", options["download_limit"]) for key in _LIMITS})
    return Policy({LISTS[name]: items for name, items in lists.items()}, values)


def _text(name: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value < 0:
        raise BaselineError(f"{name}: {value} is negative; give 0 or more. Nothing was changed")
    if any(ord(char) < 32 for char in str(value)):
        raise BaselineError(f"{name}: {value!r} holds a control character; give it in one line. Nothing was changed")
    return str(value)


def _check_regex(name: str, regex: str) -> None:
    _text(name, regex)
    if not regex:
        raise BaselineError(f"{name}: an empty expression matches every package; remove it. Nothing was changed")
    try:
        re.compile(regex)
    except re.error as error:
        raise BaselineError(
            f"{name}: {regex!r} is not a regular expression of Python ({error}); "
            "a literal + or ( is written \\+ or \\(. Nothing was changed"
        ) from error


def _reboot_time(value: str) -> str:
    if value != "now" and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise BaselineError(
            f"reboot_time: {value!r} is not a time of day; give HH:MM (00:00 to 23:59, quoted in YAML) or now. "
            "Nothing was changed"
        )
    return value


def as_bool(value: str) -> bool:
    """Return what apt's programs make of ``value`` (apt_pkg ``find_b``)."""
    return value.lower() in _TRUE or (is_number(value) and int(value) != 0)


def defeated(wish: Policy, config: Config) -> list[str]:
    """Return the keys of ``wish`` that are not in force in ``config``."""
    kinds = dict(VALUES.values())
    keys = [key for key, items in wish.lists.items() if config.items(key) != items]
    for key, value in wish.values.items():
        actual = config.value(key)
        same = actual is not None and as_bool(actual) == as_bool(value) if kinds.get(key) == "bool" else actual == value
        if not same:
            keys.append(key)
    return keys


def culprits(key: str, files: t.Sequence[tuple[str, File]]) -> list[str]:
    """Return ``file:line`` of every statement in ``files`` that touches ``key``, also by a ``#clear`` above it."""
    wanted = key.lower()
    return [
        f"{path}:{statement.line}"
        for path, file in files
        for statement in file.statements
        if _touches(statement.kind, statement.key.lower(), wanted)
    ]


def _touches(kind: str, key: str, wanted: str) -> bool:
    return key == wanted or key.startswith(wanted + "::") or (kind == "clear" and wanted.startswith(key + "::"))


def effective(config: Config) -> dict[str, t.Any]:
    """Return the policy that is in force, by the names of the module's options."""
    found: dict[str, t.Any] = {name: list(config.items(key)) for name, key in LISTS.items()}
    found["days"] = [_day(word) for word in found["days"]]
    for name, (key, kind) in VALUES.items():
        text = config.value(key) or DEFAULTS.get(key, "")
        found[name] = as_bool(text) if kind == "bool" else _number(text) if kind == "int" else text
    found["enabled"] = as_bool(config.value(_ENABLE) or DEFAULTS[_ENABLE])
    limit = config.value(_LIMITS[0])
    found["download_limit"] = _number(limit) if limit else None
    return found


def _day(word: str) -> str:
    return _DAYS[int(word)] if word in "0123456" and word else word


def _number(text: str) -> int | str:
    """An interval in days; apt also knows suffixes and ``always``, which are returned as they are."""
    return int(text) if is_number(text) else text or 0


def lost_items(files: t.Sequence[tuple[str, File]]) -> list[tuple[str, Lost]]:
    """Return the items of our lists that ``files`` lose by a missing semicolon."""
    owned = {key.lower() for key in LISTS.values()}
    return [(path, lost) for path, file in files for lost in file.lost if lost.key.lower() in owned]


def problems(config: Config, files: t.Sequence[tuple[str, File]]) -> list[str]:
    """Return what is wrong with the policy in force, a sentence each."""
    found = effective(config)
    said = []
    if not found["enabled"]:
        said.append("APT::Periodic::Enable is 0: nothing is updated automatically")
    if found["update_lists_interval"] == 0:
        said.append("APT::Periodic::Update-Package-Lists is 0: no update is ever seen")
    if found["upgrade_interval"] == 0:
        said.append("APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically")
    if not found["origins"] and not found["allowed_origins"]:
        said.append("no origin is allowed: nothing is upgraded automatically")
    said += [
        f"{path}:{lost.line}: the semicolon after {lost.value!r} is missing, so apt does not count it in {lost.key}"
        for path, lost in lost_items(files)
    ]
    return said
