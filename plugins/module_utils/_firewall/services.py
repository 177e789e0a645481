# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of services and their ports (services(5)). Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, did_you_mean

__all__ = ["POSSIBLE_SERVICES", "PROTOCOLS", "ServiceNames", "parse_services"]

PROTOCOLS = ("tcp", "udp")
_LINE = re.compile(r"(\S+)\s+(\d{1,5})/(tcp|udp)(?:\s+(.*))?")
_NAME = re.compile(r"[A-Za-z0-9_+.-]+")
# Minimal images have no /etc/services (Debian: package netbase). These assignments of IANA hold everywhere.
_ASSIGNED = """\
ssh 22/tcp
smtp 25/tcp mail
domain 53/tcp
domain 53/udp
http 80/tcp www
ntp 123/udp
imap2 143/tcp imap
https 443/tcp
submissions 465/tcp
submission 587/tcp
imaps 993/tcp
mysql 3306/tcp
postgresql 5432/tcp postgres
http-alt 8080/tcp webcache
"""
# The file of Red Hat lists each service for both protocols, used or not, and others list DTLS or HTTP/3. Without these
# rows the same request would open other ports there.
_BY_UDP = frozenset(
    ["bootpc", "bootps", "dhcpv6-client", "dhcpv6-server", "ipsec-nat-t", "isakmp", "mdns", "ntp", "openvpn"]
    + ["radius", "radius-acct", "snmp", "snmp-trap", "snmptrap", "syslog", "tftp"]
)
_BY_BOTH = frozenset(["domain", "kerberos", "sip", "sip-tls"])


@dataclass(frozen=True)
class ServiceNames:
    """The ports and protocols of each name and alias; ``are_listed`` says whether the host's file had any."""

    ports: t.Mapping[str, tuple[tuple[int, str], ...]]
    are_listed: bool = True

    def lookup(self, name: str, option: str = "") -> tuple[tuple[int, str], ...]:
        """Return the ports of the service ``name``, each with its protocol. Case counts, as for getservbyname(3)."""
        if name not in self.ports:
            missing = "" if self.are_listed else "; the host has no list of services (on Debian: package netbase)"
            raise BaselineError(
                f"unknown service {name!r}{missing}",
                option=option,
                hint=did_you_mean(name, self.ports) or "give the port: {port: 8080, proto: tcp}",
            )
        return self.ports[name]

    def default_ports(self, name: str, option: str = "") -> tuple[tuple[int, str], ...]:
        """Return the ports of ``name`` without a requested protocol: those for tcp, or for udp if it has no others.

        Services that are used over udp, or over both, are known by name: files of some systems list all protocols.
        """
        found = self.lookup(name, option)
        protocols = {protocol for _port, protocol in found}
        if name in _BY_BOTH:
            return found
        chosen = "udp" if "udp" in protocols and (name in _BY_UDP or "tcp" not in protocols) else "tcp"
        return tuple(one for one in found if one[1] == chosen)


@dataclass(frozen=True)
class _PossibleServices(ServiceNames):
    """Any text that can be the name of a service, over both protocols."""

    def lookup(self, name: str, option: str = "") -> tuple[tuple[int, str], ...]:
        if not (_NAME.fullmatch(name) and re.search("[A-Za-z]", name)):
            return super().lookup(name, option)
        return tuple((1, protocol) for protocol in PROTOCOLS)


# For a check without the host, whose list is not known. The ports mean nothing.
POSSIBLE_SERVICES: ServiceNames = _PossibleServices({})


def parse_services(text: str) -> ServiceNames:
    """Read /etc/services. A name's first line for a protocol counts, as for getservbyname(3)."""
    listed = _rows(text)
    found: dict[str, dict[str, int]] = {}
    # A name that the file has is the file's alone.
    own = {name for names, _port, _protocol in listed for name in names}
    assigned = [
        ([name for name in names if name not in own], port, protocol) for names, port, protocol in _rows(_ASSIGNED)
    ]
    for names, port, protocol in [*listed, *assigned]:
        for name in names:
            found.setdefault(name, {}).setdefault(protocol, port)
    ports = {
        name: tuple((by[protocol], protocol) for protocol in PROTOCOLS if protocol in by) for name, by in found.items()
    }
    return ServiceNames(ports, bool(listed))


def _rows(text: str) -> list[tuple[list[str], int, str]]:
    """Return the names, the port and the protocol of each line for tcp or udp."""
    matches = (_LINE.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())
    rows = [([match[1], *(match[4] or "").split()], int(match[2]), match[3]) for match in matches if match]
    return [row for row in rows if 0 < row[1] < 65536]
