# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# language=yaml
DOCUMENTATION = r"""
---
module: ssh_reach
short_description: Find the user and port that a host answers on
version_added: 0.1.0
description:
  - Tries one login after another and returns the first that works. A playbook that closes the login of root or moves
    the port can therefore be run again with the same command.
  - It uses Ansible's own connection with all its settings (keys, passwords, proxies, arguments). Each probe is a new
    login and never uses an older shared connection. The following tasks share the connection of the login that works.
  - A closed port, or one that does not answer in time, is not tried for the other users, nor is one of O(ports) that
    ends the connection before a login. After a refused login, the next user is tried on that port. A wrong host key, an
    unknown name or a known refusal by a jump host ends the search. C(sshd) penalizes a source that keeps failing,
    so order the candidates such that at most one login fails in the usual case.
  - The port of the connection is the one that ssh would use (C(ansible_port), C(-o Port) in C(ansible_ssh_common_args),
    C(Port) in ssh_config). Unless that is V(22), it is tried first, because a gateway may forward it to the host.
  - It fails if another machine than the inventory's answers. On another port than that of the connection, the machine
    must have a host key that known_hosts has for the port of the connection, and must not be one that an earlier run
    reached by another name. A machine ID that differs from that of an earlier run, with the same host key, is that of a
    clone. The notes of earlier runs are in C(pyhost.baseline/machines) below C(ANSIBLE_HOME) on the controller.
  - Where the check of host keys is off (C(host_key_checking)), a changed host key is a warning.
  - The host must run a system that this collection manages, and have a Python that this Ansible supports. If the task
    has C(become), the user must be able to become root. Each of these errors has a hint.
  - Connections other than C(ssh) are probed as they are, with the same requirements for the host.
options:
  users:
    description:
      - Users to try, in this order, before the one that Ansible was given (C(-u), C(ansible_user), or ssh's choice).
    type: list
    elements: str
    default: []
  ports:
    description:
      - Ports on which sshd is desired. They are tried in this order, before the port of the connection if that is
        V(22), else after it.
    type: list
    elements: int
    default: []
  python_required:
    description:
      - Fail if the host has no Python that this version of Ansible supports.
      - Set it to V(false) in a playbook that installs Python.
    type: bool
    default: true
  allow_end_of_life:
    description:
      - Accept a host whose release is older than the managed releases of its distribution. The collection was not
        tested there.
    type: bool
    default: false
  allow_unproven:
    description:
      - Accept, with a warning, a host whose release the collection supports by code that was written from manuals and
        sources and never run (FreeBSD 14 and 15).
    type: bool
    default: false
  login_required:
    description: Fail if no login works. With V(false) that is a warning, and RV(found) says so.
    type: bool
    default: true
notes:
  - An extra variable (C(-e ansible_user=…)) decides the user or the port, because it overrides the facts that a play
    sets.
extends_documentation_fragment:
  - pyhost.baseline.attributes.info_module
attributes:
  action:
    description: It runs on the controller alone, as an action plugin.
    support: full
author:
  - The pyhost.baseline team (@pyhost)
seealso:
  - module: pyhost.baseline.sshd_config
"""

# language=yaml
EXAMPLES = r"""
- name: Find the login that answers
  pyhost.baseline.ssh_reach:
    users: [deploy]
    ports: [2222]
  register: reach

- name: Go on with that login
  ansible.builtin.set_fact:
    ansible_user: "{{ reach.user }}"
    ansible_port: "{{ reach.port | default(omit, true) }}"
    # Where the inventory has them, these two names take precedence over the two above.
    ansible_ssh_user: "{{ reach.user | default(omit, true) if ansible_ssh_user is defined else omit }}"
    ansible_ssh_port: "{{ reach.port | default(omit, true) if ansible_ssh_port is defined else omit }}"
"""

# language=yaml
RETURN = r"""
ansible_facts:
  description: Facts for the tasks that follow.
  type: dict
  returned: success, where a login was found
  contains:
    pyhost_system:
      description: >-
        The host's system. V(family) is V(debian), V(redhat) or V(freebsd); V(package_manager) is V(apt), V(dnf) or
        V(pkg).
      type: dict
      returned: success, where a login was found
      sample: {id: debian, version: "13", family: debian, package_manager: apt, title: debian 13}
found:
  description: Whether a login was found.
  type: bool
  returned: success
  sample: true
user:
  description: The user that got in, V(null) where the connection is not ssh.
  type: str
  returned: success
  sample: deploy
port:
  description: The port that answered, V(null) where the connection is not ssh.
  type: int
  returned: success
  sample: 2222
tried:
  description: The candidates that did not get in, with ssh's own reason.
  type: list
  elements: dict
  returned: always
  sample:
    - user: deploy
      port: 2222
      reason: "ssh: connect to host 203.0.113.7 port 2222: Connection refused"
login:
  description: The name of the user as the host says it.
  type: str
  returned: success
  sample: deploy
uid:
  description: The number of the user on the host.
  type: int
  returned: success
  sample: 1000
sudo:
  description: What C(sudo -n true) came to, V(ok), V(refused) or V(absent).
  type: str
  returned: success
  sample: ok
system:
  description: The C(ID) of the host's C(/etc/os-release).
  type: str
  returned: success
  sample: debian
version:
  description: The C(VERSION_ID) of the host's C(/etc/os-release).
  type: str
  returned: success
  sample: "13"
python:
  description: The path of the first Python that this Ansible can use, V(null) where there is none.
  type: str
  returned: success
  sample: /usr/bin/python3
install_python:
  description:
    - The command for C(/bin/sh) that installs the system's own Python, V(null) where RV(python) is there already.
    - It is for M(pyhost.baseline.python_bootstrap), as in the playbook C(pyhost.baseline.bootstrap).
  type: str
  returned: success
  sample: env ASSUME_ALWAYS_YES=yes pkg install -y python3
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
