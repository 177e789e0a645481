# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns, before Ansible prints it. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

__all__ = ["ModuleResult"]

Diff = t.Union[t.Mapping[str, str], t.Sequence[t.Mapping[str, str]]]


@dataclass(frozen=True)
class ModuleResult:
    """Whether something differs, how (as Ansible's diff), the warnings, and the other ``fields`` of RETURN.

    ``unproven`` names what is in force as requested, and what a run would still prove.
    """

    changed: bool
    diff: Diff | None = None
    warnings: t.Sequence[str] = ()
    fields: t.Mapping[str, t.Any] = field(default_factory=dict)
    unproven: t.Sequence[str] = ()

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module prints. Warnings go another way."""
        return {"changed": self.changed, **({} if self.diff is None else {"diff": self.diff}), **self.fields}
