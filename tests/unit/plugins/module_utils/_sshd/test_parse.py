from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.parse import Line, parse, quote, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Port 22", [Line("port", ("22",), 1, "22")], id="plain"),
        pytest.param("\n# note\n  pOrT\t22  \f", [Line("port", ("22",), 3, "22")], id="blanks, a comment, case"),
        pytest.param("Port=22", [Line("port", ("22",), 1, "22")], id="an equals sign"),
        pytest.param("Port = 22", [Line("port", ("22",), 1, "22")], id="an equals sign with blanks"),
        pytest.param('Banner "/etc/my issue"', [Line("banner", ("/etc/my issue",), 1, '"/etc/my issue"')], id="quotes"),
        pytest.param(
            "AcceptEnv LANG LC_* # both", [Line("acceptenv", ("LANG", "LC_*"), 1, "LANG LC_* # both")], id="end"
        ),
        pytest.param("Banner /etc/a#b", [Line("banner", ("/etc/a#b",), 1, "/etc/a#b")], id="a hash inside a word"),
        pytest.param(
            "ChallengeResponseAuthentication no", [Line("kbdinteractiveauthentication", ("no",), 1, "no")], id="alias"
        ),
        pytest.param("PermitRootLogin", [Line("permitrootlogin", (), 1, "")], id="no argument is for sshd to refuse"),
        pytest.param('"Port" 22', [Line("port", ("22",), 1, "22")], id="a keyword in quotes"),
        pytest.param("=Port 22", [Line("port", ("22",), 1, "22")], id="an equals sign before the keyword"),
        pytest.param(' = "Port"22', [Line("port", ("22",), 1, "22")], id="both, and blanks"),
        pytest.param('"Port 22', [], id="an open quote in the keyword hides the line"),
        pytest.param("Port 22\r\n", [Line("port", ("22",), 1, "22")], id="a line from elsewhere"),
    ],
)
def test_parse(text: str, expected: list[Line]) -> None:
    assert parse(text, path="f") == expected


def test_open_quotes_name_the_line() -> None:
    with pytest.raises(BaselineError) as caught:
        parse('Port 22\nBanner "x', path="/etc/ssh/sshd_config")
    assert str(caught.value) == "/etc/ssh/sshd_config:2: invalid quotes; this task changed nothing; correct that line"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        pytest.param(r"a\ b c", ["a b", "c"], id="an escaped blank"),
        pytest.param(r'"a\"b"', ['a"b'], id="an escaped quote"),
        pytest.param(r"a\nb", [r"a\nb"], id="any other backslash stays"),
        pytest.param("\"a 'b' c\"", ["a 'b' c"], id="the other quote inside of quotes"),
        pytest.param('ab"c d"e', ["abc de"], id="quotes inside a word"),
        pytest.param('""', [""], id="an empty argument"),
    ],
)
def test_split(rest: str, expected: list[str]) -> None:
    assert split(rest) == expected


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"))))
def test_what_is_quoted_is_split_into_the_same(arguments: list[str]) -> None:
    assert split(" ".join(quote(argument) for argument in arguments)) == arguments
