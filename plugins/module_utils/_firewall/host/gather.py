# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a plan of the firewall needs of a Linux host: its managers, the kernel's rules, listeners, interfaces."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import typing as t
from dataclasses import replace

from ..._core.errors import BaselineError
from ..._core.host.process import own_ssh_connection
from ..._core.host.remembered import Remembered
from ..._core.host.service import unit_states
from ..._core.host.socket_owners import socket_owners
from ..boot_unit import DROP_IN, RULES_FILE, UNIT, UNIT_FILE
from ..firewalld_zones import parse_zone_list
from ..foreign import included_patterns
from ..host_state import MANAGERS, FirewallState, ManagerUnit, RunConnection, choose_backend
from ..listeners import EPHEMERAL, Listener, public_listeners
from ..manager_rules import parse_profiles, service_ports, zone_services
from ..nft_ruleset import parse_ruleset, with_port_set
from ..nft_table import FAMILY, SSH_PORTS, TABLE
from ..published import published_by_iptables, published_by_nft
from ..services import parse_services
from ..table_state import TableState, altered_rule, has_own_table, loaded_table, parse_port_set
from ..ufw import parse_ufw
from .ssh_ports import find_ssh_ports

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.service import Unit
    from ..nft_ruleset import Ruleset
    from ..published import PublishedPort
    from ..services import ServiceNames

__all__ = ["gather", "named", "read_services", "require_systemd"]

_EXPECTED = ["unshare", "--net", "sh", "-c", f"nft -f {RULES_FILE} && nft -j -t list table {FAMILY} {TABLE}"]
_OWN = UNIT[: -len(".service")]
_TABLES = ("tcp", "tcp6", "udp", "udp6")
_CLIENT_PORTS = "/proc/sys/net/ipv4/ip_local_port_range"
_INTERFACES = "/sys/class/net"
# Without the elements of named sets: bans may be many. nft(8) prints anonymous sets all the same.
_LISTED = ["nft", "-j", "-t", "list", "ruleset"]
_SSH_PORTS = ["nft", "-j", "list", "set", FAMILY, TABLE, SSH_PORTS]
# The files of iptables-legacy, whose rules nft does not list.
_LEGACY = {4: "/proc/net/ip_tables_names", 6: "/proc/net/ip6_tables_names"}
_SERVICES = ("/etc/firewalld/services", "/usr/lib/firewalld/services")
_PROFILES = "/etc/ufw/applications.d/*"
_IPTABLES = {4: "iptables", 6: "ip6tables"}


class _Ufw(t.NamedTuple):
    is_enabled: bool
    fields: dict[str, t.Any]


def require_systemd(host: Host) -> None:
    """Raise on a host without systemd: nothing would load the rules at boot."""
    if not host.platform.has_systemd:
        raise BaselineError("the firewall is managed on hosts with systemd alone, which loads the rules at boot")


def read_services(host: Host) -> ServiceNames:
    """Return the names of services that the host knows."""
    return parse_services(host.read("/etc/services") or "")


def gather(host: Host) -> FirewallState:
    """Return the state of the firewall of ``host``, which has systemd."""
    units = {unit.name.rpartition(".")[0]: unit for unit in _units(host)}
    firewalld_runs = units["firewalld"].running
    ufw = _ufw(host)
    ruleset = _ruleset(host)
    own_table = _own_table(host, ruleset)
    if ruleset is not None and own_table is not None:
        ruleset = with_port_set(ruleset, (FAMILY, TABLE, SSH_PORTS), own_table.ssh_ports)
    addresses = _addresses(host)
    nftables = units["nftables"]
    main = _main_file(nftables)
    return FirewallState(
        backend=choose_backend(firewalld_runs=firewalld_runs, ufw_is_enabled=ufw.is_enabled),
        units={name: _manager(name, unit) for name, unit in units.items()},
        own_table=own_table,
        ruleset=ruleset,
        ssh_ports=find_ssh_ports(host),
        listeners=_listeners(host, addresses),
        published=_published(host, ruleset),
        interfaces=tuple(sorted(addresses)),
        connection=_connection(host, addresses),
        own_files={path: host.read(path) for path in (RULES_FILE, UNIT_FILE, DROP_IN)},
        nftables_main=main,
        nftables_files=_included_files(host, main) if nftables.running or nftables.enabled else {},
        **(_firewalld(host) if firewalld_runs else {}),
        **ufw.fields,
    )


