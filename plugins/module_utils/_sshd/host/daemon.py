# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running sshd: its units, when it last read its configuration, its reload, and its recovery."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError
from ..._core.host import process as processes
from ..._core.host import rc, service
from ..._core.host.paths import runtime_folder
from ..._core.text import is_number
from ..parse import parse
from ..socket import Listen
from ..tree import Tree, absolute
from . import socket as sockets
from .masters import SshdMaster, find_masters, main_of
from .port_holders import port_holders
from .ports import open_ports, unanswered

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = [
    "SshdDaemon",
    "find_daemon",
    "newest_change",
    "no_answer_error",
    "recover",
    "reload",
    "require_no_other_sshd",
    "require_socket_listens",
    "require_startable",
    "with_current_pid",
]

_SERVICES = ("ssh.service", "sshd.service")
_SECONDS = 10.0
_AUTH_LOG = "/var/log/auth.log"
# FreeBSD's services of sshd: the base system's and that of the port openssh-portable.
_PROGRAMS = {"sshd": "/usr/sbin/sshd", "openssh": "/usr/local/sbin/sshd"}
_MAINS = {"sshd": "/etc/ssh/sshd_config", "openssh": "/usr/local/etc/ssh/sshd_config"}
_SCRIPTS = {"sshd": "/etc/rc.d/sshd", "openssh": "/usr/local/etc/rc.d/openssh"}


@dataclass(frozen=True)
class SshdDaemon:
    """The master process of sshd and what starts it.

    ``unit`` and ``socket`` are empty where systemd does not run sshd. ``pid`` is 0 where no master process runs. ``rc``
    is the service of FreeBSD's rc(8): ``sshd`` or, of the port openssh-portable, ``openssh``. ``can_reload`` is false
    for a unit without ``ExecReload=``.

    ``loaded`` is when sshd last read its configuration: it writes its pid file after each start and each reload. Where
    that names another process or none, our own reloads are remembered.
    ``at_boot`` is empty where something starts it at the next boot, else the reason why not (``disabled``, ``masked``).
    ``socket_unit`` is the socket unit that listens for it now (``socket`` is its name then) or after the next boot.
    """

    unit: str
    socket: str
    pid: int
    loaded: float
    state: str
    at_boot: str = ""
    socket_unit: sockets.SocketUnit | None = None
    rc: str = ""
    can_reload: bool = True

    @property
    def service(self) -> str:
        """The name in the service manager, empty where there is none."""
        return self.unit or self.rc

    @property
    def running(self) -> bool:
        return self.pid > 0

    def older_than(self, changed: float) -> bool:
        """Say whether the configuration changed after it was read. A time in the future is a wrong clock, no change."""
        return self.running and self.loaded < changed <= time.time()


def find_daemon(host: Host, pid_file: str, *, program: str = "", main: str = "") -> SshdDaemon:
    """Return the master sshd that reads ``main``: of the service manager or, without one, of the pid file.

    ``program`` chooses on FreeBSD, where the base system's sshd and that of the port openssh-portable can coexist. On
    Linux a master that neither names is found among the processes.
    """
    if host.platform.is_freebsd:
        return _find_by_rc(host, pid_file, program)
    if host.platform.has_systemd:
        return _find_by_systemd(host, pid_file, program, main)
    pid = _read_pid(host, pid_file)
    # The file may be of a former boot, in a folder that others can write to, or of another sshd.
    if not _is_roots_sshd(host, pid) or main_of(host, pid) not in ("", main):
        pid = next((one.pid for one in _masters_of(host, program, main)), 0)
    return SshdDaemon("", "", pid, _loaded(host, pid, pid_file), "")


def _masters_of(host: Host, program: str, main: str) -> list[SshdMaster]:
    """Return the masters that run ``program`` and read ``main``."""
    ours = host.target(program)
    return [one for one in find_masters(host) if host.target(one.program) == ours and one.main in ("", main)]


def require_no_other_sshd(host: Host, daemon: SshdDaemon, *, program: str, main: str) -> None:
    """Raise where only an sshd runs that does not read ``main``: what is written there would never be in force."""
    if host.platform.is_freebsd or daemon.running or daemon.service or daemon.socket:
        return
    masters = find_masters(host)
    if masters:
        other = masters[0]
        file = f" -f {other.main}" if other.main else ""
        raise BaselineError(
            f"the sshd that runs here is process {other.pid}, `{other.program}{file}`, not {program} with {main}: "
            "nothing would read that file",
            option="path",
            hint="start that sshd, or set path to the file that the running one reads",
        )


