"""The types of a port, over a listing written from semanage-port(8) and the policy of Fedora."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.selinux import port_types

LISTING = """\
SELinux Port Type              Proto    Port Number

ephemeral_port_t               tcp      32768-60999
http_cache_port_t              tcp      8080, 8118, 8123, 10001-10010
http_cache_port_t              udp      3130
hi_reserved_port_t             tcp      512-1023
my_port_t                      tcp      22, x
reserved_port_t                tcp      1-511
ssh_port_t                     tcp      22
unreserved_port_t              tcp      61001-65535, 1024-32767
"""


@pytest.mark.parametrize(
    ("port", "types"),
    [
        (22, ["my_port_t", "ssh_port_t"]),
        (2222, []),
        (8118, ["http_cache_port_t"]),
        (10005, ["http_cache_port_t"]),
        (10011, []),
        (3130, []),
    ],
)
def test_port_types(port: int, types: list[str]) -> None:
    assert port_types(LISTING, port) == types


def test_no_listing() -> None:
    assert port_types("", 22) == []