def named(host: Host, listeners: t.Collection[Listener]) -> list[Listener]:
    """Return ``listeners`` with their processes."""
    owners = socket_owners(host, {one.inode for one in listeners}) if listeners else {}
    return [
        replace(one, pid=owners[one.inode].pid, program=owners[one.inode].program) if one.inode in owners else one
        for one in listeners
    ]


def _units(host: Host) -> list[Unit]:
    names = [f"{name}.service" for name in MANAGERS] + [UNIT]
    found = unit_states(host, names, more=["ExecStart"])
    # Of an alias systemd shows the name of the unit itself.
    return [replace(unit, name=name) for unit, name in zip(found, names)]


def _manager(name: str, unit: Unit) -> ManagerUnit:
    return ManagerUnit(
        name,
        exists=unit.exists,
        is_active=unit.running,
        is_enabled=unit.enabled,
        is_masked=unit.load == "masked",
        needs_daemon_reload=unit.needs_daemon_reload,
    )


def _main_file(unit: Unit) -> str:
    """Return the file that nftables.service loads: Debian and Red Hat have different ones."""
    for value in unit.values("ExecStart"):
        found = re.search(r"argv\[\]=\S*nft -f (\S+)", value)
        if found:
            return found[1]
    return ""


def _included_files(host: Host, main: str) -> dict[str, str]:
    files: dict[str, str] = {}
    pending = [main] if main else []
    while pending:
        path = pending.pop()
        text = None if path in files else host.read(path)
        if text is not None:
            files[path] = text
            pending += [name for pattern in included_patterns(text) for name in host.glob(pattern)]
    return files


def _ruleset(host: Host) -> Ruleset | None:
    if host.find("nft") is None:
        return None
    ran = host.run(_LISTED)
    if not ran.ok:
        raise BaselineError(f"nft cannot list the rules of the kernel: {ran.message()}")
    return parse_ruleset(ran.out)


def _own_table(host: Host, ruleset: Ruleset | None) -> TableState | None:
    if ruleset is None or not has_own_table(ruleset):
        return None
    ran = host.run(_SSH_PORTS)
    # A table without the set is another one than ours.
    found = loaded_table(ruleset, parse_port_set(ran.out) if ran.ok else frozenset())
    expected = _expected(host)
    return replace(found, altered=altered_rule(expected, ruleset)) if expected else found


def _expected(host: Host) -> Ruleset | None:
    """Return our table as nft prints what is in the rules file: loaded in a network namespace that ends at once.

    ``None`` where that cannot be made, as in a container without CAP_SYS_ADMIN.
    """
    remembered = Remembered(host, "firewall")
    ran = remembered.run(_EXPECTED, files=[RULES_FILE])
    nft = host.find("nft")
    if nft:
        remembered.keep([os.path.realpath(nft)])
    return parse_ruleset(ran.out) if ran.ok else None


def _ufw(host: Host) -> _Ufw:
    """Read ufw where it is enabled: its service is active on other hosts too."""
    conf = host.read("/etc/ufw/ufw.conf") or ""
    if not re.search(r"^ENABLED=[\"']?yes\b", conf, re.MULTILINE | re.IGNORECASE) or host.find("ufw") is None:
        return _Ufw(False, {})
    added, status = host.run(["ufw", "show", "added"]), host.run(["ufw", "status", "verbose"])
    for ran in (added, status):
        if not ran.ok:
            raise BaselineError(f"`{' '.join(ran.argv)}` failed: {ran.message()}")
    is_loaded = "Status: active" in status.out.splitlines()
    profiles: dict[str, t.Any] = {}
    for path in host.glob(_PROFILES):
        profiles.update(parse_profiles(host.read(path) or ""))
    fields = {"ufw": parse_ufw(added.out, status.out), "ufw_is_loaded": is_loaded, "ufw_profiles": profiles}
    return _Ufw(True, fields)