def _find_by_systemd(host: Host, pid_file: str, program: str, main: str) -> SshdDaemon:
    units = service.unit_states(host, [*_SERVICES, *sockets.NAMES], more=sockets.PROPERTIES)
    services, listeners = units[: len(_SERVICES)], units[len(_SERVICES) :]
    socket_unit = sockets.find_socket_unit(host, listeners)
    socket = socket_unit.name if socket_unit and socket_unit.active else ""
    # A masked unit (with the name of a real one) counts only where there is no other.
    unit = next((one for one in services if one.exists), None) or next(
        (one for one in services if one.load == "masked"), None
    )
    if not socket and (unit is None or not unit.main_pid):
        elsewhere = _find_elsewhere(host, pid_file, program, main, has_unit=unit is not None)
        if elsewhere:
            return elsewhere
    if unit is None:
        return SshdDaemon("", socket, 0, 0.0, "", socket_unit=socket_unit)
    is_enabled = unit.enabled or any(one.enabled for one in listeners)
    at_boot = "" if is_enabled else unit.file_state or unit.load
    loaded = _loaded(host, unit.main_pid, pid_file)
    return SshdDaemon(unit.name, socket, unit.main_pid, loaded, unit.active, at_boot, socket_unit)


def _find_elsewhere(host: Host, pid_file: str, program: str, main: str, *, has_unit: bool) -> SshdDaemon | None:
    """Return the sshd that runs although no known unit does: in a unit of another name, or in none.

    One in no unit counts only where the host ``has_unit`` of no known name: else systemd has lost sight of it.
    """
    if has_unit:
        masters = [one for one in find_masters(host) if one.unit and one.main in ("", main)]
    else:
        masters = _masters_of(host, program, main)
    for master in masters:
        unit = service.unit_states(host, [master.unit], more=["CanReload"])[0] if master.unit else None
        loaded = _loaded(host, master.pid, pid_file)
        # A transient unit ends with its process, and its name means nothing at the next boot.
        if unit and unit.main_pid == master.pid and unit.file_state != "transient":
            at_boot = "" if unit.enabled else unit.file_state or unit.load
            can_reload = unit.value("CanReload") == "yes"
            return SshdDaemon(unit.name, "", master.pid, loaded, unit.active, at_boot, can_reload=can_reload)
        if not has_unit:
            return SshdDaemon("", "", master.pid, loaded, "")
    return None


def _find_by_rc(host: Host, pid_file: str, program: str) -> SshdDaemon:
    name, other = ("openssh", "sshd") if program.startswith("/usr/local/") else ("sshd", "openssh")
    state = rc.rc_state(host, name)
    if not state.running and host.stat(_SCRIPTS[other]) and rc.rc_state(host, other).running:
        raise BaselineError(
            f"{_PROGRAMS[other]} (service {other}) runs here instead of {program or _PROGRAMS[name]}, and reads "
            f"{_MAINS[other]}",
            option="path",
            hint=f"set path to {_MAINS[other]}, or run the service {name} instead",
        )
    loaded = _loaded(host, state.pid, pid_file)
    at_boot = "" if state.enabled else "disabled"
    return SshdDaemon("", "", state.pid, loaded, "running" if state.running else "not running", at_boot, rc=name)


def require_startable(host: Host, daemon: SshdDaemon, listens: t.Collection[Listen], *, pid_file: str) -> None:
    """Raise for what keeps sshd from being (re)started and only a person can decide."""
    if daemon.at_boot.startswith("masked"):
        raise BaselineError(
            f"{daemon.unit} is masked, so that nobody could log in by ssh after the next boot",
            hint=f"`systemctl unmask {daemon.unit}`",
        )
    is_down = bool(daemon.service) and not daemon.running and not daemon.socket
    ports = {port for _address, port in listens}
    if is_down and open_ports(host) & ports:
        raise BaselineError(
            f"{daemon.service} is {daemon.state}, but {_present_owner(host, daemon, listens, pid_file)} listens on its "
            f"port {', '.join(map(str, sorted(ports)))}. A start would fail, and could remove /run/sshd from an sshd "
            "that is still running",
            hint=f"end that program and `{_start_command(daemon)}` at once",
        )


