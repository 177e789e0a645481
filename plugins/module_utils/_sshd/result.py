# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of the module sshd_config: one field for each key of RETURN, and the parts of its diff. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from .comparison import requested_keywords
from .effective import Effective
from .match import Connection
from .settings import SshdSettings

__all__ = [
    "SshdResult",
    "daemon_diff",
    "effective_values",
    "files_diff",
    "firewall_diff",
]

Diff = t.List[t.Dict[str, str]]
Json = t.Dict[str, t.Any]


@dataclass(frozen=True)
class SshdResult:
    """What the module returns; ``warnings`` and ``confirmation`` go other ways (see the module)."""

    changed: bool
    diff: Diff
    path: str
    crypto: Json
    effective: Json = field(default_factory=dict)
    left_out: t.Sequence[str] = ()
    shadowed: t.Sequence[Json] = ()
    exceptions: t.Sequence[Json] = ()
    reloaded: bool = False
    ports: t.Sequence[int] = ()
    port_held_by: t.Sequence[Json] = ()
    firewall: Json = field(default_factory=lambda: {"kind": "", "opened": []})
    selinux_ports: t.Sequence[int] = ()
    version: str = ""
    warnings: t.Sequence[str] = ()
    confirmation: Json = field(default_factory=dict)

    def as_result(self) -> Json:
        """Return the fields as JSON values: a list for each sequence."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def effective_values(desired: SshdSettings, actual: t.Mapping[Connection, Effective]) -> Json:
    """Return, for each connection, what sshd reports for the requested keywords; one value as a text."""
    found: Json = {}
    for connection, effective in actual.items():
        values = {name: effective[name] for name in requested_keywords(desired, connection) if name in effective}
        found[connection.specification()] = {
            name: list(lines) if len(lines) > 1 else lines[0] for name, lines in values.items()
        }
    return found


def files_diff(before: t.Mapping[str, str | None], changes: t.Mapping[str, str | None]) -> Diff:
    """Return one entry for each changed file; a file that is absent has no text."""
    return [_entry(path, before[path] or "", text or "") for path, text in changes.items()]


def daemon_diff(service: str, state: str, *, is_running: bool, at_boot: str) -> Diff:
    """Return the entry for a daemon that does not run with its files or is not started at boot (``at_boot``)."""
    before = "runs with an older configuration\n" if is_running else f"{state or 'not running'}\n"
    if at_boot:
        before = f"{at_boot}: not started at boot\n"
    return [_entry(service or "sshd", before, "runs with the files\n")]


def firewall_diff(kind: str, rules: t.Sequence[str]) -> Diff:
    """Return the entry for the rules that are added to an active firewall; none where there is nothing to add."""
    return [_entry(f"rules of {kind}", "", "".join(f"{rule}\n" for rule in rules))] if rules else []


def _entry(name: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": name, "after_header": name, "before": before, "after": after}
