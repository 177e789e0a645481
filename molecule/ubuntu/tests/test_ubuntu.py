"""What each Ubuntu has by default stays as it is, and does not win over the main job."""

from __future__ import annotations

import typing as t

import pytest
from testinfra.host import Host


def own(codename: str) -> set[str]:
    """Return what Ubuntu's own file allows."""
    return {
        f"origin=Ubuntu,archive={codename}-security",
        f"origin=Ubuntu,archive={codename}",
        f"origin=UbuntuESMApps,archive={codename}-apps-security",
        f"origin=UbuntuESM,archive={codename}-infra-security",
    }


# What differs by release. The port is held by ssh.socket: once by an sshd for each connection, else by the one sshd.
RELEASES: dict[str, dict[str, t.Any]] = {
    "22.04": {
        "codename": "jammy",
        "accept": "yes",
        "needrestart": "i",
        "sudo": "Sudo version 1.9",
        "pep668": False,
        "snapd": True,
        "origins": own("jammy"),
    },
    "24.04": {
        "codename": "noble",
        "accept": "no",
        "needrestart": "a",
        "sudo": "Sudo version 1.9",
        "pep668": True,
        "snapd": False,
        "origins": {"origin=Ubuntu,archive=noble-security"},
    },
    "26.04": {
        "codename": "resolute",
        "accept": "no",
        "needrestart": "a",
        "sudo": "sudo-rs ",
        "pep668": True,
        "snapd": False,
        "origins": own("resolute"),
    },
}


@pytest.fixture
def release(host: Host) -> dict[str, t.Any]:
    return RELEASES[host.check_output(". /etc/os-release && echo $VERSION_ID")]


def test_the_socket_still_holds_the_port(host: Host, release: dict[str, t.Any]) -> None:
    shown = "systemctl show --property Accept,ActiveState,UnitFileState ssh.socket"
    assert set(host.check_output(shown).splitlines()) == {
        f"Accept={release['accept']}",
        "ActiveState=active",
        "UnitFileState=enabled",
    }
    assert not host.service("ssh.service").is_enabled
    # One sshd for all connections runs since the first of them; or else none does, but those of the connections.
    assert host.service("ssh.service").is_running is (release["accept"] == "no")
    own = host.check_output("systemctl list-units --no-legend --plain 'ssh@*'").splitlines()
    assert bool(own) is (release["accept"] == "yes")


def test_cloud_inits_drop_in_is_left_alone_and_does_not_win(host: Host) -> None:
    assert host.file("/etc/ssh/sshd_config.d/50-cloud-init.conf").content_string == "PasswordAuthentication yes\n"
    effective = host.check_output("sshd -T -C user=deploy,host=h,addr=192.0.2.1").lower()
    assert "passwordauthentication no" in effective.splitlines()


def test_allowed_origins_are_replaced_by_the_desired_ones(host: Host, release: dict[str, t.Any]) -> None:
    assert "ESMApps" in host.file("/etc/apt/apt.conf.d/50unattended-upgrades").content_string
    dump = host.check_output("apt-config dump").splitlines()
    assert [line for line in dump if line.startswith("Unattended-Upgrade::Allowed-Origins::")] == []
    pattern = 'Unattended-Upgrade::Origins-Pattern:: "'
    named = {line.removeprefix(pattern).removesuffix('";') for line in dump if line.startswith(pattern)}
    assert {one.replace("${distro_codename}", release["codename"]) for one in named} == release["origins"]


def test_unattended_upgrade_takes_esm_where_it_is_requested_and_nowhere_else(
    host: Host, release: dict[str, t.Any]
) -> None:
    ran = host.run("unattended-upgrade --dry-run --debug")
    assert ran.rc == 0, ran.stderr
    said = f"{ran.stdout}{ran.stderr}"
    refused = {line for line in said.splitlines() if line.startswith("Marking not allowed")}
    for suffix in ("-apps-security", "-infra-security"):
        archive = f"a={release['codename']}{suffix},"
        taken = not any(archive in line for line in refused)
        assert taken is any(one.endswith(suffix) for one in release["origins"]), suffix


def test_needrestart_is_as_before_and_runs_non_interactively(host: Host, release: dict[str, t.Any]) -> None:
    assert f"= '{release['needrestart']}'" in host.file("/etc/needrestart/conf.d/ubuntu.conf").content_string
    recorded = host.file("/var/log/needrestart.environment").content_string.splitlines()
    # It ran after the transaction of the main job, to list what it would restart.
    assert set(recorded) == {"noninteractive l"}


def test_sudo_is_the_one_that_the_release_has(host: Host, release: dict[str, t.Any]) -> None:
    assert host.check_output("sudo --version").startswith(release["sudo"])


def test_pip_is_restrained_where_the_release_restrains_it(host: Host, release: dict[str, t.Any]) -> None:
    marker = host.run("ls /usr/lib/python3*/EXTERNALLY-MANAGED")
    assert (marker.rc == 0) is release["pep668"]


def test_snapd_is_as_it_was(host: Host, release: dict[str, t.Any]) -> None:
    assert host.package("snapd").is_installed is release["snapd"]
    states = ["enabled", "enabled", "active"] if release["snapd"] else ["not-found", "not-found", "inactive"]
    asked = "systemctl is-enabled snapd.service snapd.socket; systemctl is-active snapd.socket"
    assert host.run(asked).stdout.split() == states


def test_ufw_is_there_and_still_inactive(host: Host) -> None:
    assert host.package("ufw").is_installed
    assert host.run("ufw status").stdout.strip() == "Status: inactive"
