# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of programs of the host that depend on nothing but the question and the code of that program.

Each costs the start of a program: most of a run that changes nothing. They are kept until the next boot, in check mode
as well, and are valid while none of the files that the code consists of has changed, and none of those that the
question is about: modules, shared libraries, and the folders in which another module could take precedence.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import typing as t

from .host import CommandResult
from .paths import runtime_folder

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["Remembered"]

# A file that changes twice within a tick of the clock of its file system may keep its time.
_SETTLED_SECONDS = 2.0


class Remembered:
    """The answers of earlier runs for the daemon ``name``, and those of this one. ``host``: for everything else."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self._started = time.time()
        self._name = f"{name}.answers"
        kept = self._kept()
        code = kept.get("code", {})
        self._before: dict[str, str] = kept["answers"] if code and self._states(code) == code else {}
        self._answers: dict[str, str] = {}

    def run(
        self,
        argv: t.Sequence[str],
        *,
        data: str | None = None,
        question: t.Sequence[str] = (),
        files: t.Iterable[str] = (),
        depends_on_more: t.Callable[[str], bool] | None = None,
    ) -> CommandResult:
        """Return what ``argv`` with the input ``data`` answers, or has answered. Only a success is kept.

        ``question``: what it depends on if that is not the command; ``files``: whose content it depends on.
        ``depends_on_more``: whether its output depends on more than that, so that it cannot be kept.
        """
        states = self._states(files)
        words = [*(question or [*argv, data or ""]), *(f"{name}={os.environ[name]}" for name in _python_variables())]
        key = hashlib.sha256(json.dumps([words, states]).encode()).hexdigest()
        if key in self._before:
            self._answers[key] = self._before[key]
            return CommandResult(tuple(argv), 0, self._before[key], "")
        ran = self.host.run(argv, data=data)
        if ran.ok and states is not None and not (depends_on_more and depends_on_more(ran.out)):
            self._answers[key] = ran.out
        return ran

    def keep(self, code: t.Iterable[str]) -> None:
        """Keep the answers of this run, in place of earlier ones. ``code``: the files of which the code consists."""
        if self._answers == self._before:
            return
        states = self._states(code)
        if states:
            kept = {"code": states, "answers": self._answers}
            self.host.keep(self._name, json.dumps(kept))

    def _kept(self) -> dict[str, t.Any]:
        try:
            kept = json.loads(self.host.read(f"{runtime_folder()}/{self._name}") or "{}")
        except ValueError:
            kept = {}
        return kept if isinstance(kept, dict) else {}

    def _states(self, paths: t.Iterable[str]) -> dict[str, str] | None:
        """Return what tells the content of each of ``paths`` from another one, ``None`` if one has just changed."""
        states = {}
        for path in paths:
            found = self.host.stat(path)
            if found and found.st_ctime > self._started - _SETTLED_SECONDS:
                return None
            parts = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) if found else ()
            states[path] = ":".join(map(str, parts))
        return states


def _python_variables() -> list[str]:
    """Return the names of the variables of the environment that an interpreter heeds."""
    return sorted(name for name in os.environ if name.startswith("PYTHON"))
