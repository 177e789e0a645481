"""The modules take their code from the collection, where a host has it in a folder of its own."""

from __future__ import annotations

import importlib
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule

MODULE_UTILS = "ansible_collections.pyhost.baseline.plugins.module_utils"


@pytest.fixture(autouse=True)
def code(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_source(_module: CodeModule, name: str) -> t.Any:
        return importlib.import_module(f"{MODULE_UTILS}.{name}")

    monkeypatch.setattr(CodeModule, "load_source", load_source)
