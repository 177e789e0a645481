"""The options of a module as it gets them: checked, with their defaults."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator


def module_options(arguments: t.Mapping[str, t.Any], **given: t.Any) -> dict[str, t.Any]:
    found = ArgumentSpecValidator(dict(arguments)).validate(given)
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
