from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import (
    forbidden_character,
    is_number,
    one_line,
    printable,
    printable_lines,
)

ANYTHING = st.text(st.characters())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain text, ünïcode, 漢字", "plain text, ünïcode, 漢字", id="as it is"),
        pytest.param("a\x1b[2Jb", r"a\x1b[2Jb", id="terminal escape"),
        pytest.param("a\x9b2Jb", r"a\x9b2Jb", id="the same in one byte of C1"),
        pytest.param("a\nb\r\nc", r"a\nb\r\nc", id="line breaks"),
        pytest.param("a\u2028b\x85c", r"a\u2028b\x85c", id="line breaks of Unicode"),
        pytest.param("a\u202eb\u2066c", r"a\u202eb\u2066c", id="direction of writing"),
        pytest.param("a\udc80b", r"a\udc80b", id="a byte that is not UTF-8"),
        pytest.param("a\U000e0041b", r"a\U000e0041b", id="an invisible tag"),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_long_text_is_cut_and_says_so() -> None:
    assert printable("a" * 12, longest=10) == "aaaaaaaaaa… (2 more characters)"
    assert printable("a" * 10, longest=10) == "a" * 10


@given(ANYTHING)
def test_what_is_printable_stays_on_its_line(text: str) -> None:
    quoted = printable(text)
    assert quoted.isprintable()
    assert len(quoted.splitlines()) <= 1


@given(ANYTHING)
def test_lines_stay_lines(text: str) -> None:
    quoted = printable_lines(text)
    assert quoted.count("\n") == text.count("\n")
    assert all(one in "\n\t" or one.isprintable() for one in quoted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ssh-ed25519 AAAA you@läptop", "", id="none"),
        pytest.param("a\u2028b", "U+2028 (LINE SEPARATOR) at character 2", id="a separator"),
        pytest.param("a\x0bb", "U+000B (control character) at character 2", id="a control character"),
        pytest.param("ab\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE) at character 3", id="direction of writing"),
        pytest.param("\u00a0", "U+00A0 (NO-BREAK SPACE) at character 1", id="a space that is none"),
    ],
)
def test_forbidden_character(text: str, expected: str) -> None:
    assert forbidden_character(text) == expected


@given(ANYTHING)
def test_what_passes_is_one_line_of_visible_characters(text: str) -> None:
    if not forbidden_character(text):
        assert len(text.splitlines()) <= 1
        assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("one", "one", id="one line"),
        pytest.param("one\r\n\n  two\n", "one; two", id="lines"),
        pytest.param("its last words:\none\ntwo", "its last words: one; two", id="after a colon"),
        pytest.param("one\x1b[2J\rtwo\u2028three", r"one\x1b[2J\rtwo\u2028three", id="what only looks like an end"),
        pytest.param("error:; nothing was changed", "error:; nothing was changed", id="one line with a colon"),
        pytest.param("\n \n", "", id="nothing"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


@given(ANYTHING)
def test_one_line_is_one(text: str) -> None:
    assert one_line(text).isprintable()
    assert one_line(one_line(text)) == one_line(text)
    assert len(one_line(text * 50, longest=20)) < 250


@given(ANYTHING)
def test_a_number_is_one_for_int(text: str) -> None:
    assert not is_number(text) or int(text) >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", True), ("42", True), ("", False), ("\u00b2", False), ("\u0664", False), ("9" * 19, False)],
)
def test_is_number(text: str, expected: bool) -> None:
    assert is_number(text) is expected
