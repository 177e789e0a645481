# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The read half of sshd: what is in force for one connection, who says so, what listens, which host keys there are."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from ..effective import Effective, idle_ports, listens
from ..host_keys import offered_types
from ..keywords import KEYWORDS
from ..match import Connection
from ..precedence import standing
from ..tree import compose
from . import daemon as daemons
from .keys import host_keys
from .sshd import (
    Sshd,
    account,
    controller,
    find_sshd,
    read_tree,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..tree import Directive

__all__ = ["look"]


def look(host: Host, *, main: str, asked: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the module's result; ``asked`` are the parts of a connection, those that are ``None`` as they come in."""
    sshd = find_sshd(host, main)
    if sshd is None:
        return {"installed": False}
    if os.geteuid():
        raise BaselineError("sshd can only be asked by root; run the task with become: true")
    connection = _connection(host, asked)
    effective = sshd.effective(connection)
    tree = read_tree(host, main)
    directives = compose(tree, sshd.release)
    daemon = daemons.find_daemon(host, effective.get("pidfile", ("none",))[0], program=sshd.program)
    held = daemon.held if daemon.socket else None
    listening = sorted(held.loaded.listens) if held else listens(effective)
    names = sorted({one.keyword for one in directives})
    decided = {name: standing(directives, name, connection, sshd.release) for name in names}
    idle = idle_ports(directives, effective)
    return {
        "installed": True,
        "version": sshd.version(),
        "connection": connection.specification(),
        "effective": {name: list(said) if len(said) > 1 else said[0] for name, said in effective.items()},
        "decided_by": [_place(one) for winners, _losers in decided.values() for one in winners if one not in idle],
        "shadowed": [_place(one) for _winners, losers in decided.values() for one in losers]
        + [_place(one) for one in idle],
        "files": list(tree.files),
        "listen": [{"address": address, "port": port} for address, port in listening],
        "ports": sorted({port for _address, port in listening}),
        "unit": daemon.service,
        "socket": daemon.socket,
        "running": daemon.running,
        "stale": daemon.older_than(daemons.newest_change(host, tree)),
        "host_keys": _host_keys(sshd, effective),
    }


def _connection(host: Host, asked: t.Mapping[str, t.Any]) -> Connection:
    base = controller(host)
    return account(
        Connection(
            "",
            address=asked["address"] or base.address,
            host=asked["host"] or "",
            local_address=asked["local_address"] or base.local_address,
            local_port=str(asked["local_port"] or base.local_port),
        ),
        asked["user"] or base.user,
    )


def _place(directive: Directive) -> dict[str, t.Any]:
    return {
        "keyword": KEYWORDS.get(directive.keyword, directive.keyword),
        "value": " ".join(directive.arguments),
        "file": directive.file,
        "line": directive.number,
        "criteria": " and ".join(str(criteria) for criteria in directive.criteria),
    }


def _host_keys(sshd: Sshd, effective: Effective) -> list[dict[str, t.Any]]:
    keys = [key for key in host_keys(sshd, effective).values() if key]
    offered = offered_types(keys, ",".join(effective.get("hostkeyalgorithms", ())).split(","))
    return [{**vars(key), "offered": key in offered} for key in keys]
