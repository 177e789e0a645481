"""Generated requests of the firewall and packets, for hypothesis: few ports and addresses, so that they often meet."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.allow_rule import AllowRule
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.networks import collapsed
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange, merged
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.verdict import Packet

PORTS = st.integers(1, 8)
RANGES = st.lists(
    st.tuples(PORTS, PORTS).map(lambda ends: PortRange(min(ends), max(ends))), min_size=1, max_size=3
).map(merged)
FOUR = st.integers(1, 3).map(lambda number: ipaddress.ip_network(f"192.0.2.{number}"))
SIX = st.integers(1, 3).map(lambda number: ipaddress.ip_network(f"2001:db8::{number:x}"))
NETWORKS = st.one_of(st.just(()), st.lists(st.one_of(FOUR, SIX), min_size=1, max_size=3).map(collapsed))
INTERFACES = st.sampled_from(["", "eth0", "eth1"])
RULES = st.builds(AllowRule, st.sampled_from(["tcp", "udp"]), RANGES, NETWORKS, INTERFACES)
REQUESTS = st.builds(
    FirewallRequest,
    allow=st.lists(RULES, max_size=4).map(tuple),
    ssh_from=NETWORKS,
    incoming=st.sampled_from(["deny", "allow"]),
    icmp=st.booleans(),
)
SSH_PORTS = st.lists(PORTS, min_size=1, max_size=2)
PACKETS = st.builds(
    Packet,
    st.one_of(FOUR, SIX).map(lambda network: str(network.network_address)),
    st.sampled_from(["tcp", "udp"]),
    PORTS,
    st.sampled_from(["eth0", "eth1"]),
)
