# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of the role auto_updates, the same for all systems, that the updater of a family does not support."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import dnf_automatic
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import freebsd as freebsd_updates

__all__ = ["FAMILIES", "unsupported_inputs"]

Options = t.Mapping[str, t.Any]

_DNF = "dnf-automatic (the RHEL family, Fedora)"
_FREEBSD = "the updater of FreeBSD (freebsd-update, pkg)"
_PKG_LOCK = "run `pkg lock NAME` on the host to keep a package's version"
_ORIGINS: tuple[list[str], ...] = (["distribution"], ["security"], ["all"])


@dataclass(frozen=True)
class InputRule:
    """An ``option`` that is not supported where ``applies``; ``problem`` is formatted with the options."""

    option: str
    applies: t.Callable[[Options], object]
    problem: str
    hint: str = ""

    def check(self, options: Options) -> t.Iterator[BaselineError]:
        if self.applies(options):
            yield BaselineError(self.problem.format(**options), option=self.option, hint=self.hint)


def unsupported_inputs(family: str, options: Options) -> list[BaselineError]:
    """Return an error for each of ``options`` (the role's, without its prefix) that ``family`` does not support."""
    errors = list(FAMILIES.get(family, _all_supported)(options))
    for error in errors:
        error.option = f"auto_updates_{error.option}"
    return errors


def _all_supported(_options: Options) -> t.Iterator[BaselineError]:
    yield from ()


def _names_days(options: Options) -> bool:
    return bool(options["days"]) and (options["schedule"].get("upgrade_at") or "")[:1].isalpha()


_DNF_RULES = (
    InputRule(
        "origins",
        lambda options: options["origins"] not in _ORIGINS,
        f"{_DNF} supports [distribution], [security] and [all], not {{origins}}",
        "exclude packages by the blocklist",
    ),
    InputRule(
        "allowlist",
        lambda options: options["allowlist"],
        f"{_DNF} has none",
        "exclude packages by the blocklist",
    ),
    InputRule(
        "days",
        _names_days,
        f"auto_updates_schedule.upgrade_at ({{schedule[upgrade_at]}}) names days too, and {_DNF} has one calendar",
        "name them in one of the two",
    ),
    InputRule(
        "update_lists_interval",
        lambda options: options["update_lists_interval"] != 1,
        f"{_DNF} updates the lists whenever it runs",
    ),
    InputRule(
        "upgrade_interval",
        lambda options: options["upgrade_interval"] > 1,
        f"{_DNF} does not count days",
        "set auto_updates_days or auto_updates_schedule.upgrade_at",
    ),
    InputRule(
        "schedule",
        lambda options: options["schedule"].get("update_lists_at"),
        f"update_lists_at: {_DNF} updates the lists whenever it runs",
        "leave it out",
    ),
    InputRule(
        "reboot_with_users",
        lambda options: options["reboot"] != "never" and not options["reboot_with_users"],
        f"{_DNF} does not check who is logged in",
        "set it to true, or set auto_updates_reboot: never",
    ),
    InputRule(
        "mail_report",
        lambda options: options["mail_report"] != "on-change",
        f"{_DNF} always reports what it found or did",
        "set on-change",
    ),
    InputRule(
        "remove_unused_kernels",
        lambda options: not options["remove_unused_kernels"],
        "dnf keeps as many kernels as installonly_limit in /etc/dnf/dnf.conf says",
        "set it there",
    ),
    InputRule(
        "remove_unused_dependencies",
        lambda options: options["remove_unused_dependencies"],
        f"{_DNF} does not support this",
        "set it to false",
    ),
    InputRule(
        "install_on_shutdown",
        lambda options: options["install_on_shutdown"],
        f"{_DNF} does not support this",
        "set it to false",
    ),
    InputRule(
        "syslog",
        lambda options: options["syslog"],
        f"{_DNF} always logs to the journal and /var/log/dnf.log",
        "set it to false",
    ),
)

_FREEBSD_RULES = (
    InputRule(
        "origins",
        lambda options: options["origins"] not in _ORIGINS,
        f"{_FREEBSD} supports [distribution], [security] and [all], not {{origins}}",
    ),
    InputRule("blocklist", lambda options: options["blocklist"], f"{_FREEBSD} has none", _PKG_LOCK),
    InputRule("allowlist", lambda options: options["allowlist"], f"{_FREEBSD} has none", _PKG_LOCK),
    InputRule(
        "schedule",
        lambda options: options["schedule"].get("update_lists_at"),
        f"update_lists_at: {_FREEBSD} updates the lists whenever it runs",
        "leave it out",
    ),
    InputRule(
        "update_lists_interval",
        lambda options: options["update_lists_interval"] != 1 and not options["schedule"].get("update_lists_at"),
        f"{_FREEBSD} updates the lists whenever it runs",
    ),
    InputRule(
        "upgrade_interval",
        lambda options: options["upgrade_interval"] > 1,
        f"{_FREEBSD} does not count days",
        "set auto_updates_days or auto_updates_schedule.upgrade_at",
    ),
    InputRule(
        "install_on_shutdown",
        lambda options: options["install_on_shutdown"],
        f"{_FREEBSD} does not support this",
        "set it to false",
    ),
)


def _dnf(options: Options) -> t.Iterator[BaselineError]:
    for rule in _DNF_RULES:
        yield from rule.check(options)
    try:
        dnf_automatic.excludes(options["blocklist"])
    except BaselineError as error:
        yield error


def _freebsd(options: Options) -> t.Iterator[BaselineError]:
    for rule in _FREEBSD_RULES:
        yield from rule.check(options)
    try:
        freebsd_updates.policy(_module_options(options))
    except BaselineError as error:
        # The module's options calendar and random_delay are entries of the role's schedule.
        error.option = {"calendar": "schedule", "random_delay": "schedule"}.get(error.option, error.option)
        yield error


def _module_options(options: Options) -> dict[str, t.Any]:
    """Return the options of freebsd_updates, as roles/auto_updates/tasks/configure.yml gives them."""
    same = (
        "days",
        "reboot",
        "reboot_time",
        "reboot_with_users",
        "mail_to",
        "mail_report",
        "remove_unused_dependencies",
    )
    return {
        **{name: options[name] for name in same},
        "base": True,
        "packages": "all" if options["origins"] == ["all"] else "vulnerable",
        "calendar": options["schedule"].get("upgrade_at") or "04:00",
        "random_delay": options["schedule"].get("random_delay") or "1h",
    }


FAMILIES: dict[str, t.Callable[[Options], t.Iterator[BaselineError]]] = {
    "debian": _all_supported,
    "redhat": _dnf,
    "freebsd": _freebsd,
}
