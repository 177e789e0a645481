# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections for which a configuration is checked: this run's, those of users, and one for each Match block."""

from __future__ import annotations

import grp
import pwd
import typing as t

from ..match import Connection, Criteria, connection_for, matches
from ..settings import SshdSettings
from .sshd import connection_as

__all__ = ["connections_to_check", "example_connection"]


def connections_to_check(
    desired: SshdSettings, base: Connection, users: t.Iterable[str]
) -> tuple[list[Connection], list[str]]:
    """Return the connections to check (``base``, ``users``, one for each block) and the blocks that match nobody."""
    found = [base, *(connection_as(base, user) for user in users)]
    unmatched = []
    for block in desired.blocks:
        example = example_connection([block.criteria], base)
        if example:
            found.append(example)
        else:
            unmatched.append(str(block.criteria))
    return list(dict.fromkeys(found)), unmatched


def example_connection(criteria: t.Iterable[Criteria], base: Connection) -> Connection | None:
    """Return a connection like ``base`` that satisfies all of ``criteria``, of an account where the host has one.

    ``None`` where no example can be derived from the criteria.
    """
    joined = Criteria(tuple(pair for one in criteria for pair in one.pairs))
    example = connection_for(joined, _member(joined.pairs, base))
    example = connection_as(example, example.user) if example else None
    return example if example and matches(joined, example) else None


def _member(pairs: t.Iterable[tuple[str, str]], base: Connection) -> Connection:
    """Return ``base`` as a member of the group in the criteria, where there is one."""
    wanted = dict(pairs).get("group")
    if not wanted:
        return base
    for name in wanted.split(","):
        try:
            group = grp.getgrnam(name)
        except KeyError:
            continue
        members = [*group.gr_mem, *(entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group.gr_gid)]
        if members:
            return connection_as(base, members[0])
    return base
