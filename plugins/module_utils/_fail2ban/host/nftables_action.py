# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban action for nftables: one table for each jail, whose sets are changed by one transaction for all pending bans.

The server of fail2ban loads a copy of this file (jail.conf(5), ``action = NAME.py``), so it imports nothing of the
collection. The stock action ``nftables`` starts a shell and nft for each ban: with many bans at once they take effect
seconds too late, and a restart restores some hundred bans a minute.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import subprocess
import threading
import time
import typing as t

__all__ = ["Action"]

# What ban_action.py writes here tells one version of this file from another.
_DIGEST = ""
# How often the rules are compared with those at the start of the action: another program may have flushed them.
_CHECK_SECONDS = 10.0
_NFT_SECONDS = 60.0
_RETRY_SECONDS = 1.0
# Each option with its default and what it may be.
_OPTIONS = {
    "port": ("ssh", r"[\w:, -]+"),
    "protocol": ("tcp", r"[\w, ]+"),
    "type": ("multiport", r"multiport|allports"),
    "blocktype": ("reject", r"(drop|reject)( [\w -]+)?"),
    # jail.conf passes it to each action, some versions as "<known/chain>". The hook is prerouting.
    "chain": ("", r".*"),
}
_SETS = {
    (4, True): "addr-set-{}",
    (6, True): "addr6-set-{}",
    (4, False): "net-set-{}",
    (6, False): "net6-set-{}",
}

_log = logging.getLogger("fail2ban.pyhost-nftables")


class _NftError(Exception):
    """nft did not take a script."""


