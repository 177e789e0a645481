# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of a run."""

from __future__ import annotations

DOCUMENTATION = """
name: plan_table
short_description: Show what was in force before a run, and what is now
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Makes the lines of a table of one or two results of M(pyhost.baseline.baseline_plan). Each line has the role, the
    state before, the state now, and the command or file that shows it.
options:
  _input:
    description: The result of the plan before the roles were applied.
    type: dict
    required: true
  proof:
    description: The result of the plan after they were applied. It is empty where nothing was applied.
    type: dict
    default: {}
"""

EXAMPLES = """
- name: Show what was and what is in force
  ansible.builtin.debug:
    msg: "{{ plan | pyhost.baseline.plan_table(proof) }}"
"""

RETURN = """
_value:
  description: The lines of the table, the first with the names of the columns.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.pyhost.baseline.plugins.plugin_utils._plan.table import table_lines


def plan_table(plan: t.Mapping[str, t.Any], proof: t.Mapping[str, t.Any] | None = None) -> list[str]:
    """Return the lines of the table."""
    return table_lines(plan, proof or {})


class FilterModule:
    """``plan | pyhost.baseline.plan_table(proof)``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"plan_table": plan_table}
