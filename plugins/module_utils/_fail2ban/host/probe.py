# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes the host: whether fail2ban can read the journal, which packet filters work, how users log in at sshd."""

from __future__ import annotations

import contextlib
import os
import pwd
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.process import own_ssh_connection
from ..._core.host.python_scripts import OWN_PATH, interpreter
from ..._core.host.service import unit_states
from ..._sshd.host.sshd import connection_as, find_sshd
from ..._sshd.match import Connection
from ..config import controller_of
from ..jail_files import read_with_includes
from ..packet_filters import pf_problem
from ..plan import HostProbes
from ..sshd_filter import missed_expressions, probe_log
from ..sshd_log import PROPERTIES, SshdLog, journal_settings
from .loading import SERVER

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.host.remembered import Remembered
    from ..plan import JailsRequest

__all__ = [
    "controller",
    "controller_port",
    "files_below",
    "find_missed_expressions",
    "journald_settings",
    "probe",
    "sshd_log",
    "takes_passwords",
    "why_no_entries",
    "why_no_journal",
    "why_no_pf",
]

# A documentation address (RFC 5737), for which no "Match Address" of the host has other settings.
_STRANGER = "192.0.2.1"
_BY_PASSWORD = ("passwordauthentication", "kbdinteractiveauthentication")
# The program for a session on Debian, the RHEL family and FreeBSD.
_SESSIONS = ("/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session", "/usr/libexec/sshd-session")
_SSHD_UNITS = ("ssh.service", "sshd.service")
_JOURNAL_SOCKET = "/run/systemd/journal/socket"


def probe(remembered: Remembered, request: JailsRequest, *, own: str | None) -> HostProbes:
    """Return what the host offers. What ``request`` sets explicitly is not probed. ``own`` is the text of our file."""
    host = remembered.host
    is_set = request.banaction != "auto" or "banaction" in request.defaults
    packet_filter, no_filter = ("", "") if is_set else usable_packet_filter(host)
    journald = journald_settings(host)
    return HostProbes(
        no_journal=why_no_journal(remembered, journald),
        packet_filter=packet_filter,
        no_filter=no_filter,
        # A run without an SSH connection (a local one) keeps the address of an earlier run.
        controller=(controller(host) or controller_of(own)) if request.ignore_controller else None,
        passwords=takes_passwords(host, request),
        session=any(host.stat(path) is not None for path in _SESSIONS),
        uids=_uids("postfix"),
        sshd_log=sshd_log(host, journald),
    )


def _uids(*names: str) -> dict[str, int]:
    found = {}
    for name in names:
        with contextlib.suppress(KeyError):
            found[name] = pwd.getpwnam(name).pw_uid
    return found


def find_missed_expressions(remembered: Remembered, directory: str) -> tuple[str, ...]:
    """Return expressions for messages that the filter sshd in ``directory`` does not match, by fail2ban-regex(1)."""
    host = remembered.host
    if host.find("fail2ban-regex") is None:
        return ()
    log = host.scratch() + "/sshd.log"
    host.lay_out({log: probe_log()})
    # The name alone would select our jail of that name, so the path is given.
    filter_path = f"{directory}/filter.d/sshd.conf[mode=aggressive]"
    argv = ["fail2ban-regex", "--config", directory, "--usedns=no", "--out", "ip", log, filter_path]
    question = [*argv[:-2], probe_log(), filter_path]
    ran = remembered.run(argv, question=question, files=_read_for_filter(host, directory, "sshd"))
    return missed_expressions(ran.out) if ran.ok else ()


def files_below(host: Host, directory: str) -> list[str]:
    """Return ``directory`` and all files and folders below it."""
    return [directory, *(path for depth in ("/*", "/*/*", "/*/*/*") for path in host.glob(directory + depth))]


def _read_for_filter(host: Host, directory: str, name: str) -> list[str]:
    """Return the files and folders below ``directory``, and what the filter ``name`` includes from elsewhere."""
    below = files_below(host, directory)
    bases = [f"{directory}/filter.d/{name}.{kind}" for kind in ("conf", "local")]
    included = [path for base in bases for path, _text in read_with_includes(base, host.read)]
    return list(dict.fromkeys([*below, *included, *map(os.path.dirname, included)]))


def takes_passwords(host: Host, request: JailsRequest) -> bool:
    """Return whether sshd accepts passwords from any address. The request overrides what sshd answers."""
    if request.sshd_logins != "auto":
        return request.sshd_logins == "passwords"
    sshd = find_sshd(host, "/etc/ssh/sshd_config")
    if sshd is None:
        return False
    stranger = connection_as(Connection("", address=_STRANGER), "root")
    try:
        effective = sshd.effective(stranger)
    except BaselineError:
        # sshd rejects its own configuration. The mode that counts more is the safer one.
        return False
    return any(effective.get(keyword) == ("yes",) for keyword in _BY_PASSWORD)