def _firewalld(host: Host) -> dict[str, t.Any]:
    now = parse_zone_list(_firewall_cmd(host, "--list-all-zones"))
    permanent = parse_zone_list(_firewall_cmd(host, "--permanent", "--list-all-zones"))
    marked = [zone.name for zone in now if zone.is_default]
    default = marked[0] if marked else _firewall_cmd(host, "--get-default-zone").strip()
    return {
        "zones": tuple(now),
        "permanent_zones": tuple(permanent),
        "default_zone": default,
        "firewalld_services": _services(host, zone_services(now)),
    }


def _services(host: Host, names: t.Iterable[str]) -> dict[str, t.Any]:
    """Return the ports of services of firewalld; its files in /etc take precedence."""
    found = {}
    for name in names:
        texts = (host.read(f"{folder}/{name}.xml") for folder in _SERVICES)
        text = next((text for text in texts if text is not None), None)
        if text is not None:
            found[name] = service_ports(text)
    return found


def _firewall_cmd(host: Host, *words: str) -> str:
    ran = host.run(["firewall-cmd", *words])
    if not ran.ok:
        raise BaselineError(f"`firewall-cmd {' '.join(words)}` failed: {ran.message()}")
    return ran.out


def _addresses(host: Host) -> dict[str, tuple[str, ...]]:
    """Return the addresses of each interface. Without ip(8) only the names are known."""
    ran = host.run(["ip", "-j", "address", "show"])
    try:
        links = json.loads(ran.out) if ran.ok else []
    except ValueError:
        links = []
    found = {
        str(link["ifname"]): tuple(str(one["local"]) for one in link.get("addr_info", []) if "local" in one)
        for link in links
        if isinstance(link, dict) and "ifname" in link
    }
    return found or {path.rpartition("/")[2]: () for path in host.glob(f"{_INTERFACES}/*")}


def _connection(host: Host, addresses: t.Mapping[str, t.Collection[str]]) -> RunConnection:
    parts = own_ssh_connection(host).split()
    # sshd writes UNKNOWN for a socket without addresses (vsock).
    if len(parts) != 4 or not (_is_address(parts[0]) and _is_address(parts[2]) and parts[3].isdigit()):
        return RunConnection()
    return RunConnection(parts[0], int(parts[3]), _interface_of(parts[2], addresses))


def _interface_of(address: str, addresses: t.Mapping[str, t.Collection[str]]) -> str:
    wanted = _plain(address)
    return next((name for name, own in addresses.items() if any(_plain(one) == wanted for one in own)), "")


def _plain(text: str) -> t.Any:
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_address(text: str) -> bool:
    try:
        _plain(text)
    except ValueError:
        return False
    return True


def _listeners(host: Host, addresses: t.Mapping[str, t.Collection[str]]) -> tuple[Listener, ...]:
    """Return what others can reach. An address of a bridge is that of a network of containers or machines."""
    ends = (host.read(_CLIENT_PORTS) or "").split()
    ephemeral = (int(ends[0]), int(ends[1])) if len(ends) == 2 else EPHEMERAL
    found = public_listeners({name: host.read(f"/proc/net/{name}") or "" for name in _TABLES}, ephemeral)
    bridges = {path.split("/")[-2] for path in host.glob(f"{_INTERFACES}/*/bridge")}
    places = {name: own for name, own in addresses.items() if name in bridges}
    return tuple(replace(one, interface=_interface_of(one.address, places)) for one in found)


def _published(host: Host, ruleset: Ruleset | None) -> tuple[PublishedPort, ...]:
    found = set(published_by_nft(ruleset) if ruleset else [])
    for version, program in _IPTABLES.items():
        family = "ip" if version == 4 else "ip6"
        has_rules = ruleset is not None and any(place[:2] == (family, "nat") for place in ruleset.rules)
        has_legacy = "nat" in (host.read(_LEGACY[version]) or "").split()
        if has_rules or has_legacy:
            found.update(published_by_iptables(host.run([program, "-w", "-t", "nat", "-S"]).out))
    return tuple(sorted(found, key=lambda one: (one.protocol, one.ports, one.host, one.target)))
