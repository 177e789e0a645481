"""Folders of root's alone: made once, and anything else in their place named. Walks by the folders' descriptors."""

from __future__ import annotations

import os
import stat
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import paths
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host

NOBODY = 65534

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


class Module:
    """The little of AnsibleModule that locks and temporary files need."""

    check_mode = False
    tmpdir = "/nowhere"


@pytest.fixture(name="runtime")
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "runtime_folder", lambda: str(tmp_path / "run"))
    return tmp_path / "run"


def test_locks_and_temporary_files_are_for_root_alone(runtime: Path) -> None:
    host = Host(Module())
    with host.lock("sshd"):
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert stat.S_IMODE((runtime / "sshd.lock").stat().st_mode) == 0o600
        with (
            pytest.raises(BaselineError, match="another run of pyhost.baseline has held"),
            host.lock("sshd", seconds=0),
        ):
            pass
    with host.lock("sshd", seconds=0):
        pass
    assert Path(host.scratch()).parent == runtime


def test_several_first_runs_at_once(runtime: Path) -> None:
    failures: list[BaselineError] = []

    def run() -> None:
        try:
            paths.private_folder(str(runtime))
        except BaselineError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _theirs(path: Path) -> None:
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)


def _open(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda path: path.symlink_to("/etc"), "is a symlink", id="link"),
        pytest.param(os.mkfifo, "is not a folder", id="pipe"),
        pytest.param(lambda path: path.touch(), "is not a folder", id="file"),
        pytest.param(_theirs, "belongs to", id="theirs", marks=AS_ROOT),
        pytest.param(_open, "can be written by others (mode 0777)", id="open"),
    ],
)
def test_what_is_not_roots_alone_is_named(runtime: Path, make: t.Callable[[Path], None], words: str) -> None:
    make(runtime)
    with pytest.raises(BaselineError) as caught, Host(Module()).lock("sshd"):
        pass
    assert str(caught.value).startswith(f"{runtime} {words}")
    assert "this task changed nothing" in str(caught.value)
    assert f"`rm -r {runtime}`" in str(caught.value)


def test_a_lock_is_no_link(runtime: Path, tmp_path: Path) -> None:
    runtime.mkdir(mode=0o700)
    (runtime / "sshd.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BaselineError, match="cannot be locked"), Host(Module()).lock("sshd"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@AS_ROOT
def test_the_folder_above_has_to_be_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _theirs(tmp_path / "run")
    with pytest.raises(BaselineError, match="is below .*/run, which belongs to"):
        paths.private_folder(str(tmp_path / "run" / "a"))


@AS_ROOT
def test_a_walk_ends_where_others_begin_to_decide(tmp_path: Path) -> None:
    (tmp_path / "a" / "home" / "site").mkdir(parents=True)
    os.chown(tmp_path / "a" / "home", NOBODY, NOBODY)
    with paths.walk(str(tmp_path / "a" / "home" / "site"), {0}) as found:
        assert (found.path, found.rest) == (str(tmp_path / "a" / "home"), ("site",))
        assert found.reason.startswith("belongs to")
        # The owner's own folder is one that the owner may walk.
        with paths.walk("site", {0, NOBODY}, start=found) as further:
            assert (further.path, further.rest, further.reason) == (str(tmp_path / "a" / "home" / "site"), (), "")


@AS_ROOT
def test_in_a_sticky_folder_the_entrys_owner_counts(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "roots").mkdir(parents=True)
    _theirs(shared / "theirs")
    (shared / "link").symlink_to("roots")
    os.chown(shared / "link", NOBODY, NOBODY, follow_symlinks=False)
    shared.chmod(0o1777)
    for name, trusted in (("roots", True), ("theirs", False), ("link", False)):
        with paths.walk(str(shared / name), {0}) as found:
            assert (found.reason == "") is trusted
