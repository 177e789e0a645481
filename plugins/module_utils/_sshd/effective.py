# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective configuration of sshd: what ``sshd -T -C …`` prints."""

from __future__ import annotations

import typing as t

from .keywords import folded

__all__ = ["display_value", "first_value", "listen_addresses", "parse_effective"]

Effective = t.Dict[str, t.Tuple[str, ...]]


def parse_effective(text: str) -> Effective:
    """Read the output of ``sshd -T``: keyword in its newest name, lower case -> one value for each line."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, *rest = line.split(" ", 1)
        found.setdefault(folded(keyword), []).append("".join(rest).strip())
    return {keyword: tuple(values) for keyword, values in found.items()}


def display_value(values: t.Sequence[str]) -> str:
    """Return the values of a keyword for a message."""
    return ", ".join(values) if values else "not set"


def first_value(effective: Effective, keyword: str) -> str:
    """Return the first value of ``keyword`` (lower case), an empty text where sshd does not know it."""
    return next(iter(effective.get(keyword, ())), "")


def listen_addresses(effective: Effective) -> list[tuple[str, int]]:
    """Return (address, port) of every effective ``listenaddress``."""
    found = []
    for text in effective.get("listenaddress", ()):
        address, port = text.split(" ")[0].rsplit(":", 1)
        found.append((address.strip("[]"), int(port)))
    return found
