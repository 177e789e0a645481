# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ruleset of the kernel as ``nft -j list ruleset`` prints it (libnftables-json(5)). Pure."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field, replace

from .._core.errors import BaselineError

__all__ = ["NftChain", "NftRule", "Ruleset", "parse_ruleset", "with_port_set"]

Expression = t.Dict[str, t.Any]
Place = t.Tuple[str, str, str]
# ufw has its chains in ip filter and ip6 filter of iptables-nft.
_UFW_CHAIN = re.compile(r"ufw6?-.*")
# The hooks that a packet to the host itself passes.
_HOOKS = ("prerouting", "input", "ingress")


@dataclass(frozen=True)
class NftChain:
    """A chain; ``type``, ``hook`` and ``policy`` are empty unless it is a base chain."""

    family: str
    table: str
    name: str
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = ""

    @property
    def place(self) -> Place:
        return (self.family, self.table, self.name)

    def __str__(self) -> str:
        return f"the chain {self.name} of the table {self.family} {self.table}"


@dataclass(frozen=True)
class NftRule:
    """A rule: its chain, its expressions in their order, and its comment."""

    place: Place
    expressions: tuple[Expression, ...]
    comment: str = ""

    def verdict(self) -> str:
        """Return accept, drop, reject, jump, goto, return …, an empty text if the rule ends in none."""
        names = ("accept", "drop", "reject", "jump", "goto", "return", "queue")
        return next((name for one in self.expressions for name in names if name in one), "")

    def target(self) -> str:
        """Return the chain to which the rule jumps, an empty text if it does not."""
        for one in self.expressions:
            for name in ("jump", "goto"):
                if isinstance(one.get(name), dict):
                    return str(one[name].get("target", ""))
        return ""

    @property
    def is_unconditional(self) -> bool:
        return not any(name in one for one in self.expressions for name in ("match", "xt", "limit", "vmap", "meter"))


@dataclass(frozen=True)
class Ruleset:
    """The chains of all tables, and the rules of each chain."""

    chains: tuple[NftChain, ...] = ()
    rules: t.Mapping[Place, tuple[NftRule, ...]] = field(default_factory=dict)

    def rules_of(self, chain: NftChain) -> tuple[NftRule, ...]:
        return self.rules.get(chain.place, ())

    def ufw_tables(self) -> set[tuple[str, str]]:
        """Return the tables (family and name) in which ufw has its chains."""
        return {(chain.family, chain.table) for chain in self.chains if _UFW_CHAIN.fullmatch(chain.name)}

    def is_closed(self, chain: NftChain) -> bool:
        """Return whether ``chain`` judges what comes to the host, and drops what none of its rules accepts."""
        rules = self.rules_of(chain)
        last = rules[-1] if rules else None
        is_refused = last is not None and last.is_unconditional and last.verdict() in ("drop", "reject")
        return chain.type == "filter" and chain.hook in _HOOKS and (chain.policy == "drop" or is_refused)

    def reachable(self, chain: NftChain) -> t.Iterator[NftRule]:
        """Yield the rules of ``chain`` and of all chains to which they jump."""
        family, table, name = chain.place
        pending, seen = [name], {name}
        while pending:
            for rule in self.rules.get((family, table, pending.pop()), ()):
                yield rule
                for target in _targets(rule):
                    if target not in seen:
                        seen.add(target)
                        pending.append(target)


def parse_ruleset(text: str) -> Ruleset:
    """Read the output of ``nft -j list ruleset``; an empty text is an empty ruleset."""
    try:
        items = json.loads(text)["nftables"] if text.strip() else []
    except (ValueError, KeyError, TypeError):
        raise BaselineError("`nft -j list ruleset` did not answer in its JSON format") from None
    chains: list[NftChain] = []
    rules: dict[Place, list[NftRule]] = {}
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        chain, rule = item.get("chain"), item.get("rule")
        if isinstance(chain, dict):
            chains.append(_chain(chain))
        elif isinstance(rule, dict):
            place = (str(rule.get("family", "")), str(rule.get("table", "")), str(rule.get("chain", "")))
            expressions = rule.get("expr")
            given = expressions if isinstance(expressions, list) else []
            found = tuple(one for one in given if isinstance(one, dict))
            rules.setdefault(place, []).append(NftRule(place, found, str(rule.get("comment") or "")))
    return Ruleset(tuple(chains), {place: tuple(found) for place, found in rules.items()})


def with_port_set(ruleset: Ruleset, place: Place, ports: t.Collection[int]) -> Ruleset:
    """Return ``ruleset`` with the named set at ``place`` (family, table, name) as an anonymous one in its rules."""
    family, table, name = place

    def resolved(rule: NftRule) -> NftRule:
        if rule.place[:2] != (family, table):
            return rule
        return replace(rule, expressions=tuple(map(filled, rule.expressions)))

    def filled(one: Expression) -> Expression:
        match = one.get("match")
        if not isinstance(match, dict) or match.get("right") != f"@{name}":
            return one
        return {**one, "match": {**match, "right": {"set": sorted(ports)}}}

    rules = {where: tuple(map(resolved, found)) for where, found in ruleset.rules.items()}
    return replace(ruleset, rules=rules)


def _chain(item: t.Mapping[str, t.Any]) -> NftChain:
    texts = {name: str(item.get(name) or "") for name in ("family", "table", "name", "type", "hook", "policy")}
    priority = item.get("prio")
    return NftChain(**texts, priority=priority if isinstance(priority, int) else 0)


def _targets(rule: NftRule) -> list[str]:
    """Return the chains to which ``rule`` jumps, also by a verdict map (``tcp dport vmap { 22 : jump ssh }``)."""
    found = [rule.target()]
    for one in rule.expressions:
        vmap = one.get("vmap")
        data = vmap.get("data") if isinstance(vmap, dict) else None
        pairs = data.get("set") if isinstance(data, dict) else None
        for pair in pairs if isinstance(pairs, list) else []:
            end = pair[1] if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict) else {}
            for name in ("jump", "goto"):
                if isinstance(end.get(name), dict):
                    found.append(str(end[name].get("target", "")))
    return [name for name in found if name]
