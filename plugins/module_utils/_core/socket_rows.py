# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's tables of sockets: /proc/net/tcp, tcp6, udp and udp6 (proc_pid_net(5)). Pure."""

from __future__ import annotations

import socket
import struct
import typing as t

__all__ = ["SocketRow", "tcp_rows", "udp_rows"]

# include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE, which a socket of UDP without a peer has.
_LISTEN, _NOT_CONNECTED = "0A", "07"


class SocketRow(t.NamedTuple):
    """A socket: its address, its owner, and whether it listens. The kernel's own sockets have the inode 0."""

    address: str
    port: int
    uid: int
    inode: str
    listening: bool


def tcp_rows(text: str) -> list[SocketRow]:
    """Read /proc/net/tcp or /proc/net/tcp6."""
    return _rows(text, _LISTEN)


def udp_rows(text: str) -> list[SocketRow]:
    """Read /proc/net/udp or /proc/net/udp6; a socket without a peer takes packets of anyone."""
    return _rows(text, _NOT_CONNECTED)


def _rows(text: str, listening: str) -> list[SocketRow]:
    rows = [line.split() for line in text.splitlines()[1:]]
    return [
        SocketRow(*_place(row[1]), uid=int(row[7]), inode=row[9], listening=row[3] == listening)
        for row in rows
        if len(row) > 9
    ]


def _place(text: str) -> tuple[str, int]:
    address, _colon, port = text.rpartition(":")
    packed = struct.pack(f"={len(address) // 8}I", *(int(address[i : i + 8], 16) for i in range(0, len(address), 8)))
    return socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed), int(port, 16)
