# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_login
short_description: Prove that a new key login over SSH works, and sudo there
version_added: 0.1.0
description:
  - Logs in from the controller over a B(new) connection, by key, with the OpenSSH client and the settings that Ansible
    itself would use for the host (address, port, private key, jump hosts in C(ssh_common_args), host key checking).
  - An open control master, a password or a prompt cannot make it pass.
  - If the login fails, the error contains the messages of the client and a hint.
options:
  user:
    description:
      - The user to log in as.
      - Without it, the user of the connection.
    type: str
  port:
    description:
      - The port to log in on.
      - Without it, the port of the connection.
    type: int
  timeout:
    description: How many seconds the connection may take to be made. A shell or sudo that hangs gets 15 seconds more.
    type: int
    default: 10
  sudo:
    description:
      - Whether the user must reach root by C(sudo -n) after the login. A shell must report that it runs as root,
        because sudo may lead to another user.
      - If sudo asks for a password, the play's become password is tried. Root itself needs no sudo.
      - If the task has another C(become_method), that one is tried, C(doas) without a password and C(su) with one.
        Other methods cannot be tried without a terminal, which is an error.
    type: bool
    default: true
extends_documentation_fragment:
  - pyhost.baseline.attributes
attributes:
  diff_mode:
    support: N/A
    details: This module never changes the host.
  action:
    description: Indicates this has a corresponding action plugin so some parts can be executed on the controller.
    support: full
    details: Runs on the controller alone.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
notes:
  - Needs a connection by the C(ssh) plugin; any other connection is an error.
  - The login is one process of the OpenSSH client; a wrong key counts as one failed login on the host.
  - Runs in check mode too, because it changes nothing.
author:
  - The pyhost.baseline team (@pyhost)
"""

EXAMPLES = r"""
- name: Prove that the admin can log in and use sudo
  pyhost.baseline.ssh_login:
    user: deploy

- name: Prove the login on the port that sshd is to move to, without sudo
  pyhost.baseline.ssh_login:
    user: deploy
    port: 2222
    timeout: 5
    sudo: false
"""

RETURN = r"""
login:
  description: Whether the new login works.
  returned: always
  type: bool
  sample: true
host:
  description: The address that was connected to.
  returned: success
  type: str
  sample: 192.0.2.7
user:
  description: The user who logged in, null where ssh's own configuration chose it.
  returned: success
  type: str
  sample: deploy
port:
  description: The port that was connected to, as ssh chooses it where nothing names one.
  returned: success
  type: int
  sample: 22
seconds:
  description: How long the proof took.
  returned: success
  type: float
  sample: 0.31
sudo:
  description:
    - How root was reached, V(nopasswd) or V(password) by sudo, V(root) where the user is root, V(unchecked) where
      O(sudo=false).
  returned: success
  type: str
  sample: nopasswd
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
