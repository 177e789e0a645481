#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_info
short_description: Tell what is in force in sshd for a connection, and which file and line says so
version_added: 0.1.0
description:
  - Asks sshd itself, with C(sshd -T -C), and names for each directive the file and line that decide, and those that
    lose.
  - Tells what sshd listens on, whether it runs with the present files, and the fingerprints of its host keys.
  - Needs root, and never changes the host.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes.info_module
options:
  connection:
    description: For which connection to ask. What is not given is taken from the connection that the task came in by.
    type: dict
    default: {}
    suboptions:
      user:
        description: Who logs in; V(root) if not given.
        type: str
      address:
        description: The address of the client.
        type: str
      host:
        description: The name of the client, as C(UseDNS) would find it.
        type: str
      local_address:
        description: The address of the host to which the client connects.
        type: str
      local_port:
        description: The port to which the client connects.
        type: int
  path:
    description: The main file of sshd.
    type: path
    default: /etc/ssh/sshd_config
notes:
  - RV(effective) is what sshd says. RV(decided_by) follows the rule that the first directive wins. Some versions of
    sshd break it for C(IPQoS), C(MaxStartups), C(PerSourceMaxStartups), C(PerSourceNetBlockSize), C(RekeyLimit),
    C(StreamLocalBindMask) and C(UnusedConnectionTimeout).
seealso:
  - module: pyhost.baseline.sshd_config
"""

EXAMPLES = r"""
- name: Ask what holds for deploy from an office address
  pyhost.baseline.sshd_info:
    connection:
      user: deploy
      address: 192.0.2.7
  register: sshd

- name: Stop where passwords are taken
  ansible.builtin.assert:
    that: sshd.effective.passwordauthentication == 'no'
"""

RETURN = r"""
installed:
  description: Whether sshd is installed. If not, nothing else is returned.
  type: bool
  returned: success
  sample: true
version:
  description: The version of OpenSSH.
  type: str
  returned: where sshd is installed
  sample: OpenSSH_9.2
connection:
  description: The connection that sshd was asked about, as C(sshd -T -C) takes it.
  type: str
  returned: where sshd is installed
  sample: user=deploy,host=192.0.2.7,addr=192.0.2.7
effective:
  description: All keywords and values that C(sshd -T) prints; a list where a keyword has several.
  type: dict
  returned: where sshd is installed
  sample: {passwordauthentication: "no", port: "22"}
decided_by:
  description: The directives that are in force for the connection. Keywords that no file names have their default.
  type: list
  elements: dict
  returned: where sshd is installed
  sample:
    - keyword: PasswordAuthentication
      value: "no"
      file: /etc/ssh/sshd_config.d/00-pyhost-baseline.conf
      line: 8
      criteria: ""
shadowed:
  description: The directives that apply to the connection and lose to others.
  type: list
  elements: dict
  returned: where sshd is installed
  sample:
    - keyword: PasswordAuthentication
      value: "yes"
      file: /etc/ssh/sshd_config.d/50-cloud-init.conf
      line: 1
      criteria: ""
files:
  description: The files that sshd reads.
  type: list
  elements: str
  returned: where sshd is installed
  sample: [/etc/ssh/sshd_config]
listen:
  description: The addresses and ports on which sshd listens by its files.
  type: list
  elements: dict
  returned: where sshd is installed
  sample:
    - address: 0.0.0.0
      port: 22
ports:
  description: The ports of RV(listen).
  type: list
  elements: int
  returned: where sshd is installed
  sample: [22]
unit:
  description: The service of sshd, a unit of systemd or a service of FreeBSD's rc(8), empty without both.
  type: str
  returned: where sshd is installed
  sample: ssh.service
socket:
  description: The socket unit that is active for sshd, empty where there is none.
  type: str
  returned: where sshd is installed
  sample: ""
running:
  description: Whether the master process runs. Behind a socket unit it runs only after the first connection.
  type: bool
  returned: where sshd is installed
  sample: true
stale:
  description: Whether the files changed after sshd last read them.
  type: bool
  returned: where sshd is installed
  sample: false
host_keys:
  description:
    - The host keys that sshd loads. C(offered) is false where C(HostKeyAlgorithms) keeps one from being shown.
  type: list
  elements: dict
  returned: where sshd is installed
  sample:
    - path: /etc/ssh/ssh_host_ed25519_key
      type: ssh-ed25519
      bits: 256
      offered: true
      fingerprint: SHA256:uEYLPF1ZKhKvDVJyGmTMLWgUyjY7HoyHoHcYPLdzzF4
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
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.info import gather

CONNECTION = {
    "user": {"type": "str"},
    "address": {"type": "str"},
    "host": {"type": "str"},
    "local_address": {"type": "str"},
    "local_port": {"type": "int"},
}
ARGUMENTS = {
    "connection": {"type": "dict", "default": {}, "options": CONNECTION},
    "path": {"type": "path", "default": "/etc/ssh/sshd_config"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    requested = {name: None for name in CONNECTION}
    requested.update(module.params["connection"] or {})
    try:
        require_plain(module.params)
        result = gather(Host(module), main=module.params["path"], requested=requested)
    except BaselineError as error:
        module.fail_json(**error.as_result())
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
