# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's home, read and changed through descriptors, in a real folder."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.home import KEYS, HomeChange
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.host.home import open_home
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.beneath import UnsafePath
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from tests.unit.fake_host import FakeHost

OWNER = os.getuid(), os.getgid()
HOST = t.cast(Host, FakeHost())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_has_folders_files_and_commands(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh" / "authorized_keys").write_text("key\n")
    (tmp_path / ".bashrc").write_text("evil\n")
    (tmp_path / ".profile").symlink_to("/nowhere")
    with open_home(HOST, str(tmp_path), [KEYS, ".ssh/authorized_keys2", "deep/er/keys"]) as home:
        state = home.state
    assert state.home is not None and state.home.path == str(tmp_path)
    assert {name: node.text for name, node in state.files.items()} == {KEYS: "key\n"}
    assert (list(state.folders), state.folders[".ssh"].names) == ([".ssh"], ("authorized_keys",))
    assert [node.path for node in state.above][:1] == ["/"]
    assert state.commands == (".bashrc", ".profile")


def test_files_of_the_skeleton_are_no_commands(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("stock\n")
    (tmp_path / ".config").symlink_to("/nowhere")
    host = t.cast(Host, FakeHost({"/etc/skel/.bashrc": "stock\n"}))
    with open_home(host, str(tmp_path), [KEYS]) as home:
        assert set(home.state.commands) == {
            ".config/autostart",
            ".config/environment.d",
            ".config/fish",
            ".config/systemd",
        }


def test_a_missing_home_has_the_nearest_folder_above(tmp_path: Path) -> None:
    with open_home(HOST, str(tmp_path / "a" / "b"), [KEYS]) as home:
        assert home.state.home is None
        assert home.state.above[-1].path == str(tmp_path)


def test_a_new_folder_and_file_of_keys(tmp_path: Path) -> None:
    with open_home(HOST, str(tmp_path), [KEYS]) as home:
        home.change(HomeChange(ssh_mode=0o700, files={KEYS: ("key\n", 0o600)}), OWNER)
    keys = tmp_path / ".ssh" / "authorized_keys"
    assert (keys.read_text(), mode(keys), mode(keys.parent)) == ("key\n", 0o600, 0o700)


def test_no_folder_is_made_for_keys_that_are_kept_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with open_home(HOST, str(tmp_path), [KEYS]) as home:
        home.change(HomeChange(home_mode=0o755), OWNER)
    assert (list(tmp_path.iterdir()), mode(tmp_path)) == ([], 0o755)


def test_an_open_home_is_restricted_before_its_keys_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    ssh.chmod(0o777)
    tmp_path.chmod(0o777)
    seen = []
    with open_home(HOST, str(tmp_path), [KEYS]) as home:
        write = home._write

        def writing(*arguments: t.Any) -> None:
            seen.append((mode(tmp_path), mode(ssh)))
            write(*arguments)

        monkeypatch.setattr(home, "_write", writing)
        change = HomeChange(exposed=("x",), home_mode=0o755, ssh_mode=0o700, files={KEYS: ("key\n", 0o600)})
        home.change(change, OWNER)
    assert seen == [(0o755, 0o1700)], "an interrupted run leaves the sticky bit"
    assert mode(ssh) == 0o700


def test_the_sticky_bit_of_an_interrupted_run_is_removed(tmp_path: Path) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    ssh.chmod(0o1700)
    with open_home(HOST, str(tmp_path), [KEYS]) as home:
        home.change(HomeChange(exposed=("x",)), OWNER)
    assert mode(ssh) == 0o700


def test_a_file_that_changed_meanwhile_is_an_error(tmp_path: Path) -> None:
    keys = tmp_path / ".ssh" / "authorized_keys"
    keys.parent.mkdir()
    keys.write_text("old\n")
    with open_home(HOST, str(tmp_path), [KEYS]) as home:
        keys.write_text("another\n")
        with pytest.raises(UnsafePath, match="authorized_keys was changed by another process during the run"):
            home.change(HomeChange(files={KEYS: ("new\n", 0o600)}), OWNER)
    assert keys.read_text() == "another\n"


def test_a_link_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".ssh").symlink_to("/etc")
    with pytest.raises(UnsafePath, match=r"\.ssh is a symlink, not a folder"):
        open_home(HOST, str(tmp_path), [KEYS]).__enter__()


@pytest.mark.skipif(os.getuid() != 0, reason="only root owns a folder that is root's alone")
def test_a_home_is_created_only_below_a_folder_of_root(tmp_path: Path) -> None:
    change = HomeChange(creates_home=True, ssh_mode=0o700, files={KEYS: ("key\n", 0o600)})
    with open_home(HOST, str(tmp_path / "ann"), [KEYS]) as home:
        home.change(change, (4242, 4242))
    made = tmp_path / "ann"
    assert (mode(made), made.stat().st_uid, (made / KEYS).read_text()) == (0o700, 4242, "key\n")
    tmp_path.chmod(0o777)
    refused = pytest.raises(UnsafePath, match="so no home can be created there")
    with refused, open_home(HOST, str(tmp_path / "eve"), [KEYS]) as home:
        home.change(change, (4242, 4242))
