"""The backend that is chosen, and the managers that count."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import (
    FirewallState,
    ManagerUnit,
    choose_backend,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import UfwState


@pytest.mark.parametrize(
    ("firewalld", "ufw", "backend"),
    [(False, False, "nftables"), (True, False, "firewalld"), (False, True, "ufw"), (True, True, "firewalld")],
)
def test_the_backend(firewalld: bool, ufw: bool, backend: str) -> None:
    assert choose_backend(firewalld_runs=firewalld, ufw_is_enabled=ufw) == backend


def test_the_service_of_ufw_says_nothing() -> None:
    units = {name: ManagerUnit(name, exists=True, is_active=True) for name in ("ufw", "nftables", "ours")}
    assert FirewallState("nftables", units).active_managers == ["nftables"]
    assert FirewallState("ufw", units, ufw=UfwState()).active_managers == ["nftables", "ufw"]


def test_a_unit_that_was_not_asked_for_is_not_there() -> None:
    assert FirewallState("nftables").unit("ufw") == ManagerUnit("ufw")
    assert not FirewallState("nftables").unit("ufw").exists
