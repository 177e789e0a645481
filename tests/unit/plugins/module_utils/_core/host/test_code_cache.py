"""The code of the collection on the host: kept as a whole, used by several at once, and not for ever."""

from __future__ import annotations

import errno
import importlib
import io
import os
import stat
import sys
import typing as t
import zipfile
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import ModuleCode
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import code_cache

FIRST, SECOND, THIRD, FOURTH = (digit * 64 for digit in "1234")


def code(digest: str, answer: str = "") -> ModuleCode:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("_x/host/part.py", f"ANSWER = {answer or digest!r}\n")
    return ModuleCode(digest, file.getvalue())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Path]:
    """The folder of the cache, which is not there yet."""
    monkeypatch.setattr(code_cache, "runtime_folder", lambda: str(tmp_path / "run"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path / "run" / "code"
    for name in [name for name in sys.modules if name.startswith(code_cache._PACKAGE)]:
        del sys.modules[name]


def load(given: ModuleCode, spare: str = "/nowhere") -> str | None:
    """Load the code in place of what was loaded, and return the answer of its source."""
    for name in [name for name in sys.modules if name.startswith(code_cache._PACKAGE)]:
        del sys.modules[name]
    package = code_cache.load_code(given, spare=spare)
    return package and importlib.import_module(f"{package}._x.host.part").ANSWER


def test_it_is_sent_once(folder: Path) -> None:
    assert load(ModuleCode(FIRST)) is None
    assert load(code(FIRST)) == FIRST
    assert load(ModuleCode(FIRST)) == FIRST
    # The kept one counts: the digest says that it is the same.
    assert load(code(FIRST, "'another'")) == FIRST
    assert load(ModuleCode(SECOND)) is None
    assert [path.name for path in folder.iterdir()] == [FIRST]


def test_only_this_user_can_read_it_and_python_compiles_it_once(folder: Path) -> None:
    load(code(FIRST))
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE((folder / FIRST).stat().st_mode) == 0o700
    assert list((folder / FIRST / "_x" / "host" / "__pycache__").glob("part.*.pyc"))


def test_a_folder_that_others_can_write_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(BaselineError, match="can be written by others"):
        load(code(FIRST))


def test_the_oldest_versions_go(folder: Path) -> None:
    for age, digest in enumerate([FIRST, SECOND, THIRD]):
        load(code(digest))
        os.utime(folder / digest, (100 + age, 100 + age))
    release_all(folder)
    (folder / f"{FIRST}.left").mkdir()
    # The use of a version makes it the newest one.
    load(ModuleCode(FIRST))
    load(code(FOURTH))
    assert {path.name for path in folder.iterdir()} == {FIRST, THIRD, FOURTH}


def test_a_version_in_use_stays(folder: Path) -> None:
    for age, digest in enumerate([FIRST, SECOND, THIRD, FOURTH]):
        load(code(digest))
        os.utime(folder / digest, (100 + age, 100 + age))
    # This process holds all of them.
    assert {path.name for path in folder.iterdir()} == {FIRST, SECOND, THIRD, FOURTH}


def test_two_runs_at_once_keep_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = code_cache._unpack

    def unpack(archive: bytes, path: str) -> None:
        real(archive, path)
        if not (folder / FIRST).exists():
            os.mkdir(folder / FIRST)
            real(archive, str(folder / FIRST / "x"))
            os.rename(folder / FIRST / "x" / "_x", folder / FIRST / "_x")

    monkeypatch.setattr(code_cache, "_unpack", unpack)
    assert load(code(FIRST)) == FIRST
    assert [path.name for path in folder.iterdir()] == [FIRST]


@pytest.mark.parametrize("step", ["mkdir", "rename"])
def test_a_full_disk_is_no_error(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    real = getattr(os, step)

    def refuse(path: str, *rest: t.Any, **named: t.Any) -> None:
        if str(path).startswith(f"{folder}/"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, *rest, **named)

    monkeypatch.setattr(os, step, refuse)
    assert load(code(FIRST), spare=str(tmp_path)) == FIRST
    assert list(folder.iterdir()) == []
    assert (tmp_path / FIRST).is_dir()


def test_a_version_that_is_removed_before_it_is_held_is_sent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(code(FIRST))
    real = code_cache.fcntl.flock

    def remove(fd: int, kind: int) -> None:
        real(fd, kind)
        os.rename(folder / FIRST, folder / SECOND)

    monkeypatch.setattr(code_cache.fcntl, "flock", remove)
    assert load(ModuleCode(FIRST)) is None


def test_a_process_that_runs_several_modules_imports_what_is_there_now(tmp_path: Path, folder: Path) -> None:
    """As mitogen's does: the folder of an earlier module is gone with it."""
    for answer in ("first", "second"):
        package = code_cache._make_importable(str(tmp_path / answer))
        code_cache._unpack(code(FIRST, answer).archive or b"", str(tmp_path / answer))
        found = importlib.import_module(f"{package}._x.host.part")
        assert answer == found.ANSWER
    # The same folder again: nothing is imported twice.
    part = sys.modules[f"{code_cache._PACKAGE}._x.host.part"]
    package = code_cache._make_importable(str(tmp_path / "second"))
    assert importlib.import_module(f"{package}._x.host.part") is part


def release_all(folder: Path) -> None:
    """Close what this process holds, as its end would."""
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith(f"{folder}/"):
            os.close(int(name))
