# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_bootstrap
short_description: Install the system's own Python on a host that has none
version_added: 0.1.0
description:
  - Runs the command that M(pyhost.baseline.ssh_reach) returns for a host without Python, and waits for a lock that
    another process holds, such as a first boot's own update.
  - If the package manager fails, its errors are part of the message, on one line and quoted. The rest of its output
    reaches neither the terminal nor the log.
options:
  command:
    description: The command for C(/bin/sh) that installs Python (RV(pyhost.baseline.ssh_reach#module:install_python)).
    type: str
    required: true
  lock_timeout:
    description: How many seconds to wait for another process that holds the package manager's lock.
    type: int
    default: 300
extends_documentation_fragment:
  - pyhost.baseline.attributes
attributes:
  diff_mode:
    support: none
    details: The packages are not known in advance.
  idempotent:
    support: none
    details: Run it only where M(pyhost.baseline.ssh_reach) found no Python.
  action:
    description: It runs completely on the controller, as an action plugin.
    support: full
author:
  - The pyhost.baseline team (@pyhost)
seealso:
  - module: pyhost.baseline.ssh_reach
  - module: ansible.builtin.raw
"""

EXAMPLES = r"""
- name: Find the login that answers
  pyhost.baseline.ssh_reach:
    python_required: false
  register: reach

- name: Install Python
  pyhost.baseline.python_bootstrap:
    command: "{{ reach.install_python }}"
  when: not reach.python
"""

RETURN = r"""
rc:
  description: The exit status of the command.
  type: int
  returned: failure
  sample: 100
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
