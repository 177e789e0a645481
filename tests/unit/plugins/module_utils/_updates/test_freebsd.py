"""The policy of FreeBSD's automatic updates: what is refused, cron's file, and hosts that could never be updated."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import freebsd as updates

FIXTURES = Path(__file__).parents[3] / "fixtures" / "freebsd"
STOCK_CRONTAB = (FIXTURES / "crontab").read_text()
OPTIONS: dict[str, t.Any] = {
    "base": True,
    "packages": "vulnerable",
    "remove_unused_dependencies": False,
    "reboot": "never",
    "reboot_time": "now",
    "reboot_with_users": True,
    "calendar": "04:00",
    "days": [],
    "random_delay": "1h",
    "mail_to": "",
    "mail_report": "on-change",
}
CLASSIC = updates.base_of(
    "0\n-1\n",
    has_pkg=True,
    uname_is_packaged=False,
    repositories=None,
    versions=updates.versions_of("14.3-RELEASE-p5\n14.3-RELEASE-p5\n14.3-RELEASE-p6\n"),
)
PACKAGED = replace(CLASSIC, by="pkgbase", repositories=("FreeBSD-ports", "FreeBSD-ports-kmods", "FreeBSD-base"))


def desired(**options: t.Any) -> updates.FreebsdUpdatesPolicy:
    return updates.policy({**OPTIONS, **options})


def test_the_defaults() -> None:
    assert desired() == updates.FreebsdUpdatesPolicy()


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("04:00", (4, 0, ())),
        ("4:05", (4, 5, ())),
        ("*-*-* 23:59", (23, 59, ())),
        ("*-*-* 00:30:00", (0, 30, ())),
        ("Mon..Fri 04:00", (4, 0, ("Mon", "Tue", "Wed", "Thu", "Fri"))),
        ("Sat,Sun *-*-* 04:00", (4, 0, ("Sat", "Sun"))),
        ("Sat..Mon 04:00", (4, 0, ("Mon", "Sat", "Sun"))),
        ("Monday 04:00", (4, 0, ("Mon",))),
    ],
)
def test_calendar(calendar: str, expected: tuple[t.Any, ...]) -> None:
    assert updates.calendar_days(calendar) == expected


@pytest.mark.parametrize(
    ("span", "seconds"), [("0", 0), ("90", 90), ("30m", 1800), ("1h 30min", 5400), ("2hours", 7200), ("45 s", 45)]
)
def test_spans(span: str, seconds: int) -> None:
    assert updates.seconds_of("random_delay", span) == seconds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"packages": "vulnerabel"}, "packages: unknown value 'vulnerabel'; did you mean 'vulnerable'?"),
        ({"base": False, "packages": "none"}, "neither the base system nor packages would be updated"),
        ({"calendar": "*:0/15"}, "calendar: '*:0/15' is not a time of day that cron supports"),
        ({"calendar": "*-*-01 04:00"}, "calendar: '*-*-01 04:00' is not a time of day that cron supports"),
        ({"calendar": "25:00"}, "calendar: '25:00' is not a time of day"),
        ({"calendar": "Mon 04:00", "days": ["Tue"]}, "both name days"),
        ({"days": ["Moon"]}, "days: unknown day 'Moon'"),
        ({"reboot_time": "4 o'clock"}, 'reboot_time: "4 o\'clock" is not a time of day'),
        ({"random_delay": "soon"}, "random_delay: 'soon' is not a time span"),
        ({"random_delay": "25h"}, "random_delay: '25h' is a day or more"),
        ({"mail_to": 'root"\nPATH=/tmp'}, "mail_to: "),
    ],
)
def test_refused(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BaselineError) as raised:
        desired(**options)
    assert words in str(raised.value)
    assert "this task changed nothing" in str(raised.value)


def test_crontab() -> None:
    assert updates.crontab(desired(calendar="Mon..Fri 04:30", mail_to="ops@example.org")) == (
        "# Managed by the module pyhost.baseline.freebsd_updates, which replaces this file as a whole.\n"
        "SHELL=/bin/sh\n"
        "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin\n"
        'MAILTO="ops@example.org"\n'
        "30\t4\t*\t*\t1,2,3,4,5\troot\t/bin/sh /usr/local/libexec/pyhost-baseline-updates cron\n"
    )


@pytest.mark.parametrize(
    ("days", "column"), [([], "*"), (["Sun"], "0"), (["Sun", "Mon"], "1,0"), (list(updates.DAYS), "*")]
)
def test_days_of_the_crontab(days: list[str], column: str) -> None:
    ((when, command),) = updates.jobs_of(updates.crontab(desired(days=days)))
    assert when == f"0 4 * * {column}"
    assert command == "/bin/sh /usr/local/libexec/pyhost-baseline-updates cron"


def test_jobs_of_the_stock_crontab() -> None:
    jobs = updates.jobs_of(STOCK_CRONTAB)
    assert ("1 3 * * *", "periodic daily") in jobs
    assert ("*/11 * * * *", "/usr/libexec/save-entropy") in jobs
    assert len(jobs) == 6
    assert updates.competing_jobs({"/etc/crontab": STOCK_CRONTAB}) == []


@pytest.mark.parametrize(
    "line",
    [
        "@daily\troot\tfreebsd-update cron",
        "0 3 * * * root -n -q /usr/sbin/freebsd-update -t ops cron",
        "0 3 * * * root pkg update && pkg upgrade -y",
    ],
)
def test_rivals(line: str) -> None:
    (sentence,) = updates.competing_jobs({"/etc/crontab": STOCK_CRONTAB + line + "\n"})
    assert sentence.startswith("/etc/crontab updates this host too (")
    assert "-n -q" not in sentence


def test_how_the_base_is_kept() -> None:
    assert (CLASSIC.by, CLASSIC.jailed, CLASSIC.securelevel) == ("freebsd-update", False, -1)
    assert CLASSIC.versions == {
        "installed_kernel": "14.3-RELEASE-p5",
        "running_kernel": "14.3-RELEASE-p5",
        "userland": "14.3-RELEASE-p6",
    }
    packaged = updates.base_of(
        "1\n2\n", has_pkg=True, uname_is_packaged=True, repositories="FreeBSD-ports\nFreeBSD-base\n", versions={}
    )
    assert (packaged.by, packaged.jailed, packaged.securelevel) == ("pkgbase", True, 2)
    assert packaged.repositories == ("FreeBSD-ports", "FreeBSD-base")
    # A jail has no kernel to tell of.
    assert updates.versions_of("14.3-RELEASE\n") == {}


@pytest.mark.parametrize(
    ("base", "options", "words"),
    [
        (CLASSIC, {}, None),
        (PACKAGED, {}, None),
        (replace(PACKAGED, repositories=None), {}, None),
        (replace(CLASSIC, jailed=True), {}, "this host is a jail"),
        (replace(CLASSIC, jailed=True), {"base": False}, None),
        (replace(CLASSIC, jailed=True), {"base": False, "reboot": "when_required"}, "this host is a jail"),
        (replace(CLASSIC, has_pkg=False), {}, "pkg is not bootstrapped"),
        (replace(CLASSIC, has_pkg=False), {"packages": "none"}, None),
        (replace(CLASSIC, securelevel=1), {}, "installs nothing at kern.securelevel 1"),
        (replace(CLASSIC, securelevel=1), {"base": False}, None),
        (replace(CLASSIC, versions={"running_kernel": "14.3-STABLE"}), {}, "this host runs 14.3-STABLE"),
        (replace(CLASSIC, versions={"running_kernel": "15.0-RC2"}), {}, None),
        (replace(PACKAGED, versions={"running_kernel": "15.0-STABLE"}), {}, None),
        (
            replace(PACKAGED, repositories=("FreeBSD-ports",)),
            {},
            "FreeBSD-base is not enabled (enabled: FreeBSD-ports)",
        ),
    ],
)
def test_hosts_that_could_never_be_updated(
    base: updates.BaseSystem, options: dict[str, t.Any], words: str | None
) -> None:
    found = updates.find_obstacle(desired(**options), base)
    assert (found is None) if words is None else (words in str(found))


def test_periodic() -> None:
    assert updates.periodic_settings(None) == {}
    assert updates.periodic_settings(True) == {
        "daily_status_security_enable": "YES",
        "security_status_pkgaudit_enable": "YES",
    }
