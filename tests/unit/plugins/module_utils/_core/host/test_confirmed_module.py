"""The argument of the controller's half is taken out before the options are checked."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import confirmed_module as modules
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.confirmed_module import ConfirmedModule
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT


@pytest.mark.parametrize("given", [{}, {PHASE_ARGUMENT: {"phase": "plan"}}])
def test_the_argument_is_no_option(monkeypatch: pytest.MonkeyPatch, given: dict[str, t.Any]) -> None:
    assert modules._PHASE_ARGUMENT == PHASE_ARGUMENT
    monkeypatch.setattr(CodeModule, "_load_params", lambda self: setattr(self, "params", {"x": 1, **given}))
    module = ConfirmedModule.__new__(ConfirmedModule)
    module._load_params()
    assert module.params == {"x": 1}
    assert module.phase_argument == given.get(PHASE_ARGUMENT)
