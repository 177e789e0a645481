# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo that a host carries out by itself: its script, its unit for the next boot, its record. Pure.

The script is POSIX sh, so that it needs neither Python nor Ansible nor a session. Who renames the state file ``armed``
(rename(2) succeeds once) has decided: ``confirmed`` keeps the change, ``undoing`` takes it back.
"""

from __future__ import annotations

import shlex
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError

__all__ = [
    "BASE",
    "Daemon",
    "Doors",
    "Place",
    "Record",
    "Saved",
    "Undo",
    "armed_text",
    "boot_unit",
    "check_seconds",
    "cron_line",
    "parse_armed",
    "parse_record",
    "script",
]

BASE = "/var/lib/pyhost.baseline"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Less time than a login may take undoes good changes; in more, nobody looks any more.
_LEAST, _MOST = 15, 3600


def check_seconds(seconds: int) -> None:
    """Refuse a ``confirm_timeout`` that is too short for a login or too long to be a rescue."""
    if not _LEAST <= seconds <= _MOST:
        raise BaselineError(f"confirm_timeout: {seconds} seconds are not from {_LEAST} to {_MOST}; nothing was changed")


@dataclass(frozen=True)
class Saved:
    """A file as it was before the change. ``slot`` names its copy, ``None`` where the file was absent.

    ``new_directories`` are those that did not exist either, the deepest first.
    """

    path: str
    slot: str | None = None
    owner: str = "0:0"
    mode: int = 0o644
    context: str = ""
    new_directories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Daemon:
    """How sshd is checked and started: its program, and the units that run it (none: its pid file is signalled)."""

    program: str = "/usr/sbin/sshd"
    service: str = ""
    socket: str = ""
    pid_file: str = "/run/sshd.pid"


@dataclass(frozen=True)
class Doors:
    """How a firewall's permissions for a new port are taken back: commands while it runs, and its files of before."""

    commands: tuple[tuple[str, ...], ...] = ()
    saved: tuple[Saved, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where everything of one undo lies. One ``topic`` has one place, so two undos of it cannot overlap."""

    topic: str
    base: str = BASE
    units: str = "/etc/systemd/system"
    crontabs: str = "/etc/cron.d"
    path: str = _PATH

    @property
    def folder(self) -> str:
        return f"{self.base}/undo-{self.topic}"

    @property
    def script(self) -> str:
        return f"{self.folder}/undo"

    @property
    def armed(self) -> str:
        return f"{self.folder}/armed"

    @property
    def undoing(self) -> str:
        return f"{self.folder}/undoing"

    @property
    def record(self) -> str:
        """What the last undo did; it outlives the folder, until the next run has told it."""
        return f"{self.base}/undo-{self.topic}.record"

    @property
    def unit(self) -> str:
        return f"pyhost-undo-{self.topic}"

    @property
    def boot_unit(self) -> str:
        return f"{self.units}/{self.unit}-boot.service"

    @property
    def boot_link(self) -> str:
        # sysinit.target is part of every boot, whatever the host's default target is.
        return f"{self.units}/sysinit.target.wants/{self.unit}-boot.service"

    @property
    def crontab(self) -> str:
        return f"{self.crontabs}/{self.unit}"


@dataclass(frozen=True)
class Undo:
    """One armed change. ``token`` is its own, so that a late watcher of an earlier one cannot fire this one."""

    place: Place
    token: str
    seconds: int
    saved: tuple[Saved, ...]
    daemon: Daemon
    doors: Doors = Doors()


@dataclass(frozen=True)
class Record:
    """What an undo left to read. ``trigger``: ``timeout``, ``boot`` or ``asked``; no ``problems``: all went well."""

    token: str
    trigger: str
    when: int
    problems: str

    def __str__(self) -> str:
        reason = {
            "timeout": "nobody confirmed the change in time",
            "boot": "the host was started again before the change was confirmed",
            "asked": "it was asked to",
        }.get(self.trigger, self.trigger)
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.when))
        sentence = f"on {moment} the host rolled its sshd configuration back, because {reason}"
        return f"{sentence}; not all went well: {self.problems}" if self.problems else sentence


_SCRIPT = """\
#!/bin/sh
# Made by pyhost.baseline before it changed sshd's configuration; takes the change back unless it is confirmed.
#   sh undo confirm    keep the change and forget what was before
#   sh undo drop       the same, where the change has been taken back by other means
#   sh undo asked      take it back now
set -u
PATH=@path@; export PATH
LC_ALL=C; export LC_ALL
umask 077
base=@base@
folder=@folder@
record=@record@
unit=@unit@
boot_unit=@boot_unit@
boot_link=@boot_link@
crontab=@crontab@
token=@token@
sshd=@program@
seconds=@seconds@
problems=

say() { logger -t pyhost.baseline -- "$1" 2>/dev/null || echo "$1"; }

problem() {
    problems="$problems$(printf '%s; ' "$1" | tr '\\n' ' ')"
    say "$1"
}

# restore SLOT PATH OWNER MODE CONTEXT: written beside and renamed, so that a reader finds the new or the old, whole.
restore() {
    beside="$2.undo-$$"
    if cp -- "$folder/$1" "$beside" && chown -- "$3" "$beside" && chmod -- "$4" "$beside" &&
        { [ -z "$5" ] || chcon -- "$5" "$beside" || say "the SELinux context of $2 cannot be set"; } &&
        mv -f -- "$beside" "$2"; then
        return
    fi
    rm -f -- "$beside"
    problem "$2 could not be restored"
}

remove() { rm -f -- "$1" || problem "$1 could not be removed"; }

remove_directory() { rmdir -- "$1" 2>/dev/null || :; }

put_back() {
@put_back@
    sync
}

# The firewall's own tools may need more than a shell (Python): they come last, with a limit, and only where it runs.
shut_doors() {
    [ "$1" = before-sshd ] || running_firewall_forgets
@restore_doors@
    sync
}

running_firewall_forgets() {
@shut_doors@
    :
}

# take_back COMMAND …
take_back() {
    timeout 20 "$@" >/dev/null 2>&1 </dev/null 9>&- || problem "this failed: $*"
}

valid() {
    words=$("$sshd" -t 2>&1) && return
    # A host whose sshd is started by a socket has no such directory before the first login.
    missing=$(printf '%s\\n' "$words" | sed -n 's/^Missing privilege separation directory: //p')
    [ -n "$missing" ] && mkdir -p -- "$missing" && chmod 755 -- "$missing" && words=$("$sshd" -t 2>&1)
}

# A daemon that runs goes on with what it has when the files it should read now are bad: killing it would help nobody.
bring_in_force() {
    if ! valid; then
        problem "sshd -t rejects the restored configuration: $words"
    else
@bring_in_force@
    fi
}

forget() {
    rm -f -- "$boot_link" "$boot_unit" "$crontab"
    if [ -d /run/systemd/system ]; then
        systemctl stop "$unit.timer" 2>/dev/null
    fi
    rm -rf -- "$folder"
    rmdir -- "$base" 2>/dev/null || :
}

record() {
    beside="$record.$$"
    printf 'token=%s\\ntrigger=%s\\nwhen=%s\\nproblems=%s\\n' "$token" "$1" "$(date +%s)" "${problems%; }" >"$beside" &&
        mv -f -- "$beside" "$record"
}

# keep WORDS
keep() {
    if ! mv -- "$folder/armed" "$folder/confirmed" 2>/dev/null && [ ! -e "$folder/confirmed" ]; then
        echo "too late to confirm: the change is being taken back or was" >&2
        exit 3
    fi
    forget
    say "$1"
}

# An undo that was itself cut off (the state is already "undoing") starts over: every step of it may be repeated.
# undo TRIGGER now|before-sshd
undo() {
    mv -- "$folder/armed" "$folder/undoing" 2>/dev/null || [ -e "$folder/undoing" ] || exit 3
    # Who asks while another one is at it waits for its end.
    exec 9>>"$folder/undoing"
    flock 9 2>/dev/null || :
    [ -e "$folder/undoing" ] || exit 0
    say "taking the change of the sshd configuration back ($1)"
    put_back
    # At boot this comes before sshd, which then reads the restored files.
    [ "$2" = before-sshd ] || bring_in_force
    shut_doors "$2"
    record "$1"
    forget
    say "the sshd configuration is what it was before${problems:+, except: $problems}"
    [ -z "$problems" ]
}

# Without systemd a detached process counts the seconds; it ends as soon as there is nothing left to wait for.
watch() {
    left=$seconds
    while [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
        read -r armed 2>/dev/null <"$folder/armed" && [ "$armed" = "$token" ] || exit 0
    done
    undo timeout now
}

main() {
    case "${1-}" in
        confirm) keep "the change of the sshd configuration is confirmed" ;;
        drop) keep "the undo of the sshd configuration is not needed" ;;
        asked | timeout) undo "$1" now ;;
        boot) undo boot before-sshd ;;
        booted) undo boot now ;;
        watch) watch ;;
        *) echo "usage: sh undo confirm|asked" >&2; exit 2 ;;
    esac
}

