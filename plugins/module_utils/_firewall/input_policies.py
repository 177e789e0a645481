# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewalls of a host that a packet has to pass, and the services that a request would cut behind them. Pure."""

from __future__ import annotations

import typing as t

from .boot_unit import RULES_FILE
from .foreign import KNOWN_TABLES
from .host_state import FirewallState
from .listeners import Listener, cut_listeners
from .manager_rules import ufw_policy, zone_policy
from .nft_ruleset import NftChain, Ruleset
from .nft_table import TABLE, render_table
from .open_rules import NOBODY, InputPolicy, chain_policies, reach
from .request import FirewallRequest

__all__ = ["input_policies", "surprising_cuts"]


def input_policies(state: FirewallState, *, with_flushed: bool = False) -> list[InputPolicy]:
    """Return the firewalls that a packet to the host passes: ours, that of a manager, and closed chains of others.

    ``with_flushed``: also ufw where it is enabled, and another program has flushed its rules.
    """
    found = []
    if state.backend == "firewalld":
        found.append(zone_policy(state.zones, state.default_zone, state.firewalld_services))
    if state.ufw is not None and (state.ufw_is_loaded or with_flushed):
        ufw = ufw_policy(state.ufw, state.ufw_profiles)
        found += [ufw] if ufw else []
    if state.ruleset is not None:
        found += chain_policies(state.ruleset, _is_judged(state.ruleset))
    return found


def surprising_cuts(request: FirewallRequest, state: FirewallState) -> list[Listener]:
    """Return what others reach today, and would no longer, though the request does not name it.

    What a firewall closes today is not cut, so a service that was started behind our rules is no error. Neither is it
    where these rules were flushed: to bring them into force again is no new request.
    """
    if state.own_files.get(RULES_FILE) == render_table(request, state.ssh_ports):
        return []
    policies = input_policies(state, with_flushed=True)
    return [
        one
        for one in cut_listeners(request, state.ssh_ports, state.listeners, state.published)
        if reach(policies, one.protocol, one.address, one.port) != NOBODY
    ]


def _is_judged(ruleset: Ruleset) -> t.Callable[[NftChain], bool]:
    """Return whether a chain counts: not those of managers, which were asked themselves, nor those of bans."""
    ufw_tables = ruleset.ufw_tables()

    def is_judged(chain: NftChain) -> bool:
        is_of_others = not KNOWN_TABLES.fullmatch(chain.table) and chain.place[:2] not in ufw_tables
        return chain.table == TABLE or is_of_others

    return is_judged
