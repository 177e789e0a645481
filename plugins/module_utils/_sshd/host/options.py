# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the command-line options of the running sshd and of its next start, and stops where they override the files."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..._core.host.process import title
from ..._core.host.rc import rc_variables
from ..comparison import differences
from ..effective import Effective, display_value
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


@dataclass(frozen=True)
class _Start:
    """A way in which sshd was or will be started: the cause, its options, and how to remove them."""

    cause: str
    options: CommandLineOptions
    hint: str


def require_files_decide(
    sshd: Sshd, daemon: SshdDaemon, desired: SshdSettings, expected: t.Mapping[Connection, Effective], *, root: str
) -> None:
    """Raise where command-line options, of the running sshd or of the next start, override what is ``expected``."""
    for start in _starts(sshd.host, daemon):
        options = start.options
        if options.main not in ("", sshd.main):
            problem = f"{start.cause} with `-f {options.main}`, so that {sshd.main} has no effect"
            raise BaselineError(problem, option="path", hint=start.hint)
        overridden = _overridden(sshd, options, desired, expected, root)
        if overridden:
            raise BaselineError(
                f"not in effect: {overridden}, because {start.cause} with `{options}`, which overrides all files",
                hint=start.hint,
            )


def _overridden(
    sshd: Sshd,
    options: CommandLineOptions,
    desired: SshdSettings,
    expected: t.Mapping[Connection, Effective],
    root: str,
) -> str:
    """Return the settings that ``options`` override, an empty text for none."""
    if not options.settings:
        return ""
    answers = [(one, want, sshd.effective(one, root=root, options=options.settings)) for one, want in expected.items()]
    found = {difference.keyword: difference for difference in differences((), desired, (), answers)}
    return ", and ".join(
        f"{KEYWORDS[keyword]} is {display_value(difference.actual)} (requested: {display_value(difference.expected)})"
        for keyword, difference in found.items()
    )


def _starts(host: Host, daemon: SshdDaemon) -> t.Iterator[_Start]:
    """Yield the next start by the service manager, and the start of the running process."""
    if daemon.rc:
        yield _start_by_rc(host, daemon.rc)
    elif daemon.unit:
        yield _start_by_systemd(host, daemon.unit)
    if daemon.pid:
        yield _Start(
            "sshd was started",
            parse_options(split_title(title(host, daemon.pid))),
            f"restart {daemon.service or 'sshd'} once it is started without that",
        )


def _start_by_rc(host: Host, name: str) -> _Start:
    flags = f"{name}_flags"
    arguments = rc_variables(host, flags).get(flags, "").split()
    hint = f"remove that (`sysrc -x {flags}`), and `service {name} restart`"
    return _Start(f"service {name} starts sshd", parse_options(["sshd", *arguments]), hint)


def _start_by_systemd(host: Host, unit: str) -> _Start:
    ran = host.run(["systemctl", "show", "--property", "ExecStart,Environment,EnvironmentFiles", unit])
    properties = [line.partition("=")[::2] for line in ran.out.splitlines()]
    files = re.findall(r"^EnvironmentFiles=(/\S+)", ran.out, re.MULTILINE)
    assignments = (value.replace(" ", "\n") for name, value in properties if name == "Environment")
    environment = parse_environment("\n".join(assignments))
    for path in files:
        environment.update(parse_environment(host.read(path) or ""))
    command = next((value for name, value in properties if name == "ExecStart"), "")
    places = " and ".join([f"the ExecStart of {unit}", *files])
    options = parse_options(expand_exec_start(command, environment))
    return _Start(f"{unit} starts sshd", options, f"remove that (see {places}), and restart {unit}")
