# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel has our table as it was rendered: read back, not assumed. Pure.

nft(8) prints rules in its own words, which differ between releases. So the first rule names the text that was loaded,
and the chains, their policies and the number of their rules are compared. Where the host can load the file a second
time, in a network namespace of its own, each rule is compared with what nft prints of it there.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .nft_ruleset import Ruleset
from .nft_table import FAMILY, FINGERPRINT, SSH_PORTS, TABLE

__all__ = [
    "TableState",
    "altered_rule",
    "difference",
    "has_own_table",
    "loaded_table",
    "parse_port_set",
    "rendered_table",
]


@dataclass(frozen=True)
class TableState:
    """Our table: the fingerprint of its text, and of each base chain its hook, its policy and the number of rules.

    ``ssh_ports`` are the elements of its set of that name, ``altered`` a rule that somebody has changed.
    """

    fingerprint: str = ""
    chains: t.Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    ssh_ports: frozenset[int] = frozenset()
    altered: str = ""


def rendered_table(text: str) -> TableState:
    """Return the state that the text of ``render_table`` leads to."""
    found: dict[str, tuple[str, str, int]] = {}
    for match in re.finditer(r"^\tchain (\w+) \{\n(.*?)^\t\}", text, re.MULTILINE | re.DOTALL):
        head, *rules = match[2].splitlines()
        hook = re.search(r"hook (\w+) .*policy (\w+);", head)
        found[match[1]] = (hook[1], hook[2], len(rules)) if hook else ("", "", len(rules))
    digest = re.search(rf'comment "{FINGERPRINT}(\w+)"', text)
    ports = re.search(rf"\tset {SSH_PORTS} \{{\n.*\n\t\telements = \{{(.*)\}}", text)
    ssh_ports = frozenset(map(int, re.findall(r"\d+", ports[1]))) if ports else frozenset()
    return TableState(digest[1] if digest else "", found, ssh_ports)


def parse_port_set(text: str) -> frozenset[int]:
    """Read the ports in the output of ``nft -j list set``; there are none where it printed nothing.

    libnftables-json(5): an element is a number, or a mapping around one where it has more (a counter, a comment).
    """
    try:
        items = json.loads(text)["nftables"] if text.strip() else []
        elements = [one for item in items for one in item.get("set", {}).get("elem", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BaselineError("`nft -j list set` did not answer in its JSON format") from None
    values = (one.get("elem", {}).get("val") if isinstance(one, dict) else one for one in elements)
    return frozenset(value for value in values if isinstance(value, int))


def has_own_table(ruleset: Ruleset) -> bool:
    """Return whether our table is in the kernel."""
    return any(chain.place[:2] == (FAMILY, TABLE) for chain in ruleset.chains)


def loaded_table(ruleset: Ruleset, ssh_ports: frozenset[int]) -> TableState:
    """Return the state of our table in the kernel; ``ssh_ports`` are the elements of its set."""
    own = [chain for chain in ruleset.chains if chain.place[:2] == (FAMILY, TABLE)]
    chains = {chain.name: (chain.hook, chain.policy, len(ruleset.rules_of(chain))) for chain in own}
    comments = [rule.comment for chain in own for rule in ruleset.rules_of(chain)]
    digests = [comment[len(FINGERPRINT) :] for comment in comments if comment.startswith(FINGERPRINT)]
    return TableState(digests[0] if digests else "", chains, ssh_ports)


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
    if rendered.ssh_ports != loaded.ssh_ports:
        return (
            f"the rules for sshd are for the ports {_listed(loaded.ssh_ports)} in the kernel, and for "
            f"{_listed(rendered.ssh_ports)} in the file"
        )
    if rendered.fingerprint != loaded.fingerprint:
        return "the kernel has the rules of another request"
    return loaded.altered


def altered_rule(expected: Ruleset, loaded: Ruleset) -> str:
    """Return which rule of our table is another one in the kernel than ``expected``, an empty text if none is."""
    for chain in expected.chains:
        if chain.place[:2] != (FAMILY, TABLE):
            continue
        pairs = zip(expected.rules_of(chain), loaded.rules_of(chain))
        number = next((number for number, (one, other) in enumerate(pairs, start=1) if one != other), 0)
        if number:
            return f"the rule {number} of the chain {chain.name} is another one in the kernel than in the file"
    return ""


def _listed(ports: t.Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ports))) or "(none)"
