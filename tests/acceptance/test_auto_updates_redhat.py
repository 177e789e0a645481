"""Automatic updates as a host of Red Hat's family sees them: the composed configuration, the timer, a dry run."""

from __future__ import annotations

import configparser

import pytest
from testinfra.host import Host

pytestmark = pytest.mark.family("redhat")

# dnf 5 reads its vendor's file first; dnf 4 has the host's alone.
FILES = ("/usr/share/dnf5/dnf5-plugins/automatic.conf", "/etc/dnf/automatic.conf")


@pytest.fixture(scope="module")
def is_dnf5(host: Host) -> bool:
    return host.file(FILES[0]).exists


@pytest.fixture(scope="module")
def policy(host: Host) -> configparser.SectionProxy:
    """The section ``commands`` of the files, the later over the earlier."""
    parser = configparser.ConfigParser(interpolation=None)
    for path in FILES:
        if host.file(path).exists:
            parser.read_string(host.file(path).content_string)
    return parser["commands"]


@pytest.fixture(scope="module")
def timer(is_dnf5: bool) -> str:
    return "dnf5-automatic.timer" if is_dnf5 else "dnf-automatic.timer"


def test_security_updates_are_applied(policy: configparser.SectionProxy) -> None:
    # All updates where the distribution publishes no advisories, as CentOS Stream.
    assert policy["upgrade_type"] in ("security", "default")
    assert policy.getboolean("download_updates")
    assert policy.getboolean("apply_updates")


def test_the_timer_will_fire(host: Host, timer: str) -> None:
    """The timer will fire."""
    shown = host.check_output(
        "systemctl show --property UnitFileState,ActiveState,NextElapseUSecRealtime,NeedDaemonReload %s", timer
    )
    state = dict(line.split("=", 1) for line in shown.splitlines())
    assert (state["UnitFileState"], state["ActiveState"], state["NeedDaemonReload"]) == ("enabled", "active", "no")
    assert state["NextElapseUSecRealtime"]


def test_no_other_timer_overrides_the_policy(host: Host, timer: str) -> None:
    """The timers dnf-automatic-install and so on would say something else than the configuration."""
    listed = host.check_output("systemctl list-timers --all --plain --no-legend 'dnf*automatic*'")
    assert [line.split()[-2] for line in listed.splitlines()] == [timer]


def test_a_dry_run_works(host: Host, is_dnf5: bool) -> None:
    """dnf-automatic itself reads the policy and comes to an end."""
    command = "dnf5 automatic" if is_dnf5 else "dnf-automatic"
    ran = host.run(f"{command} --no-downloadupdates --no-installupdates")
    assert ran.rc == 0, ran.stderr + ran.stdout
