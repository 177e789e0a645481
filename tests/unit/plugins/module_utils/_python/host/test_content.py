"""The files of an environment: folders of others, and who can read; root's rights are not used in it."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.as_user import User
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import content
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host.content import Readers
from ansible_collections.pyhost.baseline.plugins.module_utils._python.plan import Environment, VenvContent
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import VenvRequest, parse_request

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

APP = User("app", 64001, 64001, "/", (64001,))
WWW = 64009


@pytest.fixture(name="venv")
def _venv(tmp_path: Path) -> Path:
    """Return an environment of app's, as a umask of 022 leaves it."""
    for one in tmp_path.parents:
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    tmp_path.chmod(0o755)
    venv = tmp_path / "venv"
    for name in ("bin", "lib/python3.11/site-packages/six", "lib/python3.11/__pycache__", "own"):
        (venv / name).mkdir(parents=True)
    for name in ("bin/pip", "lib/python3.11/site-packages/six/__init__.py", "pyvenv.cfg", ".env", "own/secret"):
        (venv / name).write_text("version = 3.11.2\n")
    (venv / "bin" / "activate").touch()
    (venv / "bin" / "python").symlink_to("/bin/sh")
    (venv / "bin" / "pip").chmod(0o755)
    for one in (venv, *venv.rglob("*")):
        os.chown(one, APP.uid, APP.gid, follow_symlinks=False)
    return venv


def gather(venv: Path, mode: int = 0o755, gid: int = WWW, **changes: t.Any) -> Environment:
    wanted = parse_request({"path": str(venv), "owner": "app", **changes}, kernel="Linux")
    return content.gather_files(wanted, APP, venv.stat(), Readers(mode, gid))


def request(venv: Path) -> VenvRequest:
    return parse_request({"path": str(venv), "owner": "app"}, kernel="Linux")


def test_a_sound_environment(venv: Path) -> None:
    assert gather(venv) == Environment(is_made=True, made_with="3.11.2")


@pytest.mark.parametrize("how", ["link", "chain", "relative"])
def test_a_python_that_is_gone(venv: Path, how: str) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nonexistent/python3.11" if how == "link" else "python3")
    if how != "link":
        target = "/nonexistent/python3.11" if how == "chain" else "../../nonexistent/python3.11"
        (venv / "bin" / "python3").symlink_to(target)
    found = gather(venv)
    expected = f"{venv.parent}/nonexistent/python3.11" if how == "relative" else "/nonexistent/python3.11"
    assert (found.is_made, found.gone, found.made_with) == (False, expected, "3.11.2")


@pytest.mark.parametrize(("name", "release"), [("python3.13", "3.13"), ("python3.13-config", ""), ("pypy3", "")])
def test_the_version_in_the_name_of_a_python(venv: Path, name: str, release: str) -> None:
    (venv / "bin" / name).touch()
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(name)
    found = gather(venv)
    assert (found.gone, found.leads_to) == ("", release)


