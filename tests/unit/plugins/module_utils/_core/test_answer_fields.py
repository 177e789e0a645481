"""Fields of an answer: what they take, and the sentence about what they do not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.answer_fields import (
    InvalidConfirmation,
    choice_field,
    invalid_answer,
    list_field,
    mapping_field,
    number_field,
    text_field,
)


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        pytest.param(lambda value: number_field(value, "f", 1, 9), True, "f is a boolean", id="a boolean is no number"),
        pytest.param(lambda value: number_field(value, "f", 1, 9), 10, "f is 10 and must be from 1 to 9", id="large"),
        pytest.param(
            lambda value: number_field(value, "f", 7, 7), 10**12, "f is out of bounds and must be 7", id="huge"
        ),
        pytest.param(lambda value: text_field(value, "f", longest=3), "abcd", "f has 4 characters", id="long"),
        pytest.param(lambda value: text_field(value, "f", longest=3), "a\x1b", "f holds ", id="control character"),
        pytest.param(lambda value: text_field(value, "f", longest=3, pattern="a"), "b", "f is 'b', which", id="other"),
        pytest.param(lambda value: text_field(value, "f", longest=3), None, "f is null and must be a text", id="null"),
        pytest.param(lambda value: list_field(value, "f", 1), [1, 2], "f has 2 entries, more than 1", id="entries"),
        pytest.param(lambda value: list_field(value, "f", 1), {}, "f is a mapping and must be a list", id="no list"),
        pytest.param(lambda value: choice_field(value, "f", ("a", "b")), "c", "f is none of a, b", id="no choice"),
        pytest.param(lambda value: choice_field(value, "f", ("a", "b")), ["a"], "f is none of a, b", id="a list"),
        pytest.param(lambda value: mapping_field(value, "f", ("a",)), {}, "f.a is missing", id="missing"),
        pytest.param(lambda value: mapping_field(value, "f", ("a",)), {"a": 1, "b": 2}, "f.b is no field", id="more"),
        pytest.param(lambda value: mapping_field(value, "f", ("a",)), object(), "f is of an unknown type", id="type"),
    ],
)
def test_what_is_refused(read: t.Callable[[t.Any], t.Any], value: t.Any, problem: str) -> None:
    with pytest.raises(InvalidConfirmation) as raised:
        read(value)
    assert str(raised.value).startswith(problem)


def test_what_is_taken() -> None:
    assert number_field(7, "f", 7, 7) == 7
    assert text_field("a-1", "f", longest=3, pattern="[a-z]-[0-9]") == "a-1"
    assert list_field([1], "f", 1) == [1]
    assert choice_field("b", "f", ("a", "b")) == "b"
    assert mapping_field({"a": 1}, "f", ("a", "b"), required=False) == {"a": 1}


def test_the_error_names_the_reason_and_what_to_do() -> None:
    error = invalid_answer("f is missing")
    assert "f is missing, so nothing of it was used on this controller" in error.problem and error.hint
