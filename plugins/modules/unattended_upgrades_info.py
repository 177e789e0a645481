#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unattended_upgrades_info
short_description: Report which updates a host installs automatically, and what prevents them
version_added: 0.1.0
description:
  - Reads the policy of unattended-upgrades that is in force (C(apt-config dump)), the configured archives that each
    origin allows, the timers, the last run, the pending upgrades and whether a reboot is required.
  - Warns of a policy that does not install what it lists, for example because an origin matches no archive, because
    its archives are pinned, because a missing semicolon hides it from apt, or because unattended-upgrade cannot start.
  - Warns of security updates that no allowed origin would install, of updates that are kept back, and of package lists
    and successes that are older than O(max_age). For that, C(apt-get) simulates upgrades; nothing is installed.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes.info_module
options:
  max_age:
    description:
      - Hours after which package lists and the last success of unattended-upgrade are too old. The days by which the
        intervals of the policy exceed one are added.
      - A new host counts from its first boot or from the installation of the policy.
    type: int
    default: 192
seealso:
  - module: pyhost.baseline.unattended_upgrades
"""

EXAMPLES = r"""
- name: Read the policy in force
  pyhost.baseline.unattended_upgrades_info:
  register: updates

- name: Stop if it would install nothing
  ansible.builtin.assert:
    that: updates.problems | length == 0
    fail_msg: "{{ updates.problems | join('; ') }}"
"""

RETURN = r"""
installed:
  description: Whether unattended-upgrades is installed.
  returned: success
  type: bool
  sample: true
effective:
  description: The policy in force, by the names of the options of M(pyhost.baseline.unattended_upgrades).
  returned: success
  type: dict
  sample: {origins: ["origin=Debian,codename=${distro_codename}-security,label=Debian-Security"], upgrade_interval: 1}
origins:
  description: Each allowed origin, including legacy ones, with the configured archives that it matches.
  returned: success
  type: list
  elements: dict
  sample:
    - pattern: origin=Debian,codename=${distro_codename}-security,label=Debian-Security
      archives: ["origin=Debian,codename=trixie-security,archive=stable-security,label=Debian-Security,component=main"]
archives:
  description: The archives that apt is configured for and has an index of.
  returned: success
  type: list
  elements: str
  sample: ["origin=Debian,codename=trixie,archive=stable,label=Debian,component=main,site=deb.example.org"]
timers:
  description: The timers that start the work. Empty where systemd does not run.
  returned: success
  type: list
  elements: dict
  sample:
    - name: apt-daily-upgrade.timer
      enabled: true
      active: true
      state: enabled
      calendar: ["*-*-* 06:00:00"]
      random_delay: 1h
      next: Mon 2026-11-23 06:26:11 UTC
      last: null
last_run:
  description: The last run of unattended-upgrade in its log. Null if there is none.
  returned: success
  type: dict
  sample:
    started: "2026-11-22 06:26:11"
    finished: "2026-11-22 06:26:40"
    upgraded: [openssl]
    errors: []
    messages: [Starting unattended upgrades script, "Packages that will be upgraded: openssl", All upgrades installed]
lists_age:
  description: Hours since the package lists were fetched. Null if this is not known.
  returned: success
  type: int
  sample: 5
success_age:
  description: Hours since unattended-upgrade last succeeded. Null if it never did.
  returned: success
  type: int
  sample: 5
reboot_required:
  description: Whether an upgrade requires a reboot that has not happened yet.
  returned: success
  type: bool
  sample: false
reboot_required_by:
  description: The packages that require it.
  returned: success
  type: list
  elements: str
  sample: [linux-image-amd64]
pending:
  description:
    - The upgrades that are not installed yet, as of the last update of the package lists.
    - C(automatic) is whether the policy installs it.
  returned: success
  type: list
  elements: dict
  sample:
    - name: openssl
      from: 3.5.1-1
      to: 3.5.1-1+deb13u1
      archives: ["Debian-Security:13/stable-security"]
      security: true
      automatic: true
kept_back:
  description:
    - Security updates, and other updates from allowed origins, that automatic updates will not install. Those of the
      blocklist are left out.
    - The reason is C(origin) (no allowed origin has it), C(held), C(dependencies) (it needs packages that no allowed
      origin has) or C(preferences) (apt prefers another version, or would remove a package for it).
  returned: success
  type: list
  elements: dict
  sample:
    - name: openssl
      from: 3.5.1-1
      to: 3.5.1-1+deb13u1
      archives: ["Debian-Security:13/stable-security"]
      security: true
      reason: held
problems:
  description: A sentence for each reason that prevents updates. Empty if there is none.
  returned: success
  type: list
  elements: str
  sample: ["APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically"]
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freshness import LIMIT, checked_limit
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.apt_state import require_apt
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.unattended_upgrades_info import gather_info


def main() -> None:
    module = AnsibleModule(
        argument_spec={"max_age": {"type": "int", "default": LIMIT}},
        supports_check_mode=True,
    )
    host = Host(module)
    try:
        require_apt(host)
        found = gather_info(host, checked_limit(module.params["max_age"]))
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for problem in found["problems"]:
        module.warn(problem)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