def test_links_that_lead_nowhere_end(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("python")
    assert gather(venv).gone == f"{venv}/bin/python"


def test_an_interrupted_one(venv: Path) -> None:
    (venv / "bin" / "activate").unlink()
    (venv / "pyvenv.cfg").unlink()
    assert gather(venv) == Environment()


@pytest.mark.parametrize("kind", ["pipe", "secret", "folder"])
def test_a_pyvenv_cfg_that_is_none(venv: Path, kind: str) -> None:
    config = venv / "pyvenv.cfg"
    config.unlink()
    if kind == "pipe":
        os.mkfifo(config)
    elif kind == "folder":
        config.mkdir()
    else:
        # Root could read it, the owner cannot.
        (venv.parent / "roots").write_text("version = 3.9.9")
        (venv.parent / "roots").chmod(0o600)
        config.symlink_to(venv.parent / "roots")
    os.chown(config, APP.uid, APP.gid, follow_symlinks=False)
    assert gather(venv).made_with == ""


def test_folders_of_others(venv: Path) -> None:
    for name in ("lib/python3.11/site-packages", "lib/python3.11/site-packages/six", "bin"):
        os.chown(venv / name, 0, 0)
    found = gather(venv).content
    assert found == VenvContent((f"{venv}/bin",), "root", 3)


def test_what_root_leaves_by_running_a_program_of_it(venv: Path) -> None:
    os.chown(venv / "lib/python3.11/__pycache__", 0, 0)
    (venv / "lib/python3.11/__pycache__/x.pyc").touch(mode=0o600)
    os.chown(venv / "bin/pip", 0, 0)
    assert gather(venv).content == VenvContent()


def test_one_of_roots_is_not_surveyed(venv: Path) -> None:
    os.chown(venv, 0, 0)
    assert gather(venv) == Environment(is_made=True, made_with="3.11.2", belongs_to="root")


@pytest.mark.parametrize(
    ("mode", "gid", "group", "unreadable"),
    [
        (0o755, WWW, APP.gid, 9),
        (0o750, WWW, APP.gid, 9),
        (0o750, WWW, WWW, 9),
        # Who may enter a folder can read in it what he knows the name of.
        (0o711, WWW, APP.gid, 9),
        (0o700, WWW, APP.gid, 0),
        (0o744, WWW, APP.gid, 0),
    ],
)
def test_a_umask_of_077(venv: Path, mode: int, gid: int, group: int, unreadable: int) -> None:
    for one in venv.rglob("*"):
        if not one.is_symlink():
            os.chown(one, APP.uid, group)
            one.chmod(one.stat().st_mode & 0o700)
    readers = Readers(mode, gid)
    found = gather(venv, mode, gid).content.unreadable
    assert found == unreadable
    content.open_to_readers(request(venv), APP, readers)
    assert gather(venv, mode, gid).content.unreadable == 0
    modes = {name: stat.S_IMODE((venv / name).stat().st_mode) for name in ("bin/pip", "pyvenv.cfg", ".env", "own")}
    opened = {"bin/pip": 0o755, "pyvenv.cfg": 0o644} if found else {"bin/pip": 0o700, "pyvenv.cfg": 0o600}
    assert modes == {**opened, ".env": 0o600, "own": 0o700}


def test_the_rights_of_the_group_are_enough(venv: Path) -> None:
    """The owner is in the group, and the folder has the setgid bit: what others may do does not matter."""
    for one in venv.rglob("*"):
        if not one.is_symlink():
            os.chown(one, APP.uid, WWW)
            one.chmod(0o750)
    assert gather(venv, 0o2750).content.unreadable == 0
    assert gather(venv, 0o755).content.unreadable > 0


def test_no_file_of_others_is_changed(venv: Path) -> None:
    (venv.parent / "roots").write_text("a")
    (venv.parent / "roots").chmod(0o600)
    (venv / "bin" / "link").symlink_to(venv.parent / "roots")
    os.chown(venv / "bin/pip", 0, 0)
    (venv / "bin/pip").chmod(0o600)
    content.open_to_readers(request(venv), APP, Readers(0o755, WWW))
    assert [stat.S_IMODE(one.stat().st_mode) for one in (venv.parent / "roots", venv / "bin/pip")] == [0o600, 0o600]


def test_folders_that_a_group_cannot_enter(venv: Path) -> None:
    home = venv.parent / "home"
    (home / "deep").mkdir(parents=True)
    path = f"{home}/deep/venv"
    assert content.barred_folder(path, WWW) == ""
    (home / "deep").chmod(0o700)
    assert content.barred_folder(path, WWW) == f"{home}/deep"
    home.chmod(0o750)
    assert content.barred_folder(path, WWW) == str(home)
    os.chown(home, APP.uid, WWW)
    assert content.barred_folder(path, WWW) == f"{home}/deep"
    assert content.barred_folder(f"{home}/absent/venv", WWW) == ""
