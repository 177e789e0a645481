"""After all findings: a real run of apt's own service installs what the policy allows, and leaves the stamps."""

from __future__ import annotations

import pytest
from testinfra.host import Host

STAMP = "/var/lib/apt/periodic/upgrade-stamp"


@pytest.fixture(scope="module")
def upgraded(host: Host) -> str:
    """Start what the timer starts; return the log."""
    host.check_output("rm -f %s && systemctl start apt-daily-upgrade.service", STAMP)
    return host.file("/var/log/unattended-upgrades/unattended-upgrades.log").content_string


@pytest.mark.parametrize(
    ("package", "version"),
    [
        pytest.param("pyhost-plain", "2", id="from the security archive, not from backports or elsewhere"),
        pytest.param("pyhost-needs", "2", id="with a new dependency"),
        pytest.param("pyhost-new", "1", id="which the release has"),
    ],
)
def test_the_distributions_own_choice_is_installed(host: Host, upgraded: str, package: str, version: str) -> None:
    assert host.package(package).version == version, upgraded


def test_a_run_that_succeeded_leaves_its_stamp(host: Host, upgraded: str) -> None:
    assert host.file(STAMP).exists, upgraded
