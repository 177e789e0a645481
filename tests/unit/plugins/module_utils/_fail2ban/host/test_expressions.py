"""Expressions, compiled by fail2ban's own code: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import expressions
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import (
    JailStream,
    expected,
    normal,
    questions,
)
from tests.unit.fake_host import Expected, FakeHost

SHOP = JailStream(
    "shop",
    "auto",
    (
        ("set", "shop", "usedns", "warn"),
        ("set", "shop", "maxlines", 2),
        ("set", "shop", "prefregex", "^shop"),
        ("multi-set", "shop", "addfailregex", ["a <HOST>", "b <HOST>"]),
        ("set", "shop", "addignoreregex", "c"),
        ("set", "shop", "maxretry", 5),
    ),
)
ASKED = [
    ["setUseDns", "warn"],
    ["setMaxLines", 2],
    ["prefregex", "^shop"],
    ["addFailRegex", "a <HOST>"],
    ["addFailRegex", "b <HOST>"],
    ["addIgnoreRegex", "c"],
]


def play(answer: dict[str, t.Any], requested: list[str], *, rc: int = 0, err: str = "") -> dict[str, JailStream]:
    ran = Expected(
        ["/usr/bin/python3", "-c", expressions._PROGRAM],
        rc=rc,
        out=json.dumps({"shop": answer}),
        err=err,
        data=json.dumps({"shop": ASKED}),
    )
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": "#!/usr/bin/python3\n"}, [ran])
    found = expressions.with_expressions(host, {"shop": SHOP}, requested)
    host.done()
    return found


def test_the_servers_own_words_are_expected_of_it() -> None:
    answer = {"failregex": ["a x", "b x"], "ignoreregex": ["c"]}
    jail = play(answer, ["shop"])["shop"]
    assert jail == SHOP, "what a jail is does not hang on what was asked"
    assert repr(jail) == repr(SHOP)
    values = expected(jail)
    assert values["failregex"] == 2
    assert values["failregex text"] == normal("failregex text", ["a x", "b x"])
    assert values["failregex text"] != normal("failregex text", ["a x", "another x"])
    assert questions("shop", ["failregex text"]) == {"failregex text": ["get", "shop", "failregex"]}


def test_a_rejected_expression_is_an_error_for_a_requested_jail() -> None:
    refused = {"error": "No failure-id group in 'a'"}
    with pytest.raises(BaselineError) as failed:
        play(refused, ["shop"])
    assert str(failed.value) == (
        "[shop]: fail2ban rejects an expression of this jail: No failure-id group in 'a'; this task changed nothing"
    )
    assert "failregex text" not in expected(play(refused, [])["shop"])


def test_fail2ban_that_cannot_be_imported() -> None:
    with pytest.raises(BaselineError, match="No module named 'fail2ban'.*this task changed nothing"):
        play({}, [], rc=1, err="ModuleNotFoundError: No module named 'fail2ban'")


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("#!/usr/bin/python3\n", ["/usr/bin/python3"]),
        ("#! /opt/venv/bin/python -s\nimport", ["/opt/venv/bin/python", "-s"]),
        ("\x7fELF", []),
    ],
)
def test_the_interpreter(first: str, found: list[str]) -> None:
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": first})
    assert expressions.interpreter(host) == found
