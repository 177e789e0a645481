# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script by which a host takes a change of sshd back by itself. Pure.

It is POSIX sh with what the base systems of Linux and FreeBSD both have: it needs neither Python nor Ansible nor a
session. Who renames the state file ``armed`` (rename(2) succeeds once) has decided: ``confirmed`` keeps the change,
``undoing`` takes it back.
"""

from __future__ import annotations

import shlex
import typing as t

if t.TYPE_CHECKING:
    from .rollback import Saved, Undo

__all__ = ["script"]

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
rc_script=@rc_script@
token=@token@
sshd=@program@
seconds=@seconds@
problems=
sandboxed=

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
    rm -f -- "$boot_link" "$boot_unit" "$crontab" "$rc_script"
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
    # Who asks while another one is at it waits for its end (FreeBSD's lockf takes a
    # descriptor from 14.1 on).
    exec 9>>"$folder/undoing"
    flock 9 2>/dev/null || lockf -s 9 2>/dev/null || :
    [ -e "$folder/undoing" ] || exit 0
    say "taking the change of the sshd configuration back ($1)"
    put_back
    # At boot this comes before sshd, which then reads the restored files.
    [ "$2" = before-sshd ] || bring_in_force
    shut_doors "$2"
    if [ -n "$problems" ] && [ -n "$sandboxed" ]; then
        say "not all of it could be done in the sandbox of this service: once more without it"
        exit 4
    fi
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
    [ "${2-}" != sandboxed ] || sandboxed=yes
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
        "rc_script": place.rc_script,
        "unit": place.unit,
        "program": daemon.program,
        "service": daemon.service,
        "socket": daemon.socket,
        "pid_file": daemon.pid_file,
        "rc": daemon.rc,
        "seconds": str(undo.seconds),
    }
    ways = ((daemon.socket, _BY_SOCKET), (daemon.service, _BY_SERVICE), (daemon.rc, _BY_RC))
    by = next((way for name, way in ways if name), _BY_SIGNAL)
    text = _SCRIPT.replace("@put_back@\n", "".join(_put_back(saved) for saved in undo.saved))
    text = text.replace("@bring_in_force@\n", by)
    shut = (f"    take_back {' '.join(map(shlex.quote, command))}\n" for command in undo.doors.commands)
    text = text.replace("@shut_doors@\n", "".join(shut))
    text = text.replace("@restore_doors@\n", "".join(_put_back(saved) for saved in undo.doors.saved))
    for name, value in values.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    return text


def _put_back(saved: Saved) -> str:
    path = shlex.quote(saved.path)
    if saved.slot is None:
        gone = "".join(f"    remove_directory {shlex.quote(folder)}\n" for folder in saved.new_directories)
        return f"    remove {path}\n{gone}"
    context = shlex.quote(saved.context)
    return f"    restore {saved.slot} {path} {saved.owner} {saved.mode:04o} {context}\n"
