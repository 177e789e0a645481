from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
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
