# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic updates of FreeBSD: the policy, cron's file for it, and what keeps a host from ever being updated.

FreeBSD has no unattended upgrade of its own: ``freebsd-update cron`` only fetches (freebsd-update(8)), periodic(8) only
tells. Read in sources and manuals; nothing of it was run on FreeBSD.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, unknown

__all__ = [
    "CHOICES",
    "CRONTAB",
    "DAYS",
    "HEADER",
    "PATH",
    "PERIODIC",
    "SCRIPT",
    "STATE",
    "Base",
    "Policy",
    "base_of",
    "calendar_days",
    "crontab",
    "days_of",
    "jobs_of",
    "periodic_wish",
    "policy",
    "rivals",
    "seconds_of",
    "versions_of",
    "why_never",
]

HEADER = "# Managed by the module pyhost.baseline.freebsd_updates, which replaces this file as a whole.\n"
SCRIPT = "/usr/local/libexec/pyhost-baseline-updates"
# cron(8) reads each file of this folder whose name does not begin with a dot, and sees a change by itself.
CRONTAB = "/usr/local/etc/cron.d/pyhost-baseline-updates"
PERIODIC = "/etc/periodic.conf"
# rc(8) empties /var/run at each boot: what lies there is true of this boot alone.
STATE = "/var/run/pyhost.baseline/updates"
PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CHOICES = {
    "packages": ("vulnerable", "all", "none"),
    "reboot": ("never", "when_required"),
    "mail_report": ("always", "only-on-error", "on-change"),
}
_UNTOUCHED = "nothing was changed"
_SPANS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600}
_SECURITY = ("daily_status_security_enable", "security_status_pkgaudit_enable")


@dataclass(frozen=True)
class Policy:
    """What is installed when, and what follows; ``delay`` in seconds, no ``days`` means all."""

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


