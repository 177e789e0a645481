"""What Ubuntu has by default stays as it is, and does not win over the main job."""

from __future__ import annotations

import pytest
from testinfra.host import Host


def test_the_socket_still_holds_the_port(host: Host) -> None:
    assert host.service("ssh.socket").is_running
    assert host.service("ssh.socket").is_enabled
    assert not host.service("ssh.service").is_enabled


def test_cloud_inits_drop_in_is_left_alone_and_does_not_win(host: Host) -> None:
    assert "PasswordAuthentication yes" in host.file("/etc/ssh/sshd_config.d/50-cloud-init.conf").content_string
    effective = host.run("sshd -T -C user=deploy,host=h,addr=192.0.2.1").stdout
    assert "passwordauthentication no" in effective.splitlines()


def test_allowed_origins_with_esm_are_replaced_by_the_wish(host: Host) -> None:
    assert "ESMApps" in host.file("/etc/apt/apt.conf.d/50unattended-upgrades").content_string
    dump = host.run("apt-config dump").stdout
    assert [line for line in dump.splitlines() if line.startswith("Unattended-Upgrade::Allowed-Origins::")] == []
    assert 'Unattended-Upgrade::Origins-Pattern:: "origin=Ubuntu,archive=${distro_codename}-security";' in dump


def test_needrestart_is_as_before_and_asked_nobody(host: Host) -> None:
    assert "= 'i'" in host.file("/etc/needrestart/conf.d/ubuntu.conf").content_string
    assert host.package("needrestart").is_installed


def test_ufw_is_there_and_still_inactive(host: Host) -> None:
    assert host.run("ufw status").stdout.strip() == "Status: inactive"


@pytest.mark.parametrize("package", ["ufw", "unattended-upgrades", "sudo"])
def test_what_was_installed_is_installed(host: Host, package: str) -> None:
    assert host.package(package).is_installed
