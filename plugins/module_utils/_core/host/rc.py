# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of FreeBSD's rc(8) by service(8): their state, whether a boot starts them, start and reload."""

from __future__ import annotations

import typing as t

from ..errors import BaselineError
from ..rc import (
    RcService,
    is_absent,
    is_refused,
    read_state,
    read_variables,
)

if t.TYPE_CHECKING:
    from .host import CommandResult, Host

__all__ = ["rc_act", "rc_enable", "rc_state", "rc_variables"]


def rc_state(host: Host, name: str) -> RcService:
    """Return the state of the service ``name``; ``exists`` is ``False`` if it has no script."""
    status = host.run(["service", name, "onestatus"])
    if is_absent(_output(status)):
        return RcService(name, exists=False)
    # Not sysrc(8): only the script itself knows its variable, and reads /etc/rc.conf.d too.
    enabled = host.run(["service", name, "enabled"])
    return read_state(name, enabled=enabled.ok, running=status.ok, output=_output(status))


def rc_enable(host: Host, name: str) -> None:
    """Have the next boot start ``name``. ``service NAME enable`` writes to the file that has the variable already."""
    ran = host.run(["service", name, "enable"])
    if not ran.ok or is_absent(_output(ran)):
        raise BaselineError(f"service {name} enable failed: {ran.message()}")


def rc_act(host: Host, verb: str, name: str) -> None:
    """Run ``service NAME oneVERB``: without ``one``, rc(8) ignores a service that is off and reports success."""
    ran = host.run(["service", name, f"one{verb}"])
    if not ran.ok or is_refused(ran.out):
        raise BaselineError(f"service {name} {verb} failed: {_output(ran).strip() or ran.message()}")


def rc_variables(host: Host, *names: str) -> dict[str, str]:
    """Return the values of variables of rc.conf(5); those that are not set are left out."""
    return read_variables(host.run(["sysrc", "-i", "-e", *names]).out)


def _output(ran: CommandResult) -> str:
    return f"{ran.out}\n{ran.err}"
