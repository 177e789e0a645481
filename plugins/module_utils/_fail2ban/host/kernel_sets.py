# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the addresses in a set of nftables from the kernel (netlink(7), linux/netfilter/nf_tables.h).

nft takes a tenth of a second to list ten thousand of them, and the kernel some milliseconds. Only what has exactly the
expected form is read. For everything else, such as intervals and elements with a timeout, nft has to be asked.
"""

from __future__ import annotations

import os
import socket
import struct
import typing as t

__all__ = ["addresses_in_set"]

_NETLINK_NETFILTER = 12
_FAMILIES = {"ip": 2, "ip6": 10, "inet": 1}
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
# The subsystem of nftables, with NFT_MSG_NEWSETELEM and NFT_MSG_GETSETELEM.
_ELEMENTS, _GET_ELEMENTS = (10 << 8) | 12, (10 << 8) | 13
_ERROR, _DONE = 2, 3
# NLM_F_REQUEST | NLM_F_DUMP, and what a dump that another transaction has changed meanwhile is marked with.
_DUMP, _INTERRUPTED = 0x301, 0x10
_SEQUENCE = 1
_TABLE, _SET, _LIST = 1, 2, 3
# An attribute that contains others may say so.
_KIND = 0x3FFF
_SECONDS = 5.0
_MOST = 1 << 17


def addresses_in_set(family: str, table: str, name: str, *, size: int) -> frozenset[bytes] | None:
    """Return the addresses of ``size`` bytes in the set ``name``, ``None`` if the kernel does not answer as expected.

    ``family``: that of the table, in the words of nft(8).
    """
    if family not in _FAMILIES or not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        with _connect() as connection:
            connection.send(_request(_FAMILIES[family], table, name))
            found: set[bytes] = set()
            for listed in _lists(connection):
                found.update(_keys(listed, size))
    except (OSError, ValueError, struct.error):
        return None
    return frozenset(found)


def _connect() -> socket.socket:
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    connection.settimeout(_SECONDS)
    return connection


def _request(family: int, table: str, name: str) -> bytes:
    body = struct.pack("=BBH", family, 0, 0) + _text(_TABLE, table) + _text(_SET, name)
    return _HEADER.pack(_HEADER.size + len(body), _GET_ELEMENTS, _DUMP, _SEQUENCE, 0) + body


def _text(kind: int, text: str) -> bytes:
    data = os.fsencode(text) + b"\0"
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + b"\0" * (-len(data) % 4)


def _lists(connection: socket.socket) -> t.Iterator[bytes]:
    """Yield the lists of elements in the answer. What is not an answer is an error."""
    while True:
        data = connection.recv(_MOST)
        at = 0
        while at < len(data):
            length, kind, flags, sequence, _port = _HEADER.unpack_from(data, at)
            if kind == _DONE:
                return
            if kind != _ELEMENTS or flags & _INTERRUPTED or sequence != _SEQUENCE or at + length > len(data):
                raise ValueError("the kernel answers otherwise")
            # The family of the message and the number of the transaction come first.
            yield from (
                value for kind, value in _attributes(data[at + _HEADER.size + 4 : at + length]) if kind == _LIST
            )
            at += (length + 3) & ~3


def _attributes(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            raise ValueError("an attribute is not complete")
        yield kind & _KIND, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _keys(listed: bytes, size: int) -> set[bytes]:
    """Return the keys of a list of elements that have a key of ``size`` bytes and nothing else."""
    # The attributes element, key and value, each with its length.
    head = struct.Struct("=6H")
    expected = (head.size + size, 1, head.size + size - 4, 1, size + 4, 1)
    elements = struct.Struct(f"={head.size}s{size}s")
    if len(listed) % elements.size:
        raise ValueError("an element has something else")
    found = list(elements.iter_unpack(listed))
    for begin in {begin for begin, _key in found}:
        if (
            tuple(number & (_KIND if position % 2 else 0xFFFF) for position, number in enumerate(head.unpack(begin)))
            != expected
        ):
            raise ValueError("an element has something else")
    return {key for _begin, key in found}
