# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo that a host carries out by itself: its place, what starts it at the next boot, its record. Pure.

Its script is in ``rollback_script.py``.
"""

from __future__ import annotations

import re
import shlex
import time
import typing as t
from dataclasses import dataclass

from .errors import BaselineError
from .rollback_sandbox import INSIDE, once_more_outside, sandbox
from .text import is_number, printable

__all__ = [
    "BASE",
    "BASES",
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
    "own_place",
    "parse_armed",
    "parse_record",
    "rc_script",
]

BASE = "/var/lib/pyhost.baseline"
_BASE_FREEBSD = "/var/db/pyhost.baseline"
# All there are; a host that names another one lies.
BASES = (BASE, _BASE_FREEBSD)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Less time than a login may take undoes good changes; in more, nobody looks any more.
_LEAST, _MOST = 15, 3600
_LONGEST_PROBLEMS = 2000


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
    """How sshd is checked and started: its program, and what runs it (nothing: its pid file is signalled).

    ``service`` and ``socket`` are units of systemd, ``rc`` is a service of FreeBSD's rc(8).
    """

    program: str = "/usr/sbin/sshd"
    service: str = ""
    socket: str = ""
    pid_file: str = "/run/sshd.pid"
    rc: str = ""


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
    rc_scripts: str = "/usr/local/etc/rc.d"
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
    def rc_script(self) -> str:
        return f"{self.rc_scripts}/{self.unit.replace('-', '_')}"

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
        }.get(self.trigger, "of what it does not say")
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.when))
        sentence = f"on {moment} the host rolled its sshd configuration back, because {reason}"
        return f"{sentence}; not all went well: {self.problems}" if self.problems else sentence


def armed_text(token: str, deadline: float) -> str:
    """Return the state file's text: whose it is, and when (seconds since the epoch) the undo is due."""
    return f"{token}\n{deadline:.0f}\n"


def parse_armed(text: str) -> tuple[str, float]:
    """Read the state file; one that was cut short is due at once."""
    token, deadline = (text.split("\n") + [""])[:2]
    return token, float(deadline) if is_number(deadline.strip()) else 0.0


def boot_unit(place: Place, saved: t.Iterable[Saved] = ()) -> str:
    """Return the unit that takes the change of ``saved`` back at the next boot, before sshd starts (systemd.unit(5)).

    It has no default dependencies, because ssh.socket comes before the basic target that those would wait for.
    """
    properties = "\n".join([*sandbox(place, saved), once_more_outside(place, "boot")])
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
ExecStart=/bin/sh {place.script} boot {INSIDE}
{properties}
"""


def cron_line(place: Place) -> str:
    """Return the crontab for hosts without systemd: cron comes up near sshd, which is therefore started anew."""
    return f"@reboot root /bin/sh {shlex.quote(place.script)} booted\n"


def rc_script(place: Place) -> str:
    """Return the script of rc(8) that takes the change back at FreeBSD's next boot, before sshd starts (rcorder(8)).

    cron(8) has ``@reboot`` there too, but carries it out at each start of its own.
    """
    return f"""\
#!/bin/sh
# Made by pyhost.baseline; removed when the change of the sshd configuration is confirmed or taken back.
# PROVIDE: {place.unit.replace("-", "_")}
# REQUIRE: FILESYSTEMS
# BEFORE: LOGIN
case "$1" in
    start | faststart | quietstart | onestart) /bin/sh {shlex.quote(place.script)} boot ;;
esac
"""


def own_place(kernel: str, topic: str = "sshd") -> Place:
    """Return where the undo lies under ``kernel``, as uname(1) calls it; hier(7) of FreeBSD has no /var/lib."""
    return Place(topic, base=_BASE_FREEBSD) if kernel == "FreeBSD" else Place(topic)


def parse_record(text: str) -> Record:
    """Read what ``record`` of the script wrote; a line that is missing, or holds what it never writes, reads as empty.

    The controller reads it too, out of what a host sent, which may be hostile.
    """
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def value(name: str, pattern: str) -> str:
        found = values.get(name, "")
        return found if re.fullmatch(pattern, found) else ""

    return Record(
        token=value("token", "[0-9a-z]{1,64}"),
        trigger=value("trigger", "timeout|boot|asked"),
        when=int(value("when", "[0-9]{1,10}") or 0),
        problems=printable(values.get("problems", ""), longest=_LONGEST_PROBLEMS),
    )
