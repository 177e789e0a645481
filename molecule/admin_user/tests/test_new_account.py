"""An account that the role created."""

from __future__ import annotations

from testinfra.host import Host


def test_bash_is_the_shell(host: Host) -> None:
    assert host.user("deploy").shell == "/bin/bash"


def test_no_password_matches_and_sshd_does_not_call_the_account_locked(host: Host) -> None:
    assert host.user("deploy").password == "*"


def test_the_home_is_closed(host: Host) -> None:
    assert host.file("/home/deploy").mode & 0o022 == 0
    assert host.file("/home/deploy/.ssh").mode == 0o700
    assert host.file("/home/deploy/.ssh/authorized_keys").mode == 0o600
