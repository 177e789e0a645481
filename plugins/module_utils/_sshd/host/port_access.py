# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new port of sshd needs: rules of the active firewall and SELinux's label."""

from __future__ import annotations

import os.path
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..._firewall.boot_unit import RULES_FILE
from ..._firewall.managers import (
    Opening,
    firewalld_openings,
    parse_zones,
    ufw_openings,
)
from ..._firewall.nft_table import FAMILY, SSH_PORTS, TABLE, with_ssh_ports
from ..._firewall.selinux import SSH, port_types

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["NONE", "PortAccess", "find_port_access"]

_SELINUX = "/sys/fs/selinux/enforce"
_UFW_FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")


@dataclass(frozen=True)
class PortAccess:
    """``kind`` is the active firewall that has rules for the old port, ``labels`` are the ports that need SELinux's.

    ``rules`` is the text of the rules file of our table with the new ports, and ``rules_before`` the one that it has.
    """

    kind: str = ""
    openings: tuple[Opening, ...] = ()
    labels: tuple[int, ...] = ()
    rules: str = ""
    rules_before: str = ""

    @property
    def files(self) -> list[str]:
        """The files in which the firewall keeps its permanent rules."""
        return list(_UFW_FILES) if self.kind == "ufw" else sorted({one.file for one in self.openings if one.file})

    @property
    def descriptions(self) -> list[str]:
        return list(dict.fromkeys(one.words for one in self.openings))

    def open(self, host: Host) -> None:
        """Label and open the ports, before sshd moves: a new port that nobody can reach would look like a lock-out."""
        for port in self.labels:
            self._run(host, ("semanage", "port", "--add", "--type", SSH, "--proto", "tcp", str(port)))
        for one in self.openings:
            self._run(host, one.give)
        if self.rules:
            host.write(RULES_FILE, self.rules)
        # The firewall's own tools do not: after a power cut sshd would listen behind a port that is shut.
        host.sync(*self.files, *sorted({os.path.dirname(path) for path in self.files}))

    def close(self, host: Host) -> list[str]:
        """Remove the rules that :meth:`open` adds; return those that cannot be. A label lets nobody in, so it stays."""
        left = []
        for one in self.openings:
            try:
                self._run(host, one.take)
            except BaselineError:
                left.append(one.words)
        if self.rules:
            try:
                host.write(RULES_FILE, self.rules_before)
            except BaselineError:
                left.append(RULES_FILE)
        return left

    @staticmethod
    def _run(host: Host, argv: t.Sequence[str]) -> None:
        ran = host.run(argv)
        if not ran.ok:
            raise BaselineError(f"{' '.join(argv)} failed: {ran.message()}")


NONE = PortAccess()


def find_port_access(host: Host, before: t.Collection[int], after: t.Collection[int]) -> PortAccess:
    """Return what the ports of ``after`` that are not in ``before`` need; nothing is asked where none is new."""
    new = sorted(set(after) - set(before))
    if not new:
        return NONE
    labels = tuple(port for port in new if _needs_label(host, port)) if host.stat(_SELINUX) else ()
    for kind, find in (("firewalld", _firewalld), ("ufw", _ufw)):
        openings = find(host, before, new)
        if openings:
            return PortAccess(kind, tuple(openings), labels)
    return _own_table(host, new, labels)


def _own_table(host: Host, new: t.Sequence[int], labels: tuple[int, ...]) -> PortAccess:
    """Return what lets the ``new`` ports into the table of the module firewall, and into the file that it loads."""
    text = host.read(RULES_FILE)
    if text is None or not host.run(["nft", "list", "set", FAMILY, TABLE, SSH_PORTS]).ok:
        return PortAccess(labels=labels)
    openings = [
        Opening(
            f"{port}/tcp in the table {FAMILY} {TABLE}",
            ("nft", f"add element {FAMILY} {TABLE} {SSH_PORTS} {{ {port} }}"),
            ("nft", f"delete element {FAMILY} {TABLE} {SSH_PORTS} {{ {port} }}"),
            RULES_FILE,
        )
        for port in new
    ]
    return PortAccess("nftables", tuple(openings), labels, with_ssh_ports(text, new), text)


def _firewalld(host: Host, old: t.Collection[int], new: t.Collection[int]) -> list[Opening]:
    if not host.find("firewall-cmd") or not host.run(["firewall-cmd", "--state"]).ok:
        return []
    now, permanent, default = (
        host.run(["firewall-cmd", *words])
        for words in (["--list-all-zones"], ["--permanent", "--list-all-zones"], ["--get-default-zone"])
    )
    return firewalld_openings(parse_zones(now.out), parse_zones(permanent.out), default.out.strip(), old, new)


def _ufw(host: Host, old: t.Collection[int], new: t.Collection[int]) -> list[Opening]:
    if not host.find("ufw") or "Status: active" not in host.run(["ufw", "status"]).out.splitlines():
        return []
    return ufw_openings(host.run(["ufw", "show", "added"]).out, old, new)


def _needs_label(host: Host, port: int) -> bool:
    ran = host.run(["semanage", "port", "--list"])
    if not ran.ok:
        raise BaselineError(
            f"SELinux is on, but semanage cannot list whether sshd may use port {port}: {ran.message()}",
            option="settings",
            hint="install policycoreutils-python-utils",
        )
    types = port_types(ran.out, port)
    if SSH in types:
        return False
    if types:
        raise BaselineError(
            f"port {port} has SELinux's type {types[0]}, which sshd may not use",
            option="settings",
            hint=f"choose another port, or `semanage port --modify --type {SSH} --proto tcp {port}` if that is free",
        )
    return True