def _present_owner(host: Host, daemon: SshdDaemon, listens: t.Collection[Listen], pid_file: str) -> str:
    """Name the program that listens on sshd's ports although sshd's service is down."""
    left = _read_pid(host, pid_file)
    if left:
        return f"process {left} ({pid_file})"
    holders = ", and ".join(map(str, port_holders(host, daemon, listens)))
    return f"another program ({holders})" if holders else "another program"


def _start_command(daemon: SshdDaemon) -> str:
    return f"service {daemon.rc} start" if daemon.rc else f"systemctl start {daemon.unit}"


def newest_change(host: Host, tree: Tree) -> float:
    """Return when the composed configuration last changed: its files, and the folders of included patterns."""
    folders = {
        os.path.dirname(absolute(pattern, tree.main))
        for path, text in tree.files.items()
        for line in parse(text, path=path)
        if line.keyword == "include"
        for pattern in line.arguments
        if "*" in pattern or "?" in pattern
    }
    files = [entry.st_ctime for entry in map(host.stat, tree.files) if entry]
    # The folder of the main file does not count: it contains other files too (host keys, moduli).
    folders.discard(os.path.dirname(tree.main))
    return max(files + [entry.st_mtime for entry in map(host.stat, folders) if entry], default=0.0)


def reload(host: Host, daemon: SshdDaemon, *, pid_file: str, moved: bool) -> bool:
    """Make sshd read its configuration, start it where it is down, and have it started at boot.

    ``moved`` says that it is to listen on other addresses. Returns whether there is an sshd to reload.
    """
    if daemon.rc:
        return _reload_by_rc(host, daemon, pid_file)
    if daemon.unit or daemon.socket_unit:
        return _reload_by_systemd(host, daemon, pid_file, moved=moved)
    if daemon.running:
        _hang_up(host, daemon, pid_file)
    return daemon.running


def _hang_up(host: Host, daemon: SshdDaemon, pid_file: str) -> None:
    now = time.time()
    os.kill(daemon.pid, signal.SIGHUP)
    _wait_until_loaded(host, daemon, pid_file, since=now)


def _reload_by_systemd(host: Host, daemon: SshdDaemon, pid_file: str, *, moved: bool) -> bool:
    if daemon.at_boot:
        # Not "enable": its link sshd.service makes systemd 257 take the running ssh.service for dead (Debian 13).
        service.act(host, "add-wants", "multi-user.target", daemon.unit)
    if daemon.socket_unit and moved:
        service.act(host, "daemon-reload")
    if daemon.socket:
        _restart_behind_socket(host, daemon, moved=moved)
    elif daemon.running and not daemon.can_reload:
        _hang_up(host, daemon, pid_file)
    elif daemon.running:
        now = time.time()
        service.act(host, "reload", daemon.unit)
        _wait_until_loaded(host, daemon, pid_file, since=now)
    elif daemon.unit:
        service.act(host, "start", daemon.unit)
    return bool(daemon.socket or daemon.unit)


def _restart_behind_socket(host: Host, daemon: SshdDaemon, *, moved: bool) -> None:
    """Restart what has the listening socket: after a move the socket unit, else a running service.

    The service ends before the socket unit restarts, because it holds the old socket. Sessions continue. A service that
    does not run needs nothing: it reads the files when the next client connects.
    """
    if moved:
        if daemon.unit:
            service.act(host, "stop", daemon.unit)
        service.act(host, "restart", daemon.socket)
    elif daemon.running:
        # A reload by SIGHUP loses the sockets that systemd passed, and sshd fails with "Cannot bind any address".
        service.act(host, "restart", daemon.unit)


def _reload_by_rc(host: Host, daemon: SshdDaemon, pid_file: str) -> bool:
    """Reload or start by FreeBSD's rc(8); sshd opens its ports again in both cases."""
    if daemon.at_boot:
        rc.rc_enable(host, daemon.rc)
    now = time.time()
    rc.rc_act(host, "reload" if daemon.running else "start", daemon.rc)
    if daemon.running:
        _wait_until_loaded(host, daemon, pid_file, since=now)
    return True


def recover(host: Host, daemon: SshdDaemon, *, pid_file: str, moved: bool, expected: t.Collection[Listen]) -> bool:
    """Bring sshd back by every means after the files were restored; say whether it answers on ``expected``."""
    with contextlib.suppress(BaselineError, OSError):
        reload(host, daemon, pid_file=pid_file, moved=moved)
    if not unanswered(expected, seconds=5.0):
        return True
    if daemon.unit:
        # A socket unit that does not start, for whatever reason, must not keep the service from listening itself.
        if daemon.socket:
            host.run(["systemctl", "stop", "--", daemon.socket])
        host.run(["systemctl", "reset-failed", "--", daemon.unit])
        host.run(["systemctl", "restart", "--", daemon.unit])
    if daemon.rc:
        host.run(["service", daemon.rc, "onerestart"])
    return not unanswered(expected, seconds=5.0)


