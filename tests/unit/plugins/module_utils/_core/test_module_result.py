"""What a module prints."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult


@pytest.mark.parametrize(
    ("result", "printed"),
    [
        (ModuleResult(False), {"changed": False}),
        (ModuleResult(True, [], ["a warning"], {"name": "ann"}), {"changed": True, "diff": [], "name": "ann"}),
    ],
)
def test_the_fields_stand_beside_the_change(result: ModuleResult, printed: dict[str, t.Any]) -> None:
    assert result.as_result() == printed
