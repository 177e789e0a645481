# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd: their state, their age, their last words. Properties as in systemctl(1) ``show``."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host

__all__ = ["Unit", "act", "has_systemd", "journal_tail", "unit_state"]

_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "MainPID", "NeedDaemonReload")


@dataclass(frozen=True)
class Unit:
    """A unit's state, as systemd says it."""

    name: str
    load: str
    active: str
    sub: str
    file_state: str
    result: str
    main_pid: int
    needs_daemon_reload: bool

    @property
    def exists(self) -> bool:
        return self.load == "loaded"

    @property
    def running(self) -> bool:
        return self.active in ("active", "reloading")

    @property
    def enabled(self) -> bool:
        """Whether it starts at the next boot, which one that is enabled until then ("enabled-runtime") does not."""
        return self.file_state in ("enabled", "alias", "static", "generated")


def has_systemd() -> bool:
    """Say whether systemd is the running service manager (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def unit_state(host: Host, name: str) -> Unit:
    """Return the state of the unit ``name``; a unit that does not exist has ``load`` ``not-found``."""
    ran = host.run(["systemctl", "show", "--property", ",".join(_PROPERTIES), "--", name])
    if not ran.ok:
        raise BaselineError(f"systemctl cannot show {name}: {ran.words()}")
    values = dict(line.split("=", 1) for line in ran.out.splitlines() if "=" in line)
    return Unit(
        name=values.get("Id") or name,
        load=values.get("LoadState", "not-found"),
        active=values.get("ActiveState", "inactive"),
        sub=values.get("SubState", ""),
        file_state=values.get("UnitFileState", ""),
        result=values.get("Result", ""),
        main_pid=int(values.get("MainPID") or 0),
        needs_daemon_reload=values.get("NeedDaemonReload") == "yes",
    )


def act(host: Host, verb: str, *names: str, unchanged: str) -> None:
    """Run ``systemctl VERB NAMES``; a failure carries the unit's last words and the sentence ``unchanged``."""
    ran = host.run(["systemctl", verb, "--", *names])
    if not ran.ok:
        tail = journal_tail(host, names[0]) if names else []
        words = "\nLast words of the journal:\n" + "\n".join(tail) if tail else ""
        raise BaselineError(f"systemctl {verb} {' '.join(names)} failed: {ran.words()}; {unchanged}{words}")


def journal_tail(host: Host, name: str, *, lines: int = 15) -> list[str]:
    """Return the last ``lines`` of the unit's journal since boot, an empty list where there is no journal."""
    ran = host.run(["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", str(lines), "--unit", name])
    return ran.out.strip().splitlines() if ran.ok else []
