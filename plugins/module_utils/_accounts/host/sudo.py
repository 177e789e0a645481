# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's rule of sudo on the host: checked within a staged copy of all rules, written, and seen by sudo itself."""

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
    """The rule's file, and what of it is not as it has to be. ``former`` is the file of an earlier release, to go."""

    path: str
    text: str
    is_written: bool
    is_closed: bool
    former: str = ""
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)

    def apply(self, host: Host, name: str) -> None:
        """Write the rule, then ask sudo whether it goes by it."""
        if not self.is_written:
            host.make_directory(os.path.dirname(self.path), mode=0o750)
            host.write(self.path, self.text, mode=_MODE)
        if not self.is_closed:
            # By path: the folder is root's alone.
            for argv in (["chown", "0:0", self.path], ["chmod", f"{_MODE:04o}", self.path]):
                ran = host.run(argv)
                if not ran.ok:
                    raise BaselineError(f"{self.path} cannot be closed: {ran.message()}; sudo may pass over it")
        if self.former:
            host.remove(self.former)
        if self.before != self.after:
            self._require(host, name)

    def _require(self, host: Host, name: str) -> None:
        ran = host.run(["sudo", "-n", "-l", "-U", name])
        if not listed(ran.out):
            raise BaselineError(
                f"{self.path} was written, but sudo does not list its rule for {name}: {printable(ran.message())}; the "
                f"keys were left as they were; look for what takes precedence with `sudo -l -U {name}`"
            )


def plan_sudo(host: Host, name: str, sudo: str, directory: str, *, unchanged: str) -> SudoChange:
    """Decide on the rule's file; BaselineError where the rules as a whole would be wrong."""
    path = f"{directory}/{file_name(name)}"
    text, found, entry = rule(name, sudo), host.read(path), host.stat(path)
    is_closed = entry is None or (stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid) == (_MODE, 0, 0)
    former = former_file_name(name)
    former = f"{directory}/{former}" if former and is_ours(host.read(f"{directory}/{former}"), name) else ""
    if found != text or former:
        _check(host, directory, {path: text, **({former: None} if former else {})}, unchanged)
    before = {path: found} if found is not None else {}
    after: dict[str, str] = {path: text}
    if former:
        before[former] = host.read(former) or ""
    if entry is not None and not is_closed:
        access = f"{path} (access)"
        before[access] = f"owner: {entry.st_uid}:{entry.st_gid}\nmode: {stat.S_IMODE(entry.st_mode):04o}\n"
        after[access] = f"owner: 0:0\nmode: {_MODE:04o}\n"
    return SudoChange(path, text, found == text, is_closed, former, before, after)


def _check(host: Host, directory: str, changes: t.Mapping[str, str | None], unchanged: str) -> None:
    """Have visudo check all rules as they will be, in a staged copy."""
    above = os.path.dirname(directory)
    main = host.read(f"{above}/sudoers")
    if main is None:
        if host.check_mode:
            # Its package is not there yet.
            return
        raise BaselineError(
            f"sudo is not installed: there is no {above}/sudoers; {unchanged}; install the package sudo"
        )
    if not includes(main, directory):
        raise BaselineError(
            f"{above}/sudoers does not include {directory}, so sudo would not read the rule; {unchanged}; "
            f"add the line '@includedir {directory}' with visudo"
        )
    files = {one: host.read(one) for one in host.glob(f"{directory}/*") if _is_read(host, one)}
    files.update(changes)
    scratch = host.scratch()
    staged = {f"{scratch}{one}": text for one, text in files.items() if text is not None}
    staged[f"{scratch}/sudoers"] = staged_main(main, directory, f"{scratch}{directory}")
    host.lay_out(staged)
    ran = host.run(["visudo", "-c", "-f", f"{scratch}/sudoers"])
    if not ran.ok:
        words = printable(
            f"{ran.err.strip()} {ran.out.strip()}".strip().replace(f"{scratch}/sudoers:", f"{above}/sudoers:")
        )
        raise BaselineError(f"visudo refuses the rules of sudo: {words.replace(scratch, '')}; {unchanged}")


def _is_read(host: Host, path: str) -> bool:
    """Say whether sudo reads the file of an included folder."""
    name, found = os.path.basename(path), host.stat(path)
    return "." not in name and not name.endswith("~") and found is not None and stat.S_ISREG(found.st_mode)
