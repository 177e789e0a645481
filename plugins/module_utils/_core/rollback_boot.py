# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs a pending rollback at the next boot: a unit of systemd, a line for cron, a script of rc(8). Pure."""

from __future__ import annotations

import shlex
import typing as t

from .rollback_sandbox import INSIDE, once_more_outside, sandbox

if t.TYPE_CHECKING:
    from .rollback import RollbackPaths, SavedFile

__all__ = ["boot_unit", "cron_line", "rc_script"]

# They read what is restored.
_READERS = (
    "ssh.service sshd.service ssh.socket sshd.socket firewalld.service ufw.service nftables.service "
    "pyhost-baseline-firewall.service"
)


def boot_unit(paths: RollbackPaths, saved: t.Iterable[SavedFile] = ()) -> str:
    """Return the unit that restores ``saved`` at the next boot, before those services start that read them.

    It has no default dependencies, because ssh.socket comes before the basic target that those would wait for.
    """
    properties = "\n".join([*sandbox(paths, saved), once_more_outside(paths, "boot")])
    return f"""\
# Made by pyhost.baseline; removed when the change of the {paths.subject} is confirmed or rolled back.
[Unit]
Description=Roll back an unconfirmed change of the {paths.subject}
DefaultDependencies=no
RequiresMountsFor={paths.base} /etc
After=local-fs.target
Before={_READERS} sysinit.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=|{paths.armed}
ConditionPathExists=|{paths.started}

[Service]
Type=oneshot
ExecStart=/bin/sh {paths.script} boot {INSIDE}
{properties}
"""


def cron_line(paths: RollbackPaths) -> str:
    """Return the crontab for hosts without systemd: cron starts near sshd, so the script restarts sshd."""
    return f"@reboot root /bin/sh {shlex.quote(paths.script)} booted\n"


def rc_script(paths: RollbackPaths) -> str:
    """Return the script of rc(8) that rolls the change back at FreeBSD's next boot, before sshd starts (rcorder(8)).

    cron(8) has ``@reboot`` there too, but runs it at each start of its own.
    """
    return f"""\
#!/bin/sh
# Made by pyhost.baseline; removed when the change of the {paths.subject} is confirmed or rolled back.
# PROVIDE: {paths.unit.replace("-", "_")}
# REQUIRE: FILESYSTEMS
# BEFORE: LOGIN
case "$1" in
    start | faststart | quietstart | onestart) /bin/sh {shlex.quote(paths.script)} boot ;;
esac
"""
