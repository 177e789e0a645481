"""Our files beside the jail file: which of them differ."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.config import HEADER
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import (
    OwnFile,
    changed_files,
    is_own_text,
    settled_files,
)

A, B, SECRET, OPEN = OwnFile("a"), OwnFile("b"), OwnFile("s", private=True), OwnFile("s")


@pytest.mark.parametrize(
    ("present", "requested", "changed"),
    [
        pytest.param({}, {}, [], id="none"),
        pytest.param({}, {"/a": A}, ["/a"], id="a new one"),
        pytest.param({"/a": A}, {"/a": A}, [], id="the same"),
        pytest.param({"/a": B}, {"/a": A}, ["/a"], id="another text"),
        pytest.param({"/b": B}, {"/a": A}, ["/a", "/b"], id="one to write and one to remove"),
        pytest.param({"/s": OPEN}, {"/s": SECRET}, ["/s"], id="a secret that others can read"),
        pytest.param({"/s": SECRET}, {"/s": SECRET}, [], id="a secret"),
        pytest.param({"/s": SECRET}, {"/s": OPEN}, [], id="one that needs not be private stays so"),
    ],
)
def test_what_changes(present: dict[str, OwnFile], requested: dict[str, OwnFile], changed: list[str]) -> None:
    assert changed_files(present, requested) == changed
    assert (settled_files(present, requested) == present) is (not changed)


def test_a_secret_is_not_shown() -> None:
    assert SECRET.shown == "(not shown, because it contains secrets)\n"
    assert A.shown == "a"
    assert "s" not in repr(SECRET).replace("OwnFile", "").replace("private=True", "")


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (f"{HEADER}\n\n[Definition]\n", True),
        (f"#!/usr/bin/python3\n{HEADER}\n", True),
        ("[Definition]\n", False),
        (f"# a copy of\n{HEADER}\n", False),
        ("", False),
        (None, False),
    ],
)
def test_whose_file_it_is(text: str | None, own: bool) -> None:
    assert is_own_text(text) is own
