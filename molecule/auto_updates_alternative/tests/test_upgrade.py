"""What a real run installs: what the policy allows, and nothing else."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.fixture(scope="module")
def upgraded(host: Host) -> str:
    """Run unattended-upgrade for real; return what it said."""
    ran = host.run("unattended-upgrade --verbose")
    assert ran.rc == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("package", "version"),
    [
        pytest.param("pyhost-wanted", "2", id="from an allowed archive: upgraded"),
        pytest.param("pyhost-blocked", "1", id="on the blocklist: kept"),
        pytest.param("pyhost-foreign", "1", id="from an archive that is not allowed: kept"),
    ],
)
def test_a_run_installs_what_is_allowed(host: Host, upgraded: str, package: str, version: str) -> None:
    assert host.package(package).version == version, upgraded


@pytest.mark.parametrize(
    "line",
    [
        'Unattended-Upgrade::Origins-Pattern:: "origin=PyhostTest,codename=test";',
        r'Unattended-Upgrade::Package-Blacklist:: "linux-image-.+\+deb";',
        'Unattended-Upgrade::Update-Days:: "0";',
        'Unattended-Upgrade::Automatic-Reboot "true";',
        'Unattended-Upgrade::Automatic-Reboot-Time "04:30";',
        'Unattended-Upgrade::Automatic-Reboot-WithUsers "false";',
        'Unattended-Upgrade::Mail "ops@example.org";',
        'Unattended-Upgrade::MailReport "only-on-error";',
        'Unattended-Upgrade::Remove-Unused-Dependencies "true";',
        'Unattended-Upgrade::SyslogEnable "true";',
    ],
)
def test_the_policy_is_in_force(host: Host, line: str) -> None:
    assert line in host.check_output("apt-config dump").splitlines()


@pytest.mark.parametrize(
    ("timer", "calendar"),
    [("apt-daily.timer", "*-*-* 02:00:00"), ("apt-daily-upgrade.timer", "Mon..Sat *-*-* 03:15:00")],
)
def test_the_timers_fire_at_the_requested_times(host: Host, timer: str, calendar: str) -> None:
    shown = host.check_output("systemctl show --property TimersCalendar,RandomizedDelayUSec %s", timer)
    assert f"OnCalendar={calendar} ;" in shown
    assert "RandomizedDelayUSec=20min" in shown
    assert shown.count("OnCalendar=") == 1
