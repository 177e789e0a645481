# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the host what fail2ban can see and bite with, by trying it."""

from __future__ import annotations

import contextlib
import pwd
import re
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.process import own_ssh_connection
from ..._sshd.host.sshd import connection_as, find_sshd
from ..._sshd.match import Connection
from ..config import controller_of
from ..plan import Probes
from ..probe import pf_trouble
from ..words import probe_log, unread
from .expressions import interpreter, own_path

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import Wish

__all__ = ["controller", "probe", "takes_passwords", "unread_words", "why_no_entries", "why_no_journal", "why_no_pf"]

# Nobody's address (RFC 5737), which no "Match Address" of the host lets in by an easier way.
_STRANGER = "192.0.2.1"
_BY_PASSWORD = ("passwordauthentication", "kbdinteractiveauthentication")
# Where Debian, the RHEL family and FreeBSD keep the program of a session.
_SESSIONS = ("/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session", "/usr/libexec/sshd-session")
_JOURNAL_SOCKET = "/run/systemd/journal/socket"


def probe(host: Host, wish: Wish, *, own: str | None) -> Probes:
    """Return what the host offers to ``wish``; what the wish settles itself is not probed. ``own`` is our file."""
    settled = wish.banaction != "auto" or "banaction" in wish.defaults
    filters, no_pf = ((), "") if settled else usable_filters(host)
    return Probes(
        no_journal=why_no_journal(host),
        filters=filters,
        no_pf=no_pf,
        # A run that does not come by SSH (a local one) must not drop the address that an earlier one kept.
        controller=(controller(host) or controller_of(own)) if wish.ignore_controller else None,
        passwords=takes_passwords(host, wish),
        session=any(host.stat(path) is not None for path in _SESSIONS),
        uids=_uids("postfix"),
    )


def _uids(*names: str) -> dict[str, int]:
    found = {}
    for name in names:
        with contextlib.suppress(KeyError):
            found[name] = pwd.getpwnam(name).pw_uid
    return found


def unread_words(host: Host, directory: str) -> tuple[str, ...]:
    """Return expressions for what the filter sshd in ``directory`` does not understand: asked of fail2ban itself."""
    if host.find("fail2ban-regex") is None:
        return ()
    log = host.scratch() + "/sshd.log"
    host.lay_out({log: probe_log()})
    # By its path: by its name alone it would be the jail of that name, ours.
    asked = f"{directory}/filter.d/sshd.conf[mode=aggressive]"
    ran = host.run(["fail2ban-regex", "--config", directory, "--usedns=no", "--out", "ip", log, asked])
    return unread(ran.out) if ran.ok else ()


def takes_passwords(host: Host, wish: Wish) -> bool:
    """Say whether sshd lets strangers try passwords; the wish may know better: sshd is often set up after fail2ban."""
    if wish.sshd_logins != "auto":
        return wish.sshd_logins == "passwords"
    sshd = find_sshd(host, "/etc/ssh/sshd_config")
    if sshd is None:
        return False
    stranger = connection_as(Connection("", address=_STRANGER), "root")
    try:
        effective = sshd.effective(stranger)
    except BaselineError:
        # sshd refuses its own configuration, which is not ours to judge; the wider count is the safer one.
        return False
    return any(effective.get(keyword) == ("yes",) for keyword in _BY_PASSWORD)


def why_no_journal(host: Host) -> str:
    """Say why fail2ban cannot read the journal, empty where it can: asked of fail2ban's own interpreter."""
    if host.stat(_JOURNAL_SOCKET) is None:
        return "journald does not run on this host"
    python = interpreter(host)
    if not python:
        return "fail2ban-server is no Python script here"
    ran = host.run([*python, "-c", own_path + "import systemd.journal"])
    if ran.ok:
        return why_no_entries(host)
    return f"{' '.join(python)} cannot import systemd.journal; install the package python3-systemd"


def why_no_entries(host: Host) -> str:
    """Say why there is nothing to read in the journal, empty where there is (journald.conf(5))."""
    said = host.run(["systemd-analyze", "cat-config", "systemd/journald.conf"]).out
    storage = re.findall(r"^Storage\s*=\s*(\S*)", said, re.MULTILINE)
    if storage and storage[-1] == "none":
        return "journald keeps no entries (Storage=none in journald.conf)"
    if not host.run(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "cat"]).out.strip():
        return "the journal has no entry at all"
    return ""


def usable_filters(host: Host) -> tuple[tuple[str, ...], str]:
    """Return the packet filters that work here, the preferred first, and why pf does not where it is all there is.

    Each is tried without changing anything.
    """
    found = [name for name, trials in _TRIALS if all(host.find(argv[0]) and host.run(argv).ok for argv in trials)]
    if found or host.find("pfctl") is None:
        return tuple(found), ""
    why = why_no_pf(host)
    return (() if why else ("pf",)), why


def why_no_pf(host: Host) -> str:
    """Say why a ban would not bite by pf on this host, an empty text where it would."""
    ran = host.run(["pfctl", "-s", "info"])
    return pf_trouble(ran.out, host.run(["pfctl", "-s", "rules"]).out) if ran.ok else f"pfctl answers: {ran.message()}"


_TRIALS = (
    ("firewalld", [["firewall-cmd", "--state"]]),
    # -c checks a change against the kernel and does not make it.
    ("nftables", [["nft", "-c", "add table inet pyhost-baseline-trial"]]),
    ("ipset", [["ipset", "list", "-name"], ["iptables", "-w", "-S", "INPUT"]]),
    ("iptables", [["iptables", "-w", "-S", "INPUT"]]),
)


def controller(host: Host) -> str | None:
    """Return the address that this run's SSH session comes from, ``None`` for a run that comes another way."""
    said = own_ssh_connection(host).split()
    return said[0].split("%", 1)[0] if said else None
