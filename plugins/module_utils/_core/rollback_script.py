# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script by which a host rolls a change back by itself. Pure.

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
# Made by pyhost.baseline before it changed the @subject@; rolls the change back unless it is confirmed.
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

restore_last_files() {
@restore_last_files@
    :
}

# limited COMMAND …: it gets no input, and not forever.
limited() {
    timeout 20 "$@" >/dev/null 2>&1 </dev/null 9>&- || problem "this failed: $*"
}

@steps@
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
    log "the change of the @subject@ is confirmed"
}

discard() {
    keep_change
    remove_rollback
    log "the rollback of the @subject@ is not needed"
}

# A rollback that was itself interrupted (the state is already "started") starts over: each step may be repeated.
# roll_back TRIGGER now|boot
roll_back() {
    mv -- "$folder/armed" "$folder/started" 2>/dev/null || [ -e "$folder/started" ] || exit 3
    # A second process waits for the end of the first (FreeBSD's lockf takes a
    # descriptor from 14.1 on).
    exec 9>>"$folder/started"
    flock 9 2>/dev/null || lockf -s 9 2>/dev/null || :
    [ -e "$folder/started" ] || exit 0
    log "rolling the change of the @subject@ back ($1)"
    restore_files
    put_in_force "$2"
    restore_last_files
    if [ -n "$problems" ] && [ -n "$sandboxed" ]; then
        log "some of it failed in the sandbox of this service: running once more without the sandbox"
        exit 4
    fi
    record "$1"
    # First, so that a boot does not begin anew with half of the copies.
    mv -- "$folder/started" "$folder/ended" && flush "$folder"
    remove_rollback
    log "the @subject@ is restored${problems:+, except: $problems}"
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
        boot) roll_back boot boot ;;
        booted) roll_back boot now ;;
        watch) watch ;;
        *) echo "usage: sh rollback confirm|asked" >&2; exit 2 ;;
    esac
}

# One line, so that the shell has read all of it before the script removes itself.
main "$@"; exit
"""


def rollback_script(plan: RollbackPlan) -> str:
    """Return the script that carries ``plan`` out."""
    paths = plan.paths
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
        "seconds": str(plan.seconds),
    }
    text = _SCRIPT.replace("@subject@", paths.subject)
    for name, value in values.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    text = text.replace("@restore_files@\n", "".join(map(_restore, plan.saved)))
    text = text.replace("@restore_last_files@\n", "".join(map(_restore, plan.last_saved)))
    return text.replace("@steps@\n", plan.steps.shell)


def _restore(saved: SavedFile) -> str:
    path = shlex.quote(saved.path)
    if saved.slot is None:
        gone = "".join(f"    remove_directory {shlex.quote(folder)}\n" for folder in saved.new_directories)
        return f"    remove {path}\n{gone}"
    context = shlex.quote(saved.context)
    return f"    restore {saved.slot} {path} {saved.owner} {saved.mode:04o} {context}\n"
