"""The admin as the host sees it: an account that sshd lets in by key and that can use sudo."""

from __future__ import annotations

import pytest
from testinfra.host import Host


def test_the_account_is_a_person_of_its_own(host: Host, admin: str) -> None:
    user = host.user(admin)
    assert user.exists
    assert user.uid != 0
    assert host.file(user.shell).exists
    assert not user.shell.endswith(("nologin", "false"))


def test_it_has_a_key_that_can_be_read(host: Host, admin: str) -> None:
    listed = host.check_output("ssh-keygen -l -f %s/.ssh/authorized_keys", host.user(admin).home)
    assert listed.splitlines()


@pytest.mark.parametrize("below", ["", "/.ssh", "/.ssh/authorized_keys"], ids=["home", "directory", "keys"])
def test_nobody_else_can_write_its_keys(host: Host, admin: str, below: str) -> None:
    file = host.file(f"{host.user(admin).home}{below}")
    assert file.user in (admin, "root")
    assert file.mode & 0o022 == 0


def test_sudo_works(host: Host, admin: str) -> None:
    # Not the exit status: a rule may lead to another user than root.
    assert host.run("sudo -u %s -- sudo -n -u root id -u", admin).stdout.strip() == "0"


def test_sudoers_are_valid_as_a_whole(host: Host) -> None:
    assert host.run("visudo -c").rc == 0


@pytest.mark.family("redhat", "freebsd")
def test_it_is_an_admin_to_su_and_polkit_too(host: Host, admin: str) -> None:
    """The admin is in the group of the family's admins, wheel."""
    assert "wheel" in host.user(admin).groups
