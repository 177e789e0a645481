# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script by which a host rolls a change of sshd back by itself. Pure.

It is POSIX sh with what the base systems of Linux and FreeBSD both have: it needs neither Python nor Ansible nor a
session. The process that renames the state file ``armed`` decides (rename(2) succeeds once): ``confirmed`` keeps the
change, ``started`` rolls it back. Both leave a record with the token of the change, for the answer may be lost.

What the script reports is on the disk before it reports it: a power cut does not change what became of the change.
"""

from __future__ import annotations

import shlex
import typing as t

if t.TYPE_CHECKING:
    from .rollback import RollbackPlan, SavedFile

__all__ = ["rollback_script"]

_SCRIPT = """\
#!/bin/sh
# Made by pyhost.baseline before it changed sshd's configuration; rolls the change back unless it is confirmed.
#   sh rollback confirm    keep the change and remove this rollback
#   sh rollback discard    the same, where the change has been reverted by other means
#   sh rollback asked      roll the change back now
# What became of the change is then in @record@.
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

log() { logger -t pyhost.baseline -- "$1" 2>/dev/null || echo "$1"; }

problem() {
    problems="$problems$(printf '%s; ' "$1" | tr '\\n' ' ')"
    log "$1"
}

# flush FILE|FOLDER …: they are on the disk when it returns. FreeBSD's sync(8) takes no names and waits for nothing:
# there it is fsync(1).
flush() {
    if command -v fsync >/dev/null; then fsync "$@"; else sync -- "$@"; fi 2>/dev/null || sync
}

# restore SLOT PATH OWNER MODE CONTEXT: written beside and renamed, so that a reader finds one whole file.
restore() {
    beside="$2.rollback-$$"
    if cp -- "$folder/$1" "$beside" && chown -- "$3" "$beside" && chmod -- "$4" "$beside" &&
        { [ -z "$5" ] || chcon -- "$5" "$beside" || log "the SELinux context of $2 cannot be set"; } &&
        flush "$beside" && mv -f -- "$beside" "$2"; then
        flush "${2%/*}/"
        return
    fi
    rm -f -- "$beside"
    problem "$2 could not be restored"
}

remove() {
    rm -f -- "$1" || problem "$1 could not be removed"
    [ ! -d "${1%/*}/" ] || flush "${1%/*}/"
}

remove_directory() {
    if rmdir -- "$1" 2>/dev/null; then flush "${1%/*}/"; fi
}

restore_files() {
@restore_files@
    :
}

# The firewall's own tools may need more than a shell (Python): they come last, with a limit, and only where it runs.
restore_firewall() {
    [ "$1" = before-sshd ] || remove_firewall_rules
@restore_firewall@
    :
}

remove_firewall_rules() {
@remove_firewall_rules@
    :
}

# limited COMMAND …
limited() {
    timeout 20 "$@" >/dev/null 2>&1 </dev/null 9>&- || problem "this failed: $*"
}

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

# Nothing is left that would start the script.
disarm() {
    rm -f -- "$boot_link" "$boot_unit" "$crontab" "$rc_script"
    if [ -d /run/systemd/system ]; then
        systemctl stop "$unit.timer" 2>/dev/null
    fi
}

remove_rollback() {
    disarm
    rm -rf -- "$folder"
    rmdir -- "$base" 2>/dev/null || :
}

record() {
    beside="$record.$$"
    when=$(date +%s)
    if printf '%s\\n' "token=$token" "trigger=$1" "when=$when" "problems=${problems%; }" >"$beside" &&
        flush "$beside" && mv -f -- "$beside" "$record"; then
        flush "$base"
        return
    fi
    rm -f -- "$beside"
    return 1
}

# A token that is given must be that of this change: a later one is not the caller's to decide.
require_token() {
    if [ -n "$1" ] && [ "$1" != "$token" ]; then
        echo "this is the rollback of another change" >&2
        exit 3
    fi
}

keep_change() {
    if ! mv -- "$folder/armed" "$folder/confirmed" 2>/dev/null && [ ! -e "$folder/confirmed" ]; then
        echo "too late to confirm: the change is being rolled back or was" >&2
        exit 3
    fi
    # Before anybody hears of it: the power may go at once.
    flush "$folder"
}

