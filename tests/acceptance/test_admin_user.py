"""The admin as the host sees it: an account that sshd lets in by key and that can use sudo."""

from __future__ import annotations

import os
import re

import pytest
from testinfra.host import Host


def test_the_account_is_a_person_of_its_own(host: Host, admin: str) -> None:
    user = host.user(admin)
    assert user.exists
    assert user.uid != 0
    assert host.file(user.shell).exists
    assert not user.shell.endswith(("nologin", "false"))


@pytest.fixture
def key_files(host: Host, admin: str) -> list[str]:
    """The files that are there of those in which sshd looks for keys of the admin."""
    user = host.user(admin)
    shown = host.check_output("$(command -v sshd) -T -C user=%s,host=localhost,addr=127.0.0.1", admin)
    # OpenSSH 10.6 prints AuthorizedKeysFile.
    words = next(line.split()[1:] for line in shown.splitlines() if line.lower().startswith("authorizedkeysfile "))
    tokens = {"%h": user.home, "%u": admin, "%U": str(user.uid), "%%": "%"}
    paths = [os.path.join(user.home, re.sub("%.", lambda found: tokens[found[0]], word)) for word in words]
    return [path for path in paths if host.file(path).exists]


def test_it_has_a_key_that_can_be_read(host: Host, key_files: list[str]) -> None:
    assert key_files
    for path in key_files:
        assert host.check_output("ssh-keygen -l -f %s", path).splitlines()


def test_nobody_else_can_write_its_keys(host: Host, admin: str, key_files: list[str]) -> None:
    for path in {host.user(admin).home, *key_files, *map(os.path.dirname, key_files)}:
        file = host.file(path)
        assert file.user in (admin, "root"), path
        assert file.mode & 0o022 == 0, path


def test_sudo_works(host: Host, admin: str) -> None:
    # Not the exit status: a rule may lead to another user than root.
    assert host.run("sudo -u %s -- sudo -n -u root id -u", admin).stdout.strip() == "0"


def test_sudoers_are_valid_as_a_whole(host: Host) -> None:
    assert host.run("visudo -c").rc == 0


@pytest.mark.family("redhat", "freebsd")
def test_it_is_an_admin_to_su_and_polkit_too(host: Host, admin: str) -> None:
    """The admin is in the group of the family's admins, wheel."""
    assert "wheel" in host.user(admin).groups
