"""Ports and ranges: their forms, and the errors."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import (
    PortRange,
    covers,
    merged,
    parse_ports,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(80, "80", id="number"),
        pytest.param("80", "80", id="text of a template"),
        pytest.param("8000-8010", "8000-8010", id="range"),
        pytest.param(" 8000 - 8010 ", "8000-8010", id="blanks"),
        pytest.param("80-80", "80", id="a range of one"),
        pytest.param([443, 80], "80 443", id="list"),
        pytest.param([80, "80-90", 85, "91-95", 97], "80-95 97", id="ranges that overlap or touch"),
        pytest.param([1, 65535], "1 65535", id="the ends"),
    ],
)
def test_forms(value: t.Any, expected: str) -> None:
    assert " ".join(map(str, parse_ports(value, "port"))) == expected


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        pytest.param(70000, "port: 70000 is not a port; give a port from 1 to 65535", id="too high"),
        pytest.param(0, "port: 0 is not a port; give", id="zero"),
        pytest.param(-1, "port: -1 is not a port; give", id="negative"),
        pytest.param("65530-65536", "port: 65536 is not a port; give", id="range too high"),
        pytest.param("90-80", "port: the range '90-80' is reversed; did you mean '80-90'?", id="reversed"),
        pytest.param(True, "port: is a boolean, not a port; give", id="boolean"),
        pytest.param(None, "port: is None, not a port; give", id="nothing"),
        pytest.param(80.0, "port: is 80.0, not a port; give", id="fraction"),
        pytest.param([], "port: is an empty list, which opens nothing; give", id="empty"),
        pytest.param([80, [90]], "port[2]: is [90], not a port; give", id="nested"),
        pytest.param([0, 1, "x"], "port[1]: 0 is not a port", id="all entries"),
        pytest.param("80/tcp", "port: '80/tcp' is not a port; write port: 80 and proto: tcp", id="protocol"),
        pytest.param("80:90", "port: '80:90' is not a port; write the range as '80-90'", id="form of iptables"),
        pytest.param("80,90", "port: '80,90' is not a port; write several ports as a list", id="text for a list"),
        pytest.param("http", "port: 'http' is not a port; write the name of a service as service: http", id="service"),
        pytest.param("", "port: '' is not a port; give", id="empty text"),
        pytest.param("80-", "port: '80-' is not a port; give", id="half a range"),
        pytest.param("1-2-3", "port: '1-2-3' is not a port; give", id="three ends"),
        pytest.param("\u0668\u0660", "is not a port; give", id="digits of another script"),
        pytest.param("0x50", "port: '0x50' is not a port", id="hexadecimal"),
    ],
)
def test_errors(value: t.Any, advice: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_ports(value, "port")
    assert advice in caught.value.advice


def test_each_wrong_entry_is_an_error() -> None:
    with pytest.raises(BaselineError) as caught:
        parse_ports([0, 80, "http"], "port")
    assert [part.option for part in caught.value.parts] == ["port[1]", "port[3]"]


RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)).map(lambda two: PortRange(min(two), max(two))))


@given(RANGES)
def test_merged_ranges_are_the_same_ports_and_apart(ranges: list[PortRange]) -> None:
    found = merged(ranges)
    assert [covers(found, port) for port in range(62)] == [covers(ranges, port) for port in range(62)]
    assert all(one.last + 1 < two.first for one, two in zip(found, found[1:], strict=False))
