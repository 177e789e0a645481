"""The options of a module as it gets them: checked, with their defaults."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS


def module_options(module: str, **given: t.Any) -> dict[str, t.Any]:
    found = ArgumentSpecValidator(ARGUMENTS[module]).validate(given)
    assert found.error_messages == []
    return t.cast("dict[str, t.Any]", found.validated_parameters)


class Asked:
    """Stands in for the function that touches the host: keeps what it was asked for, and returns ``answer``."""

    def __init__(self, answer: t.Any) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[t.Any, ...], dict[str, t.Any]]] = []

    def __call__(self, _host: t.Any, *given: t.Any, **named: t.Any) -> t.Any:
        self.calls.append((given, named))
        return self.answer
