"""The role's defaults: security updates and nothing else, no reboot."""

from __future__ import annotations

from testinfra.host import Host


def test_security_is_the_only_origin(host: Host) -> None:
    shown = host.check_output("apt-config dump Unattended-Upgrade::Origins-Pattern").splitlines()
    assert shown == [
        'Unattended-Upgrade::Origins-Pattern "";',
        "Unattended-Upgrade::Origins-Pattern:: "
        '"origin=Debian,codename=${distro_codename}-security,label=Debian-Security";',
    ]


def test_the_host_does_not_reboot_by_itself(host: Host) -> None:
    shown = host.check_output("apt-config dump Unattended-Upgrade::Automatic-Reboot")
    assert shown == 'Unattended-Upgrade::Automatic-Reboot "false";'
