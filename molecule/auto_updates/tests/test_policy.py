"""The role's defaults: what Debian's own file allows, no reboot."""

from __future__ import annotations

from testinfra.host import Host


def test_security_and_the_release_are_the_origins(host: Host) -> None:
    shown = host.check_output("apt-config dump Unattended-Upgrade::Origins-Pattern").splitlines()
    assert shown == [
        'Unattended-Upgrade::Origins-Pattern "";',
        "Unattended-Upgrade::Origins-Pattern:: "
        '"origin=Debian,codename=${distro_codename}-security,label=Debian-Security";',
        'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename},label=Debian";',
    ]


def test_the_host_does_not_reboot_by_itself(host: Host) -> None:
    shown = host.check_output("apt-config dump Unattended-Upgrade::Automatic-Reboot")
    assert shown == 'Unattended-Upgrade::Automatic-Reboot "false";'
