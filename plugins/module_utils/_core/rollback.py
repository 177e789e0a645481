# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback that a host carries out by itself: its files, its parts, its armed state and its record. Pure.

``rollback_script.py`` has its script, ``rollback_boot.py`` what runs the script at the next boot.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from .text import is_number, printable

__all__ = [
    "BASE",
    "BASES",
    "SUBJECTS",
    "PendingRollback",
    "RollbackPaths",
    "RollbackPlan",
    "RollbackRecord",
    "RollbackRequest",
    "RollbackSteps",
    "SavedFile",
    "armed_text",
    "parse_armed",
    "parse_record",
    "rollback_paths",
]

BASE = "/var/lib/pyhost.baseline"
_BASE_FREEBSD = "/var/db/pyhost.baseline"
# There are no others: the controller refuses an answer that names another folder.
BASES = (BASE, _BASE_FREEBSD)
# What a rollback is of: the topic in its paths, and the same in messages.
SUBJECTS = {"sshd": "sshd configuration", "firewall": "firewall configuration"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST_PROBLEMS = 2000


@dataclass(frozen=True)
class SavedFile:
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
class RollbackSteps:
    """How the restored files are put in force: ``shell`` defines the function ``put_in_force`` of POSIX sh.

    Its argument is ``now``, or ``boot`` where the services that read the files start later. It may use ``problem``,
    ``limited`` and ``log`` of the script. Where it starts a daemon itself, which would inherit a sandbox,
    ``is_sandboxed`` is false.
    """

    shell: str
    is_sandboxed: bool = True


@dataclass(frozen=True)
class RollbackPaths:
    """The files of one rollback. One ``topic`` has one folder, so two rollbacks of it cannot overlap."""

    topic: str
    base: str = BASE
    units: str = "/etc/systemd/system"
    crontabs: str = "/etc/cron.d"
    rc_scripts: str = "/usr/local/etc/rc.d"
    path: str = _PATH

    @property
    def subject(self) -> str:
        """What the rollback is of, in messages."""
        return SUBJECTS[self.topic]

    @property
    def folder(self) -> str:
        return f"{self.base}/rollback-{self.topic}"

    @property
    def script(self) -> str:
        return f"{self.folder}/rollback"

    @property
    def armed(self) -> str:
        return f"{self.folder}/armed"

    @property
    def started(self) -> str:
        return f"{self.folder}/started"

    @property
    def record(self) -> str:
        """What became of the last change, confirmed or rolled back. It outlives the folder until the next run."""
        return f"{self.base}/rollback-{self.topic}.record"

    @property
    def confirmed(self) -> str:
        return f"{self.folder}/confirmed"

    @property
    def unit(self) -> str:
        return f"pyhost-rollback-{self.topic}"

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
class RollbackRequest:
    """What a rollback must restore after ``seconds``: ``files``, put in force by ``steps``, then ``last_files``."""

    files: tuple[str, ...]
    seconds: int
    steps: RollbackSteps
    last_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class RollbackPlan:
    """One armed change. ``token`` is its own, so that a late watcher of an earlier change cannot roll this one back."""

    paths: RollbackPaths
    token: str
    seconds: int
    saved: tuple[SavedFile, ...]
    steps: RollbackSteps
    last_saved: tuple[SavedFile, ...] = ()

    @property
    def all_saved(self) -> tuple[SavedFile, ...]:
        return (*self.saved, *self.last_saved)


@dataclass(frozen=True)
class PendingRollback:
    """A rollback that is armed. ``boot`` says what runs it at the next boot: ``systemd``, ``rc``, ``cron``, ``none``.

    ``base`` is the folder of its paths, which the controller has to know.
    """

    token: str
    seconds: int
    boot: str
    base: str


@dataclass(frozen=True)
class RollbackRecord:
    """What became of the change ``token``.

    ``trigger`` is ``confirmed`` where it was kept; else it was rolled back, on ``timeout``, at ``boot`` or as it was
    ``asked``. ``problems`` is empty on success.
    """

    token: str
    trigger: str
    when: int
    problems: str

    @property
    def is_confirmed(self) -> bool:
        return self.trigger == "confirmed"

    @property
    def is_rolled_back(self) -> bool:
        # An invalid trigger reads as empty and says nothing.
        return self.trigger in ("timeout", "boot", "asked")

    def sentence(self, subject: str) -> str:
        """Return what became of the change of ``subject``, one of ``SUBJECTS``, as a sentence."""
        reason = {
            "timeout": "nobody confirmed the change in time",
            "boot": "the host was started again before the change was confirmed",
            "asked": "it was asked to",
        }.get(self.trigger, "of a reason that its record does not name")
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.when))
        sentence = f"on {moment} the host rolled its {subject} back, because {reason}"
        return f"{sentence}; some of it failed: {self.problems}" if self.problems else sentence


def armed_text(token: str, deadline: float) -> str:
    """Return the state file's text: the token, and when (seconds since the epoch) the rollback is due."""
    return f"{token}\n{deadline:.0f}\n"


def parse_armed(text: str) -> tuple[str, float]:
    """Read the state file; one that was cut short is due at once."""
    token, deadline = (text.split("\n") + [""])[:2]
    return token, float(deadline) if is_number(deadline.strip()) else 0.0


def rollback_paths(kernel: str, topic: str) -> RollbackPaths:
    """Return the paths under ``kernel``, as uname(1) names it; hier(7) of FreeBSD has no /var/lib."""
    return RollbackPaths(topic, base=_BASE_FREEBSD) if kernel == "FreeBSD" else RollbackPaths(topic)


def parse_record(text: str) -> RollbackRecord:
    """Read what ``record`` of the script wrote; a line that is missing, or holds what it never writes, reads as empty.

    The controller reads it too, from a host that may be hostile.
    """
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def value(name: str, pattern: str) -> str:
        found = values.get(name, "")
        return found if re.fullmatch(pattern, found) else ""

    return RollbackRecord(
        token=value("token", "[0-9a-z]{1,64}"),
        trigger=value("trigger", "timeout|boot|asked|confirmed"),
        when=int(value("when", "[0-9]{1,10}") or 0),
        problems=printable(values.get("problems", ""), longest=_LONGEST_PROBLEMS),
    )
