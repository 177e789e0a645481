"""A kernel that has a table of ours: its ruleset, made of the state that a text leads to."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_ruleset import NftChain, NftRule, Ruleset
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.table_state import TableState


def kernel_with(state: TableState) -> Ruleset:
    """Return the ruleset of a kernel that has the table ``state``, and a chain of somebody else."""
    chains = [
        NftChain("inet", "pyhost_baseline", name, "filter", hook, 5, policy)
        for name, (hook, policy, _count) in state.chains.items()
    ]
    comment = f"pyhost.baseline sha256:{state.fingerprint}"
    rules = {
        chain.place: (
            NftRule(chain.place, (), comment if chain.name == "input" else ""),
            *[NftRule(chain.place, ())] * (state.chains[chain.name][2] - 1),
        )
        for chain in chains
    }
    return Ruleset((NftChain("ip", "filter", "INPUT"), *chains), rules)