# One line, so that the shell has read all of it before the script removes itself.
main "$@"; exit
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
        read -r pid 2>/dev/null <@pid_file@ && kill -HUP "$pid" 2>/dev/null && sleep 1
        { read -r pid 2>/dev/null <@pid_file@ && kill -0 "$pid" 2>/dev/null; } ||
            "$sshd" 9>&- || problem "sshd could not be started"
"""


def script(undo: Undo) -> str:
    """Return the script of ``undo``."""
    place, daemon = undo.place, undo.daemon
    values = {
        "path": place.path,
        "folder": place.folder,
        "base": place.base,
        "record": place.record,
        "token": undo.token,
        "boot_link": place.boot_link,
        "boot_unit": place.boot_unit,
        "crontab": place.crontab,
        "unit": place.unit,
        "program": daemon.program,
        "service": daemon.service,
        "socket": daemon.socket,
        "pid_file": daemon.pid_file,
        "seconds": str(undo.seconds),
    }
    by = _BY_SOCKET if daemon.socket else _BY_SERVICE if daemon.service else _BY_SIGNAL
    text = _SCRIPT.replace("@put_back@\n", "".join(_put_back(saved) for saved in undo.saved))
    text = text.replace("@bring_in_force@\n", by)
    shut = (f"    take_back {' '.join(map(shlex.quote, command))}\n" for command in undo.doors.commands)
    text = text.replace("@shut_doors@\n", "".join(shut))
    text = text.replace("@restore_doors@\n", "".join(_put_back(saved) for saved in undo.doors.saved))
    for name, value in values.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    return text


def armed_text(token: str, deadline: float) -> str:
    """Return the state file's text: whose it is, and when (seconds since the epoch) the undo is due."""
    return f"{token}\n{deadline:.0f}\n"


