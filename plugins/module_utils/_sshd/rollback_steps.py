# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollback puts sshd's restored files in force, as functions of its script (POSIX sh). Pure.

``_core/rollback_script.py`` has the script around them.
"""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

from .._core.rollback import RollbackSteps

__all__ = ["RollbackDaemon", "sshd_steps"]

_STEPS = """\
sshd=@program@

valid() {
    output=$("$sshd" -t 2>&1) && return
    # A host whose sshd is started by a socket has no such directory before the first login.
    missing=$(printf '%s\\n' "$output" | sed -n 's/^Missing privilege separation directory: //p')
    [ -n "$missing" ] && mkdir -p -- "$missing" && chmod 755 -- "$missing" && output=$("$sshd" -t 2>&1)
}

# A running daemon keeps its configuration where sshd -t rejects the restored files: it is left running.
restart_sshd() {
    if ! valid; then
        problem "sshd -t rejects the restored configuration: $output"
    else
@restart_sshd@
    fi
}

# The firewall's own tools may need more than a shell (Python): they come last, with a limit, and only where it runs.
remove_firewall_rules() {
@remove_firewall_rules@
    :
}

# At boot this runs before sshd, which then reads the restored files.
put_in_force() {
    [ "$1" = boot ] || { restart_sshd; remove_firewall_rules; }
}
"""

_BY_SERVICE = """\
        systemctl reset-failed @service@ 2>/dev/null
        systemctl restart @service@ || problem "@service@ could not be restarted"
"""
_BY_SOCKET = """\
        # The socket unit holds the port, and on some systems a generator makes it from sshd_config.
        systemctl daemon-reload
        systemctl stop @service@ 2>/dev/null
        systemctl reset-failed @service@ @socket@ 2>/dev/null
        systemctl restart @socket@ || problem "@socket@ could not be restarted"
"""
_BY_SIGNAL = """\
        # Its number may be another user's process by now.
        read -r pid 2>/dev/null <@pid_file@ && [ -O "/proc/$pid" ] && kill -HUP "$pid" 2>/dev/null && sleep 1
        { read -r pid 2>/dev/null <@pid_file@ && [ -O "/proc/$pid" ] && kill -0 "$pid" 2>/dev/null; } ||
            "$sshd" 9>&- || problem "sshd could not be started"
"""
_BY_RC = """\
        # With "one", since a service that is off in rc.conf(5) would be passed over.
        service @rc@ onereload >/dev/null 2>&1 9>&- && sleep 1
        service @rc@ onestatus >/dev/null 2>&1 9>&- || service @rc@ onestart >/dev/null 2>&1 9>&- ||
            problem "sshd could not be started"
"""


@dataclass(frozen=True)
class RollbackDaemon:
    """How sshd is checked and started: its program, and what runs it (nothing: its pid file is signalled).

    ``service`` and ``socket`` are units of systemd, ``rc`` is a service of FreeBSD's rc(8).
    """

    program: str = "/usr/sbin/sshd"
    service: str = ""
    socket: str = ""
    pid_file: str = "/run/sshd.pid"
    rc: str = ""


def sshd_steps(daemon: RollbackDaemon, firewall_commands: t.Iterable[t.Sequence[str]] = ()) -> RollbackSteps:
    """Return the steps that restart ``daemon``, then remove the firewall rules for a new port by the commands."""
    managers = ((daemon.socket, _BY_SOCKET), (daemon.service, _BY_SERVICE), (daemon.rc, _BY_RC))
    restart = next((lines for name, lines in managers if name), _BY_SIGNAL)
    remove = (f"    limited {shlex.join(command)}\n" for command in firewall_commands)
    text = _STEPS.replace("@restart_sshd@\n", restart)
    values = {
        "program": daemon.program,
        "service": daemon.service,
        "socket": daemon.socket,
        "pid_file": daemon.pid_file,
        "rc": daemon.rc,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    text = text.replace("@remove_firewall_rules@\n", "".join(remove))
    return RollbackSteps(text, is_sandboxed=bool(daemon.service or daemon.socket))
