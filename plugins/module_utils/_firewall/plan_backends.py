# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings a request into force, by the program that manages the rules of the host. Pure."""

from __future__ import annotations

import ipaddress
import shlex
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
from .._core.text import printable
from .boot_unit import DROP_IN, RULES_FILE, UNIT, UNIT_FILE, UNIT_LINK, render_drop_in, render_unit
from .firewalld import applied_zone, desired_zone, unsupported_by_firewalld, zone_commands
from .firewalld_zones import managed_zones, zones_left_alone
from .host_state import FirewallState
from .manager_rules import ufw_rules
from .nft_table import FAMILY, TABLE, render_table
from .open_rules import OpenRule
from .request import FirewallRequest
from .table_state import difference, rendered_table
from .ufw import UfwState, applied_ufw, desired_ufw, ufw_commands, unsupported_by_ufw
from .verdict import Packet, verdict

__all__ = ["BackendPlan", "plan_firewalld", "plan_nftables", "plan_ufw"]

Command = t.Tuple[str, ...]
_RULES_MODE = 0o600
_KERNEL = f"{FAMILY} {TABLE} in the kernel"
# It succeeds without the table, too.
_DELETE: Command = ("nft", f"add table {FAMILY} {TABLE}; delete table {FAMILY} {TABLE}")
# An address that no rule names: what anyone from outside gets.
_ANYONE = "198.51.100.1"
_MOST_SHOWN, _MOST_PORTS = 10, 1024
_UFW_FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/default/ufw", "/etc/ufw/ufw.conf")