class Action:
    """The ban action of one jail. Its public attributes are what ``fail2ban-client get JAIL action NAME`` answers.

    ``port``, ``protocol``: names or numbers, separated by commas. ``type``: ``multiport``, or ``allports`` for each
    port of the protocols. ``blocktype``: a verdict of nft(8). ``chain`` has no meaning.
    """

    chain_hook = "prerouting"
    actionban = ""
    banEpoch = 0
    # A ban has no time limit in the packet filter, so a longer one changes nothing there.
    _prolongable = False

    def __init__(self, jail: t.Any, name: str, **options: str) -> None:
        self.name = str(jail.name)
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name):
            raise ValueError(f"the name of the jail {self.name!r} cannot be part of a name of nftables")
        self.digest = _DIGEST
        self._action_name = name
        self._banned: dict[str, None] = {}
        self._pending: list[str] = []
        self._is_incomplete = False
        self._is_stopping = False
        self._shape = ""
        # The first is held for a moment to read or change the bans, the second one, taken before it, while nft runs.
        self._bans = threading.Lock()
        self._transaction = threading.Lock()
        self._has_changed = threading.Event()
        self._worker: threading.Thread | None = None
        self._configure(**options)

    def _configure(self, **options: str) -> None:
        for option, value in options.items():
            if not re.fullmatch(_OPTIONS[option][1] if option in _OPTIONS else "(?!)", value):
                raise ValueError(f"{option}={value!r} is not valid for the action {self._action_name}")
        given = {option: options.get(option, default) for option, (default, _pattern) in _OPTIONS.items()}
        self.port, self.protocol, self.type = given["port"], given["protocol"], given["type"]
        self.blocktype = given["blocktype"]

    @property
    def actionstart(self) -> str:
        """The table as a script of nft(8)."""
        return self._table()

    # What the server calls.

    def start(self) -> None:
        """Create the table, and start the thread that changes its sets."""
        self._rebuild()
        self._worker = threading.Thread(target=self._work, name=f"{self._action_name}/{self.name}", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Remove the table with all bans."""
        self._is_stopping = True
        self._has_changed.set()
        if self._worker:
            self._worker.join(_NFT_SECONDS)
        with self._transaction:
            _nft(self._removal())

    def clearAllParams(self) -> None:
        """Do nothing: the server calls it before a reload, and removes an action without it."""

    def reload(self, **options: str) -> None:
        """Take new options, and create the table with them and with all bans again."""
        self._configure(**options)
        self._rebuild()

    def ban(self, info: t.Mapping[str, t.Any]) -> None:
        """Ban the address or network ``ip`` of ``info``, in the next transaction."""
        self._change(str(info["ip"]), banned=True)

    reban = ban

    def unban(self, info: t.Mapping[str, t.Any]) -> None:
        """End the ban of the address or network ``ip`` of ``info``, in the next transaction."""
        self._change(str(info["ip"]), banned=False)

    def flush(self) -> bool:
        """End all bans."""
        with self._bans:
            self._banned.clear()
        self._rebuild()
        return True

    def consistencyCheck(self, beforeRepair: t.Any = None) -> None:
        """Compare the rules now: an address that is banned was found again."""
        if not self._is_in_force():
            self._rebuild()

    # Bans are collected, and made by the thread.

    def _change(self, text: str, *, banned: bool) -> None:
        network = str(_network(text))
        with self._bans:
            if banned:
                self._banned[network] = None
            else:
                self._banned.pop(network, None)
            self._pending.append(network)
        self._has_changed.set()

    def _work(self) -> None:
        while not self._is_stopping:
            self._has_changed.wait(_CHECK_SECONDS)
            self._has_changed.clear()
            if self._is_stopping:
                return
            try:
                if not self._make_pending() and not self._is_in_force():
                    self._rebuild()
            except (OSError, subprocess.SubprocessError, _NftError) as error:
                self._is_incomplete = True
                _log.error("[%s] the bans are not in force in the packet filter: %s", self.name, error)
                # Not again at once: it may be the memory that is missing.
                time.sleep(_RETRY_SECONDS)

    def _make_pending(self) -> bool:
        """Make all pending changes in one transaction; return whether there were some, and they took effect."""
        with self._transaction:
            with self._bans:
                pending, self._pending = dict.fromkeys(self._pending), []
                banned = [one for one in pending if one in self._banned]
            if not pending or self._is_incomplete:
                return False
            ended = [one for one in pending if one not in banned]
            try:
                _nft(self._elements("add", banned) + self._elements("delete", ended))
            except _NftError:
                # The table is not as it was, or a ban that ends was not in it.
                self._is_incomplete = True
            return not self._is_incomplete

    def _rebuild(self) -> None:
        """Replace the table with one that has all bans. Packets see the old one or the new one."""
        with self._transaction:
            with self._bans:
                self._pending.clear()
                banned = list(self._banned)
            _nft(self._removal() + self._table() + self._elements("add", banned))
            self._shape = self._listed()
            self._is_incomplete = False

    def _is_in_force(self) -> bool:
        try:
            return not self._is_incomplete and self._listed() == self._shape
        except _NftError:
            return False

    def _listed(self) -> str:
        """Return the table as nft lists it, without the bans."""
        # If it is asked for a table or a chain, nft reads all bans, also with -t (nftables 1.0.6): each check would
        # take a tenth of a second with ten thousand of them.
        listed = _nft("", "-t", "list", "ruleset", "inet")
        found = re.search(rf"^table inet f2b-{re.escape(self.name)} \{{\n.*?^\}}$", listed, re.MULTILINE | re.DOTALL)
        if not found:
            raise _NftError(f"there is no table f2b-{self.name}")
        return found.group()

    # Scripts of nft(8).

    def _removal(self) -> str:
        # A table that does not exist cannot be deleted.
        return f"add table inet f2b-{self.name}\ndelete table inet f2b-{self.name}\n"

    def _table(self) -> str:
        sets, rules, answers = "", "", ""
        for (version, is_single), name in _SETS.items():
            kind = f"type ipv{version}_addr;"
            # A set of single addresses is the faster one: one with intervals is read from the kernel for each change.
            kind += "" if is_single else " flags interval;"
            sets += f"  set {name.format(self.name)} {{ {kind} }}\n"
            family, entries = "ip" if version == 4 else "ip6", f"@{name.format(self.name)}"
            rules += "".join(f"    {one} {family} saddr {entries} {self.blocktype}\n" for one in self._scopes("dport"))
            answers += "".join(f"    {one} {family} daddr {entries} drop\n" for one in self._scopes("sport"))
        # Before connection tracking and DNAT, for open connections and for ports of containers.
        hook = f"type filter hook {self.chain_hook} priority -301;"
        # A password that came before the ban gets no answer after it, or the attacker would learn that it is right. A
        # reset is one of our own (reject with tcp reset). After srcnat, the port of a container is that of the host.
        last = "type filter hook postrouting priority 301;\n    tcp flags & rst == rst accept"
        chains = f"  chain prerouting {{\n    {hook}\n{rules}  }}\n  chain postrouting {{\n    {last}\n{answers}  }}\n"
        return f"table inet f2b-{self.name} {{\n{sets}{chains}}}\n"

    def _scopes(self, side: str) -> list[str]:
        protocols = re.findall(r"\w+", self.protocol)
        if self.type == "allports":
            return [f"meta l4proto {{ {', '.join(protocols)} }}"]
        ports = ", ".join(re.split(r"[,\s]+", self.port.replace(":", "-").strip(", ")))
        return [f"{protocol} {side} {{ {ports} }}" for protocol in protocols]

    def _elements(self, verb: str, networks: t.Iterable[str]) -> str:
        elements: dict[str, list[str]] = {}
        for network in _without_parts([_network(text) for text in networks]):
            is_single = network.num_addresses == 1
            name = _SETS[network.version, is_single].format(self.name)
            elements.setdefault(name, []).append(str(network.network_address if is_single else network))
        return "".join(
            f"{verb} element inet f2b-{self.name} {name} {{ {', '.join(listed)} }}\n"
            for name, listed in elements.items()
        )


def _without_parts(networks: list[t.Any]) -> list[t.Any]:
    """Return ``networks`` without those that are part of another one: intervals of a set must not overlap."""
    wide = [one for one in networks if one.num_addresses > 1]
    return [
        one
        for one in networks
        if one.num_addresses == 1
        or not any(one != other and one.version == other.version and one.subnet_of(other) for other in wide)
    ]


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the address or network in ``text``, without a zone. Any other name cannot be banned: ValueError."""
    return ipaddress.ip_network(text.split("%", 1)[0], strict=False)


def _nft(script: str, *words: str) -> str:
    """Run nft with ``words``, or with ``script`` as its input; return its output."""
    ran = subprocess.run(
        ["nft", *(words or ("-f", "-"))],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_NFT_SECONDS,
        check=False,
    )
    if ran.returncode:
        raise _NftError(ran.stdout.strip()[:500])
    return ran.stdout
