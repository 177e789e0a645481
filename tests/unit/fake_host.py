"""A host that is a transcript: files in memory and the ordered commands that may run. A missing or extra one fails."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX,
    Platform,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import ANYTHING, NOTHING, Upcoming

NOW = 1_800_000_000


class Clock:
    """Stands in for the module ``time``: it begins at ``NOW`` and passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return NOW + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Expected:
    """One command of a transcript and what it answers.

    ``writes`` are the files it leaves, ``touches`` their times, ``env`` is the environment that it must be given.
    """

    argv: list[str]
    rc: int = 0
    out: str = ""
    err: str = ""
    data: str | None = None
    writes: dict[str, str | None] = field(default_factory=dict)
    touches: dict[str, int] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


class FakeHost:
    """Stands in for ``Host`` in unit tests; real hosts are asked by the Molecule scenarios."""

    platform: Platform = LINUX

    def __init__(
        self,
        files: dict[str, str] | None = None,
        commands: list[Expected] | None = None,
        *,
        programs: t.Collection[str] | None = None,
        check_mode: bool = False,
        mtimes: dict[str, int] | None = None,
        platform: Platform | None = None,
    ) -> None:
        self.files = dict(files or {})
        self.commands = list(commands or [])
        self.programs = programs
        self.check_mode = check_mode
        self.planned_after: Upcoming | None = None
        self.known_after_apply: list[str] = []
        if platform:
            self.platform = platform
        self.written: list[str] = []
        self.modes: dict[str, int] = {}
        self.mtimes = dict(mtimes or {})
        self.laid_out: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.synced: list[str] = []
        self.hidden: set[str] = set()

    @property
    def upcoming(self) -> Upcoming:
        return self.planned_after or (ANYTHING if self.check_mode else NOTHING)

    def find(self, program: str) -> str | None:
        return "/usr/bin/" + program if self.programs is None or program in self.programs else None

    def run(
        self, argv: t.Sequence[str], *, data: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> CommandResult:
        assert self.commands, f"command beyond the transcript: {list(argv)}"
        expected = self.commands.pop(0)
        assert list(argv) == expected.argv
        assert data == expected.data
        assert dict(env or {}) == expected.env, f"environment of {list(argv)}"
        for path, text in expected.writes.items():
            self._put(path, text)
        self.mtimes.update(expected.touches)
        return CommandResult(tuple(argv), expected.rc, expected.out, expected.err)

    def hide(self, secrets: t.Iterable[str]) -> None:
        self.hidden.update(secrets)

    def stat(self, path: str) -> os.stat_result | None:
        """Know of the files' existence and, where ``mtimes`` has it, their time of change."""
        if path not in self.files and path not in self.mtimes:
            return None
        when = self.mtimes.get(path, 0)
        # Private host keys are as ssh-keygen makes them.
        usual = 0o600 if path.startswith("/etc/ssh/ssh_host_") and not path.endswith(".pub") else 0o644
        mode = 0o100000 | self.modes.get(path, usual)
        return os.stat_result((mode, 0, 0, 1, 0, 0, len(self.files.get(path, "")), when, when, when))

    def target(self, path: str) -> str:
        return self.links.get(path, path)

    def read(self, path: str, *, last: int | None = None) -> str | None:
        text = self.files.get(path)
        return text if text is None or last is None else text[max(0, len(text) - last) :]

    def glob(self, pattern: str) -> list[str]:
        return sorted(path for path in self.files if fnmatch.fnmatchcase(path, pattern))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        if not path.startswith(self.scratch()):
            assert not self.check_mode, f"check mode wrote {path}"
            self.written.append(path)
        self.files[path] = text
        self.modes[path] = mode

    def keep(self, name: str, text: str) -> None:
        self.files[f"/run/pyhost.baseline/{name}"] = text
        self.modes[f"/run/pyhost.baseline/{name}"] = 0o600

    def remove(self, path: str) -> None:
        if not path.startswith(self.scratch()):
            assert not self.check_mode, f"check mode removed {path}"
            self.written.append(path)
        self.files.pop(path, None)

    def put(self, path: str, text: str | None) -> None:
        if text is None:
            self.remove(path)
        else:
            self.write(path, text)

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        assert not self.check_mode, f"check mode made {path}"

    def sync(self, *names: str) -> None:
        assert not self.check_mode, f"check mode flushed {names}"
        self.synced += names

    def runtime(self) -> str:
        assert not self.check_mode, "check mode made the folder for files of this boot"
        return "/run/pyhost.baseline"

    def scratch(self) -> str:
        return "/scratch"

    def label(self, path: str) -> str | None:
        return None

    def copy_tree(self, source: str, target: str) -> None:
        below = [path for path in self.files if path.startswith(source + "/")]
        self.files.update({target + path[len(source) :]: self.files[path] for path in below})

    def lay_out(self, files: t.Mapping[str, str]) -> None:
        self.laid_out.update(files)

    @contextlib.contextmanager
    def lock(self, name: str, *, seconds: float = 30.0) -> t.Iterator[None]:
        yield

    def done(self) -> None:
        """Assert that the whole transcript was played."""
        assert not self.commands, f"never run: {[command.argv for command in self.commands]}"

    def _put(self, path: str, text: str | None) -> None:
        if text is None:
            self.files.pop(path, None)
        else:
            self.files[path] = text


class FreeBsdHost(FakeHost):
    """A transcript of a FreeBSD host."""

    platform = FREEBSD
