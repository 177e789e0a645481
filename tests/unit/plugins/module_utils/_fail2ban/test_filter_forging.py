"""Texts of an attacker in the samples of a filter: which of them name a victim.

The filters are expressions of Python here, searched as fail2ban does it: in the line without its time.
"""

from __future__ import annotations

import re

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filter_forging import (
    VICTIMS,
    first_word,
    forged_lines,
    forging_warning,
)

TIME = "2026-11-22 10:00:00"
HOST = r"(?P<host>[\d.]+|[\da-f:]+)"
SAMPLE = f"{TIME} login failed for bob from 192.0.2.1"


def message(line: str) -> str:
    return line.removeprefix(TIME)


def warning(expression: str, sample: str) -> str | None:
    """Return what is said about a filter with ``expression``, tried on all lines."""
    lines = forged_lines(sample)
    hosts: dict[str, list[str]] = {}
    for text in [sample, *(text for line in lines for text in (line.text, line.other) if text)]:
        found = re.search(expression.replace("<HOST>", HOST), message(text)) if text.startswith(TIME) else None
        hosts[text] = [found["host"]] if found else []
    assert hosts[sample], "the sample matches"
    return forging_warning("shop", sample, lines, hosts, first_word(sample, message(sample)))


@pytest.mark.parametrize(
    ("expression", "sample"),
    [
        pytest.param("^ login failed for \\S+ from <HOST>$", SAMPLE, id="anchored"),
        pytest.param("^ login failed for .* from <HOST>$", SAMPLE, id="the last address counts"),
        pytest.param(
            '^ login failed for "[^"]*" from <HOST>$', f'{TIME} login failed for "bob" from 192.0.2.1', id="quoted"
        ),
        pytest.param("^ <HOST> failed: .*$", f"{TIME} 192.0.2.1 failed: user bob", id="the address comes first"),
        pytest.param("^ <HOST> failed: ", f"{TIME} 192.0.2.1 failed: user bob", id="nothing before the address"),
        pytest.param(
            "^ failed \\d+ times from <HOST>", f"{TIME} failed 3 times from 192.0.2.1", id="a number is nobody's text"
        ),
        pytest.param("^ login failed for \\S+ from <HOST>$", SAMPLE.replace("192.0.2.1", "2001:db8::1"), id="IPv6"),
    ],
)
def test_nobody_else_can_be_banned(expression: str, sample: str) -> None:
    assert warning(expression, sample) is None


@pytest.mark.parametrize(
    ("expression", "sample", "forged"),
    [
        pytest.param(
            "login failed for \\S+ from <HOST>$",
            SAMPLE,
            f'{TIME} x7q /y8r "z9s login failed for bob from {VICTIMS[0]}',
            id="no beginning",
        ),
        pytest.param(
            "^.*login failed for \\S+ from <HOST>$",
            SAMPLE,
            f'{TIME} x7q /y8r "z9s login failed for bob from {VICTIMS[0]}',
            id="a beginning that matches all",
        ),
        pytest.param(
            "^ login failed for \\S+ from <HOST>",
            SAMPLE,
            f"{TIME} login failed for bob from {VICTIMS[0]} from 192.0.2.1",
            id="no end",
        ),
        pytest.param(
            "^ login failed for .* from <HOST>",
            f"{SAMPLE} agent curl",
            f"{TIME} login failed for bob from 192.0.2.1 agent from {VICTIMS[0]} agent curl curl",
            id="a text behind the address",
        ),
        pytest.param(
            "^ host shop\\[\\d+\\]: .*failed from <HOST>$",
            f"{TIME} host shop[12]: failed from 192.0.2.1",
            f'{TIME} host shop[12]: x7q /y8r "z9s failed from {VICTIMS[0]}',
            id="behind the name of the program",
        ),
        pytest.param(
            "failed from <HOST>$",
            f"{TIME} failed from 2001:db8::1",
            f'{TIME} x7q /y8r "z9s failed from {VICTIMS[1]}',
            id="IPv6",
        ),
    ],
)
def test_a_victim_is_banned(expression: str, sample: str, forged: str) -> None:
    found = warning(expression, sample)
    assert found is not None
    assert "can have others banned by the filter shop" in found
    assert repr(forged) in found


@pytest.mark.parametrize("sample", [f"{SAMPLE}\n{SAMPLE}", "x " * 100 + "192.0.2.1", "no address"])
def test_samples_of_which_no_line_is_made(sample: str) -> None:
    assert forged_lines(sample) == []