def policy(options: t.Mapping[str, t.Any]) -> Policy:
    """Return the policy that the module's ``options`` ask for; what cron or the script could not keep is refused."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise BaselineError(f"{name}: {unknown('value', str(options[name]), known)}; {_UNTOUCHED}")
    if not options["base"] and options["packages"] == "none":
        raise BaselineError(
            f"neither the base system nor packages would be updated (base is false, packages is none); {_UNTOUCHED}; "
            "to switch automatic updates off, say enabled: false"
        )
    hour, minute, named = calendar_days(options["calendar"])
    if named and options["days"]:
        raise BaselineError(
            f"days: {', '.join(options['days'])} and calendar: {options['calendar']} both name days; {_UNTOUCHED}; "
            "name them in one of the two"
        )
    when = str(options["reboot_time"])
    if when != "now":
        _clock("reboot_time", when)
    mail_to = str(options["mail_to"])
    if not re.fullmatch(r"[\w.+@,-]*", mail_to):
        raise BaselineError(f"mail_to: {mail_to!r} is no address of mail; {_UNTOUCHED}")
    return Policy(
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
            f"calendar: {str(text)!r} is not a time of day that cron can keep; {_UNTOUCHED}; give it as 04:00, "
            "*-*-* 04:00 or Mon..Fri 04:00"
        )
    hour, minute = _clock("calendar", found.group(2))
    return hour, minute, days_of("calendar", (found.group(1) or "").split(",") if found.group(1) else [])


def _clock(option: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if not found or int(found.group(1)) > 23 or int(found.group(2)) > 59:
        raise BaselineError(f'{option}: {text!r} is not a time of day such as "04:30"; {_UNTOUCHED}')
    return int(found.group(1)), int(found.group(2))


def days_of(option: str, words: t.Iterable[str]) -> tuple[str, ...]:
    """Return the days of ``words`` (``Mon``, ``Mon..Fri``), each once, in the order of the week."""
    chosen: set[str] = set()
    for word in words:
        ends = [end.capitalize()[:3] for end in word.split("..")]
        wrong = next((end for end in ends if end not in DAYS), None)
        if wrong is not None or len(ends) > 2:
            raise BaselineError(f"{option}: {unknown('day', word, DAYS)}; {_UNTOUCHED}; name days as Mon, Tue … Sun")
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
        raise BaselineError(f"{option}: {text!r} is not a time span such as 30m or 1h 30min; {_UNTOUCHED}")
    total = sum(int(number) * _SPANS.get(unit, _SPANS.get(unit.rstrip("s"), 1)) for number, unit in parts)
    if total >= 86400:
        raise BaselineError(f"{option}: {text!r} is a day or more, so that runs would meet; {_UNTOUCHED}")
    return total


def crontab(wish: Policy) -> str:
    """Return cron's file for ``wish`` (crontab(5), with the user's column of a system file)."""
    days = ",".join(str((DAYS.index(day) + 1) % 7) for day in wish.days) if len(wish.days) < len(DAYS) else ""
    when = f"{wish.minute}\t{wish.hour}\t*\t*\t{days or '*'}"
    # The script need not be executable: nothing depends on its mode but that root alone can write it.
    return f'{HEADER}SHELL=/bin/sh\nPATH={PATH}\nMAILTO="{wish.mail_to}"\n{when}\troot\t/bin/sh {SCRIPT} cron\n'


def jobs_of(text: str) -> list[tuple[str, str]]:
    """Return the jobs of a system crontab: when (five fields, or ``@daily``), and the command without its user."""
    found = []
    for line in text.splitlines():
        words = line.strip()
        if not words or words.startswith("#") or re.match(r"[\w\"']+\s*=", words):
            continue
        fields = words.split(None, 2) if words.startswith("@") else words.split(None, 6)
        when = 1 if words.startswith("@") else 5
        if len(fields) == when + 2:
            # -n and -q before a command are cron's own.
            found.append((" ".join(fields[:when]), re.sub(r"^(-[nq]+\s+)+", "", fields[-1])))
    return found


def rivals(tables: t.Mapping[str, str]) -> list[str]:
    """Return sentences about jobs of others in the crontabs ``tables`` (path → text) that update this host too."""
    told = []
    for path, text in tables.items():
        for when, command in jobs_of(text):
            if re.search(r"\bfreebsd-update\b.*\b(cron|install|fetch)\b|\bpkg\b.*\bupgrade\b", command):
                told.append(f"{path} updates this host too ({when}: {command}); one of the two jobs is enough")
    return told


def periodic_wish(reports: bool | None) -> dict[str, str]:
    """Return the settings of periodic.conf(5) for the daily security run, none where they are left alone."""
    return {} if reports is None else dict.fromkeys(_SECURITY, "YES" if reports else "NO")


@dataclass(frozen=True)
class Base:
    """How the base system is kept: ``by`` is freebsd-update, pkgbase or nothing (a jail)."""

    by: str
    jailed: bool
    securelevel: int
    has_pkg: bool
    repositories: tuple[str, ...] | None = None
    versions: t.Mapping[str, str] | None = None


def base_of(
    sysctl: str, *, has_pkg: bool, uname_is_packaged: bool, repositories: str | None, versions: t.Mapping[str, str]
) -> Base:
    """Return how the host is kept, by ``sysctl -n security.jail.jailed kern.securelevel`` and what pkg says.

    The test is freebsd-update's own: with pkgbase, ``/usr/bin/uname`` belongs to a package.
    """
    jailed, securelevel = ([*sysctl.split(), "0", "0"])[:2]
    names = None if repositories is None else tuple(repositories.split())
    by = "pkgbase" if uname_is_packaged else "freebsd-update"
    return Base(by, jailed == "1", int(securelevel), has_pkg, names, dict(versions))


def versions_of(answer: str) -> dict[str, str]:
    """Return the three lines of ``freebsd-version -k -r -u`` under their names; empty where there are not three."""
    lines = answer.split()
    return dict(zip(("installed_kernel", "running_kernel", "userland"), lines)) if len(lines) == 3 else {}


def why_never(wish: Policy, base: Base) -> str | None:
    """Say why the policy could never be kept on this host, ``None`` where it can."""
    if base.jailed and (wish.base or wish.reboot != "never"):
        return (
            "this host is a jail, whose base system and reboots are its host's; update the jail's base there "
            "(freebsd-update -j), and set base: false and reboot: never here"
        )
    if wish.packages != "none" and not base.has_pkg:
        return "pkg is not bootstrapped on this host (pkg -N); run `pkg bootstrap -y`, or set packages: none"
    if not wish.base:
        return None
    if base.by == "pkgbase":
        if base.repositories is not None and "FreeBSD-base" not in base.repositories:
            return (
                "the base system is made of packages (pkgbase), but the repository FreeBSD-base is not enabled "
                f"(enabled: {', '.join(base.repositories) or 'none'}), so that no update would ever be found; enable "
                "it in /usr/local/etc/pkg/repos/FreeBSD.conf, or set base: false"
            )
        return None
    running = (base.versions or {}).get("running_kernel", "")
    if running and not re.search(r"-(RELEASE|ALPHA|BETA|RC)", running):
        return f"freebsd-update serves releases alone and this host runs {running}; set base: false"
    if base.securelevel > 0:
        return f"freebsd-update installs nothing at kern.securelevel {base.securelevel}; lower it, or set base: false"
    return None