@dataclass(frozen=True)
class BackendPlan:
    """``before`` and ``after`` by file or place, as texts for a diff; the request is in force where they are equal.

    ``files`` are the texts to write, ``None`` for a file to remove, and ``modes`` those of new files, if not 0644.
    ``commands`` bring them into force, in their order, after the files are written. ``saved`` are the paths of all
    files that change, also by the commands. With those back, ``restore`` are the commands for a rollback.
    ``text`` is the file for ``nft -c -f``, empty for other backends.
    """

    backend: str
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)
    files: t.Mapping[str, str | None] = field(default_factory=dict)
    modes: t.Mapping[str, int] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    saved: tuple[str, ...] = ()
    restore: tuple[Command, ...] = ()
    text: str = ""
    errors: tuple[BaselineError, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_nftables(request: FirewallRequest, state: FirewallState) -> BackendPlan:
    """Return what makes the table of our own that of ``request``, now and after each boot."""
    text = render_table(request, state.ssh_ports)
    has_nftables = state.unit("nftables").exists
    desired: dict[str, str | None] = {
        RULES_FILE: text,
        UNIT_FILE: render_unit(),
        DROP_IN: render_drop_in() if has_nftables else None,
    }
    files = {path: new for path, new in desired.items() if state.own_files.get(path) != new}
    own = state.unit(UNIT[: -len(".service")])
    problem = difference(rendered_table(text), state.own_table)
    needs_load = bool(problem) or RULES_FILE in files
    needs_daemon_reload = own.needs_daemon_reload or UNIT_FILE in files or DROP_IN in files
    commands: list[Command] = []
    if needs_daemon_reload:
        commands.append(("systemctl", "daemon-reload"))
    if needs_load:
        commands.append(("nft", "-f", RULES_FILE))
    if not own.is_enabled:
        commands.append(("systemctl", "enable", UNIT))
    if not own.is_active:
        commands.append(("systemctl", "start", UNIT))
    before = {path: state.own_files.get(path) or "" for path in desired}
    is_new = state.own_files.get(RULES_FILE) is None
    back: Command = _DELETE if is_new else ("nft", "-f", RULES_FILE)
    unit_now = _unit_text(is_enabled=own.is_enabled, is_active=own.is_active, is_stale=own.needs_daemon_reload)
    return BackendPlan(
        "nftables",
        before={**before, _KERNEL: f"{problem}\n" if problem else _LOADED, UNIT: unit_now},
        after={
            **{path: new or "" for path, new in desired.items()},
            _KERNEL: _LOADED,
            UNIT: _unit_text(is_enabled=True, is_active=True, is_stale=False),
        },
        files=files,
        modes={RULES_FILE: _RULES_MODE},
        commands=tuple(commands),
        saved=(*files, *([] if own.is_enabled else [UNIT_LINK])),
        restore=(
            # While systemd still knows the unit.
            *((("systemctl", "stop", UNIT),) if is_new and not own.is_active else ()),
            *((("systemctl", "daemon-reload"),) if needs_daemon_reload else ()),
            back,
        ),
        text=text,
        errors=(_masked(),) if own.is_masked else (),
    )


_LOADED = f"as in {RULES_FILE}\n"


def _unit_text(*, is_enabled: bool, is_active: bool, is_stale: bool) -> str:
    stale = ", changed since systemd has read it" if is_stale else ""
    return f"{'enabled' if is_enabled else 'disabled'}, {'active' if is_active else 'inactive'}{stale}\n"


def _masked() -> BaselineError:
    return BaselineError(
        f"{UNIT} is masked, so that the rules would be gone after the next boot", hint=f"`systemctl unmask {UNIT}`"
    )


def plan_firewalld(request: FirewallRequest, state: FirewallState) -> BackendPlan:
    """Return what makes the zones that judge packets from outside those of ``request``, now and permanently."""
    desired = desired_zone(request, state.ssh_ports)
    errors, warnings = unsupported_by_firewalld(request)
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    commands: list[Command] = []
    saved: list[str] = []
    needs_reload = False
    zones = managed_zones(state.zones, state.permanent_zones, state.default_zone)
    # What is in force comes first: until the rest is done, a reload of firewalld brings the former rules back.
    for is_permanent in (False, True):
        for zone in zones:
            rules = zone.permanent if is_permanent else zone.now
            place = f"the zone {zone.name} of firewalld{' (permanent)' if is_permanent else ''}"
            before[place], after[place] = rules.as_text(), applied_zone(rules, desired).as_text()
            commands += zone_commands(rules, desired, zone.name, permanent=is_permanent)
    for zone in zones:
        if zone.permanent != applied_zone(zone.permanent, desired):
            saved.append(f"/etc/firewalld/zones/{zone.name}.xml")
        needs_reload = needs_reload or zone.now.target != applied_zone(zone.now, desired).target
    if needs_reload:
        commands.append(("firewall-cmd", "--reload"))
        warnings.append(
            "firewalld is reloaded, and what others have added until its next reload, such as bans, is gone"
        )
    return BackendPlan(
        "firewalld",
        before,
        after,
        commands=tuple(commands),
        saved=tuple(saved),
        restore=(("firewall-cmd", "--reload"),),
        errors=tuple(errors),
        warnings=(*warnings, *zones_left_alone(state.zones, state.default_zone)),
    )


def plan_ufw(request: FirewallRequest, state: FirewallState) -> BackendPlan:
    """Return what makes the rules of ufw those of ``request``; it keeps them over a boot by itself."""
    now = state.ufw or UfwState()
    desired = desired_ufw(request, state.ssh_ports)
    errors, warnings = unsupported_by_ufw(request)
    commands = ufw_commands(now, desired)
    if not state.ufw_is_loaded:
        # It is enabled, and somebody has flushed its rules.
        commands.append(("ufw", "reload"))
    before = {"ufw": now.as_text() if state.ufw_is_loaded else "its rules are not in the kernel\n"}
    return BackendPlan(
        "ufw",
        before,
        {"ufw": applied_ufw(now, desired).as_text()},
        commands=tuple(commands),
        saved=_UFW_FILES if commands else (),
        restore=(("ufw", "reload"),),
        errors=tuple(errors),
        warnings=(*warnings, *_rules_of_others(request, state)),
    )


def _rules_of_others(request: FirewallRequest, state: FirewallState) -> list[str]:
    """Return a warning for rules of ufw that are not ours, and let in more than ``request`` does."""
    if state.ufw is None or request.incoming == "allow":
        return []
    own = {rule.words for rule in desired_ufw(request, state.ssh_ports).rules}
    others = [rule for rule in state.ufw.rules if not rule.is_own and rule.words not in own]
    wider = [rule for rule in others if not _is_requested(request, state, ufw_rules(rule, state.ufw_profiles))]
    if not wider:
        return []
    shown = ", ".join(printable(shlex.join(("ufw", *rule.words)), longest=200) for rule in wider[:_MOST_SHOWN])
    rest = " …" if len(wider) > _MOST_SHOWN else ""
    return [
        f"rules of ufw that this module has not made let in more than requested: {shown}{rest}; delete them "
        "(`ufw delete`), or add them to allow"
    ]


def _is_requested(request: FirewallRequest, state: FirewallState, rules: t.Sequence[OpenRule] | None) -> bool:
    """Return whether ``request`` lets in all that ``rules`` do: at most a few ports each are looked at."""
    if rules is None:
        return False
    for rule in rules:
        first, last = rule.ports
        if last - first >= _MOST_PORTS:
            return False
        packets = (
            Packet(source, rule.protocol, port, rule.interface)
            for source in (_ends(rule.sources[0]) if rule.sources else [_ANYONE])
            for port in range(first, last + 1)
        )
        if not all(verdict(request, state.ssh_ports, packet) for packet in packets):
            return False
    return True


def _ends(text: str) -> list[str]:
    """Return the first and the last address of a network."""
    network = ipaddress.ip_network(text, strict=False)
    return [str(network[0]), str(network[-1])]
