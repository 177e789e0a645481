# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers the state of sshd: the effective configuration of a connection, its origin, the addresses and host keys."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from ..comparison import unused_ports, with_criteria
from ..effective import Effective, listen_addresses
from ..host_keys import offered_keys
from ..match import Connection
from ..precedence import deciding_directives
from ..tree import compose
from . import daemon as daemons
from .keys import host_keys
from .sshd import (
    Sshd,
    connection_as,
    find_sshd,
    incoming_connection,
    read_tree,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["gather"]


def gather(host: Host, *, main: str, requested: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the module's result. ``requested`` are parts of a connection; ``None`` means that of the run's own."""
    sshd = find_sshd(host, main)
    if sshd is None:
        return {"installed": False}
    if os.geteuid():
        raise BaselineError("only root can run sshd -T", hint="run the task with become: true")
    connection = _connection(host, requested)
    effective = sshd.effective(connection)
    tree = read_tree(host, main)
    directives = compose(tree, sshd.release)
    daemon = daemons.find_daemon(host, effective.get("pidfile", ("none",))[0], program=sshd.program, main=main)
    socket_unit = daemon.socket_unit if daemon.socket else None
    listening = sorted(socket_unit.loaded.listens) if socket_unit else listen_addresses(effective)
    names = sorted({one.keyword for one in directives})
    decided = {name: deciding_directives(directives, name, connection, sshd.release) for name in names}
    idle = unused_ports(directives, effective)
    return {
        "installed": True,
        "version": sshd.version(),
        "connection": connection.specification(),
        "effective": {name: list(values) if len(values) > 1 else values[0] for name, values in effective.items()},
        "decided_by": [
            with_criteria(one) for deciding, _shadowed in decided.values() for one in deciding if one not in idle
        ],
        "shadowed": [with_criteria(one) for _deciding, shadowed in decided.values() for one in shadowed]
        + [with_criteria(one) for one in idle],
        "files": list(tree.files),
        "listen": [{"address": address, "port": port} for address, port in listening],
        "ports": sorted({port for _address, port in listening}),
        "unit": daemon.service,
        "socket": daemon.socket,
        "running": daemon.running,
        "stale": daemon.older_than(daemons.newest_change(host, tree)),
        "host_keys": _host_keys(sshd, effective),
    }


def _connection(host: Host, requested: t.Mapping[str, t.Any]) -> Connection:
    base = incoming_connection(host)
    return connection_as(
        Connection(
            "",
            address=requested["address"] or base.address,
            host=requested["host"] or "",
            local_address=requested["local_address"] or base.local_address,
            local_port=str(requested["local_port"] or base.local_port),
        ),
        requested["user"] or base.user,
    )


def _host_keys(sshd: Sshd, effective: Effective) -> list[dict[str, t.Any]]:
    keys = [key for key in host_keys(sshd, effective).values() if key]
    offered = offered_keys(keys, ",".join(effective.get("hostkeyalgorithms", ())).split(","))
    return [{**vars(key), "offered": key in offered} for key in keys]
