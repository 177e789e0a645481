"""What Red Hat's family has by default stays as it is, and does not win over the main job."""

from __future__ import annotations

import pytest
from testinfra.host import Host

DROP_INS = "/etc/ssh/sshd_config.d"


@pytest.fixture(scope="module")
def is_el9(host: Host) -> bool:
    return "release 9." in host.file("/etc/redhat-release").content_string


@pytest.fixture(scope="module")
def effective(host: Host) -> list[str]:
    return host.check_output("sshd -T -C user=root,host=h,addr=192.0.2.1").lower().splitlines()


def test_anacondas_drop_in_is_left_alone_and_does_not_win(host: Host, effective: list[str]) -> None:
    assert "\nPermitRootLogin yes\n" in host.file(f"{DROP_INS}/01-permitrootlogin.conf").content_string
    assert "permitrootlogin no" in effective


@pytest.mark.parametrize("file", [f"{DROP_INS}/50-redhat.conf", "/etc/ssh/sshd_config", "/etc/sudoers"])
def test_files_of_packages_are_as_packaged(host: Host, file: str) -> None:
    # It names the files that differ, and ends with 1 where there are any.
    differ = host.run("rpm --verify --nomtime openssh-server sudo").stdout
    assert file not in differ


@pytest.mark.parametrize("keyword", ["x11forwarding", "gssapiauthentication"])
def test_50_redhat_does_not_win(host: Host, effective: list[str], keyword: str) -> None:
    assert f"\n{keyword} yes\n" in host.file(f"{DROP_INS}/50-redhat.conf").content_string.lower()
    assert f"{keyword} no" in effective


def test_the_crypto_policy_does_not_win(host: Host, effective: list[str]) -> None:
    """The system's policy offers hmac-sha1, the role's profile does not."""
    policy = host.file("/etc/crypto-policies/back-ends/opensshserver.config").content_string
    assert ",hmac-sha1," in policy
    (macs,) = [line for line in effective if line.startswith("macs ")]
    assert "sha1" not in macs


def test_sshd_is_still_the_familys_unit(host: Host) -> None:
    assert host.service("sshd.service").is_running
    assert host.service("sshd.service").is_enabled
    assert not host.service("sshd.socket").is_enabled
    # It ends with 1 where there is none.
    assert host.run("systemctl list-unit-files --no-legend 'ssh.*'").stdout == ""


def test_host_keys_have_the_owners_of_the_release(host: Host, is_el9: bool) -> None:
    groups = set(host.check_output("stat -c %G /etc/ssh/ssh_host_*_key").split())
    assert groups == {"ssh_keys" if is_el9 else "root"}


def test_drop_ins_are_for_root_alone(host: Host) -> None:
    modes = host.check_output("stat -c %%a %s %s/*", DROP_INS, DROP_INS).split()
    assert modes[0] == "700"
    assert set(modes[1:]) == {"600"}


def test_no_other_jail_runs(host: Host) -> None:
    status = host.check_output("fail2ban-client status")
    assert status.splitlines()[-1].split(":")[1].strip() == "sshd"


def test_firewalld_runs_where_it_ran_and_lets_ssh_in(host: Host, is_el9: bool) -> None:
    assert host.service("firewalld.service").is_running is is_el9
    if is_el9:
        assert "ssh" in host.check_output("firewall-cmd --list-services").split()


@pytest.mark.parametrize("package", ["sudo", "gcc", "python3-devel", "libpq-devel", "fail2ban-server"])
def test_packages_came_from_the_familys_archives(host: Host, package: str) -> None:
    assert host.check_output("rpm -q --qf '%%{name}' %s", package) == package
    assert not host.file("/var/lib/dpkg/info/sudo.list").exists