def require_socket_listens(host: Host, daemon: SshdDaemon, listens: t.Collection[Listen]) -> None:
    """Raise where the socket unit listens elsewhere after its restart: every run would be a change without effect."""
    if daemon.socket:
        units = service.unit_states(host, sockets.NAMES, more=sockets.PROPERTIES)
        unit = sockets.find_socket_unit(host, units)
        if unit:
            unit.require_listens(listens)


def with_current_pid(host: Host, daemon: SshdDaemon, pid_file: str) -> SshdDaemon:
    """Return the daemon with the process that it has now: by its pid file, else by systemd."""
    pid = _read_pid(host, pid_file)
    if host.platform.is_freebsd:
        return replace(daemon, pid=pid or daemon.pid)
    is_alive = daemon.running and processes.alive(host, daemon.pid)
    if pid and is_alive and main_of(host, pid) != main_of(host, daemon.pid):
        # The file is that of another sshd, too.
        return daemon
    if not pid and not is_alive and daemon.unit:
        pid = service.unit_state(host, daemon.unit).main_pid
    return replace(daemon, pid=pid or daemon.pid)


def no_answer_error(host: Host, daemon: SshdDaemon, problems: t.Iterable[str]) -> BaselineError:
    """Return the error for an sshd that does not answer on its addresses, with the end of its log."""
    log = "the journal" if daemon.unit else _AUTH_LOG
    tail = service.journal_tail(host, daemon.unit) if daemon.unit else []
    if daemon.rc:
        tail = host.run(["tail", "-n", "15", _AUTH_LOG]).out.splitlines()
    hint = f"see {log}, which ends with:\n" + "\n".join(tail) if tail else ""
    return BaselineError(f"sshd does not answer on {', '.join(problems)}", hint=hint)


def _loaded(host: Host, pid: int, pid_file: str) -> float:
    written = host.stat(pid_file) if pid and _read_pid(host, pid_file) == pid else None
    if written:
        return written.st_mtime
    # Without a pid file, the start of the process is the best estimate, or a reload of ours after it.
    text = _text(host, _remembered(pid)) if pid else ""
    return max(processes.started(host, pid), float(text) if re.fullmatch(r"[0-9]{1,12}[.][0-9]{3}", text) else 0.0)


def _remembered(pid: int) -> str:
    """Return the file that says when a run last made the process ``pid`` read its files; it lasts until a boot."""
    return f"{runtime_folder()}/sshd.{pid}.loaded"


def _read_pid(host: Host, pid_file: str) -> int:
    text = _text(host, pid_file) if pid_file.startswith("/") else ""
    pid = int(text) if is_number(text) else 0
    return pid if processes.alive(host, pid) else 0


def _is_roots_sshd(host: Host, pid: int) -> bool:
    entry = host.stat(f"/proc/{pid}") if pid else None
    return entry is not None and entry.st_uid == 0 and "sshd" in processes.title(host, pid)


def _wait_until_loaded(host: Host, daemon: SshdDaemon, pid_file: str, *, since: float) -> None:
    """Wait until sshd writes its pid file again. Without a pid file wait a moment, for a dead process not at all.

    The moment of the reload (``since``) is remembered: there may be no pid file, or a second daemon that writes the
    same one later, and then every run would reload.
    """
    deadline = time.monotonic() + (_SECONDS if pid_file.startswith("/") else 0.0)
    while time.monotonic() < deadline and not _has_written(host, daemon, pid_file):
        if not processes.alive(host, daemon.pid):
            return
        time.sleep(0.05)
    if not pid_file.startswith("/"):
        time.sleep(0.5)
        if not processes.alive(host, daemon.pid):
            return
    host.runtime()
    host.write(_remembered(daemon.pid), f"{since:.3f}\n", mode=0o600)


def _has_written(host: Host, daemon: SshdDaemon, pid_file: str) -> bool:
    written = host.stat(pid_file)
    return written is not None and written.st_mtime > daemon.loaded and _text(host, pid_file) == str(daemon.pid)


def _text(host: Host, path: str) -> str:
    return (host.read(path) or "").strip()
