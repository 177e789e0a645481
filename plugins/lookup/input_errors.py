# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' check of their inputs, on the controller."""

from __future__ import annotations

DOCUMENTATION = """
name: input_errors
short_description: List the invalid inputs of roles, before a host is touched
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Checks the inputs of roles of this collection against their argument specs, and their values as far as is possible
    without asking the host. It runs on the controller, so that bad input stops a play before a host is touched.
  - The modules check what only the host knows (a value that its sshd refuses, a filter or an archive that it does not
    have), before they change anything.
  - The returned messages repeat neither keys nor passwords.
options:
  _terms:
    description: Names of roles. V(baseline) stands for itself and the roles in C(baseline_roles).
    type: list
    elements: str
    required: true
  family:
    description:
      - A family of systems (V(debian), V(redhat) or V(freebsd)). With it, the lookup also lists what the family's own
        tools cannot do.
    type: str
    default: ""
"""

EXAMPLES = """
- name: Stop on bad input
  ansible.builtin.assert:
    that: errors == []
    fail_msg: "{{ errors | join('; ') }}"
  vars:
    errors: "{{ query('pyhost.baseline.input_errors', 'sshd', 'fail2ban') }}"
"""

RETURN = """
_raw:
  description: One message for each invalid input, an empty list if all inputs are valid.
  type: list
  elements: str
"""

import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError, unknown
from ansible_collections.pyhost.baseline.plugins.plugin_utils._inputs.role_inputs import ROLES, role_input_errors

_CHECKED: dict[tuple[str, str, str], list[BaselineError]] = {}
_ROLES = Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    """``query('pyhost.baseline.input_errors', ROLE, …)``."""

    def run(self, terms: list[str], variables: t.Mapping[str, t.Any] | None = None, **options: t.Any) -> list[str]:
        self.set_options(var_options=variables, direct=options)
        errors: list[BaselineError] = []
        for role in terms:
            if role not in ROLES:
                raise AnsibleError(unknown("role", str(role), ROLES))
            inputs, found = self._check_role(role, variables or {})
            errors += found
            if role == "baseline" and not found:
                for part in inputs["baseline_roles"]:
                    errors += self._check_role(part, variables or {})[1]
        return [error.advice for error in errors]

    def _check_role(self, role: str, variables: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[BaselineError]]:
        """Return the inputs of ``role`` and their errors."""
        spec = yaml_load((_ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        options = spec["argument_specs"]["main"]["options"]
        given = {name: variables[name] for name in options if name in variables}
        inputs: dict[str, t.Any] = self._templar.template(given)
        family = self.get_option("family")
        # A task asks twice: in its condition and in its message.
        key = (role, family, repr(inputs))
        if key not in _CHECKED:
            _CHECKED[key] = role_input_errors(role, options, inputs, family)
        return inputs, _CHECKED[key]
