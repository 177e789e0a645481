"""The glue of FreeBSD's automatic updates over transcripts, written from sources and manuals (fixtures/freebsd)."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd import (
    CRONTAB,
    SCRIPT,
    FreebsdUpdatesPolicy,
    crontab,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd_script import script
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import freebsd as host_freebsd
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).parents[4] / "fixtures" / "freebsd"
STOCK = {"/etc/crontab": (FIXTURES / "crontab").read_text()}
DESIRED = FreebsdUpdatesPolicy()
OURS = {SCRIPT: script(DESIRED), CRONTAB: crontab(DESIRED)}
SECURITY = ("daily_status_security_enable", "security_status_pkgaudit_enable")


def facts(
    *, jailed: str = "0", versions: str = "14.3-RELEASE-p5\n14.3-RELEASE-p5\n14.3-RELEASE-p5\n"
) -> list[Expected]:
    return [
        Expected(["sysctl", "-n", "security.jail.jailed", "kern.securelevel"], out=f"{jailed}\n-1\n"),
        Expected(["pkg", "-N"]),
        Expected(["pkg", "which", "-q", "/usr/bin/uname"], rc=1),
        Expected(["freebsd-version", "-k", "-r", "-u"], out=versions),
    ]


def cron(*, running: bool = True, enabled: bool = True) -> list[Expected]:
    words = "cron is running as pid 1043.\n" if running else "cron is not running.\n"
    return [
        Expected(["service", "cron", "onestatus"], rc=0 if running else 1, out=words),
        Expected(["service", "cron", "enabled"], rc=0 if enabled else 1),
    ]


def periodic(*values: str, names: t.Sequence[str] = SECURITY) -> Expected:
    out = "".join(f"{name}={value}\n" for name, value in zip(names, values, strict=True))
    return Expected(["/bin/sh", "-c", host_freebsd._READ_PERIODIC, "sh", *names], out=out)


def ensure(
    host: FakeHost, desired: FreebsdUpdatesPolicy | None = DESIRED, *, reports: bool | None = None
) -> PolicyResult:
    found = host_freebsd.ensure(t.cast(t.Any, host), desired, security_reports=reports)
    host.done()
    return found


def test_the_first_run() -> None:
    host = FakeHost(STOCK, [*facts(), *cron()])
    found = ensure(host)
    assert found.changed
    assert {path: host.files[path] for path in OURS} == OURS
    assert host.written == [SCRIPT, CRONTAB]
    assert found.result == {
        "path": CRONTAB,
        "base_by": "freebsd-update",
        "versions": dict.fromkeys(("installed_kernel", "running_kernel", "userland"), "14.3-RELEASE-p5"),
        "reboot_required": False,
        "job": {"when": "0 4 * * *", "command": f"/bin/sh {SCRIPT} cron"},
        "cron": {"enabled": True, "running": True},
        "security_reports": {},
    }
    assert [part["before_header"] for part in found.diff] == [CRONTAB, SCRIPT]


def test_nothing_to_do() -> None:
    host = FakeHost({**STOCK, **OURS}, [*facts(), periodic("YES", ""), *cron()])
    found = ensure(host, reports=True)
    assert not found.changed
    assert host.written == []


def test_check_mode_writes_nothing() -> None:
    host = FakeHost(STOCK, [*facts(), periodic("NO", "NO"), *cron(running=False, enabled=False)], check_mode=True)
    found = ensure(host, reports=True)
    assert found.changed
    assert [part["before_header"] for part in found.diff] == [CRONTAB, SCRIPT, "cron", "periodic.conf"]


def test_cron_is_enabled_and_started() -> None:
    host = FakeHost(
        {**STOCK, **OURS},
        [
            *facts(),
            *cron(running=False, enabled=False),
            Expected(["service", "cron", "enable"], out="cron enabled in /etc/rc.conf\n"),
            Expected(["service", "cron", "onestart"], out="Starting cron.\n"),
            *cron(),
        ],
    )
    found = ensure(host)
    assert found.changed
    assert found.diff == [
        {
            "before_header": "cron",
            "after_header": "cron",
            "before": "disabled, stopped\n",
            "after": "enabled, running\n",
        }
    ]


def test_the_security_run_is_switched_on() -> None:
    host = FakeHost(
        {**STOCK, **OURS},
        [
            *facts(),
            periodic("YES", "NO"),
            *cron(),
            Expected(["sysrc", "-f", "/etc/periodic.conf", "security_status_pkgaudit_enable=YES"]),
            periodic("YES", names=["security_status_pkgaudit_enable"]),
        ],
    )
    assert ensure(host, reports=True).changed


def test_a_file_that_overrides_periodic_conf_is_named() -> None:
    host = FakeHost(
        {**STOCK, **OURS},
        [
            *facts(),
            periodic("YES", "NO"),
            *cron(),
            Expected(["sysrc", "-f", "/etc/periodic.conf", "security_status_pkgaudit_enable=YES"]),
            periodic("NO", names=["security_status_pkgaudit_enable"]),
        ],
    )
    with pytest.raises(
        BaselineError, match=r"pkgaudit_enable is 'NO'; this task wrote /etc/periodic.conf, .*read after it"
    ):
        ensure(host, reports=True)


def test_switched_off() -> None:
    host = FakeHost({**STOCK, **OURS}, [*facts(), *cron()])
    found = ensure(host, None)
    assert found.changed
    assert not set(OURS) & set(host.files)
    assert found.result["job"] is None
    again = FakeHost(STOCK, [*facts(), *cron()])
    assert not ensure(again, None).changed


def test_a_new_kernel_requires_a_reboot() -> None:
    versions = "14.3-RELEASE-p6\n14.3-RELEASE-p5\n14.3-RELEASE-p6\n"
    host = FakeHost({**STOCK, **OURS}, [*facts(versions=versions), *cron()])
    assert ensure(host).result["reboot_required"] is True
    stamped = FakeHost({**STOCK, **OURS, "/var/run/pyhost.baseline/updates.reboot": ""}, [*facts(), *cron()])
    assert ensure(stamped).result["reboot_required"] is True


def test_pkgbase() -> None:
    commands = facts(versions="15.0-RELEASE\n15.0-RELEASE\n15.0-RELEASE\n")
    commands[2] = Expected(["pkg", "which", "-q", "/usr/bin/uname"], out="FreeBSD-runtime-15.0\n")
    listed = Expected(["pkg", "repositories", "-e", "-l"], out="FreeBSD-ports\nFreeBSD-ports-kmods\nFreeBSD-base\n")
    host = FakeHost({**STOCK, **OURS}, [*commands[:3], listed, commands[3], *cron()])
    found = ensure(host)
    assert not found.changed
    assert found.result["base_by"] == "pkgbase"


def test_another_job_that_updates_the_host_is_a_warning() -> None:
    other = {"/etc/crontab": STOCK["/etc/crontab"] + "@daily\troot\tfreebsd-update cron\n"}
    (warning,) = ensure(FakeHost({**other, **OURS}, [*facts(), *cron()])).warnings
    assert warning.startswith("/etc/crontab updates this host too (@daily: freebsd-update cron)")


@pytest.mark.parametrize(
    ("commands", "programs", "words"),
    [
        ([], [], "this host does not run FreeBSD"),
        (facts(jailed="1"), None, "this host is a jail"),
        (
            [*facts(), *cron(running=False), Expected(["service", "cron", "onestart"], rc=1, err="no")],
            None,
            f"service cron start failed: no; this task wrote {SCRIPT}, wrote {CRONTAB}, and changed nothing else",
        ),
    ],
)
def test_errors(commands: list[Expected], programs: list[str] | None, words: str) -> None:
    host = FakeHost(STOCK, commands, programs=programs)
    with pytest.raises(BaselineError, match=words):
        ensure(host)


def test_periodics_own_words_are_understood(tmp_path: Path) -> None:
    """The program that asks periodic(8), run by this machine's shell over FreeBSD's own defaults."""
    defaults = (FIXTURES / "periodic.conf-defaults").read_text()
    own = tmp_path / "periodic.conf"
    (tmp_path / "defaults").write_text(defaults.replace('"/etc/periodic.conf ', f'"{own} '))
    program = host_freebsd._READ_PERIODIC.replace("/etc/defaults/periodic.conf", str(tmp_path / "defaults"))
    own.write_text('security_status_pkgaudit_enable="NO"\n')
    ran = subprocess.run(["/bin/sh", "-c", program, "sh", *SECURITY], capture_output=True, text=True, check=True)
    assert ran.stdout == "daily_status_security_enable=YES\nsecurity_status_pkgaudit_enable=NO\n"
