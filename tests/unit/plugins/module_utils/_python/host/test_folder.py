"""The folder of an environment: root's work where root alone can write, the owner's own everywhere else."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.as_user import User, rights_of
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import folder as folders
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import VenvRequest, parse_request

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

APP = User("app", 64001, 64001, "/", (64001,))
OTHER = User("other", 64002, 64002, "/", (64002,))
ROOT = User("root", 0, 0, "/root", (0,))
FOREIGN_GROUP = 64009


@pytest.fixture(name="top")
def _top(tmp_path: Path) -> Path:
    """Return a folder that all can enter, below one that only root can (pytest's own)."""
    for one in (tmp_path, *tmp_path.parents):
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, APP.uid, APP.gid)
    return tmp_path


def request(path: Path, **changes: t.Any) -> VenvRequest:
    return parse_request({"path": str(path), "owner": "app", **changes}, kernel="Linux")


def settle(path: Path, user: User = APP, *, gid: int = APP.gid, mode: int = 0o755) -> os.stat_result:
    return folders.ensure_folder(request(path), user, gid, mode)


def owners(path: Path) -> tuple[int, int, int]:
    state = path.lstat()
    return state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)


def test_root_hands_over_what_it_makes(top: Path) -> None:
    settle(top / "opt" / "deep" / "venv", mode=0o750)
    assert owners(top / "opt") == (APP.uid, APP.gid, 0o750)
    assert owners(top / "opt" / "deep" / "venv") == (APP.uid, APP.gid, 0o750)


def test_in_the_owners_folder_the_owner_makes_it(top: Path) -> None:
    assert folders.find_folder(request(top / "home" / "a" / "venv"), APP) is None
    settle(top / "home" / "a" / "venv")
    assert owners(top / "home" / "a" / "venv") == (APP.uid, APP.gid, 0o755)
    found = folders.find_folder(request(top / "home" / "a" / "venv"), APP)
    assert found is not None
    assert found.st_uid == APP.uid


def test_a_group_that_the_owner_is_not_in(top: Path) -> None:
    settle(top / "home" / "venv", gid=FOREIGN_GROUP, mode=0o2750)
    assert owners(top / "home" / "venv") == (APP.uid, FOREIGN_GROUP, 0o2750)


def test_a_folder_that_was_not_handed_over_is(top: Path) -> None:
    (top / "venv").mkdir(mode=0o700)
    settle(top / "venv")
    assert owners(top / "venv") == (APP.uid, APP.gid, 0o755)


@pytest.mark.parametrize("rest", ["", "venv", "a/b/venv"])
def test_a_link_of_the_owner_gives_away_nothing_of_roots(top: Path, rest: str) -> None:
    (top / "etc").mkdir()
    (top / "home" / "site").symlink_to(top / "etc")
    path = top / "home" / "site" / rest
    before = owners(top / "etc")
    with pytest.raises(BaselineError, match=f"^{path}"):
        settle(path, mode=0o777)
    assert (owners(top / "etc"), list((top / "etc").iterdir())) == (before, [])


def test_a_link_of_the_owner_to_a_folder_of_the_owner_may_be_on_the_way(top: Path) -> None:
    with rights_of(APP):
        (top / "home" / "release5").mkdir()
        (top / "home" / "current").symlink_to("release5")
    settle(top / "home" / "current" / "venv")
    assert owners(top / "home" / "release5" / "venv")[0] == APP.uid


def test_roots_folder_that_the_owner_has_moved_stays_roots(top: Path) -> None:
    """In a folder of his own a user can give root's folder another name."""
    (top / "home" / "backup").mkdir(mode=0o700)
    (top / "home" / "backup").rename(top / "home" / "venv")
    with pytest.raises(BaselineError, match="belongs to root and not to app"):
        settle(top / "home" / "venv")
    assert owners(top / "home" / "venv") == (0, 0, 0o700)


def test_a_folder_that_is_swapped_between_is_not_touched(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = os.mkdir
    (top / "home" / "backup").mkdir(mode=0o700)

    def swapped(name: str, mode: int, *, dir_fd: int) -> None:
        make(name, mode, dir_fd=dir_fd)
        os.rename(name, "own", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        os.rename("backup", name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", swapped)
    with pytest.raises(BaselineError, match="cannot be made as app"):
        settle(top / "home" / "venv", gid=FOREIGN_GROUP, mode=0o777)
    assert owners(top / "home" / "venv") == (0, 0, 0o700)


@pytest.mark.parametrize(
    ("uid", "mode", "words"),
    [
        (OTHER.uid, 0o755, "belongs to uid 64002"),
        (0, 0o777, "can be written by everybody"),
        (0, 0o775, "can be written by the group"),
        (APP.uid, 0o777, "can be written by everybody"),
    ],
)
def test_a_path_that_others_decide_about(top: Path, uid: int, mode: int, words: str) -> None:
    (top / "srv").mkdir()
    os.chown(top / "srv", uid, FOREIGN_GROUP)
    (top / "srv").chmod(mode)
    with pytest.raises(BaselineError, match=f"is below {top}/srv, which {words}"):
        settle(top / "srv" / "venv")
    assert list((top / "srv").iterdir()) == []


def test_an_environment_that_is_somebody_elses(top: Path) -> None:
    (top / "venv").mkdir()
    os.chown(top / "venv", OTHER.uid, OTHER.gid)
    with pytest.raises(BaselineError, match="belongs to uid 64002 and not to app"):
        settle(top / "venv")
    (top / "roots").mkdir()
    (top / "roots" / "file").touch()
    with pytest.raises(BaselineError, match="belongs to root and not to app"):
        settle(top / "roots")


def test_what_everybody_could_write_is_not_run(top: Path) -> None:
    settle(top / "home" / "venv", mode=0o777)
    with pytest.raises(BaselineError, match="everybody can write it .mode 0777., so its content cannot be trusted"):
        folders.find_folder(request(top / "home" / "venv"), APP)
    assert folders.find_folder(request(top / "home" / "venv", mode="0777"), APP)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_named(top: Path, kind: str) -> None:
    (top / "venv").touch() if kind == "file" else (top / "venv").symlink_to("home")
    with pytest.raises(BaselineError, match=f"{top}/venv: it is {'not a folder' if kind == 'file' else 'a symlink'}"):
        settle(top / "venv")


def test_roots_environment_is_roots_alone(top: Path) -> None:
    wanted = request(top / "venv", owner="root")
    folders.ensure_folder(wanted, ROOT, 0, 0o755)
    (top / "venv" / "bin").mkdir()
    (top / "venv" / "bin" / "python").symlink_to("/usr/bin/python3")
    assert folders.find_folder(wanted, ROOT)
    (top / "venv" / "bin" / "pip").touch()
    os.chown(top / "venv" / "bin" / "pip", APP.uid, APP.gid)
    with pytest.raises(BaselineError, match="others than root can write .*bin/pip, and root would run it"):
        folders.find_folder(wanted, ROOT)
    with pytest.raises(BaselineError, match="home, which belongs to"):
        folders.find_folder(request(top / "home" / "venv", owner="root"), ROOT)
