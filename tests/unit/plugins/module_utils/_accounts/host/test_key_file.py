# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of keys outside of the home, read and replaced through descriptors, in a real folder."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.host.key_file import open_key_file
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.key_file import KeyFileChange
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.beneath import UnsafePath
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from tests.unit.fake_host import FakeHost

HOST = t.cast(Host, FakeHost())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "ann").write_text("key\n")
    with open_key_file(HOST, f"{tmp_path}/ann") as found:
        state = found.state
    assert [node.path for node in state.folders][:1] == ["/"]
    assert (state.folders[-1].path, state.missing) == (str(tmp_path), ())
    assert state.file and (state.file.text, state.file.uid) == ("key\n", os.getuid())


def test_folders_are_made_for_all_to_enter(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "keys" / "ann"
    old = os.umask(0o077)
    try:
        with open_key_file(HOST, str(path)) as found:
            assert (found.state.missing, found.state.file) == (("ssh", "keys"), None)
            found.change(KeyFileChange(text="key\n"))
    finally:
        os.umask(old)
    assert (path.read_text(), mode(path), mode(path.parent), mode(path.parents[1])) == ("key\n", 0o644, 0o755, 0o755)


def test_a_file_is_replaced_with_the_owner_that_is_planned(tmp_path: Path) -> None:
    path = tmp_path / "ann"
    path.write_text("old\n")
    with open_key_file(HOST, str(path)) as found:
        found.change(KeyFileChange())
        assert path.read_text() == "old\n"
        found.change(KeyFileChange(text="key\n", mode=0o600, owner=(os.getuid(), os.getgid())))
    assert (path.read_text(), mode(path), os.listdir(tmp_path)) == ("key\n", 0o600, ["ann"])


def test_a_file_that_changed_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ann"
    with open_key_file(HOST, str(path)) as found:
        path.write_text("somebody's\n")
        with pytest.raises(UnsafePath, match="was changed by another process"):
            found.change(KeyFileChange(text="key\n"))
    assert path.read_text() == "somebody's\n"


@pytest.mark.parametrize("kind", ["link", "folder", "names"])
def test_what_is_no_file_of_its_own_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ann"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "other").write_text("x\n")
        path.hardlink_to(tmp_path / "other")
    with pytest.raises(UnsafePath), open_key_file(HOST, str(path)):
        pass
