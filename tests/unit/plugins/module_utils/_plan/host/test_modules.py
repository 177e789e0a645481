"""Each module that a plan can contain is found, and takes the options that its task takes."""

from __future__ import annotations

import importlib

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._plan.host import modules
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES

MODULE_FILES = "ansible_collections.pyhost.baseline.plugins.modules"


@pytest.mark.parametrize("name", MODULES)
def test_the_plan_uses_the_functions_of_the_module(name: str) -> None:
    loaded = modules.load_module(name)
    module = importlib.import_module(f"{MODULE_FILES}.{name}")
    assert loaded.arguments is module.ARGUMENTS
    assert loaded.ensure_options is module.ensure_options
