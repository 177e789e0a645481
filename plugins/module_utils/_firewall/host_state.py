# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan of the firewall needs to know of the host. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .firewalld_zones import ListedZone
from .listeners import Listener
from .nft_ruleset import Ruleset
from .port_ranges import PortRange
from .published import PublishedPort
from .table_state import TableState
from .ufw import UfwState

__all__ = ["MANAGERS", "FirewallState", "ManagerUnit", "RunConnection", "choose_backend"]

# Services that load rules of the packet filter.
MANAGERS = ("firewalld", "ufw", "nftables", "iptables", "ip6tables", "netfilter-persistent")


@dataclass(frozen=True)
class ManagerUnit:
    """A service by the name of its unit: whether it runs, starts at the next boot, and has unread changes."""

    name: str
    exists: bool = False
    is_active: bool = False
    is_enabled: bool = False
    is_masked: bool = False
    needs_daemon_reload: bool = False


@dataclass(frozen=True)
class RunConnection:
    """The SSH connection of this run: the client's address, and the port and the interface by which it came in.

    ``address`` is empty for a run without one.
    """

    address: str = ""
    port: int = 0
    interface: str = ""


@dataclass(frozen=True)
class FirewallState:
    """The host as it is. ``units`` are the ``MANAGERS`` and our own unit, by name without ``.service``.

    ``ruleset`` is ``None`` where nft is not installed, ``own_table`` where the kernel
    does not have our table. ``listeners`` are those that others can reach. ``own_files``
    are the texts of our files, ``None`` for one that is missing. ``nftables_files`` are the main file of an active or
    enabled nftables.service (``nftables_main``) and those that it includes. ``default_zone`` is that of firewalld;
    ``zones`` are in force, ``permanent_zones`` after the next boot, and ``firewalld_services`` are the ports of the
    services that they name, as far as these are known. ``ufw_is_loaded`` is false if ufw is enabled and
    the kernel does not have its rules, and ``ufw_profiles`` are the ports of its applications.
    """

    backend: str
    units: t.Mapping[str, ManagerUnit] = field(default_factory=dict)
    ruleset: Ruleset | None = None
    own_table: TableState | None = None
    ssh_ports: tuple[int, ...] = ()
    listeners: tuple[Listener, ...] = ()
    published: tuple[PublishedPort, ...] = ()
    interfaces: tuple[str, ...] = ()
    connection: RunConnection = RunConnection()
    own_files: t.Mapping[str, str | None] = field(default_factory=dict)
    nftables_main: str = ""
    nftables_files: t.Mapping[str, str] = field(default_factory=dict)
    default_zone: str = ""
    zones: tuple[ListedZone, ...] = ()
    permanent_zones: tuple[ListedZone, ...] = ()
    firewalld_services: t.Mapping[str, t.Sequence[tuple[str, PortRange]]] = field(default_factory=dict)
    ufw: UfwState | None = None
    ufw_is_loaded: bool = False
    ufw_profiles: t.Mapping[str, t.Sequence[tuple[str, PortRange]]] = field(default_factory=dict)

    def unit(self, name: str) -> ManagerUnit:
        return self.units.get(name, ManagerUnit(name))

    @property
    def active_managers(self) -> list[str]:
        """The services that manage the rules now. ufw.service is active on a host where ufw is off."""
        active = [name for name in MANAGERS if self.unit(name).is_active and name != "ufw"]
        return sorted([*active, *(["ufw"] if self.ufw is not None else [])])


def choose_backend(*, firewalld_runs: bool, ufw_is_enabled: bool) -> str:
    """Return which program the rules are given to: the one that manages the host's rules already, else nft(8)."""
    if firewalld_runs:
        return "firewalld"
    return "ufw" if ufw_is_enabled else "nftables"
