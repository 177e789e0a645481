# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' look at their inputs, on the controller."""

from __future__ import annotations

DOCUMENTATION = """
name: complaints
short_description: Say what is wrong with the inputs of roles, before a host is touched
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Checks the inputs of roles of this collection against their argument specs, and for all that can be said of their
    values without asking the host. It runs on the controller, so that bad input stops a play before a host is touched.
  - What only the host can tell (a value that its sshd refuses, a filter or an archive that it does not have) is told by
    the modules, before they change anything.
  - Neither keys nor passwords are repeated in what it returns.
options:
  _terms:
    description: Names of roles. V(baseline) stands for itself and the roles in C(baseline_roles).
    type: list
    elements: str
    required: true
  family:
    description:
      - A family of systems (V(debian), V(redhat) or V(freebsd)), to be told too what its own tools cannot do.
    type: str
    default: ""
"""

EXAMPLES = """
- name: Stop on bad input
  ansible.builtin.assert:
    that: wrong == []
    fail_msg: "{{ wrong | join('; ') }}; nothing was changed"
  vars:
    wrong: "{{ query('pyhost.baseline.complaints', 'sshd', 'fail2ban') }}"
"""

RETURN = """
_raw:
  description: One sentence for each input that cannot be fulfilled, an empty list where there is none.
  type: list
  elements: str
"""

import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import unknown
from ansible_collections.pyhost.baseline.plugins.plugin_utils._inputs.complaints import ROLES, complaints

_ROLES = Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    """``query('pyhost.baseline.complaints', ROLE, …)``."""

    def run(self, terms: list[str], variables: t.Mapping[str, t.Any] | None = None, **options: t.Any) -> list[str]:
        self.set_options(var_options=variables, direct=options)
        told: list[str] = []
        for role in terms:
            if role not in ROLES:
                raise AnsibleError(unknown("role", str(role), ROLES))
            inputs, wrong = self._role(role, variables or {})
            told += wrong
            if role == "baseline" and not wrong:
                for part in inputs["baseline_roles"]:
                    told += self._role(part, variables or {})[1]
        return told

    def _role(self, role: str, variables: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
        """Return the inputs of ``role`` and what is wrong with them."""
        spec = yaml_load((_ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        options = spec["argument_specs"]["main"]["options"]
        given = {name: variables[name] for name in options if name in variables}
        inputs: dict[str, t.Any] = self._templar.template(given)
        return inputs, complaints(role, options, inputs, self.get_option("family"))
