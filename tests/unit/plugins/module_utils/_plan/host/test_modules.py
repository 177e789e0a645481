"""Each module that a plan can contain is found, and ends with the result of its function."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.host import modules
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES


@pytest.mark.parametrize("name", MODULES)
def test_the_function_of_the_module_is_found(name: str) -> None:
    found = modules.load_module(name)
    assert found.__module__.endswith(f".{MODULES[name].package}.host.{name}_module")


def test_a_module_ends_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[t.Any] = []

    def ensure_options(_host: object, options: object, *more: object) -> ModuleResult:
        calls.append((options, more))
        return ModuleResult(True, fields={"name": "x"})

    monkeypatch.setattr(modules, "load_module", lambda name: ensure_options if name == "sshd_config" else None)
    ended: dict[str, t.Any] = {}
    module: t.Any = types.SimpleNamespace(
        params={"path": "/x"}, check_mode=False, warn=None, exit_json=lambda **result: ended.update(result)
    )
    modules.run_planned_module(module, "sshd_config", "phase")
    assert (ended["changed"], ended["name"]) == (True, "x")
    assert calls == [({"path": "/x"}, ("phase",))]
