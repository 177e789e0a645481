"""The module around its function. ``tests/unit/plugins/modules/test_every_module.py`` runs each module through it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.module import run_module
from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult


class Ended(Exception):
    """What AnsibleModule ends the process with."""


class Module:
    """The little of AnsibleModule that a module needs."""

    check_mode = False

    def __init__(self, params: dict[str, t.Any]) -> None:
        self.params, self.warned = params, list[str]()

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended({**result, "warned": self.warned})

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended({**result, "failed": True, "warned": self.warned})


def ended(params: dict[str, t.Any], answer: t.Any) -> dict[str, t.Any]:
    def ensure_options(_host: t.Any, options: dict[str, t.Any]) -> ModuleResult:
        assert options == params
        if isinstance(answer, Exception):
            raise answer
        return t.cast(ModuleResult, answer)

    with pytest.raises(Ended) as caught:
        run_module(t.cast(t.Any, Module(params)), ensure_options)
    return t.cast("dict[str, t.Any]", caught.value.args[0])


def test_a_result_comes_with_its_warnings() -> None:
    result = ModuleResult(True, [], ["a warning"], {"name": "ann"})
    assert ended({"name": "ann"}, result) == {"changed": True, "diff": [], "name": "ann", "warned": ["a warning"]}


def test_an_error_comes_by_its_parts() -> None:
    found = ended({}, BaselineError("it cannot be done", option="name", hint="do something"))
    assert (found["failed"], found["option"], found["hint"]) == (True, "name", "do something")


def test_a_text_of_two_lines_is_no_option() -> None:
    found = ended({"name": "a\u2028b"}, AssertionError("it was reached"))
    assert found["failed"] and found["option"] == "name"
