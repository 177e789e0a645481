# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel has our table as it was rendered: read back, not assumed. Pure.

nft(8) prints rules in its own words, which differ between releases. So the first rule names the text that was loaded,
and the chains, their policies and the number of their rules are compared.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .nft_ruleset import Ruleset
from .nft_table import FAMILY, FINGERPRINT, TABLE

__all__ = ["TableState", "difference", "loaded_table", "rendered_table"]


@dataclass(frozen=True)
class TableState:
    """Our table: the fingerprint of its text, and of each base chain its hook, its policy and the number of rules."""

    fingerprint: str = ""
    chains: t.Mapping[str, tuple[str, str, int]] = field(default_factory=dict)


def rendered_table(text: str) -> TableState:
    """Return the state that the text of ``render_table`` leads to."""
    found: dict[str, tuple[str, str, int]] = {}
    for match in re.finditer(r"^\tchain (\w+) \{\n(.*?)^\t\}", text, re.MULTILINE | re.DOTALL):
        head, *rules = match[2].splitlines()
        hook = re.search(r"hook (\w+) .*policy (\w+);", head)
        found[match[1]] = (hook[1], hook[2], len(rules)) if hook else ("", "", len(rules))
    digest = re.search(rf'comment "{FINGERPRINT}(\w+)"', text)
    return TableState(digest[1] if digest else "", found)


def loaded_table(ruleset: Ruleset) -> TableState | None:
    """Return the state of our table in the kernel, ``None`` if it is not there."""
    own = [chain for chain in ruleset.chains if (chain.family, chain.table) == (FAMILY, TABLE)]
    if not own:
        return None
    chains = {chain.name: (chain.hook, chain.policy, len(ruleset.rules_of(chain))) for chain in own}
    comments = [rule.comment for chain in own for rule in ruleset.rules_of(chain)]
    digests = [comment[len(FINGERPRINT) :] for comment in comments if comment.startswith(FINGERPRINT)]
    return TableState(digests[0] if digests else "", chains)


def difference(rendered: TableState, loaded: TableState | None) -> str:
    """Return what of the ``rendered`` table is not in force, an empty text if all of it is."""
    if loaded is None:
        return f"the kernel has no table {FAMILY} {TABLE}"
    for name, (hook, policy, count) in rendered.chains.items():
        if name not in loaded.chains:
            return f"the chain {name} is missing in the kernel"
        present = loaded.chains[name]
        if present[:2] != (hook, policy):
            return f"the chain {name} has the hook {present[0] or '-'} and the policy {present[1] or '-'} in the kernel"
        if present[2] != count:
            return f"the chain {name} has {present[2]} rules in the kernel, and {count} in the file"
    others = sorted(set(loaded.chains) - set(rendered.chains))
    if others:
        return f"the kernel has another chain in our table: {others[0]}"
    return "" if loaded.fingerprint == rendered.fingerprint else "the kernel has the rules of another request"