def parse_armed(text: str) -> tuple[str, float]:
    """Read the state file; one that was cut short is due at once."""
    token, deadline = (text.split("\n") + [""])[:2]
    return token, float(deadline) if deadline.strip().isdigit() else 0.0


def _put_back(saved: Saved) -> str:
    path = shlex.quote(saved.path)
    if saved.slot is None:
        gone = "".join(f"    remove_directory {shlex.quote(folder)}\n" for folder in saved.new_directories)
        return f"    remove {path}\n{gone}"
    context = shlex.quote(saved.context)
    return f"    restore {saved.slot} {path} {saved.owner} {saved.mode:04o} {context}\n"


def boot_unit(place: Place) -> str:
    """Return the unit that takes the change back at the next boot, before sshd starts (systemd.unit(5)).

    It has no default dependencies, because ssh.socket comes before the basic target that those would wait for.
    """
    return f"""\
# Made by pyhost.baseline; removed when the change of the sshd configuration is confirmed or taken back.
[Unit]
Description=Take back an unconfirmed change of the sshd configuration
DefaultDependencies=no
RequiresMountsFor={place.base} /etc/ssh
After=local-fs.target
Before=ssh.service sshd.service ssh.socket sshd.socket firewalld.service ufw.service sysinit.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=|{place.armed}
ConditionPathExists=|{place.undoing}

[Service]
Type=oneshot
ExecStart=/bin/sh {place.script} boot
"""


def cron_line(place: Place) -> str:
    """Return the crontab for hosts without systemd: cron comes up near sshd, which is therefore started anew."""
    return f"@reboot root /bin/sh {shlex.quote(place.script)} booted\n"


def parse_record(text: str) -> Record:
    """Read what ``record`` of the script wrote; a line that is missing reads as empty."""
    values: dict[str, t.Any] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    when = values.get("when", "")
    return Record(
        token=values.get("token", ""),
        trigger=values.get("trigger", ""),
        when=int(when) if when.isdigit() else 0,
        problems=values.get("problems", ""),
    )
