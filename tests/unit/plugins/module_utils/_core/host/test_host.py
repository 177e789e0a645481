"""What the host refuses: the old file or the new one is there, whole, and a sentence says why."""

from __future__ import annotations

import errno
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


class Module:
    """The little of AnsibleModule that files need."""

    check_mode = False

    def selinux_enabled(self) -> bool:
        return False


@pytest.fixture(name="host")
def _host() -> Host:
    return Host(Module())


def test_a_full_disk_leaves_the_old_file_whole(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.conf"
    file.write_text("old\n")

    def full(fd: int) -> t.NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError) as caught:
        host.write(str(file), "new\n")
    assert str(caught.value) == f"{file} cannot be written: No space left on device; this task changed nothing"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.conf": "old\n"}


def test_a_read_only_file_system_is_named(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: str, *, dir_fd: int) -> t.NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", read_only)
    with pytest.raises(BaselineError) as caught:
        host.remove("/etc/x")
    assert str(caught.value) == "/etc/x cannot be removed: Read-only file system; this task changed nothing"


def test_modes_do_not_depend_on_the_umask(host: Host, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        host.make_directory(str(tmp_path / "a" / "b"))
        host.write(str(tmp_path / "a" / "b" / "c"), "")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o644]


def test_only_the_folder_itself_is_closed_not_those_above_it(host: Host, tmp_path: Path) -> None:
    # /var/db, where it is missing, is not ours alone.
    host.make_directory(str(tmp_path / "db" / "own"), mode=0o700)
    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("db", "db/own")] == [0o755, 0o700]


def test_what_is_absent_is_removed_already(host: Host, tmp_path: Path) -> None:
    host.remove(str(tmp_path / "x"))


@pytest.mark.skipif(not os.path.exists("/proc/sys/kernel/pid_max"), reason="Linux alone has it")
def test_a_value_of_the_kernel_is_read(host: Host) -> None:
    assert (host.read("/proc/sys/kernel/pid_max") or "").strip().isdigit()


@AS_ROOT
def test_a_path_below_somebody_elses_folder_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    os.chown(tmp_path / "home", 65534, 65534)
    for change in (lambda path: host.write(path, ""), host.remove, host.make_directory):
        with pytest.raises(
            BaselineError, match=r"is below .*/home, which belongs to .*; this task changed nothing; remove that right"
        ):
            change(str(tmp_path / "home" / "a"))
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_write_leads_nowhere(host: Host, tmp_path: Path, mode: int) -> None:
    victim = tmp_path / "victim"
    victim.write_text("old")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "link").symlink_to(victim)
    (shared / "below").mkdir()
    shared.chmod(mode)
    for path in ("link", "below/a"):
        with pytest.raises(BaselineError, match=f"can be written by .*mode {mode:04o}"):
            host.write(str(shared / path), "new")
    assert victim.read_text() == "old"
    assert list((shared / "below").iterdir()) == []


@AS_ROOT
def test_in_a_folder_of_a_group_a_file_has_to_be_roots(host: Host, tmp_path: Path) -> None:
    """So is /var/log of Ubuntu, where fail2ban's log is made."""
    log = tmp_path / "log"
    log.mkdir()
    log.chmod(0o775)
    host.write(str(log / "new"), "text")
    (log / "theirs").write_text("")
    os.chown(log / "theirs", 65534, 65534)
    with pytest.raises(BaselineError, match="can be written by the group"):
        host.write(str(log / "theirs"), "text")
    assert (log / "new").read_text() == "text"


def test_roots_own_links_are_followed(host: Host, tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/../real/deep")
    (tmp_path / "real" / "deep" / "a").symlink_to(tmp_path / "b")
    host.write(str(tmp_path / "link" / "a"), "text")
    host.make_directory(str(tmp_path / "link" / "folder"))
    assert (tmp_path / "b").read_text() == "text"
    assert (tmp_path / "real" / "deep" / "a").is_symlink()
    host.remove(str(tmp_path / "link" / "a"))
    assert (tmp_path / "b").read_text() == "text"
    assert [path.name for path in (tmp_path / "real" / "deep").iterdir()] == ["folder"]


def test_links_that_go_round_end(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(BaselineError, match="Too many levels of symbolic links"):
        host.write(str(tmp_path / "a"), "")


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file_is_not_read(host: Host, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(BaselineError, match="cannot be read: it is not a regular file"):
        host.read(str(path))


def test_a_file_switched_off_by_a_link_is_empty(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/dev/null")
    assert host.read(str(tmp_path / "a")) == ""


def test_the_end_of_a_long_file(host: Host, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\nb\nc\n")
    assert host.read(str(tmp_path / "log"), last=4) == "b\nc\n"
    assert host.read(str(tmp_path / "log"), last=100) == "a\nb\nc\n"


def test_a_copy_leaves_out_pipes(host: Host, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("text")
    (tmp_path / "a" / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "a" / "pipe")
    host.copy_tree(str(tmp_path / "a"), str(tmp_path / "b"))
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["file", "link"]
    assert (tmp_path / "b" / "file").read_text() == "text"
