# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the options by which sshd runs, or would be started next, and stops where they defeat the files."""

from __future__ import annotations

import re
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.process import title
from ..._core.host.rc import rc_variables
from ..effective import Effective, differences, value
from ..keywords import KEYWORDS
from ..options import (
    Options,
    expanded,
    of_title,
    parse_options,
    variables,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..match import Connection
    from ..wish import Wish
    from .daemon import Daemon
    from .sshd import Sshd

__all__ = ["require_files_decide"]


def require_files_decide(
    sshd: Sshd, daemon: Daemon, wish: Wish, wished: t.Mapping[Connection, Effective], *, root: str
) -> None:
    """Stop where options of the command line, now or at the next start, would decide otherwise than ``wished``."""
    for how, options, way_out in _starts(sshd.host, daemon):
        if options.main not in ("", sshd.main):
            raise BaselineError(
                f"{how} with `-f {options.main}`, so that {sshd.main} has no effect; nothing was changed; {way_out}"
            )
        if options.settings:
            answers = [
                (one, want, sshd.effective(one, root=root, options=options.settings)) for one, want in wished.items()
            ]
            found = {difference.keyword: difference for difference in differences((), wish, (), answers)}
            if found:
                words = "; ".join(
                    f"{KEYWORDS[keyword]} is {value(difference.actual)} (asked: {value(difference.wished)})"
                    for keyword, difference in found.items()
                )
                raise BaselineError(
                    f"not in force: {words}, because {how} with `{options}`, which overrides all files; "
                    f"nothing was changed; {way_out}"
                )


def _starts(host: Host, daemon: Daemon) -> t.Iterator[tuple[str, Options, str]]:
    """Yield how sshd is started next and how it was started, with the way out of each."""
    if daemon.rc:
        flags = f"{daemon.rc}_flags"
        words = rc_variables(host, flags).get(flags, "").split()
        way_out = f"take that out (`sysrc -x {flags}`), and `service {daemon.rc} restart`"
        yield f"service {daemon.rc} starts sshd", parse_options(["sshd", *words]), way_out
    elif daemon.unit:
        ran = host.run(["systemctl", "show", "--property", "ExecStart,Environment,EnvironmentFiles", daemon.unit])
        said = [line.partition("=")[::2] for line in ran.out.splitlines()]
        files = re.findall(r"^EnvironmentFiles=(/\S+)", ran.out, re.MULTILINE)
        environment = variables("\n".join(text.replace(" ", "\n") for name, text in said if name == "Environment"))
        for path in files:
            environment.update(variables(host.read(path) or ""))
        command = next((text for name, text in said if name == "ExecStart"), "")
        places = " and ".join([f"the ExecStart of {daemon.unit}", *files])
        yield (
            f"{daemon.unit} starts sshd",
            parse_options(expanded(command, environment)),
            f"take that out (see {places}), and restart {daemon.unit}",
        )
    if daemon.pid:
        yield (
            "sshd was started",
            parse_options(of_title(title(host, daemon.pid))),
            f"restart {daemon.service or 'sshd'}, once it is started without that",
        )
