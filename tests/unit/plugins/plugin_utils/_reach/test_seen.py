# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notes of earlier runs, in a folder of the controller."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.identity import Machine, SeenMachine
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.seen import SeenMachines

VM = SeenMachine("vm", "192.0.2.1", Machine("a" * 32, ("1" * 64,)))
WEB = SeenMachine("../web", "192.0.2.1", Machine("b" * 32, ("2" * 64,)))


def test_what_is_noted_is_found(tmp_path: Path) -> None:
    notes = SeenMachines(str(tmp_path))
    assert (notes.all(), notes.earlier("vm", "192.0.2.1")) == ([], None)
    for one in (VM, WEB, VM):
        notes.note(one)
    assert notes.earlier("vm", "192.0.2.1") == VM
    assert notes.earlier("vm", "192.0.2.2") is None
    assert sorted(one.name for one in notes.all()) == ["../web", "vm"]
    folder = tmp_path / "pyhost.baseline" / "machines"
    assert len(list(folder.iterdir())) == 2
    assert folder.stat().st_mode & 0o077 == 0


def test_a_note_is_replaced(tmp_path: Path) -> None:
    notes = SeenMachines(str(tmp_path))
    notes.note(VM)
    later = SeenMachine("vm", "192.0.2.1", Machine("c" * 32, ("3" * 64,)))
    notes.note(later)
    assert notes.all() == [later]


def test_a_controller_that_keeps_nothing_goes_without(tmp_path: Path) -> None:
    (tmp_path / "pyhost.baseline").write_text("")
    notes = SeenMachines(str(tmp_path))
    notes.note(VM)
    assert (notes.all(), notes.earlier("vm", "192.0.2.1")) == ([], None)


def test_a_note_that_cannot_be_placed_leaves_nothing(tmp_path: Path) -> None:
    notes = SeenMachines(str(tmp_path))
    Path(notes.path("vm", "192.0.2.1")).mkdir(parents=True)
    notes.note(VM)
    assert [one.is_dir() for one in (tmp_path / "pyhost.baseline" / "machines").iterdir()] == [True]
