"""Addresses and networks: their forms, and the errors."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.networks import (
    contains,
    of_family,
    parse_networks,
)


@pytest.mark.parametrize(
    ("value", "four", "six"),
    [
        pytest.param(["192.0.2.7"], ["192.0.2.7"], [], id="address"),
        pytest.param(["2001:db8::/32", "192.0.2.0/24"], ["192.0.2.0/24"], ["2001:db8::/32"], id="both families"),
        pytest.param(["192.0.2.7", "192.0.2.0/24"], ["192.0.2.0/24"], [], id="one in the other"),
        pytest.param(["192.0.2.0/25", "192.0.2.128/25"], ["192.0.2.0/24"], [], id="halves"),
        pytest.param(["198.51.100.2", "192.0.2.7"], ["192.0.2.7", "198.51.100.2"], [], id="sorted"),
        pytest.param(["192.0.2.7/32", " 192.0.2.7 "], ["192.0.2.7"], [], id="the same twice"),
        pytest.param(["192.0.2.0/255.255.255.0"], ["192.0.2.0/24"], [], id="netmask"),
        pytest.param(["2001:DB8:0::1"], [], ["2001:db8::1"], id="normal form"),
        pytest.param(["fe80::/10"], [], ["fe80::/10"], id="link-local"),
        pytest.param(["0.0.0.0/0", "::/0"], ["0.0.0.0/0"], ["::/0"], id="anyone"),
    ],
)
def test_each_entry_goes_to_its_family(value: list[str], four: list[str], six: list[str]) -> None:
    networks = parse_networks(value, "from")
    assert (of_family(networks, 4), of_family(networks, 6)) == (four, six)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        pytest.param(
            "192.0.2.1", "from: must be a list, not the text '192.0.2.1'; write it as a list: [192.0.2.1]", id="text"
        ),
        pytest.param({}, "from: must be a list, not the dict {}", id="mapping"),
        pytest.param([], "from: is an empty list, which could mean nobody or anyone; leave the option out", id="empty"),
        pytest.param(
            ["192.0.2.1/24"],
            "from[1]: '192.0.2.1/24' has bits set after its prefix of 24 bits; write 192.0.2.0/24 for the network, or "
            "192.0.2.1 for the one address",
            id="host bits",
        ),
        pytest.param(["2001:db8::1/64"], "write 2001:db8::/64 for the network", id="host bits of IPv6"),
        pytest.param(
            ["db.example.com"],
            "from[1]: 'db.example.com' is not an address or a network; a host name cannot be",
            id="name",
        ),
        pytest.param(["localhost"], "a host name cannot be part of a rule", id="localhost"),
        pytest.param(["any"], "leave the option out to allow anyone", id="any"),
        pytest.param(["192.0.2.1,192.0.2.2"], "write each address as an entry of its own", id="two in one"),
        pytest.param(["192.0.2.1-192.0.2.9"], "write a range as the networks that it consists of", id="range"),
        pytest.param(
            ["fe80::1%eth0"], "'fe80::1%eth0' has a zone id, which a packet does not carry; write fe80::1", id="zone"
        ),
        pytest.param(
            ["::ffff:192.0.2.1"],
            "is an IPv4 address in IPv6 notation, which no packet carries; write 192.0.2.1",
            id="mapped",
        ),
        pytest.param(["::ffff:192.0.2.0/120"], "write 192.0.2.0/24", id="mapped network"),
        pytest.param(["192.0.2.0/33"], "from[1]: '192.0.2.0/33' is not an address or a network; give", id="prefix"),
        pytest.param(["192.0.2"], "is not an address or a network; give", id="three numbers"),
        pytest.param(["192.0.2.01"], "is not an address or a network; give", id="octal"),
        pytest.param(["0.0.0.0"], "'0.0.0.0' is the address of nobody; write 0.0.0.0/0 for anyone", id="unspecified"),
        pytest.param(["::"], "write ::/0 for anyone over IPv6", id="unspecified of IPv6"),
        pytest.param([""], "from[1]: '' is not an address or a network; give", id="empty text"),
        pytest.param([3221225985], "from[1]: must be an address or a network, not the int 3221225985", id="number"),
        pytest.param([True], "from[1]: must be an address or a network, not a boolean", id="boolean"),
        pytest.param([None], "from[1]: must be an address or a network, not nothing", id="nothing"),
    ],
)
def test_errors(value: t.Any, advice: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_networks(value, "from")
    assert advice in caught.value.advice


def test_each_wrong_entry_is_an_error() -> None:
    with pytest.raises(BaselineError) as caught:
        parse_networks(["a", "192.0.2.1", "b"], "from")
    assert [part.option for part in caught.value.parts] == ["from[1]", "from[3]"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("198.51.100.1", False),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
    ],
)
def test_contains(address: str, expected: bool) -> None:
    assert contains(parse_networks(["192.0.2.0/24", "fe80::/10"], "from"), address) is expected
