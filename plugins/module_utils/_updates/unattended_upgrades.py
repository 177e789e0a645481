# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of unattended-upgrade(8): its configuration, and the policy that a configuration has."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError
from .._core.text import is_number
from .apt_conf import AptConfig, AptConfigFile, LostItem, quote, render

__all__ = [
    "DEFAULTS",
    "LISTS",
    "NAMES",
    "VALUES",
    "UpgradePolicy",
    "as_bool",
    "document",
    "effective",
    "lost_items",
    "overridden_keys",
    "overriding_statements",
    "policy",
    "problems",
]

_HEADER = """Managed by pyhost.baseline.unattended_upgrades; changes made here are lost.
It sorts after 20auto-upgrades and 50unattended-upgrades, and says the whole policy. See apt.conf(5)."""

# `apt-get update` succeeds without a network, too. apt runs this only if it fetched something, and the stamp is that of
# Ubuntu's 15update-stamp.
_STAMP = """
// Note when package lists were fetched, so that old ones are noticed.
APT::Update::Post-Invoke-Success:: {};
""".format(quote("touch /var/lib/apt/periodic/update-success-stamp 2>/dev/null || true"))

_UU = "Unattended-Upgrade::"
_PERIODIC = "APT::Periodic::"

# The lists that our file replaces, by the option that fills them. Allowed-Origins is the older way to name an origin:
# its items are allowed besides our origins, so it is emptied.
LISTS: dict[str, str] = {
    "allowed_origins": _UU + "Allowed-Origins",
    "origins": _UU + "Origins-Pattern",
    "blocklist": _UU + "Package-Blacklist",
    "allowlist": _UU + "Package-Whitelist",
    "days": _UU + "Update-Days",
}

# Single values by option: key and type. Other files decide about an option that is not given (None).
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

# The defaults of unattended-upgrade, for the options whose absence does not mean "off".
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
class UpgradePolicy:
    """The desired configuration: whole lists and single values, by key."""

    lists: t.Mapping[str, tuple[str, ...]]
    values: t.Mapping[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.lists, *self.values)


def policy(options: t.Mapping[str, t.Any], patterns: t.Sequence[str]) -> UpgradePolicy:
    """Return the policy of the module's ``options`` with the resolved origin ``patterns``; an invalid value raises."""
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
    values_by_option = {
        **{name: options.get(name) for name in VALUES},
        "reboot_automatically": options["reboot"] == "when_required",
        "reboot_time": _reboot_time(options["reboot_time"]),
    }
    values = {_ENABLE: "1"}
    for name, (key, _kind) in VALUES.items():
        if values_by_option[name] is not None:
            values[key] = _text(name, values_by_option[name])
    if options.get("download_limit") is not None:
        values.update({key: _text("download_limit", options["download_limit"]) for key in _LIMITS})
    return UpgradePolicy({LISTS[name]: items for name, items in lists.items()}, values)


def document(desired: UpgradePolicy) -> str:
    """Return the text of our file: the policy, and a stamp for package lists that were fetched."""
    return render(_HEADER, desired.lists, desired.values) + _STAMP


def _text(name: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value < 0:
        raise BaselineError(f"{value} is negative", option=name, hint="give 0 or more")
    if any(ord(char) < 32 for char in str(value)):
        raise BaselineError(f"{value!r} holds a control character", option=name, hint="give it in one line")
    return str(value)


def _check_regex(name: str, regex: str) -> None:
    _text(name, regex)
    if not regex:
        raise BaselineError("an empty expression matches every package", option=name, hint="remove it")
    try:
        re.compile(regex)
    except re.error as error:
        raise BaselineError(
            f"{regex!r} is not a regular expression of Python ({error})",
            option=name,
            hint="write a literal + or ( as \\+ or \\(",
        ) from error


def _reboot_time(value: str) -> str:
    if value != "now" and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise BaselineError(
            f"{value!r} is not a time of day",
            option="reboot_time",
            hint="give HH:MM (00:00 to 23:59, quoted in YAML) or now",
        )
    return value


def as_bool(value: str) -> bool:
    """Return ``value`` as apt's programs read it (apt_pkg ``find_b``)."""
    return value.lower() in _TRUE or (is_number(value) and int(value) != 0)


def overridden_keys(desired: UpgradePolicy, config: AptConfig) -> list[str]:
    """Return the keys of ``desired`` that have another value in ``config``."""
    kinds = dict(VALUES.values())
    keys = [key for key, items in desired.lists.items() if config.items(key) != items]
    for key, value in desired.values.items():
        actual = config.value(key)
        same = actual is not None and as_bool(actual) == as_bool(value) if kinds.get(key) == "bool" else actual == value
        if not same:
            keys.append(key)
    return keys


def overriding_statements(key: str, files: t.Sequence[tuple[str, AptConfigFile]]) -> list[str]:
    """Return ``file:line`` of each statement that changes ``key``, also by a ``#clear`` of a key above it."""
    lowered = key.lower()
    return [
        f"{path}:{statement.line}"
        for path, file in files
        for statement in file.statements
        if _changes(statement.kind, statement.key.lower(), lowered)
    ]


def _changes(kind: str, key: str, wanted: str) -> bool:
    return key == wanted or key.startswith(wanted + "::") or (kind == "clear" and wanted.startswith(key + "::"))


def effective(config: AptConfig) -> dict[str, t.Any]:
    """Return the policy that is in force, by the names of the module's options."""
    found: dict[str, t.Any] = {name: list(config.items(key)) for name, key in LISTS.items()}
    found["days"] = [_day(text) for text in found["days"]]
    for name, (key, kind) in VALUES.items():
        text = config.value(key) or DEFAULTS.get(key, "")
        found[name] = as_bool(text) if kind == "bool" else _number(text) if kind == "int" else text
    found["enabled"] = as_bool(config.value(_ENABLE) or DEFAULTS[_ENABLE])
    limit = config.value(_LIMITS[0])
    found["download_limit"] = _number(limit) if limit else None
    return found


def _day(text: str) -> str:
    return _DAYS[int(text)] if text in "0123456" and text else text


def _number(text: str) -> int | str:
    """Return an interval in days; apt also has suffixes and ``always``, which are returned as they are."""
    return int(text) if is_number(text) else text or 0


def lost_items(files: t.Sequence[tuple[str, AptConfigFile]]) -> list[tuple[str, LostItem]]:
    """Return the items of our lists that are lost in ``files`` by a missing semicolon."""
    owned = {key.lower() for key in LISTS.values()}
    return [(path, lost) for path, file in files for lost in file.lost if lost.key.lower() in owned]


def problems(config: AptConfig, files: t.Sequence[tuple[str, AptConfigFile]]) -> list[str]:
    """Return a sentence for each problem of the policy in force."""
    found = effective(config)
    sentences = []
    if not found["enabled"]:
        sentences.append("APT::Periodic::Enable is 0: nothing is updated automatically")
    if found["update_lists_interval"] == 0:
        sentences.append("APT::Periodic::Update-Package-Lists is 0: no update is ever seen")
    if found["upgrade_interval"] == 0:
        sentences.append("APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically")
    if not found["origins"] and not found["allowed_origins"]:
        sentences.append("no origin is allowed: nothing is upgraded automatically")
    sentences += [
        f"{path}:{lost.line}: the semicolon after {lost.value!r} is missing, so apt does not count it in {lost.key}"
        for path, lost in lost_items(files)
    ]
    return sentences
