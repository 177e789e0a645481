# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the updater of a family cannot do of the role auto_updates, whose inputs mean the same everywhere."""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import dnf_automatic
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import freebsd as freebsd_updates

__all__ = ["FAMILIES", "unfit"]

Options = t.Mapping[str, t.Any]


def unfit(family: str, options: Options) -> list[str]:
    """Return a sentence for each of ``options`` (the role's, without its prefix) that ``family`` cannot fulfil."""
    return [f"auto_updates_{name}: {why}" for name, why in FAMILIES.get(family, _everything)(options)]


def _everything(_options: Options) -> t.Iterator[tuple[str, str]]:
    yield from ()


def _dnf(options: Options) -> t.Iterator[tuple[str, str]]:
    dnf = "dnf-automatic (the RHEL family, Fedora)"
    if options["origins"] not in (["security"], ["all"]):
        yield (
            "origins",
            f"{dnf} knows [security] and [all], not {options['origins']}; exclude packages by the blocklist",
        )
    try:
        dnf_automatic.excludes(options["blocklist"])
    except BaselineError as error:
        yield "blocklist", f"{dnf} takes names with wildcards: {error}".replace("; nothing was changed", "")
    if options["allowlist"]:
        yield "allowlist", f"{dnf} has none; exclude what is not to be upgraded by the blocklist"
    at = options["schedule"].get("upgrade_at") or ""
    if options["days"] and at[:1].isalpha():
        yield (
            "days",
            f"auto_updates_schedule.upgrade_at ({at}) names days too, and {dnf} has one calendar; say them once",
        )
    if options["update_lists_interval"] != 1:
        yield "update_lists_interval", f"{dnf} reads the lists whenever it runs"
    if options["upgrade_interval"] > 1:
        yield "upgrade_interval", f"{dnf} counts no days; give auto_updates_days or auto_updates_schedule.upgrade_at"
    if options["schedule"].get("update_lists_at"):
        yield "schedule", f"update_lists_at: {dnf} reads the lists whenever it runs; leave it out"
    if options["reboot"] != "never" and not options["reboot_with_users"]:
        yield "reboot_with_users", f"{dnf} does not look who is logged in; say true or auto_updates_reboot: never"
    if options["mail_report"] != "on-change":
        yield "mail_report", f"{dnf} reports what it found or did; say on-change"
    if not options["remove_unused_kernels"]:
        yield (
            "remove_unused_kernels",
            "dnf keeps as many kernels as installonly_limit in /etc/dnf/dnf.conf says; set it there",
        )
    for name in ("remove_unused_dependencies", "install_on_shutdown"):
        if options[name]:
            yield name, f"{dnf} cannot do that; say false"
    if options["syslog"]:
        yield "syslog", f"{dnf} logs to the journal and /var/log/dnf.log in any case; say false"


def _freebsd(options: Options) -> t.Iterator[tuple[str, str]]:
    own = "the updater of FreeBSD (freebsd-update, pkg)"
    if options["origins"] not in (["security"], ["all"]):
        yield "origins", f"{own} knows [security] and [all], not {options['origins']}"
    for name in ("blocklist", "allowlist"):
        if options[name]:
            yield name, f"{own} has none; keep a package as it is by `pkg lock NAME` on the host"
    schedule = options["schedule"]
    try:
        freebsd_updates.policy(_as_module(options))
    except BaselineError as error:
        told, _colon, why = str(error).replace("; nothing was changed", "").partition(": ")
        yield {"calendar": "schedule", "random_delay": "schedule"}.get(told, told), why
    if schedule.get("update_lists_at") or options["update_lists_interval"] != 1:
        name = "schedule" if schedule.get("update_lists_at") else "update_lists_interval"
        yield name, f"{own} reads the lists whenever it runs"
    if options["upgrade_interval"] > 1:
        yield "upgrade_interval", f"{own} counts no days; give auto_updates_days or auto_updates_schedule.upgrade_at"
    if options["install_on_shutdown"]:
        yield "install_on_shutdown", f"{own} cannot do that; say false"


def _as_module(options: Options) -> dict[str, t.Any]:
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


FAMILIES: dict[str, t.Callable[[Options], t.Iterator[tuple[str, str]]]] = {
    "debian": _everything,
    "redhat": _dnf,
    "freebsd": _freebsd,
}
