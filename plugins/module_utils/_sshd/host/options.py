# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the options by which sshd runs, or would be started next, and stops where they defeat the files."""

from __future__ import annotations

import re
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.process import title
from ..._core.host.rc import rc_variables
from ..effective import Effective, differences, display_value
from ..keywords import KEYWORDS
from ..options import (
    CommandLineOptions,
    expand_exec_start,
    parse_environment,
    parse_options,
    split_title,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..match import Connection
    from ..settings import SshdSettings
    from .daemon import SshdDaemon
    from .sshd import Sshd

__all__ = ["require_files_decide"]


def require_files_decide(
    sshd: Sshd, daemon: SshdDaemon, desired: SshdSettings, expected: t.Mapping[Connection, Effective], *, root: str
) -> None:
    """Stop where options of the command line, now or at the next start, would decide otherwise than ``expected``."""
    for how, options, hint in _starts(sshd.host, daemon):
        if options.main not in ("", sshd.main):
            raise BaselineError(
                f"{how} with `-f {options.main}`, so that {sshd.main} has no effect; nothing was changed; {hint}"
            )
        if options.settings:
            answers = [
                (one, want, sshd.effective(one, root=root, options=options.settings)) for one, want in expected.items()
            ]
            found = {difference.keyword: difference for difference in differences((), desired, (), answers)}
            if found:
                words = "; ".join(
                    f"{KEYWORDS[keyword]} is {display_value(difference.actual)} "
                    f"(asked: {display_value(difference.expected)})"
                    for keyword, difference in found.items()
                )
                raise BaselineError(
                    f"not in force: {words}, because {how} with `{options}`, which overrides all files; "
                    f"nothing was changed; {hint}"
                )


def _starts(host: Host, daemon: SshdDaemon) -> t.Iterator[tuple[str, CommandLineOptions, str]]:
    """Yield how sshd is started next and how it was started, with the way out of each."""
    if daemon.rc:
        flags = f"{daemon.rc}_flags"
        words = rc_variables(host, flags).get(flags, "").split()
        hint = f"take that out (`sysrc -x {flags}`), and `service {daemon.rc} restart`"
        yield f"service {daemon.rc} starts sshd", parse_options(["sshd", *words]), hint
    elif daemon.unit:
        ran = host.run(["systemctl", "show", "--property", "ExecStart,Environment,EnvironmentFiles", daemon.unit])
        properties = [line.partition("=")[::2] for line in ran.out.splitlines()]
        files = re.findall(r"^EnvironmentFiles=(/\S+)", ran.out, re.MULTILINE)
        environment = parse_environment(
            "\n".join(text.replace(" ", "\n") for name, text in properties if name == "Environment")
        )
        for path in files:
            environment.update(parse_environment(host.read(path) or ""))
        command = next((text for name, text in properties if name == "ExecStart"), "")
        places = " and ".join([f"the ExecStart of {daemon.unit}", *files])
        yield (
            f"{daemon.unit} starts sshd",
            parse_options(expand_exec_start(command, environment)),
            f"take that out (see {places}), and restart {daemon.unit}",
        )
    if daemon.pid:
        yield (
            "sshd was started",
            parse_options(split_title(title(host, daemon.pid))),
            f"restart {daemon.service or 'sshd'}, once it is started without that",
        )
