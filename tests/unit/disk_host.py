"""A host whose files below one folder are real: for code that also calls ``os``. All that happens is in one journal."""

from __future__ import annotations

import fnmatch
import os
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import Platform
from tests.unit.fake_host import Expected, FakeHost


def _matches(path: str, parts: list[str]) -> bool:
    return all(fnmatch.fnmatchcase(*pair) for pair in zip(path.split("/"), parts, strict=True))


@dataclass
class OnDisk(Expected):
    """A command with an ``effect`` on the disk; where ``is_prefix``, only the first words of it count."""

    effect: t.Callable[[], None] | None = None
    is_prefix: bool = False


class DiskHost(FakeHost):
    """Stands in for ``Host``: ``root`` is on the disk, every other path is in memory, commands are a transcript.

    ``journal`` has each write, removal and command in its order, with ``root`` left out of the paths.
    """

    def __init__(
        self,
        root: Path,
        files: dict[str, str] | None = None,
        commands: list[Expected] | None = None,
        *,
        platform: Platform | None = None,
    ) -> None:
        super().__init__(files, commands, platform=platform)
        self.root = str(root)
        self.journal: list[str] = []
        self._scratch = root / "scratch"

    def read(self, path: str, *, last: int | None = None) -> str | None:
        if not self._is_real(path):
            return super().read(path)
        try:
            return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return None

    def stat(self, path: str) -> os.stat_result | None:
        if not self._is_real(path):
            return super().stat(path)
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        if path not in self.mtimes:
            return found
        when = self.mtimes[path]
        return os.stat_result((*found[:7], when, when, when))

    def glob(self, pattern: str) -> list[str]:
        if not self._is_real(pattern):
            parts = pattern.split("/")
            above = {"/".join(path.split("/")[: len(parts)]) for path in self.files}
            return sorted(path for path in above if len(path.split("/")) == len(parts) and _matches(path, parts))
        return sorted(str(path) for path in Path("/").glob(pattern.lstrip("/")))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        if path.startswith(self.scratch()):
            return super().write(path, text, mode=mode)
        assert not self.check_mode, f"check mode wrote {path}"
        self.journal.append(f"write {self._short(path)}")
        self.written.append(path)
        if not self._is_real(path):
            return super().write(path, text, mode=mode)
        file = Path(path)
        new = not file.exists()
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        if new:
            file.chmod(mode)
        self.modes[path] = mode
        return None

    def remove(self, path: str) -> None:
        assert not self.check_mode, f"check mode removed {path}"
        if self._is_real(path):
            if os.path.lexists(path):
                self.journal.append(f"remove {self._short(path)}")
                self.written.append(path)
                os.unlink(path)
            return
        super().remove(path)

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        super().make_directory(path, mode=mode)
        if self._is_real(path) and not os.path.isdir(path):
            os.makedirs(path, mode=mode)

    def sync(self, *names: str) -> None:
        super().sync(*names)
        self.journal += [f"sync {self._short(path)}" for path in names]

    def run(
        self, argv: t.Sequence[str], *, data: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> CommandResult:
        self.journal.append(self._short(" ".join(argv)))
        expected = self.commands[0] if self.commands else None
        if not isinstance(expected, OnDisk):
            return super().run(argv, data=data, env=env)
        if expected.is_prefix and list(argv[: len(expected.argv)]) == expected.argv:
            expected.argv = list(argv)
        ran = super().run(argv, data=data, env=env)
        if expected.effect:
            expected.effect()
        return ran

    def scratch(self) -> str:
        return str(self._scratch)

    def _is_real(self, path: str) -> bool:
        return path.startswith(self.root) and not path.startswith(self.scratch())

    def _short(self, text: str) -> str:
        return text.replace(self.root, "")
