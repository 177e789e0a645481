# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running sshd: its units, when it last read its configuration, and its reload."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError
from ..._core.host import process as processes
from ..._core.host import rc, service
from ..._core.text import is_number
from ..parse import parse
from ..socket import Listen
from ..tree import Tree, absolute
from . import socket as sockets
from .port_holders import port_holders
from .ports import open_ports, silent

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Daemon", "explain", "find_daemon", "newest_change", "reload", "restarted", "revive", "trouble"]

_SERVICES = ("ssh.service", "sshd.service")
_SECONDS = 10.0
_AUTH_LOG = "/var/log/auth.log"
# FreeBSD's services of sshd: the base system's and that of the port openssh-portable.
_PROGRAMS = {"sshd": "/usr/sbin/sshd", "openssh": "/usr/local/sbin/sshd"}
_MAINS = {"sshd": "/etc/ssh/sshd_config", "openssh": "/usr/local/etc/ssh/sshd_config"}
_SCRIPTS = {"sshd": "/etc/rc.d/sshd", "openssh": "/usr/local/etc/rc.d/openssh"}


@dataclass(frozen=True)
class Daemon:
    """``unit`` and ``socket`` are empty where systemd does not run sshd, ``pid`` is 0 where no master process runs.

    ``rc`` is its service where FreeBSD's rc(8) runs it: ``sshd`` or, of the port openssh-portable, ``openssh``.

    ``loaded`` is when it last read its configuration: sshd writes its pid file after each start and each reload.
    ``at_boot`` is empty where something starts it at the next boot, else why nothing does (``disabled``, ``masked``).
    ``held`` is the socket unit that listens for it now (then ``socket`` is its name) or after the next boot.
    """

    unit: str
    socket: str
    pid: int
    loaded: float
    state: str
    at_boot: str = ""
    held: sockets.Socket | None = None
    rc: str = ""

    @property
    def service(self) -> str:
        """What the service manager calls it, empty where there is none that knows it."""
        return self.unit or self.rc

    @property
    def running(self) -> bool:
        return self.pid > 0

    def older_than(self, changed: float) -> bool:
        """Say whether the configuration changed after it was read. A date in the future is a wrong clock, no change."""
        return self.running and self.loaded < changed <= time.time()


def find_daemon(host: Host, pid_file: str, *, program: str = "") -> Daemon:
    """Return the master sshd that the service manager or, without one, its pid file names.

    ``program`` chooses on FreeBSD, which may have two: its own and the one of the port openssh-portable.
    """
    if host.platform.is_freebsd:
        return _of_rc(host, pid_file, program)
    if not host.platform.has_systemd:
        pid = _pid_of(host, pid_file)
        # The file may be of a former boot, or lie where others can write.
        pid = pid if _is_roots_sshd(host, pid) else 0
        return Daemon("", "", pid, _loaded(host, pid, pid_file), "")
    units = service.unit_states(host, [*_SERVICES, *sockets.NAMES], more=sockets.PROPERTIES)
    services, holders = units[: len(_SERVICES)], units[len(_SERVICES) :]
    held = sockets.find_socket(host, holders)
    sock = held.name if held and held.active else ""
    # A masked one (of a real unit's name) counts where there is no other.
    unit = next((one for one in services if one.exists), None) or next(
        (one for one in services if one.load == "masked"), None
    )
    if unit is None:
        return Daemon("", sock, 0, 0.0, "", held=held)
    started = unit.enabled or any(one.enabled for one in holders)
    at_boot = "" if started else unit.file_state or unit.load
    loaded = _loaded(host, unit.main_pid, pid_file)
    return Daemon(unit.name, sock, unit.main_pid, loaded, unit.active, at_boot, held)


def _of_rc(host: Host, pid_file: str, program: str) -> Daemon:
    name, other = ("openssh", "sshd") if program.startswith("/usr/local/") else ("sshd", "openssh")
    state = rc.rc_state(host, name)
    if not state.running and host.stat(_SCRIPTS[other]) and rc.rc_state(host, other).running:
        raise BaselineError(
            f"not {program or _PROGRAMS[name]} runs here but {_PROGRAMS[other]} (service {other}), which reads "
            f"{_MAINS[other]}; nothing was changed; give that as path, or have the other one run"
        )
    loaded = _loaded(host, state.pid, pid_file)
    at_boot = "" if state.enabled else "disabled"
    return Daemon("", "", state.pid, loaded, "running" if state.running else "not running", at_boot, rc=name)


def trouble(host: Host, daemon: Daemon, wished: t.Collection[Listen], *, pid_file: str) -> str:
    """Return what keeps the daemon from being (re)started that only a person can decide, and the way out."""
    if daemon.at_boot.startswith("masked"):
        return (
            f"{daemon.unit} is masked, so that nobody could log in by ssh after the next boot: "
            f"`systemctl unmask {daemon.unit}`"
        )
    down = bool(daemon.service) and not daemon.running and not daemon.socket
    if down and open_ports(host) & {one[1] for one in wished}:
        ports = ", ".join(str(port) for port in sorted({listen[1] for listen in wished}))
        left = _pid_of(host, pid_file)
        others = "; ".join(map(str, port_holders(host, daemon, wished)))
        who = f"process {left} ({pid_file})" if left else "another program"
        return (
            f"{daemon.service} is {daemon.state}, but {who} listens on its port {ports}"
            + (f" ({others})" if others and not left else "")
            + ": a start would fail, and could take /run/sshd away from an sshd that is left over; end that program "
            f"and `{_start_words(daemon)}` at once"
        )
    return ""


