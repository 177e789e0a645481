# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of dnf that are disabled by default: which of them are, and how they are enabled."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from .. import dnf
from .. import dnf_repositories as repositories
from ..names import enabling

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..._core.os_release import System
    from ..._core.progress import Progress

__all__ = ["DnfRepositories"]

FILES = "/etc/yum.repos.d/*.repo"
# The settings of dnf 5 that take precedence over them.
OVERRIDES = "/etc/dnf/repos.override.d/*.repo"
# subscription-manager rewrites this file at any time.
_REDHAT = "redhat.repo"


class DnfRepositories:
    """The repositories that are configured on the host."""

    def __init__(self, host: Host, system: System, generation: int, progress: Progress) -> None:
        self._host = host
        self.system = system
        self.generation = generation
        self._progress = progress

    def find_disabled(self, packages: t.Mapping[str, t.Collection[str]], missing: t.Collection[str]) -> list[str]:
        """Return the repositories to enable for the ``missing`` packages; ``packages`` are those of each repository."""
        return repositories.find_disabled(packages, missing, self._configured()) if packages else []

    def ids(self, names: t.Iterable[str]) -> list[str]:
        """Return the ids under which ``names`` are configured here; one that is not configured keeps its name."""
        configured = self._configured()
        return [next((one.id for one in repositories.matching(name, configured)), name) for name in names]

    def enable(self, name: str, *, install: t.Callable[[t.Sequence[str]], CommandResult]) -> str:
        """Enable the repository ``name``, verify that it is enabled, and return its id.

        ``install`` installs packages, for a repository that a package configures.
        """
        output = ""
        if not self._matching(name):
            package = repositories.release_package(self.system.id, self.system.version.partition(".")[0])
            ran = install([package])
            if ran.ok:
                self._progress.record(f"installed {package}")
            output = dnf.error_lines(ran.out, ran.err)
        for one in self._matching(name)[:1]:
            if not one.enabled:
                output = self._switch_on(one)
        if not any(one.enabled for one in self._matching(name)):
            hint = f"enable it on the host: {enabling(name, self.system)}"
            raise BaselineError(
                f"the repository {name} cannot be enabled: {output or 'it is still disabled'}",
                hint="; ".join(filter(None, [dnf.find_hint(output), hint])),
            )
        self._progress.record(f"enabled the repository {name}")
        return self.ids([name])[0]

    def _configured(self) -> list[repositories.DnfRepository]:
        return repositories.composed(self._read(FILES), self._read(OVERRIDES) if self.generation == 5 else {})

    def _matching(self, name: str) -> list[repositories.DnfRepository]:
        return repositories.matching(name, self._configured())

    def _read(self, pattern: str) -> dict[str, str]:
        return {path: self._host.read(path) or "" for path in self._host.glob(pattern)}

    def _switch_on(self, one: repositories.DnfRepository) -> str:
        """Enable a configured repository; return the output of the command that did."""
        if os.path.basename(one.path) == _REDHAT and self._host.find("subscription-manager") is not None:
            return self._host.run(["subscription-manager", "repos", "--enable", one.id]).message()
        if self.generation == 5:
            option = f"{one.id}.enabled=1"
            return self._host.run(["dnf", "config-manager", "setopt", "--create-missing-dir", option]).message()
        # As `dnf config-manager --set-enabled` does, without the plugin that small images lack.
        self._host.write(one.path, repositories.enabled_text(self._host.read(one.path) or "", one.id))
        self._progress.record(f"wrote {one.path}")
        return ""
