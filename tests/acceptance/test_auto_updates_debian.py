"""Automatic updates as the host itself sees them: apt's composed configuration, the timers, unattended-upgrade."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

pytestmark = pytest.mark.family("debian")

ORIGINS = "Unattended-Upgrade::Origins-Pattern"


@pytest.fixture(scope="module")
def dump(host: Host) -> list[str]:
    """The lines of ``apt-config dump``."""
    return host.check_output("apt-config dump").splitlines()


@pytest.fixture(scope="module")
def dry_run(host: Host) -> str:
    """What unattended-upgrade says that it would do."""
    ran = host.run("unattended-upgrade --dry-run --debug")
    assert ran.rc == 0, ran.stderr + ran.stdout
    return ran.stdout + ran.stderr


def test_security_updates_are_allowed(dump: list[str]) -> None:
    allowed = [line for line in dump if line.startswith(ORIGINS + ":: ")]
    assert any("-security" in line for line in allowed), allowed


def test_no_origin_lost_its_semicolon(dump: list[str]) -> None:
    named = [line for line in dump if re.match(re.escape(ORIGINS) + r"::[^ :]", line)]
    assert not named


@pytest.mark.parametrize("key", ["Enable", "Update-Package-Lists", "Unattended-Upgrade"])
def test_apt_works_every_day(dump: list[str], key: str) -> None:
    """Package lists and upgrades are asked for every day."""
    assert f'APT::Periodic::{key} "1";' in dump


@pytest.mark.parametrize("timer", ["apt-daily.timer", "apt-daily-upgrade.timer"])
def test_a_timer_will_fire(host: Host, timer: str) -> None:
    """The timers of apt will fire."""
    shown = host.check_output(
        "systemctl show --property UnitFileState,ActiveState,NextElapseUSecRealtime,NeedDaemonReload %s", timer
    )
    state = dict(line.split("=", 1) for line in shown.splitlines())
    assert (state["UnitFileState"], state["ActiveState"], state["NeedDaemonReload"]) == ("enabled", "active", "no")
    assert state["NextElapseUSecRealtime"]


def test_unattended_upgrade_allows_the_security_archive(host: Host, dry_run: str) -> None:
    codename = host.check_output(". /etc/os-release && echo $VERSION_CODENAME")
    (allowed,) = re.findall(r"^Allowed origins are: (.*)$", dry_run, re.MULTILINE)
    assert f"{codename}-security" in allowed
    refused = re.findall(r"^Marking not allowed .*filename:'([^']*)'", dry_run, re.MULTILINE)
    assert not [path for path in refused if f"{codename}-security" in path]
