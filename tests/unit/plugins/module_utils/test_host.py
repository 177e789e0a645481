"""What the host refuses: the old file or the new one is there, whole, and a sentence says why."""

from __future__ import annotations

import errno
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host


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
    assert str(caught.value) == f"{file} cannot be written: No space left on device; it was left as it was"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.conf": "old\n"}


def test_a_read_only_file_system_is_named(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: str) -> t.NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", read_only)
    with pytest.raises(BaselineError) as caught:
        host.remove("/etc/x")
    assert str(caught.value) == "/etc/x cannot be removed: Read-only file system; it was left as it was"


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
