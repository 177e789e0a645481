"""A module that takes its code from the cache of the host: what it loads, and how it ends without the code."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import ModuleCode
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import code_module

CODE = ModuleCode("0a" * 32, b"PK")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., code_module.CodeModule]:
    def build(**given: t.Any) -> code_module.CodeModule:
        monkeypatch.setattr(basic, "_load_params", lambda: {"name": "x", **given})
        # ansible-core 2.21 asks here whether the answer is to have the arguments.
        monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", {}, raising=False)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic.AnsibleModule, "log", lambda *_any, **_named: None)
        return code_module.CodeModule({"name": {"type": "str"}})

    return build


def test_the_code_is_no_option(module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_code(code: ModuleCode, *, spare: str) -> str:
        asked.append((code, bool(spare)))
        return "package"

    monkeypatch.setattr(code_module, "load_code", load_code)
    monkeypatch.setattr(code_module.importlib, "import_module", lambda name: types.SimpleNamespace(name=name))
    built = module(**CODE.as_argument())
    assert built.params == {"name": "x"}
    assert built.load_source("_x.host.y").name == "package._x.host.y"
    assert asked == [(CODE, True)]


def answer(built: t.Any, capsys: pytest.CaptureFixture[str]) -> t.Any:
    with pytest.raises(SystemExit):
        built.load_source("_x.host.y")
    return json.loads(capsys.readouterr().out)


def test_a_host_without_the_code_asks_for_it(
    module: t.Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(code_module, "load_code", lambda _code, spare: None)
    found = answer(module(**CODE.as_argument()), capsys)
    assert (found["changed"], found["code_missing"]) == (False, True)


def test_without_the_controller_there_is_no_code(module: t.Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(module(), capsys)
    assert found["failed"] and found["msg"].startswith("the module came without its code; ")


def test_a_damaged_cache_says_where_it_is(
    module: t.Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(code_module, "load_code", lambda _code, spare: "no_such_package")
    found = answer(module(**CODE.as_argument()), capsys)
    assert "damaged: No module named 'no_such_package'" in found["msg"]
    assert "/run/pyhost.baseline/code" in found["hint"]
