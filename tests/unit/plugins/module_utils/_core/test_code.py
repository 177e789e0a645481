"""The argument with the code: what the controller's half adds is what the module reads."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import CODE_ARGUMENT, ModuleCode, read_code
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

DIGEST = "0a" * 32


@pytest.mark.parametrize("archive", [None, b"", b"PK\x00\xff"])
def test_what_is_added_is_read(archive: bytes | None) -> None:
    code = ModuleCode(DIGEST, archive)
    assert read_code(code.as_argument()[CODE_ARGUMENT]) == code


@pytest.mark.parametrize(
    "value",
    [
        None,
        "x",
        {},
        {"digest": DIGEST},
        {"digest": None, "archive": None},
        {"digest": f"../{DIGEST[3:]}", "archive": None},
        {"digest": DIGEST, "archive": 5},
        {"digest": DIGEST, "archive": "x"},
    ],
)
def test_anything_else_is_refused(value: t.Any) -> None:
    with pytest.raises(BaselineError) as caught:
        read_code(value)
    assert caught.value.problem == "the module came without its code"
