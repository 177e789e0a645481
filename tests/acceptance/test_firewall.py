"""The firewall according to the kernel and systemd, where its rules are in the table of the collection."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

UNIT = "pyhost-baseline-firewall.service"
RULES = "/etc/pyhost.baseline/firewall.nft"


@pytest.fixture(scope="module", autouse=True)
def _has_rules(host: Host) -> None:
    if not host.file(RULES).exists:
        pytest.skip("the rules are not in a table of nftables on this host")


def test_the_rules_are_loaded_before_the_network(host: Host) -> None:
    assert host.service(UNIT).is_enabled
    assert "network-pre.target" in host.check_output(f"systemctl show --value --property Before {UNIT}").split()


def test_the_kernel_has_the_table(host: Host) -> None:
    listed = json.loads(host.check_output("nft -j list table inet pyhost_baseline"))["nftables"]
    chains = {one["chain"]["name"]: one["chain"] for one in listed if "chain" in one}
    assert chains["input"]["hook"] == "input"
    assert f"policy {chains['input']['policy']};" in host.file(RULES).content_string


def test_nobody_else_can_write_the_rules(host: Host) -> None:
    file = host.file(RULES)
    assert (file.user, file.mode & 0o022) == ("root", 0)
