# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic updates of FreeBSD: the policy, cron's file for it, and the obstacles to any update of a host.

FreeBSD has no unattended upgrade of its own: ``freebsd-update cron`` only fetches (freebsd-update(8)), periodic(8) only
reports. Written from sources and manuals; nothing of it was run on FreeBSD.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError, unknown

__all__ = [
    "CHOICES",
    "CRONTAB",
    "DAYS",
    "HEADER",
    "PATH",
    "PERIODIC",
    "SCRIPT",
    "STATE",
    "BaseSystem",
    "FreebsdUpdatesPolicy",
    "base_of",
    "calendar_days",
    "competing_jobs",
    "crontab",
    "days_of",
    "find_obstacle",
    "jobs_of",
    "periodic_settings",
    "policy",
    "seconds_of",
    "versions_of",
]

HEADER = "# Managed by the module pyhost.baseline.freebsd_updates, which replaces this file as a whole.\n"
SCRIPT = "/usr/local/libexec/pyhost-baseline-updates"
# cron(8) reads each file of this folder whose name does not start with a dot, and notices changes itself.
CRONTAB = "/usr/local/etc/cron.d/pyhost-baseline-updates"
PERIODIC = "/etc/periodic.conf"
# rc(8) empties /var/run at each boot, so the files in it are about the current boot.
STATE = "/var/run/pyhost.baseline/updates"
PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CHOICES = {
    "packages": ("vulnerable", "all", "none"),
    "reboot": ("never", "when_required"),
    "mail_report": ("always", "only-on-error", "on-change"),
}
_SPANS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600}
_SECURITY = ("daily_status_security_enable", "security_status_pkgaudit_enable")


@dataclass(frozen=True)
class FreebsdUpdatesPolicy:
    """What is installed when, reboots and reports; ``delay`` is in seconds, no ``days`` means every day."""

    base: bool = True
    packages: str = "vulnerable"
    autoremove: bool = False
    reboot: str = "never"
    reboot_time: str = "now"
    reboot_with_users: bool = True
    hour: int = 4
    minute: int = 0
    days: tuple[str, ...] = ()
    delay: int = 3600
    mail_to: str = ""
    mail_report: str = "on-change"