confirm() {
    keep_change
    # Without a record (the disk is full) the file "confirmed" is the record, and the next run removes it.
    if record confirmed; then remove_rollback; else disarm; fi
    log "the change of the sshd configuration is confirmed"
}

discard() {
    keep_change
    remove_rollback
    log "the rollback of the sshd configuration is not needed"
}

# A rollback that was itself interrupted (the state is already "started") starts over: each step may be repeated.
# roll_back TRIGGER now|before-sshd
roll_back() {
    mv -- "$folder/armed" "$folder/started" 2>/dev/null || [ -e "$folder/started" ] || exit 3
    # A second process waits for the end of the first (FreeBSD's lockf takes a
    # descriptor from 14.1 on).
    exec 9>>"$folder/started"
    flock 9 2>/dev/null || lockf -s 9 2>/dev/null || :
    [ -e "$folder/started" ] || exit 0
    log "rolling the change of the sshd configuration back ($1)"
    restore_files
    # At boot this runs before sshd, which then reads the restored files.
    [ "$2" = before-sshd ] || restart_sshd
    restore_firewall "$2"
    if [ -n "$problems" ] && [ -n "$sandboxed" ]; then
        log "some of it failed in the sandbox of this service: running once more without the sandbox"
        exit 4
    fi
    record "$1"
    # First, so that a boot does not begin anew with half of the copies.
    mv -- "$folder/started" "$folder/ended" && flush "$folder"
    remove_rollback
    log "the sshd configuration is restored${problems:+, except: $problems}"
    [ -z "$problems" ]
}

# Without systemd a detached process counts the seconds. It ends as soon as the rollback is no longer armed.
watch() {
    left=$seconds
    while [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
        read -r armed 2>/dev/null <"$folder/armed" && [ "$armed" = "$token" ] || exit 0
    done
    roll_back timeout now
}

main() {
    [ "${2-}" != sandboxed ] || sandboxed=yes
    case "${1-}" in
        confirm) require_token "${2-}"; confirm ;;
        discard) discard ;;
        asked) require_token "${2-}"; roll_back asked now ;;
        timeout) roll_back timeout now ;;
        boot) roll_back boot before-sshd ;;
        booted) roll_back boot now ;;
        watch) watch ;;
        *) echo "usage: sh rollback confirm|asked" >&2; exit 2 ;;
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


def rollback_script(plan: RollbackPlan) -> str:
    """Return the script that carries ``plan`` out."""
    paths, daemon = plan.paths, plan.daemon
    values = {
        "path": paths.path,
        "folder": paths.folder,
        "base": paths.base,
        "record": paths.record,
        "token": plan.token,
        "boot_link": paths.boot_link,
        "boot_unit": paths.boot_unit,
        "crontab": paths.crontab,
        "rc_script": paths.rc_script,
        "unit": paths.unit,
        "program": daemon.program,
        "service": daemon.service,
        "socket": daemon.socket,
        "pid_file": daemon.pid_file,
        "rc": daemon.rc,
        "seconds": str(plan.seconds),
    }
    managers = ((daemon.socket, _BY_SOCKET), (daemon.service, _BY_SERVICE), (daemon.rc, _BY_RC))
    restart = next((lines for name, lines in managers if name), _BY_SIGNAL)
    remove = (f"    limited {' '.join(map(shlex.quote, command))}\n" for command in plan.firewall.commands)
    text = _SCRIPT.replace("@restore_files@\n", "".join(map(_restore, plan.saved)))
    text = text.replace("@restart_sshd@\n", restart)
    text = text.replace("@remove_firewall_rules@\n", "".join(remove))
    text = text.replace("@restore_firewall@\n", "".join(map(_restore, plan.firewall.saved)))
    for name, value in values.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    return text


def _restore(saved: SavedFile) -> str:
    path = shlex.quote(saved.path)
    if saved.slot is None:
        gone = "".join(f"    remove_directory {shlex.quote(folder)}\n" for folder in saved.new_directories)
        return f"    remove {path}\n{gone}"
    context = shlex.quote(saved.context)
    return f"    restore {saved.slot} {path} {saved.owner} {saved.mode:04o} {context}\n"
