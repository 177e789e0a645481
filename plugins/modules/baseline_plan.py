#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: baseline_plan
short_description: Plan what roles request of a host, without a change
version_added: 0.1.0
description:
  - Runs the reading and planning half of the modules that O(requests) name, in one process on the host. The modules use
    the same functions when they change the host, so the plan and the change cannot disagree.
  - Returns for each request whether it is in force, how the host differs, all errors that would stop its module,
    warnings, and the commands and files that were asked.
  - Fails with the errors of all requests at once. It never changes the host.
  - A package that is missing, or an account, may be what an earlier one of O(requests) brings. What depends on it is
    planned as far as it can be known, and RV(parts) says what is known after apply.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
attributes:
  check_mode:
    details: In check mode RV(ignore:changed) says whether a run would change the host. Else it is false.
  diff_mode:
    details: The differences are shown in check mode.
options:
  requests:
    description: What is requested of the host, in the order in which the modules would run.
    type: list
    elements: dict
    required: true
    suboptions:
      role:
        description: The role that requests it. Several requests may have the same role.
        type: str
        required: true
      module:
        description: The module, without the name of the collection.
        type: str
        required: true
        choices:
          - packages
          - admin_user
          - python_venv
          - unattended_upgrades
          - dnf_automatic
          - freebsd_updates
          - pf_anchor
          - firewall
          - fail2ban_jails
          - sshd_config
      options:
        description: The options of that module.
        type: dict
        default: {}
notes:
  - Needs root. The locks of the modules in C(/run/pyhost.baseline) are held while they read.
seealso:
  - module: pyhost.baseline.packages
  - module: pyhost.baseline.sshd_config
"""

EXAMPLES = r"""
- name: Plan the packages and the jails of a host
  pyhost.baseline.baseline_plan:
    requests:
      - role: packages
        module: packages
        options:
          name: [fail2ban]
      - role: fail2ban
        module: fail2ban_jails
        options:
          jails:
            sshd: {maxretry: 4}
  register: plan

- name: Stop where something is not in force
  ansible.builtin.assert:
    that: plan.in_force
"""

RETURN = r"""
in_force:
  description: Whether all that is requested is in force.
  returned: success
  type: bool
  sample: false
roles:
  description: For each role, whether all that it requests is in force.
  returned: always
  type: dict
  sample: {packages: true, sshd: false}
errors:
  description: The errors that would stop the modules, each with its role.
  returned: always
  type: list
  elements: str
  sample: []
parts:
  description: What was found for each of O(requests).
  returned: success
  type: list
  elements: dict
  contains:
    role:
      description: The role.
      type: str
    module:
      description: The module.
      type: str
    in_force:
      description: Whether the request is in force and proven.
      type: bool
    differences:
      description: How the host differs, as in the diff of the module.
      type: list
      elements: dict
    errors:
      description: The errors that would stop the module, each with what to do.
      type: list
      elements: str
    warnings:
      description: The warnings of the module.
      type: list
      elements: str
    known_after_apply:
      description: What cannot be known before an earlier request is in force.
      type: list
      elements: str
    unproven:
      description: What is in force as requested, and what a run would still prove (the bans of a jail).
      type: list
      elements: str
    evidence:
      description: The commands and files that were asked, the most telling ones first.
      type: list
      elements: str
    facts:
      description: The facts that the module would set.
      type: dict
  sample:
    - role: sshd
      module: sshd_config
      in_force: false
      differences:
        - before_header: /etc/ssh/sshd_config.d/00-pyhost-baseline.conf
          after_header: /etc/ssh/sshd_config.d/00-pyhost-baseline.conf
          before: ""
          after: "PermitRootLogin no\n"
      errors: []
      warnings: []
      known_after_apply: []
      unproven: []
      evidence: ["sshd -T -C user=root,host=192.0.2.7,addr=192.0.2.7"]
      facts: {}
ansible_facts:
  description: The facts of the host that M(pyhost.baseline.packages) sets, where it is one of O(requests).
  returned: success
  type: dict
  contains:
    pyhost_system:
      description: The host's system, as M(pyhost.baseline.packages) returns it.
      type: dict
      returned: success
      sample: {id: debian, version: "13", family: debian, package_manager: apt, title: Debian GNU/Linux 13 (trixie)}
option:
  description: The option or variable that the error is about.
  returned: on failure, where it is about one
  type: str
where:
  description: The file (with its line), unit, package or host that the error is about.
  returned: on failure, where it is about one
  type: str
hint:
  description: What to do next.
  returned: on failure, where there is something to do
  type: str
"""

import os
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "requests": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "role": {"type": "str", "required": True},
            "module": {"type": "str", "required": True, "choices": list(MODULES)},
            "options": {"type": "dict", "default": {}},
        },
    },
}


class PlanModule(CodeModule):
    """The options of other modules are checked later, so it is not known yet which of them are secrets."""

    def _log_invocation(self) -> None:
        self.log(f"Invoked to plan {', '.join(str(one['module']) for one in self.params['requests'])}")


def main() -> None:
    module = PlanModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if os.geteuid():
        error = BaselineError("only root can read all that is planned", hint="run the task with become: true")
        module.fail_json(**error.as_result())
    module.load_source("_plan.host.baseline_plan_module").run(module)


if __name__ == "__main__":
    main()