def policy(options: t.Mapping[str, t.Any]) -> FreebsdUpdatesPolicy:
    """Return the policy of the module's ``options``; options that cron or the script cannot implement raise."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise BaselineError(unknown("value", str(options[name]), known), option=name, state=UNCHANGED)
    if not options["base"] and options["packages"] == "none":
        raise BaselineError(
            "neither the base system nor packages would be updated (base is false, packages is none)",
            hint="set enabled: false to switch automatic updates off",
        )
    hour, minute, named = calendar_days(options["calendar"])
    if named and options["days"]:
        raise BaselineError(
            f"{', '.join(options['days'])} and calendar: {options['calendar']} both name days",
            option="days",
            hint="name them in one of the two",
        )
    when = str(options["reboot_time"])
    if when != "now":
        _clock("reboot_time", when)
    mail_to = str(options["mail_to"])
    if not re.fullmatch(r"[\w.+@,-]*", mail_to):
        raise BaselineError(f"{mail_to!r} is not a mail address", option="mail_to")
    return FreebsdUpdatesPolicy(
        base=options["base"],
        packages=options["packages"],
        autoremove=options["remove_unused_dependencies"],
        reboot=options["reboot"],
        reboot_time=when,
        reboot_with_users=options["reboot_with_users"],
        hour=hour,
        minute=minute,
        days=named or days_of("days", options["days"]),
        delay=seconds_of("random_delay", options["random_delay"]),
        mail_to=mail_to,
        mail_report=options["mail_report"],
    )


def calendar_days(text: str) -> tuple[int, int, tuple[str, ...]]:
    """Return hour, minute and days of a calendar time as systemd.time(7) has it, where crontab(5) can say the same."""
    found = re.fullmatch(r"(?:([A-Za-z.,]+)\s+)?(?:\*-\*-\*\s+)?(\d{1,2}:\d{2})(?::00)?", str(text).strip())
    if not found:
        raise BaselineError(
            f"{str(text)!r} is not a time of day that cron supports",
            option="calendar",
            hint="give it as 04:00, *-*-* 04:00 or Mon..Fri 04:00",
        )
    hour, minute = _clock("calendar", found.group(2))
    return hour, minute, days_of("calendar", (found.group(1) or "").split(",") if found.group(1) else [])


def _clock(option: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if not found or int(found.group(1)) > 23 or int(found.group(2)) > 59:
        raise BaselineError(f'{text!r} is not a time of day such as "04:30"', option=option)
    return int(found.group(1)), int(found.group(2))


def days_of(option: str, words: t.Iterable[str]) -> tuple[str, ...]:
    """Return the days of ``words`` (``Mon``, ``Mon..Fri``), each once, in the order of the week."""
    chosen: set[str] = set()
    for word in words:
        ends = [end.capitalize()[:3] for end in word.split("..")]
        wrong = next((end for end in ends if end not in DAYS), None)
        if wrong is not None or len(ends) > 2:
            raise BaselineError(
                unknown("day", word, DAYS), option=option, state=UNCHANGED, hint="name days as Mon, Tue … Sun"
            )
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        count = (last - first) % 7 + 1
        chosen.update(DAYS[(first + number) % 7] for number in range(count))
    return tuple(day for day in DAYS if day in chosen)


def seconds_of(option: str, span: str) -> int:
    """Return a time span as systemd.time(7) has it (``30m``, ``1h 30min``, ``90``) in seconds, a day at most."""
    text = str(span).strip()
    parts = re.findall(r"(\d+)\s*([a-z]*)\s*", text)
    known = all(not unit or unit in _SPANS or unit.rstrip("s") in _SPANS for _number, unit in parts)
    if not parts or not known or re.sub(r"(\d+)\s*([a-z]*)\s*", "", text):
        raise BaselineError(f"{text!r} is not a time span such as 30m or 1h 30min", option=option)
    total = sum(int(number) * _SPANS.get(unit, _SPANS.get(unit.rstrip("s"), 1)) for number, unit in parts)
    if total >= 86400:
        raise BaselineError(f"{text!r} is a day or more, so runs would overlap", option=option)
    return total


def crontab(desired: FreebsdUpdatesPolicy) -> str:
    """Return cron's file for ``desired`` (crontab(5), with the user's column of a system file)."""
    days = ",".join(str((DAYS.index(day) + 1) % 7) for day in desired.days) if len(desired.days) < len(DAYS) else ""
    when = f"{desired.minute}\t{desired.hour}\t*\t*\t{days or '*'}"
    # The script need not be executable; its mode matters only in that nobody but root can write it.
    return f'{HEADER}SHELL=/bin/sh\nPATH={PATH}\nMAILTO="{desired.mail_to}"\n{when}\troot\t/bin/sh {SCRIPT} cron\n'


def jobs_of(text: str) -> list[tuple[str, str]]:
    """Return the jobs of a system crontab: when (five fields, or ``@daily``), and the command without its user."""
    found = []
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#") or re.match(r"[\w\"']+\s*=", entry):
            continue
        fields = entry.split(None, 2) if entry.startswith("@") else entry.split(None, 6)
        when = 1 if entry.startswith("@") else 5
        if len(fields) == when + 2:
            # -n and -q before a command are options of cron.
            found.append((" ".join(fields[:when]), re.sub(r"^(-[nq]+\s+)+", "", fields[-1])))
    return found


def competing_jobs(tables: t.Mapping[str, str]) -> list[str]:
    """Return a sentence for each other job in the crontabs ``tables`` (path → text) that updates this host too."""
    sentences = []
    for path, text in tables.items():
        for when, command in jobs_of(text):
            if re.search(r"\bfreebsd-update\b.*\b(cron|install|fetch)\b|\bpkg\b.*\bupgrade\b", command):
                sentences.append(f"{path} updates this host too ({when}: {command}); one of the two jobs is enough")
    return sentences


def periodic_settings(reports: bool | None) -> dict[str, str]:
    """Return the settings of periodic.conf(5) for the daily security run, none where they are not managed."""
    return {} if reports is None else dict.fromkeys(_SECURITY, "YES" if reports else "NO")


@dataclass(frozen=True)
class BaseSystem:
    """How the base system is updated: ``by`` freebsd-update or pkgbase."""

    by: str
    jailed: bool
    securelevel: int
    has_pkg: bool
    repositories: tuple[str, ...] | None = None
    versions: t.Mapping[str, str] | None = None


def base_of(
    sysctl: str, *, has_pkg: bool, uname_is_packaged: bool, repositories: str | None, versions: t.Mapping[str, str]
) -> BaseSystem:
    """Return how the base is updated, by ``sysctl -n security.jail.jailed kern.securelevel`` and the output of pkg.

    The test is freebsd-update's own: with pkgbase, ``/usr/bin/uname`` belongs to a package.
    """
    jailed, securelevel = ([*sysctl.split(), "0", "0"])[:2]
    names = None if repositories is None else tuple(repositories.split())
    by = "pkgbase" if uname_is_packaged else "freebsd-update"
    return BaseSystem(by, jailed == "1", int(securelevel), has_pkg, names, dict(versions))


def versions_of(answer: str) -> dict[str, str]:
    """Return the three lines of ``freebsd-version -k -r -u`` by name; empty if there are not three."""
    lines = answer.split()
    return dict(zip(("installed_kernel", "running_kernel", "userland"), lines)) if len(lines) == 3 else {}


def find_obstacle(desired: FreebsdUpdatesPolicy, base: BaseSystem) -> BaselineError | None:
    """Return why the policy could never be carried out on this host, ``None`` if it can."""
    if base.jailed and (desired.base or desired.reboot != "never"):
        return BaselineError(
            "this host is a jail, whose base system and reboots are its host's",
            hint="update the jail's base there (freebsd-update -j), and set base: false and reboot: never here",
        )
    if desired.packages != "none" and not base.has_pkg:
        return BaselineError(
            "pkg is not bootstrapped on this host (pkg -N)", hint="run `pkg bootstrap -y`, or set packages: none"
        )
    return _find_base_obstacle(base) if desired.base else None


def _find_base_obstacle(base: BaseSystem) -> BaselineError | None:
    if base.by == "pkgbase":
        if base.repositories is None or "FreeBSD-base" in base.repositories:
            return None
        return BaselineError(
            "the base system is made of packages (pkgbase), but the repository FreeBSD-base is not enabled "
            f"(enabled: {', '.join(base.repositories) or 'none'}), so no update would ever be found",
            hint="enable it in /usr/local/etc/pkg/repos/FreeBSD.conf, or set base: false",
        )
    running = (base.versions or {}).get("running_kernel", "")
    if running and not re.search(r"-(RELEASE|ALPHA|BETA|RC)", running):
        return BaselineError(
            f"freebsd-update serves only releases, and this host runs {running}", hint="set base: false"
        )
    if base.securelevel > 0:
        return BaselineError(
            f"freebsd-update installs nothing at kern.securelevel {base.securelevel}",
            hint="lower it, or set base: false",
        )
    return None
