# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a filter of the user finds in its sample lines, compared with what it has to find."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .packet_filters import normal_address

if t.TYPE_CHECKING:
    from .filters import FilterSample, UserFilter

__all__ = ["TriedFilter", "sample_error"]


@dataclass(frozen=True)
class TriedFilter:
    """A filter and what fail2ban found in each text with it.

    By text: ``hosts``, the ``expressions`` that matched, the ones that ``ignored`` it, the ``message`` that is left
    without its time, whether a time was found (``times``), and whether prefregex matched (``prefix``).
    """

    name: str
    lines: t.Mapping[str, t.Mapping[str, t.Any]]

    def hosts(self, text: str) -> list[str]:
        """Return the addresses that the filter finds in ``text``, in the form of the packet filter."""
        found = self.lines[text]["hosts"]
        return [address for address in map(normal_address, found) if address]

    def every_host(self) -> dict[str, list[str]]:
        return {text: self.hosts(text) for text in self.lines}

    def message(self, text: str) -> str:
        return str(self.lines[text]["message"])

    def warnings(self, definition: UserFilter, *, journal: bool) -> list[str]:
        """Return a warning for a sample in which fail2ban finds no time. The journal has the time of each entry."""
        for sample in definition.matches if not journal else ():
            if not self.lines[sample.text]["times"]:
                return [
                    f"the filter {self.name} finds no time in the sample {sample.text!r}: fail2ban counts old lines as "
                    "new ones when it starts; set datepattern, or add the time to the sample"
                ]
        return []


def sample_error(tried: TriedFilter, definition: UserFilter) -> str | None:
    """Return what is wrong with the first sample that does not do what ``definition`` says, ``None`` if all do."""
    for sample in definition.matches:
        problem = _not_matched(tried, sample, definition)
        if problem:
            return problem
    for sample in definition.ignores:
        found = tried.lines[sample.text]
        if found["hosts"]:
            return (
                f"the sample in ignores is found: {sample.text!r} is a failure of {', '.join(found['hosts'])} for "
                f"{found['expressions'][0]!r}"
            )
    return None


def _not_matched(tried: TriedFilter, sample: FilterSample, definition: UserFilter) -> str | None:
    found, hosts = tried.lines[sample.text], tried.hosts(sample.text)
    seen = f"in {sample.text!r}, of which {found['message']!r} is left without the time"
    if hosts:
        if sample.address and set(hosts) != {sample.address}:
            return f"the filter finds {', '.join(hosts)} instead of {sample.address} {seen}"
        return None
    if found["ignored"]:
        return f"the sample in matches is ignored by ignoreregex {found['ignored'][0]!r}: {sample.text!r}"
    if found["hosts"]:
        return f"the filter finds {found['hosts'][0]!r}, which is no address, {seen}"
    if found["expressions"]:
        return f"failregex {found['expressions'][0]!r} matches, but finds no address {seen}"
    if not found["prefix"]:
        return f"prefregex {definition.options.get('prefregex', '')!r} does not match {seen}"
    expressions = definition.options["failregex"].split("\n")
    which = (
        f"failregex {expressions[0]!r} finds nothing" if len(expressions) == 1 else f"none of {expressions!r} matches"
    )
    return f"{which} {seen}"