def newest_change(host: Host, tree: Tree) -> float:
    """Return when the composed configuration last changed: a file in it, or the folder of an included pattern."""
    folders = {
        os.path.dirname(absolute(pattern, tree.main))
        for path, text in tree.files.items()
        for line in parse(text, path=path)
        if line.keyword == "include"
        for pattern in line.arguments
        if "*" in pattern or "?" in pattern
    }
    files = [entry.st_ctime for entry in map(host.stat, tree.files) if entry]
    # The folder of the main file is not counted: other files (host keys, moduli) come and go there.
    folders.discard(os.path.dirname(tree.main))
    return max(files + [entry.st_mtime for entry in map(host.stat, folders) if entry], default=0.0)


def reload(host: Host, daemon: Daemon, *, pid_file: str, moved: bool, unchanged: str) -> bool:
    """Make the daemon read its configuration; ``moved`` says that it shall listen elsewhere. True where there was one.

    A socket unit holds the port itself: after a move it is started again, and the service, which has the old socket,
    ends first. Sessions live on.
    """
    if daemon.rc:
        return _reload_by_rc(host, daemon, pid_file=pid_file, unchanged=unchanged)
    if daemon.at_boot:
        # Not "enable": its link sshd.service makes systemd 257 take the running ssh.service for dead (Debian 13).
        service.act(host, "add-wants", "multi-user.target", daemon.unit, unchanged=unchanged)
    if daemon.held and moved:
        service.act(host, "daemon-reload", unchanged=unchanged)
    if daemon.socket and moved:
        if daemon.unit:
            service.act(host, "stop", daemon.unit, unchanged=unchanged)
        service.act(host, "restart", daemon.socket, unchanged=unchanged)
    elif daemon.socket and daemon.running:
        # A reload by SIGHUP loses the sockets that systemd passed on, and sshd dies of "Cannot bind any address".
        service.act(host, "restart", daemon.unit, unchanged=unchanged)
    elif daemon.unit and daemon.running:
        service.act(host, "reload", daemon.unit, unchanged=unchanged)
        _wait_until_loaded(host, daemon, pid_file)
    elif daemon.unit and not daemon.socket:
        service.act(host, "start", daemon.unit, unchanged=unchanged)
    elif daemon.running:
        os.kill(daemon.pid, signal.SIGHUP)
        _wait_until_loaded(host, daemon, pid_file)
    else:
        return bool(daemon.socket)
    return True


def _reload_by_rc(host: Host, daemon: Daemon, *, pid_file: str, unchanged: str) -> bool:
    """Reload, or start, by FreeBSD's rc(8); sshd opens its ports anew in both cases."""
    if daemon.at_boot:
        rc.rc_enable(host, daemon.rc, unchanged=unchanged)
    rc.rc_act(host, "reload" if daemon.running else "start", daemon.rc, unchanged=unchanged)
    if daemon.running:
        _wait_until_loaded(host, daemon, pid_file)
    return True


def _start_words(daemon: Daemon) -> str:
    return f"service {daemon.rc} start" if daemon.rc else f"systemctl start {daemon.unit}"


def revive(host: Host, daemon: Daemon, *, pid_file: str, moved: bool, wished: t.Collection[Listen]) -> bool:
    """Bring sshd back by whatever works, after the files were put back; say whether it answers on ``wished``."""
    with contextlib.suppress(BaselineError):
        reload(host, daemon, pid_file=pid_file, moved=moved, unchanged="")
    if not silent(wished, seconds=5.0):
        return True
    if daemon.unit:
        # A socket unit that does not start, for whatever reason, must not keep the service from listening itself.
        if daemon.socket:
            host.run(["systemctl", "stop", "--", daemon.socket])
        host.run(["systemctl", "reset-failed", "--", daemon.unit])
        host.run(["systemctl", "restart", "--", daemon.unit])
    if daemon.rc:
        host.run(["service", daemon.rc, "onerestart"])
    return not silent(wished, seconds=5.0)


def restarted(host: Host, daemon: Daemon, pid_file: str) -> Daemon:
    """Return the daemon under the process that it has now."""
    return replace(daemon, pid=_pid_of(host, pid_file) or daemon.pid)


def _loaded(host: Host, pid: int, pid_file: str) -> float:
    written = host.stat(pid_file) if pid and _pid_of(host, pid_file) == pid else None
    if written:
        return written.st_mtime
    # A process without a pid file of its own: its age, at best.
    return processes.started(host, pid)


def _pid_of(host: Host, pid_file: str) -> int:
    text = (host.read(pid_file) or "").strip() if pid_file.startswith("/") else ""
    pid = int(text) if is_number(text) else 0
    return pid if processes.alive(host, pid) else 0


def _is_roots_sshd(host: Host, pid: int) -> bool:
    entry = host.stat(f"/proc/{pid}") if pid else None
    return entry is not None and entry.st_uid == 0 and "sshd" in processes.title(host, pid)


def _wait_until_loaded(host: Host, daemon: Daemon, pid_file: str) -> None:
    """Wait for the pid file of the newly loaded daemon; one that writes none gets a moment, a dead one nothing."""
    if not pid_file.startswith("/"):
        time.sleep(0.5)
        return
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        written = host.stat(pid_file)
        if (written and written.st_mtime > daemon.loaded) or not processes.alive(host, daemon.pid):
            return
        time.sleep(0.05)


def explain(host: Host, daemon: Daemon, wrong: t.Iterable[str], done: str) -> BaselineError:
    """Return the error for a daemon that does not answer where it should."""
    tail = service.journal_tail(host, daemon.unit) if daemon.unit else []
    log = "the journal" if daemon.unit else _AUTH_LOG
    if daemon.rc:
        tail = host.run(["tail", "-n", "15", _AUTH_LOG]).out.splitlines()
    words = f"\nLast words of {log}:\n" + "\n".join(tail) if tail else ""
    return BaselineError(f"sshd does not answer on {', '.join(wrong)}; {done}{words}")
