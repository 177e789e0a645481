# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of a host as this controller sees them: whether a connection is made, refused, or not answered."""

from __future__ import annotations

import selectors
import socket
import time
import typing as t

__all__ = ["OPEN", "REFUSED", "UNANSWERED", "try_ports"]

OPEN, REFUSED, UNANSWERED = "open", "refused", "unanswered"
# The answer that counts where a name has several addresses: what any of them says.
_ORDER = (REFUSED, UNANSWERED, OPEN)
_SECONDS = 3.0


def try_ports(host: str, ports: t.Iterable[int], *, seconds: float = _SECONDS) -> dict[int, str]:
    """Return for each of ``ports`` what connections to the addresses of ``host`` led to, all tried side by side.

    A port is refused if one of the addresses refuses it (RST, or ICMP port unreachable), open if all are, and else
    unanswered. Addresses of a family that this controller cannot reach do not count. Nothing is sent or read.
    """
    found: dict[int, list[str]] = {port: [] for port in ports}
    with selectors.DefaultSelector() as selector:
        for port in found:
            for family, address in _addresses(host, port):
                _start(selector, family, address, found[port])
        deadline = time.monotonic() + seconds
        while selector.get_map():
            left = deadline - time.monotonic()
            for key, _events in selector.select(max(0.0, left)):
                _end(selector, key)
            if left <= 0:
                break
        for key in list(selector.get_map().values()):
            key.data.append(UNANSWERED)
            _close(selector, key)
    return {port: min(answers, key=_ORDER.index) if answers else UNANSWERED for port, answers in found.items()}


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, t.Any]]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys((family, address) for family, _type, _protocol, _name, address in rows))


def _start(selector: selectors.BaseSelector, family: socket.AddressFamily, address: t.Any, answers: list[str]) -> None:
    link = socket.socket(family, socket.SOCK_STREAM)
    link.setblocking(False)
    try:
        link.connect(address)
    except BlockingIOError:
        selector.register(link, selectors.EVENT_WRITE, answers)
        return
    except ConnectionRefusedError:
        answers.append(REFUSED)
    except OSError:
        # There is no way to this address, such as to one of IPv6 from a controller without it.
        pass
    else:
        answers.append(OPEN)
    link.close()


def _end(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    error = t.cast(socket.socket, key.fileobj).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error == 0:
        key.data.append(OPEN)
    elif isinstance(OSError(error, ""), ConnectionRefusedError):
        key.data.append(REFUSED)
    else:
        key.data.append(UNANSWERED)
    _close(selector, key)


def _close(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    selector.unregister(key.fileobj)
    t.cast(socket.socket, key.fileobj).close()
