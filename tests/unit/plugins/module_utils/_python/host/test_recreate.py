"""A new environment in the place of an old one: the old one is kept until then, comes back, or is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.as_user import User
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import recreate
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import VenvRequest, parse_request

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

APP = User("app", 64001, 64001, "/", (64001,))


@pytest.fixture(name="top", params=["roots", "owners"])
def _top(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a folder of root's or of the owner's, with an environment of the owner's."""
    for one in (tmp_path, *tmp_path.parents):
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    top = tmp_path / request.param
    (top / "venv" / "lib").mkdir(parents=True)
    (top / "venv" / "old").touch()
    for one in (top / "venv", top / "venv" / "lib", top / "venv" / "old"):
        os.chown(one, APP.uid, APP.gid)
    if request.param == "owners":
        os.chown(top, APP.uid, APP.gid)
    return top


def wanted(top: Path) -> VenvRequest:
    return parse_request({"path": str(top / "venv"), "owner": "app", "recreate": True}, kernel="Linux")


def make_new(top: Path) -> None:
    (top / "venv").mkdir()
    (top / "venv" / "new").touch()
    for one in (top / "venv", top / "venv" / "new"):
        os.chown(one, APP.uid, APP.gid)


def names(top: Path) -> list[str]:
    return sorted(str(one.relative_to(top)) for one in top.rglob("*"))


def test_it_succeeds(top: Path) -> None:
    with recreate.recreated(wanted(top), APP):
        assert names(top) == ["venv.before-recreate", "venv.before-recreate/lib", "venv.before-recreate/old"]
        make_new(top)
    assert recreate.remove_leftover(wanted(top), APP) == ""
    assert names(top) == ["venv", "venv/new"]


@pytest.mark.parametrize("is_begun", [True, False])
def test_it_fails(top: Path, is_begun: bool) -> None:
    with pytest.raises(BaselineError) as caught, recreate.recreated(wanted(top), APP):
        if is_begun:
            make_new(top)
        raise BaselineError("no network", state="something was installed")
    assert caught.value.state == "the old environment was put back as it was"
    assert names(top) == ["venv", "venv/lib", "venv/old"]


def test_it_is_interrupted(top: Path) -> None:
    with pytest.raises(KeyboardInterrupt), recreate.recreated(wanted(top), APP):
        make_new(top)
        raise KeyboardInterrupt
    assert names(top) == ["venv", "venv/lib", "venv/old"]


def test_what_an_interrupted_run_left_is_removed_first(top: Path) -> None:
    (top / "venv.before-recreate").mkdir()
    os.chown(top / "venv.before-recreate", APP.uid, APP.gid)
    with recreate.recreated(wanted(top), APP):
        make_new(top)
    assert (top / "venv.before-recreate" / "old").exists()


def test_folders_of_root_in_it(top: Path) -> None:
    """Root removes them only where nobody else can change the way to them; else the user reads what to do."""
    (top / "venv" / "lib" / "file").touch()
    os.chown(top / "venv" / "lib", 0, 0)
    with recreate.recreated(wanted(top), APP):
        make_new(top)
    warning = recreate.remove_leftover(wanted(top), APP)
    if top.name == "roots":
        assert (warning, names(top)) == ("", ["venv", "venv/new"])
    else:
        path = top / "venv.before-recreate"
        assert warning == (
            f"{top}/venv: the old environment is in {path} and has files that app cannot remove: rm -r {path}"
        )
        with pytest.raises(BaselineError) as caught, recreate.recreated(wanted(top), APP):
            pass
        assert caught.value.problem == f"{path}, which an interrupted run has left, cannot be removed"
        assert (path / "lib" / "file").exists()


def test_a_link_is_not_followed(top: Path) -> None:
    (top.parent / "precious").mkdir()
    (top.parent / "precious" / "file").touch()
    (top / "venv" / "lib" / "link").symlink_to(top.parent / "precious")
    (top / "venv.before-recreate").symlink_to(top.parent / "precious")
    os.chown(top / "venv.before-recreate", APP.uid, APP.gid, follow_symlinks=False)
    if top.name == "roots":
        # The owner cannot put a link there, and cannot remove one.
        with pytest.raises(BaselineError, match="cannot be removed"), recreate.recreated(wanted(top), APP):
            pass
        (top / "venv.before-recreate").unlink()
    with recreate.recreated(wanted(top), APP):
        make_new(top)
    assert recreate.remove_leftover(wanted(top), APP) == ""
    assert (top.parent / "precious" / "file").exists()


def test_a_name_that_cannot_be_changed(top: Path) -> None:
    (top / "venv" / "old").unlink()
    (top / "venv" / "lib").rmdir()
    (top / "venv").rmdir()
    words = "venv cannot be renamed to venv.before-recreate: No such file"
    with pytest.raises(BaselineError, match=words), recreate.recreated(wanted(top), APP):
        pass
