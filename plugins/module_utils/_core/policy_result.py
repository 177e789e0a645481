# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a module that sets a policy. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .module_result import ModuleResult

__all__ = ["PolicyResult"]


@dataclass
class PolicyResult:
    """``before`` and ``after`` by file or timer, and the module's ``result``; ``changed`` and ``diff`` compare them."""

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    result: dict[str, t.Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def as_module_result(self) -> ModuleResult:
        return ModuleResult(self.changed, self.diff, self.warnings, self.result)

    @property
    def diff(self) -> list[dict[str, str]]:
        return [
            {
                "before_header": name,
                "after_header": name,
                "before": self.before.get(name, ""),
                "after": self.after.get(name, ""),
            }
            for name in sorted({*self.before, *self.after})
            if self.before.get(name) != self.after.get(name)
        ]
