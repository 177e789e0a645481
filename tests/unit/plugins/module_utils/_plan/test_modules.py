"""The table of the modules that can be planned, and the files that it is about."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES

MODULE_UTILS = Path(__file__).parents[5] / "plugins" / "module_utils"
SUFFIX = "_module"


def test_the_table_has_each_module_that_can_be_planned() -> None:
    found = {
        (path.stem[: -len(SUFFIX)], path.parents[1].name)
        for path in MODULE_UTILS.glob(f"*/host/*{SUFFIX}.py")
        if "ensure_options" in path.read_text()
    }
    assert {(name, one.package) for name, one in MODULES.items()} == found
