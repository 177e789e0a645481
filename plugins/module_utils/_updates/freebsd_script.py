# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that cron starts on FreeBSD, in the POSIX shell: it installs, reports and reboots."""

from __future__ import annotations

import typing as t

from .freebsd import HEADER, PATH, STATE

if t.TYPE_CHECKING:
    from .freebsd import FreebsdUpdatesPolicy

__all__ = ["script"]

_BODY = r"""
set -u
LC_ALL=C PAGER=cat ASSUME_ALWAYS_YES=yes
export PATH LC_ALL PAGER ASSUME_ALWAYS_YES
name=pyhost-baseline-updates

if [ "${1:-}" = cron ] && [ "$delay" -gt 0 ]; then
    sleep "$(jot -r 1 0 "$delay")"
fi

# Root's alone, so that nobody else holds the lock or decides where the rest is written.
folder=${state%/*}
[ -e "$folder" ] || mkdir -m 700 "$folder" 2> /dev/null
if [ -z "$(find "$folder" -prune -type d -user "$(id -u)" ! -perm -020 ! -perm -002)" ]; then
    logger -t "$name" -p daemon.err "$folder is no folder of root's alone; this run did nothing"
    exit 1
fi

# freebsd-update keeps no lock of its own.
if [ "${PYHOST_UPDATES_LOCKED:-}" != yes ]; then
    PYHOST_UPDATES_LOCKED=yes lockf -k -s -t 0 "$state.lock" /bin/sh "$0"
    status=$?
    if [ "$status" -eq 75 ]; then
        logger -t "$name" -p daemon.warning "another run is under way; this one did nothing"
    fi
    exit "$status"
fi

work=$(mktemp -d "$state.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
: > "$work/report"
failed=no
changed=no

say() {
    level=$1
    shift
    echo "$*" >> "$work/report"
    logger -t "$name" -p "daemon.$level" "$*"
}

# The output of a command that worked is for nobody; that of one that failed is for everybody.
step() {
    "$@" > "$work/out" 2>&1 < /dev/null && return
    status=$?
    report_failure "$@"
    return 1
}

report_failure() {
    failed=yes
    say err "$* failed (exit status $status):"
    cat "$work/out" >> "$work/report"
    # syslog.conf(5) sends errors to the console: one line is enough there.
    logger -t "$name" -p daemon.notice -f "$work/out"
}

is_pkgbase() {
    pkg -N > /dev/null 2>&1 && pkg which -q /usr/bin/uname > /dev/null 2>&1
}

installed() {
    if pkg -N > /dev/null 2>&1; then
        pkg query -a '%n-%v' | sort
    fi
}

# What differs between two listings, one line a package: "- old" and "+ new".
report_packages() {
    comm -23 "$work/before" "$work/after" | sed 's/^/- /' > "$work/differ"
    comm -13 "$work/before" "$work/after" | sed 's/^/+ /' >> "$work/differ"
    if [ -s "$work/differ" ]; then
        changed=yes
        say notice "packages changed:"
        cat "$work/differ" >> "$work/report"
        logger -t "$name" -p daemon.notice -f "$work/differ"
    fi
    if grep -q '^+ FreeBSD-' "$work/differ"; then
        : > "$state.reboot"
    fi
}

update_base() {
    if is_pkgbase; then
        step pkg upgrade -y -r FreeBSD-base
        return
    fi
    was=$(freebsd-version -u)
    step freebsd-update --not-running-from-cron fetch install || return
    grep '^WARNING' "$work/out" | while read -r line; do
        say warning "$line"
    done
    if grep -q '^Installing updates' "$work/out"; then
        changed=yes
        : > "$state.reboot"
        say notice "the base system was updated: $was is $(freebsd-version -u) now"
    fi
}

# pkg-audit(8) fails both where it finds something and where it could not look.
list_vulnerable() {
    pkg audit -F -q > "$work/out" 2>&1 < /dev/null
    status=$?
    grep -E '^[^[:space:]:]+-[^[:space:]:]+$' "$work/out" > "$work/vulnerable"
    if [ "$status" -ne 0 ] && ! [ -s "$work/vulnerable" ]; then
        report_failure pkg audit -F -q
        return 1
    fi
}

update_packages() {
    case $packages in
    vulnerable)
        # Where nothing is vulnerable, `pkg upgrade -v` has no package to look at and upgrades all of them.
        list_vulnerable && [ -s "$work/vulnerable" ] && step pkg upgrade -y -v
        ;;
    all)
        if [ "$base" = no ] && is_pkgbase; then
            for repository in $(pkg repositories -e -l | grep -vx FreeBSD-base); do
                step pkg upgrade -y -r "$repository"
            done
        else
            step pkg upgrade -y
        fi
        ;;
    esac
}

# Daemons go on with the libraries that they were started with: a new base system needs a reboot as a new kernel does.
why_reboot() {
    if [ -e "$state.reboot" ]; then
        echo "the base system was updated since the boot"
    elif [ "$base" = yes ] && [ "$(freebsd-version -k)" != "$(freebsd-version -r)" ]; then
        echo "the kernel $(freebsd-version -k) is installed, $(freebsd-version -r) runs"
    fi
}

# expr, because $((08)) is a wrong octal number.
minutes_until() {
    now=$(date +%H:%M)
    left=$(expr \( "${1%:*}" \* 60 + "${1#*:}" - "${now%:*}" \* 60 - "${now#*:}" + 1440 \) % 1440)
    [ "$left" -gt 0 ] && echo "$left" || echo 1
}

reboot_if_required() {
    why=$(why_reboot)
    [ -n "$why" ] || return
    if [ "$reboot" = never ]; then
        say notice "a reboot is required: $why"
    elif [ "$reboot_with_users" = no ] && [ -n "$(who)" ]; then
        say notice "a reboot is required: $why; put off, for somebody is logged in"
    elif pgrep -x shutdown > /dev/null; then
        say notice "a reboot is required: $why; one is under way already"
    else
        minutes=1
        if [ "$reboot_time" != now ]; then
            minutes=$(minutes_until "$reboot_time")
        fi
        say notice "this host reboots in $minutes minutes: $why"
        # shutdown stays in the background: it must not hold the pipe that cron waits for.
        shutdown -r "+$minutes" "automatic updates: $why" > /dev/null 2>&1 < /dev/null
    fi
}

installed > "$work/before"
if [ "$base" = yes ]; then
    update_base
fi
update_packages
if [ "$autoremove" = yes ] && [ "$packages" != none ]; then
    step pkg autoremove -y
fi
installed > "$work/after"
report_packages
if [ "$changed" = no ] && [ "$failed" = no ]; then
    say info "nothing to update"
fi
reboot_if_required

# cron mails what stands here.
case $mail_report/$failed/$changed in
always/* | */yes/* | on-change/*/yes) cat "$work/report" ;;
esac
[ "$failed" = no ]
"""


def script(desired: FreebsdUpdatesPolicy, *, path: str = PATH, state: str = STATE) -> str:
    """Return the whole script for ``desired``; ``path`` and ``state`` are another host's in tests."""
    settings = {
        "base": "yes" if desired.base else "no",
        "packages": desired.packages,
        "autoremove": "yes" if desired.autoremove else "no",
        "reboot": desired.reboot,
        "reboot_time": desired.reboot_time,
        "reboot_with_users": "yes" if desired.reboot_with_users else "no",
        "mail_report": desired.mail_report,
        "delay": desired.delay,
        "state": state,
        "PATH": path,
    }
    return "#!/bin/sh\n" + HEADER + "".join(f"{key}={value}\n" for key, value in settings.items()) + _BODY
