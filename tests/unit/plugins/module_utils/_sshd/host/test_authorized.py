"""A user's key files, read with that user's rights: what root may read beyond them is not given away."""

from __future__ import annotations

import os
import pwd
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_keys import KeyFile
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import authorized

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

FIXTURES = Path(__file__).parents[4] / "fixtures" / "ssh_keys"
KEY = (FIXTURES / "ed25519-openssh9.2.pub").read_text()
NOBODY = pwd.getpwnam("nobody")


class Module:
    """The little of AnsibleModule that finding files needs."""

    check_mode = False


class Sshd:
    """The little of the sshd program that is asked."""

    host = Host(t.cast(t.Any, Module()))
    release = (9, 2, 1)

    def is_debians(self) -> bool:
        return True


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    for one in (tmp_path, *tmp_path.parents):
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    return home


def read(home: Path, name: str = "keys") -> KeyFile:
    entry = pwd.struct_passwd((*NOBODY[:5], str(home), NOBODY[6]))
    effective: Effective = {"authorizedkeysfile": (name,)}
    [file] = authorized.read_key_files(t.cast(t.Any, Sshd()), entry, effective)
    assert os.geteuid() == 0
    return file


def test_a_users_keys(home: Path) -> None:
    (home / "keys").write_text(KEY)
    os.chown(home / "keys", NOBODY.pw_uid, NOBODY.pw_gid)
    file = read(home)
    assert (file.exists, file.unreadable, file.distrusted) == (True, "", "")
    assert [key.kind for key in file.keys] == ["ssh-ed25519"]


def test_a_link_to_what_root_alone_may_read(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(KEY)
    (tmp_path / "secret").chmod(0o600)
    (home / "keys").symlink_to(tmp_path / "secret")
    file = read(home)
    assert file.unreadable == "Permission denied (sshd reads it as nobody)"
    assert file.keys == ()


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file(home: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(home / "keys", 0o666)
    elif kind == "endless":
        (home / "keys").symlink_to("/dev/zero")
    else:
        (home / "keys").mkdir()
    assert read(home).unreadable == "it is no regular file"


def test_a_file_without_an_end_is_read_in_part(home: Path) -> None:
    with open(home / "keys", "w") as file:
        file.write(KEY)
        file.truncate(10 << 30)
    assert len(read(home).keys) == 1


def test_a_file_that_goes_away_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "keys").write_text(KEY)
    find = os.path.realpath

    def gone(path: str) -> str:
        (home / "keys").unlink(missing_ok=True)
        return find(path)

    monkeypatch.setattr(authorized.os.path, "realpath", gone)
    # Put by root, so that the user can take it away.
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    assert not read(home).exists
