# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd: their state, what is done to them, their journal. Properties as in systemctl(1) ``show``."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import BaselineError

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["Unit", "act", "journal_tail", "unit_state", "unit_states"]

_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "MainPID", "NeedDaemonReload")


@dataclass(frozen=True)
class Unit:
    """A unit's state, as systemd reports it."""

    name: str
    load: str
    active: str
    sub: str
    file_state: str
    result: str
    main_pid: int
    needs_daemon_reload: bool
    properties: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Return the values of an additional property: a socket has one ``Listen`` for each address."""
        return [value for key, value in self.properties if key == name]

    def value(self, name: str) -> str:
        return "".join(self.values(name)[:1])

    @property
    def exists(self) -> bool:
        return self.load == "loaded"

    @property
    def running(self) -> bool:
        return self.active in ("active", "reloading")

    @property
    def enabled(self) -> bool:
        """Whether it starts at the next boot. A unit that is enabled until then ("enabled-runtime") does not."""
        return self.file_state in ("enabled", "alias", "static", "generated")


def unit_state(host: Host, name: str) -> Unit:
    """Return the state of the unit ``name``; a unit that does not exist has ``load`` ``not-found``."""
    return unit_states(host, [name])[0]


def unit_states(host: Host, names: t.Sequence[str], *, more: t.Sequence[str] = ()) -> list[Unit]:
    """Return the state of each of ``names``, with the properties ``more``, by one command."""
    ran = host.run(["systemctl", "show", "--property", ",".join([*_PROPERTIES, *more]), "--", *names])
    blocks = ran.out.strip("\n").split("\n\n")
    if not ran.ok or len(blocks) != len(names):
        raise BaselineError(f"systemctl cannot show {' '.join(names)}: {ran.message()}")
    return [_unit(block, name) for block, name in zip(blocks, names)]


def _unit(block: str, name: str) -> Unit:
    pairs = tuple((line.partition("=")[0], line.partition("=")[2]) for line in block.splitlines() if "=" in line)
    values = dict(pairs)
    return Unit(
        name=values.get("Id") or name,
        load=values.get("LoadState", "not-found"),
        active=values.get("ActiveState", "inactive"),
        sub=values.get("SubState", ""),
        file_state=values.get("UnitFileState", ""),
        result=values.get("Result", ""),
        main_pid=int(values.get("MainPID") or 0),
        needs_daemon_reload=values.get("NeedDaemonReload") == "yes",
        properties=tuple((key, value) for key, value in pairs if key not in _PROPERTIES),
    )


def act(host: Host, verb: str, *names: str) -> None:
    """Run ``systemctl VERB NAMES``; a failure's error has the last lines of the unit's journal as its hint."""
    ran = host.run(["systemctl", verb, "--", *names])
    if not ran.ok:
        tail = journal_tail(host, names[0]) if names else []
        hint = "see the journal of the unit, which ends with:\n" + "\n".join(tail) if tail else ""
        raise BaselineError(f"systemctl {verb} {' '.join(names)} failed: {ran.message()}", hint=hint)


def journal_tail(host: Host, name: str, *, lines: int = 15) -> list[str]:
    """Return the last ``lines`` of the unit's journal since boot, an empty list if there is no journal."""
    ran = host.run(["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", str(lines), "--unit", name])
    return ran.out.strip().splitlines() if ran.ok else []
