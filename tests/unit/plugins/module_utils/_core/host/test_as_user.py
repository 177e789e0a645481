"""Another user's rights, for files and for programs: no more than the user has, and not for longer than asked."""

from __future__ import annotations

import os
import pwd
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import as_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

NOBODY = as_user.find_user("nobody")


@pytest.fixture(name="nobody")
def _nobody() -> as_user.User:
    assert NOBODY is not None
    return NOBODY


def run(user: as_user.User, script: str, *, seconds: float = 20, folder: str = "/", **env: str) -> t.Any:
    return as_user.run_as(user, ["/bin/sh", "-c", script], folder=folder, seconds=seconds, env=env)


def test_there_is_no_such_user() -> None:
    assert as_user.find_user("no-such-user") is None


def test_files_by_the_users_rights(nobody: as_user.User, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a")
    secret.chmod(0o600)
    with as_user.rights_of(nobody), pytest.raises(PermissionError):
        os.open(secret, os.O_RDONLY)
    assert (os.geteuid(), secret.read_text()) == (0, "a")


def test_what_a_program_reads(nobody: as_user.User) -> None:
    assert as_user.run_as(nobody, ["cat"], folder="/", seconds=20, data="a\nb").out == "a\nb"
    # One that does not read must not block.
    assert as_user.run_as(nobody, ["true"], folder="/", seconds=20, data="a" * 1_000_000).ok


def test_rights_come_back_after_a_failure(nobody: as_user.User) -> None:
    before = os.getgroups(), os.getegid()
    with pytest.raises(ZeroDivisionError), as_user.rights_of(nobody):
        raise ZeroDivisionError
    assert (os.geteuid(), (os.getgroups(), os.getegid())) == (0, before)


def test_a_program_has_the_users_rights_alone(nobody: as_user.User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "a")
    ran = run(
        nobody, "grep -E '^(Uid|Gid|Groups)' /proc/self/status; umask; env | sort; ls /proc/self/fd; cat", MORE="b"
    )
    lines = ran.out.splitlines()
    assert lines[0].split()[1:] == [str(nobody.uid)] * 4
    assert lines[1].split()[1:] == [str(nobody.gid)] * 4
    assert lines[2].split()[1:] == [str(one) for one in nobody.groups]
    assert lines[3] == "0022"
    names = {line.split("=")[0] for line in lines[4:] if "=" in line}
    assert names - {"PWD", "_", "OLDPWD", "SHLVL"} == {"HOME", "LC_ALL", "LOGNAME", "PATH", "SHELL", "USER", "MORE"}
    # Input, output, errors, and the folder that ls reads.
    assert lines[-4:] == ["0", "1", "2", "3"]
    assert ran.ok


def test_it_cannot_become_root_again(nobody: as_user.User) -> None:
    script = "python3 -c 'import os; os.setuid(0)' 2>&1 | tail -n 1"
    assert "not permitted" in run(nobody, script).out


def test_a_folder_that_it_cannot_enter(nobody: as_user.User, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert "cannot enter" in run(nobody, "true", folder=str(tmp_path)).err
    assert "cannot be started" in as_user.run_as(nobody, ["/no/such"], folder="/", seconds=5).err


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep 100", id="waits"),
        pytest.param("yes", id="floods"),
        pytest.param("exec >&- 2>&-; sleep 100", id="closes"),
        pytest.param("trap '' TERM INT HUP; sleep 100; sleep 100", id="ignores"),
    ],
)
def test_it_ends_in_time(nobody: as_user.User, script: str) -> None:
    begun = time.monotonic()
    ran = run(nobody, script, seconds=0.5)
    assert time.monotonic() - begun < 10
    assert ran.rc == as_user.TIMED_OUT
    assert "ended after" in ran.err
    assert len(ran.out) <= 1 << 20


def test_what_it_leaves_running_holds_nothing_up(nobody: as_user.User) -> None:
    begun = time.monotonic()
    ran = run(nobody, "echo answer; setsid sleep 5 & sleep 5 & exit 3")
    assert (ran.rc, ran.out) == (3, "answer\n")
    assert time.monotonic() - begun < 4


def test_the_end_of_a_long_output_is_kept(nobody: as_user.User) -> None:
    ran = run(nobody, "head -c 3000000 /dev/zero | tr '\\0' a; echo end")
    assert ran.ok
    assert ran.out.endswith("aend\n")
    assert len(ran.out) == 1 << 20


def test_private_groups() -> None:
    root = as_user.find_user("root")
    assert root is not None
    shared = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == root.gid} != {0}
    assert as_user.private_groups(root) == (frozenset() if shared else frozenset((root.gid,)))
