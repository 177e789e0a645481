from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection, address_list
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.origin import comes_from, is_user

FROM = Connection("deploy", address="192.0.2.7", host="Ops.example.org")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("192.0.2.7", True),
        ("192.0.2.*", True),
        ("192.0.2.0/24", True),
        ("2001:db8::/32,192.0.2.0/24", True),
        ("*.EXAMPLE.org", True),
        ("198.51.100.0/24", False),
        ("!192.0.2.7,*", False),
        # An excluded network ends it, whatever a pattern of names says.
        ("!192.0.2.0/24,*", False),
        ("*,!*.example.org", False),
        # A network with a host part makes the whole list void.
        ("192.0.2.7/24", False),
        ("192.0.2.7,192.0.2.7/24", False),
        ("192.0.2.7,", False),
        ("192.0.2.0/", False),
    ],
)
def test_comes_from(patterns: str, expected: bool) -> None:
    assert comes_from(patterns, FROM) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("deploy", True),
        ("d?p*", True),
        ("deploy@192.0.2.0/24", True),
        ("deploy@198.51.100.1", False),
        ("alice,deploy", False),
        ("!alice", False),
    ],
)
def test_is_user(pattern: str, expected: bool) -> None:
    assert is_user(pattern, FROM) is expected


# What sshd of Debian 12 and 13 answers for such a client (sshd -T -C addr=fe80::1%eth0, Match Address).
@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        pytest.param("fe80::/10", False, id="a network without the zone"),
        pytest.param("fe80::%eth0/10", True, id="of the zone"),
        pytest.param("fe80::%eth1/10", False, id="of another zone"),
        pytest.param("fe80::1", False, id="the address without the zone"),
        pytest.param("fe80::1%eth0", True, id="the address"),
        pytest.param("fe80::*", True, id="a pattern of the text"),
        pytest.param("!fe80::/10,*", True, id="what is not excluded"),
        pytest.param("!fe80::%eth0/10,*", False, id="what is excluded"),
        pytest.param("::/0", False, id="every address has no zone"),
    ],
)
def test_a_link_local_client_has_a_zone(patterns: str, expected: bool) -> None:
    near = Connection("deploy", address="fe80::1%eth0")
    assert comes_from(patterns, near) is expected
    assert is_user(f"deploy@{patterns}", near) is expected
    assert address_list(patterns, near.address) is expected


def test_an_address_with_a_zone_names_no_other_client() -> None:
    far = Connection("deploy", address="fe80::1")
    assert comes_from("fe80::/10", far) and not comes_from("fe80::%eth0/10", far)
