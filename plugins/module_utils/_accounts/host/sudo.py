# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's rule of sudo on the host: checks it in a staged copy of all rules, writes it, and asks sudo for it."""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import BaselineError
from ..._core.text import printable
from ..sudoers import (
    file_name,
    former_file_name,
    includes,
    is_ignored,
    is_ours,
    listed,
    rule,
    staged_main,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["SudoChange", "plan_sudo"]

_MODE = 0o440


@dataclass(frozen=True)
class SudoChange:
    """The rule's file and its state. ``former`` is the file of an earlier release, which is removed."""

    path: str
    text: str
    is_written: bool
    is_restricted: bool
    former: str = ""
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)

    def ensure(self, host: Host, name: str) -> None:
        """Write the rule, then check that sudo lists it."""
        if not self.is_written:
            host.make_directory(os.path.dirname(self.path), mode=0o750)
            host.write(self.path, self.text, mode=_MODE)
        if not self.is_restricted:
            # By path, because only root can write to the folder.
            for argv in (["chown", "0:0", self.path], ["chmod", f"{_MODE:04o}", self.path]):
                ran = host.run(argv)
                if not ran.ok:
                    problem = f"the mode of {self.path} cannot be set: {printable(ran.message())}"
                    raise BaselineError(problem, hint="sudo ignores a rule file with another owner or mode")
        if self.former:
            host.remove(self.former)
        if self.before != self.after:
            self._require_listed(host, name)

    def _require_listed(self, host: Host, name: str) -> None:
        ran = host.run(["sudo", "-n", "-l", "-U", name])
        if not listed(ran.out):
            raise BaselineError(
                f"{self.path} was written, but sudo does not list its rule for {name}: {printable(ran.message())}",
                hint=f"find the rule that takes precedence with `sudo -l -U {name}`",
            )


def plan_sudo(host: Host, name: str, sudo: str, directory: str) -> SudoChange:
    """Plan the rule's file; ``BaselineError`` if the rules as a whole would be invalid."""
    path = f"{directory}/{file_name(name)}"
    text, found, entry = rule(name, sudo), host.read(path), host.stat(path)
    is_restricted = entry is None or (stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid) == (_MODE, 0, 0)
    former = former_file_name(name)
    former = f"{directory}/{former}" if former and is_ours(host.read(f"{directory}/{former}"), name) else ""
    if found == text:
        # The rule may be there and not be read.
        _require_included(directory, host.read(f"{os.path.dirname(directory)}/sudoers"))
    if found != text or former:
        _check(host, directory, {path: text, **({former: None} if former else {})})
    before = {path: found} if found is not None else {}
    after: dict[str, str] = {path: text}
    if former:
        before[former] = host.read(former) or ""
    if entry is not None and not is_restricted:
        access = f"{path} (access)"
        before[access] = f"owner: {entry.st_uid}:{entry.st_gid}\nmode: {stat.S_IMODE(entry.st_mode):04o}\n"
        after[access] = f"owner: 0:0\nmode: {_MODE:04o}\n"
    return SudoChange(path, text, found == text, is_restricted, former, before, after)


def _check(host: Host, directory: str, changes: t.Mapping[str, str | None]) -> None:
    """Check all rules with ``changes`` by visudo, in a staged copy."""
    above = os.path.dirname(directory)
    main = host.read(f"{above}/sudoers")
    if main is None:
        if host.upcoming.has_package("sudo"):
            host.known_after_apply.append("sudo is not installed yet, so visudo could not check the rule")
            return
        raise BaselineError(f"sudo is not installed: there is no {above}/sudoers", hint="install the package sudo")
    _require_included(directory, main)
    files = {one: host.read(one) for one in host.glob(f"{directory}/*") if _is_read(host, one)}
    files.update(changes)
    scratch = host.scratch()
    staged = {f"{scratch}{one}": text for one, text in files.items() if text is not None}
    staged[f"{scratch}/sudoers"] = staged_main(main, directory, f"{scratch}{directory}")
    host.lay_out(staged)
    ran = host.run(["visudo", "-c", "-f", f"{scratch}/sudoers"])
    if not ran.ok:
        message = printable(
            f"{ran.err.strip()} {ran.out.strip()}".strip().replace(f"{scratch}/sudoers:", f"{above}/sudoers:")
        )
        raise BaselineError(f"visudo refuses the rules of sudo: {message.replace(scratch, '')}")


def _require_included(directory: str, main: str | None) -> None:
    if main is not None and not includes(main, directory):
        raise BaselineError(
            f"{os.path.dirname(directory)}/sudoers does not include {directory}, so sudo would not read the rule",
            hint=f"add the line '@includedir {directory}' with visudo",
        )


def _is_read(host: Host, path: str) -> bool:
    """Return whether sudo reads the file of an included folder."""
    name, found = os.path.basename(path), host.stat(path)
    return not is_ignored(name) and found is not None and stat.S_ISREG(found.st_mode)
