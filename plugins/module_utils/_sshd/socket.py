# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of a socket unit for sshd, as systemd.socket(5) reads them, and the drop-in that changes them.

An address is ``(address, port)`` as ``sshd -T`` prints it; ``0.0.0.0`` and ``::`` are separate wildcards.
"""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from dataclasses import dataclass

__all__ = [
    "DROPIN",
    "Listen",
    "SocketStreams",
    "compose_unit",
    "generated_listens",
    "listen_property",
    "read_streams",
    "render_dropin",
    "with_limits",
]

Listen = t.Tuple[str, int]

# Drop-ins are read in the order of their names, and an empty ListenStream= resets the list: ours must be read last.
DROPIN = "zz-pyhost-baseline.conf"
HEADER = "# Written by pyhost.baseline.sshd_config, so that the socket listens where sshd_config says.\n"
# With Accept=yes every connection starts its own sshd: MaxStartups has no effect, and systemd's limits apply, also to
# sessions. TriggerLimit would close the socket permanently after 200 connections within two seconds.
LIMITS = "MaxConnections=200\nMaxConnectionsPerSource=20\nTriggerLimitIntervalSec=0\n"
_ANY4, _ANY6 = "0.0.0.0", "::"


@dataclass(frozen=True)
class SocketStreams:
    """What a socket unit listens on: TCP addresses, and others (``/run/ssh.sock``, ``vsock::22``)."""

    listens: frozenset[Listen] = frozenset()
    others: tuple[str, ...] = ()


def read_streams(texts: t.Iterable[str]) -> SocketStreams:
    """Read a unit and its drop-ins, in systemd's order: ``ListenStream`` adds up, an empty one resets the list."""
    values: list[str] = []
    both = True
    for text in texts:
        for name, value in _assignments(text):
            if name.startswith("Listen") and not value:
                values = []
            elif name == "ListenStream":
                values.append(value)
            elif name == "BindIPv6Only":
                both = value != "ipv6-only"
    return _streams(values, both=both)


def listen_property(values: t.Iterable[str], *, bind: str) -> SocketStreams:
    """Read the property ``Listen`` of a loaded socket unit (``[::]:22 (Stream)``) and its ``BindIPv6Only``."""
    found = [value.rpartition(" (Stream)")[0] for value in values if value.endswith(" (Stream)")]
    return _streams(found, both=bind != "ipv6-only")


def compose_unit(files: t.Mapping[str, str], path: str, text: str | None) -> list[tuple[str, str]]:
    """Return ``files`` (the unit, then its drop-ins) with ``text`` at ``path``, in the order that systemd reads."""
    unit, *rest = [(name, content) for name, content in files.items() if name != path] or [("", "")]
    if text is not None:
        rest.append((path, text))
    return [unit, *sorted(rest, key=lambda file: os.path.basename(file[0]))]


def render_dropin(desired: t.Collection[Listen], others: t.Iterable[str] = ()) -> str:
    """Return the drop-in that makes a socket unit listen on ``desired``, and on ``others`` as before.

    A port on both wildcards is given without an address: such a socket also starts on a kernel without IPv6, on which
    one for ``[::]`` would fail at the next boot and nobody could log in.
    """
    lone = any(address == _ANY6 and (_ANY4, port) not in desired for address, port in desired)
    lines = []
    for address, port in sorted(set(desired), key=lambda listen: (listen[1], listen[0])):
        if not lone and address in (_ANY4, _ANY6) and {(_ANY4, port), (_ANY6, port)} <= set(desired):
            lines.append(str(port))
        else:
            lines.append(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
    text = "".join(f"ListenStream={line}\n" for line in [*dict.fromkeys(lines), *others])
    bind = "ipv6-only" if lone else "both"
    # FreeBind: an address that comes up later must not keep the socket from starting.
    return f"{HEADER}[Socket]\nListenStream=\n{text}BindIPv6Only={bind}\nFreeBind=yes\n"


def generated_listens(listens: t.Collection[Listen]) -> frozenset[Listen]:
    """Return what Ubuntu's generator makes of ``listens`` in sshd_config, empty where it writes nothing.

    It takes a wildcard of one family for both: a socket on port 22 stays as it is, and ``AddressFamily`` is not read.
    """
    ports = {port for address, port in listens if address in (_ANY4, _ANY6)}
    both = {(address, port) for address in (_ANY4, _ANY6) for port in ports}
    found = frozenset(listens) | both
    return frozenset() if found == {(_ANY4, 22), (_ANY6, 22)} else found


def with_limits(text: str | None) -> str:
    """Return the drop-in ``text`` (``None``: none yet) with the limits for a unit with Accept=yes."""
    return (text or f"{HEADER}[Socket]\n") + LIMITS


def _assignments(text: str) -> t.Iterator[tuple[str, str]]:
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            section = bare
        elif section == "[Socket]" and bare[:1] not in ("#", ";") and "=" in bare:
            name, _sign, value = bare.partition("=")
            yield name.strip(), value.strip()


def _streams(values: t.Iterable[str], *, both: bool) -> SocketStreams:
    listens: set[Listen] = set()
    others = []
    for value in values:
        found = re.fullmatch(r"(?:(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+)):)?(?P<port>[0-9]+)", value)
        if not found:
            others.append(value)
            continue
        address = _plain(found["six"] or found["four"] or _ANY6)
        listens.add((address, int(found["port"])))
        if address == _ANY6 and both:
            listens.add((_ANY4, int(found["port"])))
    return SocketStreams(frozenset(listens), tuple(others))


def _plain(address: str) -> str:
    """Return an IPv6 address in its shortest form; one with a scope (``fe80::1%eth0``) stays as it is."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
