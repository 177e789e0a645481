# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is opened below folders of other people: real folders, links, pipes and hard links in a scratch directory."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import beneath
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.beneath import Folder, UnsafePath, open_folder

ME = (os.getuid(), os.getgid())


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> t.Iterator[Folder]:
    folder = open_folder(str(tmp_path))
    assert folder is not None
    with folder:
        yield folder


def test_the_way_down_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    folder = open_folder(f"{tmp_path}//a/./b/")
    assert folder is not None
    with folder:
        assert folder.path == f"{tmp_path}/a/b"
        assert [path for path, _found in folder.above][-2:] == [str(tmp_path), f"{tmp_path}/a"]
        assert folder.above[0][0] == "/"


@pytest.mark.parametrize("below", ["x", "x/y", ".ssh"])
def test_what_is_missing_is_none(tmp_path: Path, below: str) -> None:
    assert open_folder(f"{tmp_path}/{below}") is None


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = sorted(os.listdir("/dev/fd"))
    with open_folder(f"{tmp_path}/a"):  # type: ignore[union-attr]  # It is there.
        pass
    open_folder(f"{tmp_path}/x/y")
    assert sorted(os.listdir("/dev/fd")) == before


class TestLinks:
    """Where a link is followed depends on who can put one there."""

    def test_in_a_folder_that_others_can_write_none_is(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "home").symlink_to("etc")
        tmp_path.chmod(0o777)
        with pytest.raises(UnsafePath, match="home is a symlink to etc in a folder that not only root can write to"):
            open_folder(f"{tmp_path}/home/x")

    @pytest.mark.skipif(os.getuid() != 0, reason="only root's links are followed")
    @pytest.mark.parametrize("target", ["usr/home", "{root}/usr/home", "usr/../usr/home", "other"])
    def test_in_a_folder_of_roots_it_is(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "usr" / "home" / "ann").mkdir(parents=True)
        (tmp_path / "other").symlink_to("usr/home")
        (tmp_path / "home").symlink_to(target.format(root=tmp_path))
        folder = open_folder(f"{tmp_path}/home/ann")
        assert folder is not None
        with folder:
            assert folder.path == f"{tmp_path}/usr/home/ann"

    @pytest.mark.skipif(os.getuid() != 0, reason="only root's links are followed")
    def test_circles_end(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(UnsafePath, match="one of more than 40 symlinks"):
            open_folder(f"{tmp_path}/a")


def put(path: Path, kind: str) -> None:
    if kind == "symlink":
        path.symlink_to("/etc")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "hard-link":
        path.with_name("other").write_text("secret")
        os.link(path.with_name("other"), path)
    elif kind == "setuid":
        path.write_text("")
        path.chmod(0o4755)
    else:
        path.write_text("x" * ((1 << 20) + 1))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("symlink", "is a symlink, not a file"),
        ("pipe", "is a pipe, not a file"),
        ("folder", "is a folder, not a file"),
        ("hard-link", "is a file with 2 names"),
        ("setuid", "has the setuid or setgid bit"),
        ("large", "is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_is_not_read(folder: Folder, tmp_path: Path, kind: str, words: str) -> None:
    put(tmp_path / "keys", kind)
    with pytest.raises(UnsafePath) as caught:
        folder.read("keys")
    assert str(caught.value).startswith(f"{tmp_path}/keys {words}")


@pytest.mark.parametrize(
    ("kind", "words"), [("symlink", "is a symlink"), ("pipe", "is a pipe"), ("setuid", "is a file")]
)
def test_a_folder_that_is_not_opened(folder: Folder, tmp_path: Path, kind: str, words: str) -> None:
    put(tmp_path / ".ssh", kind)
    with pytest.raises(UnsafePath, match=words):
        folder.folder(".ssh")


def test_a_file_is_replaced_and_not_followed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("root's")
    (tmp_path / "keys").symlink_to("victim")
    folder.replace("keys", "key\udcff\n", mode=0o640, owner=ME)
    assert (tmp_path / "victim").read_text() == "root's"
    assert (tmp_path / "keys").read_bytes() == b"key\xff\n"
    assert stat.S_IMODE((tmp_path / "keys").lstat().st_mode) == 0o640
    found = folder.read("keys")
    assert found is not None and found.text == "key\udcff\n"


def test_a_failed_write_leaves_nothing_behind(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys").write_text("old\n")

    def full(fd: int) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(beneath.os, "fsync", full)
    with pytest.raises(UnsafePath, match="keys cannot be written: No space left on device"):
        folder.replace("keys", "new\n", mode=0o600, owner=ME)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"keys": "old\n"}


def test_a_folder_is_made_closed(folder: Folder, tmp_path: Path) -> None:
    with folder.make(".ssh", mode=0o700, owner=ME) as made:
        made.replace("keys", "x", mode=0o600, owner=ME)
    assert stat.S_IMODE((tmp_path / ".ssh").stat().st_mode) == 0o700
    with pytest.raises(UnsafePath, match="ssh cannot be created: File exists"):
        folder.make(".ssh", mode=0o700, owner=ME)


def test_a_folder_that_is_swapped_while_it_is_made(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the home moves a folder of root's, which is in there, to the new one's place."""
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "shadow").write_text("")
    make = os.mkdir

    def swapped(name: str, mode: int, *, dir_fd: int) -> None:
        make(name, mode, dir_fd=dir_fd)
        (tmp_path / ".ssh").rmdir()
        (tmp_path / "backup").rename(tmp_path / ".ssh")
        (tmp_path / ".ssh").chmod(0o751)

    monkeypatch.setattr(beneath.os, "mkdir", swapped)
    with pytest.raises(UnsafePath, match="was replaced while it was created"):
        folder.make(".ssh", mode=0o700, owner=ME)
    assert stat.S_IMODE((tmp_path / ".ssh").stat().st_mode) == 0o751


def test_a_held_folder_stays_the_same_whatever_is_renamed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / "etc").mkdir(mode=0o755)
    held = folder.folder(".ssh")
    assert held is not None
    with held:
        (tmp_path / ".ssh").rename(tmp_path / "moved")
        (tmp_path / ".ssh").symlink_to("etc")
        held.set_access(0o700, ME)
        held.replace("keys", "x", mode=0o600, owner=ME)
    assert sorted(path.name for path in (tmp_path / "moved").iterdir()) == ["keys"]
    assert list((tmp_path / "etc").iterdir()) == []
    assert stat.S_IMODE((tmp_path / "etc").stat().st_mode) == 0o755
