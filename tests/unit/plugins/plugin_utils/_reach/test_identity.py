# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines are taken for another one than the inventory's, and which are not."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import ProbeAnswer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.identity import (
    Machine,
    SeenMachine,
    as_text,
    from_text,
    identity_error,
    machine_of,
    wrong_key_error,
)

VM, CLONE = Machine("a" * 32, ("1" * 64, "2" * 64)), Machine("b" * 32, ("2" * 64,))
NEW, COPY = Machine("b" * 32, ("3" * 64,)), Machine("a" * 32, ("3" * 64,))


def answer(machine_id: str = "a" * 32, keys: tuple[str, ...] = ("AAAA", "BBBB")) -> ProbeAnswer:
    return ProbeAnswer("root", 0, "Linux", "debian", "13", "Debian", "ok", (), machine_id=machine_id, host_keys=keys)


def seen(machine: Machine, name: str = "vm", address: str = "192.0.2.1") -> SeenMachine:
    return SeenMachine(name, address, machine)


@pytest.mark.parametrize(
    ("now", "earlier", "others", "problem"),
    [
        (VM, None, [], None),
        (VM, VM, [], None),
        (CLONE, VM, [], "another machine answers than in an earlier run"),
        (NEW, VM, [], None),
        (COPY, VM, [], None),
        (VM, None, [seen(VM, "gateway")], "the machine that answers is 'gateway' (192.0.2.1) of an earlier run"),
        (VM, VM, [seen(VM, "gateway", "192.0.2.9")], "the machine that answers is 'gateway' (192.0.2.9)"),
        (VM, None, [seen(VM, "vm", "192.0.2.9")], None),
        (VM, None, [seen(CLONE, "gateway"), seen(COPY, "copy")], None),
    ],
    ids=[
        "first",
        "same",
        "clone",
        "installed anew",
        "new keys",
        "gateway",
        "both",
        "another address",
        "other machines",
    ],
)
def test_identity(now: Machine, earlier: Machine | None, others: list[SeenMachine], problem: str | None) -> None:
    found = identity_error(seen(now), seen(earlier) if earlier else None, others, path="/notes/x.json")
    assert (found.problem[: len(problem or "")] if found else None) == problem
    if found and earlier and not others:
        assert "remove /notes/x.json" in found.hint


@pytest.mark.parametrize(
    ("known", "keys", "is_wrong"),
    [
        (["AAAA"], ("AAAA", "BBBB"), False),
        (["CCCC"], ("AAAA", "BBBB"), True),
        ([], ("AAAA",), False),
        (["CCCC"], (), False),
    ],
)
def test_the_keys_of_the_inventorys_port(known: list[str], keys: tuple[str, ...], is_wrong: bool) -> None:
    found = wrong_key_error(answer(keys=keys), known, given=2201, port=22)
    assert bool(found) is is_wrong
    if found:
        assert str(found).startswith(
            "another machine answers on port 22: it has none of the host keys that this controller"
        )
        assert "only port 2201 is tried" in found.hint


def test_a_machine_needs_both() -> None:
    found = machine_of(answer())
    assert found is not None and (len(found.keys), len(found.keys[0])) == (2, 64)
    assert found == machine_of(answer(keys=("BBBB", "AAAA")))
    assert machine_of(answer(machine_id="")) is machine_of(answer(keys=())) is None


def test_a_note_is_read_again() -> None:
    assert from_text(as_text(seen(VM))) == seen(VM)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"name": 1, "address": 2, "machine": {"keys": 3}}', "null"])
def test_another_file_is_no_note(text: str) -> None:
    assert from_text(text) is None
