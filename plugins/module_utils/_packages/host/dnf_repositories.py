# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of dnf that are off at first: which of them are, and turning them on."""

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

__all__ = ["Repositories"]

FILES = "/etc/yum.repos.d/*.repo"
# What dnf 5 puts over them.
OVERRIDES = "/etc/dnf/repos.override.d/*.repo"
# subscription-manager writes this file anew at any time.
_REDHAT = "redhat.repo"


class Repositories:
    """What of the host's repositories is off."""

    def __init__(self, host: Host, system: System, generation: int) -> None:
        self._host = host
        self._system = system
        self._generation = generation

    def configured(self) -> list[repositories.Repository]:
        return repositories.composed(self._files(FILES), self._files(OVERRIDES) if self._generation == 5 else {})

    def _files(self, pattern: str) -> dict[str, str]:
        return {path: self._host.read(path) or "" for path in self._host.glob(pattern)}

    def off(self, held: t.Mapping[str, t.Collection[str]], missing: t.Collection[str]) -> list[str]:
        """Return the repositories to enable for the ``missing`` packages."""
        return repositories.off(held, missing, self.configured()) if held else []

    def ids(self, names: t.Iterable[str]) -> list[str]:
        """Return the ids under which ``names`` are configured here; one that is not yet goes by its own name."""
        configured = self.configured()
        return [next((one.id for one in repositories.matching(name, configured)), name) for name in names]

    def enable(self, names: t.Sequence[str], *, install: t.Callable[[t.Sequence[str]], CommandResult]) -> list[str]:
        """Turn ``names`` on and prove it; ``install`` installs packages. Returns their ids."""
        done: list[str] = []
        for name in names:
            said = ""
            if not repositories.matching(name, self.configured()):
                package = repositories.release_package(self._system.id, self._system.version.partition(".")[0])
                ran = install([package])
                said = dnf.words(ran.out, ran.err)
            for one in repositories.matching(name, self.configured())[:1]:
                if not one.enabled:
                    said = self._turn_on(one)
            if not any(one.enabled for one in repositories.matching(name, self.configured())):
                raise BaselineError(
                    f"the repository {name} cannot be enabled: {said or 'it is still off'}{dnf.way_out(said)}; enabled "
                    f"before were {', '.join(done) or 'none'}; its own way is: {enabling(name, self._system)}"
                )
            done += self.ids([name])
        return done

    def _turn_on(self, one: repositories.Repository) -> str:
        """Enable a configured repository; return the words of the command that did."""
        if os.path.basename(one.path) == _REDHAT and self._host.find("subscription-manager") is not None:
            return self._host.run(["subscription-manager", "repos", "--enable", one.id]).message()
        if self._generation == 5:
            option = f"{one.id}.enabled=1"
            return self._host.run(["dnf", "config-manager", "setopt", "--create-missing-dir", option]).message()
        # What `dnf config-manager --set-enabled` does, without the plugin that small images lack.
        self._host.write(one.path, repositories.enabled_text(self._host.read(one.path) or "", one.id))
        return ""
