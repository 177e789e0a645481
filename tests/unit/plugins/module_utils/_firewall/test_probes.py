"""Which ports are tried from outside."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import FirewallState, RunConnection
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.listeners import Listener
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.probes import MOST_PROBES, Probes, choose_probes
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services


def chosen(
    ports: t.Iterable[int], *, udp: t.Iterable[int] = (), address: str = "192.0.2.7", **options: t.Any
) -> Probes:
    listeners = [Listener("tcp", "0.0.0.0", port) for port in ports] + [Listener("udp", "::", port) for port in udp]
    state = FirewallState(
        "nftables", ssh_ports=(22,), listeners=tuple(listeners), connection=RunConnection(address, 22, "eth0")
    )
    return choose_probes(parse_request(options, parse_services("")), state)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"ports": [22, 80, 111], "allow": ["http"]}, Probes((22, 80), 61000), id="allowed and listening"),
        pytest.param(
            {"ports": [22], "udp": [53], "allow": [{"port": 53, "proto": "udp"}]}, Probes((22,), 61000), id="tcp"
        ),
        pytest.param(
            {"ports": [80], "allow": [{"port": 80, "from": ["198.51.100.0/24"]}]}, Probes((), 61000), id="for others"
        ),
        pytest.param({"ports": [61000], "allow": [{"port": 61001}]}, Probes((), 61002), id="a free port is chosen"),
        pytest.param({"ports": [22], "incoming": "allow"}, Probes((22,), 0), id="nothing is closed"),
        pytest.param({"ports": [22], "address": ""}, Probes(), id="no connection of ssh"),
    ],
)
def test_probes(given: dict[str, t.Any], expected: Probes) -> None:
    assert chosen(**given) == expected


def test_there_are_not_many() -> None:
    ports = range(1000, 1100)
    assert chosen(ports, allow=[{"port": "1000-1099"}]).open == tuple(ports)[:MOST_PROBES]