def journald_settings(host: Host) -> dict[str, str]:
    """Return the settings of journald.conf(5) and its drop-ins, empty on a host without journald."""
    if host.stat(_JOURNAL_SOCKET) is None:
        return {}
    return journal_settings(host.run(["systemd-analyze", "cat-config", "systemd/journald.conf"]).out)


def sshd_log(host: Host, journald: t.Mapping[str, str]) -> SshdLog:
    """Return what systemd and journald do with the messages of sshd, empty on a host without systemd."""
    if not host.platform.has_systemd:
        return SshdLog()
    *services, journal = unit_states(host, [*_SSHD_UNITS, "systemd-journald.service"], more=PROPERTIES)
    unit = next((one for one in services if one.exists), services[0])
    arguments = (host.read(f"/proc/{unit.main_pid}/cmdline") or "").split("\0") if unit.main_pid else []
    pids = (unit.main_pid, journal.main_pid)
    # A running sshd sets its title to its arguments: "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups".
    return SshdLog(unit.name, dict(unit.properties), journald, pids, tuple(" ".join(arguments).split()))


def why_no_journal(remembered: Remembered, journald: t.Mapping[str, str]) -> str:
    """Return why the Python interpreter of fail2ban cannot read the journal, empty if it can."""
    host = remembered.host
    if host.stat(_JOURNAL_SOCKET) is None:
        return "journald does not run on this host"
    python = interpreter(host, SERVER)
    if not python:
        return "fail2ban-server is not a Python script"
    ran = remembered.run([*python, "-c", OWN_PATH + "import systemd.journal"])
    if ran.ok:
        return why_no_entries(host, journald)
    return f"{' '.join(python)} cannot import systemd.journal; install the package python3-systemd"


def why_no_entries(host: Host, journald: t.Mapping[str, str]) -> str:
    """Return why the journal has no entries, empty if it has some (``journald``: journald.conf(5))."""
    if journald.get("Storage") == "none":
        return "journald keeps no entries (Storage=none in journald.conf)"
    if not host.run(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "cat"]).out.strip():
        return "the journal has no entries"
    return ""


def usable_packet_filter(host: Host) -> tuple[str, str]:
    """Return the best packet filter that works, empty if none does, and why those that are installed do not.

    Each one is tried without a change.
    """
    failed: dict[str, str] = {}
    for name, trials in _TRIALS:
        if not all(host.find(argv[0]) for argv in trials):
            continue
        ran = next((one for one in map(host.run, trials) if not one.ok), None)
        if ran is None:
            return name, ""
        failed[ran.argv[0]] = ran.message()
    if host.find("pfctl"):
        why = why_no_pf(host)
        return ("", why) if why else ("pf", "")
    return "", _why_none(failed)


def _why_none(failed: t.Mapping[str, str]) -> str:
    """Return why no packet filter works, by the messages of the programs that ``failed``."""
    listed = "; ".join(f"{program} answers: {message}" for program, message in failed.items())
    if any("not permitted" in message or "ermission denied" in message for message in failed.values()):
        # As root, with the packages installed: this is a container.
        return f"{listed}; give this container the capability CAP_NET_ADMIN, or run fail2ban on the host that runs it"
    return f"{listed}; install the package nftables" if failed and "nft" not in failed else listed


def why_no_pf(host: Host) -> str:
    """Return why bans by pf would not take effect on this host, an empty text if they would."""
    ran = host.run(["pfctl", "-s", "info"])
    return pf_problem(ran.out, host.run(["pfctl", "-s", "rules"]).out) if ran.ok else f"pfctl answers: {ran.message()}"


_TRIAL = "add table inet pyhost-baseline-trial"
_TRIAL_CHAIN = "pyhost-baseline-trial prerouting"
_PREROUTING_TRIAL = (
    f"{_TRIAL}; add chain inet {_TRIAL_CHAIN} {{ type filter hook prerouting priority -301; }}; "
    f"add rule inet {_TRIAL_CHAIN} reject"
)
_TRIALS = (
    # -c checks a change with the kernel without making it.
    ("nftables", [["nft", "-c", _PREROUTING_TRIAL]]),
    ("nftables-input", [["nft", "-c", _TRIAL]]),
    ("firewalld", [["firewall-cmd", "--state"]]),
    ("ipset", [["ipset", "list", "-name"], ["iptables", "-w", "-S", "INPUT"]]),
    ("iptables", [["iptables", "-w", "-S", "INPUT"]]),
)


def controller(host: Host) -> str | None:
    """Return the client address of the SSH session of this run, ``None`` for a run without one."""
    connection = own_ssh_connection(host).split()
    return connection[0].split("%", 1)[0] if connection else None


def controller_port(host: Host) -> int | None:
    """Return the port of this host in the SSH session of this run, ``None`` for a run without one."""
    connection = own_ssh_connection(host).split()
    return int(connection[3]) if len(connection) > 3 and connection[3].isdigit() else None
