# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollback puts the restored files of a firewall in force, as functions of its script (POSIX sh). Pure.

``_core/rollback_script.py`` has the script around them.
"""

from __future__ import annotations

import shlex
import typing as t

from .._core.rollback import RollbackSteps

__all__ = ["firewall_steps"]


def firewall_steps(commands: t.Iterable[t.Sequence[str]]) -> RollbackSteps:
    """Return the steps that run ``commands`` on a running host.

    At boot the rollback comes before the services that load rules, which then read the restored files.
    """
    lines = "".join(f"    limited {shlex.join(command)}\n" for command in commands)
    return RollbackSteps(f'put_in_force() {{\n    [ "$1" = now ] || return 0\n{lines}}}\n')
