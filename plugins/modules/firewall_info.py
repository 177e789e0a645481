#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_info
short_description: Report which ports of a host are open, and for whom
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Reads the rules in force from the kernel, and from firewalld or ufw where they manage them, and compares them with
    what listens on the host.
  - Lists the published ports of containers too. They are forwarded, so the rules for incoming packets do not apply.
  - Requires root and systemd, and never changes the host.
  - Bans, such as those of fail2ban, are not part of the report.
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.info_module
seealso:
  - module: pyhost.baseline.firewall
"""

EXAMPLES = r"""
- name: Read the state of the firewall
  pyhost.baseline.firewall_info:
  register: firewall

- name: Fail if anyone reaches a database
  ansible.builtin.assert:
    that: >-
      firewall.listeners | selectattr('port', 'in', [3306, 5432, 6379])
      | selectattr('reachable', 'ne', 'nobody') | length == 0
"""

RETURN = r"""
backend:
  description: What the module M(pyhost.baseline.firewall) gives its rules to, V(nftables), V(firewalld) or V(ufw).
  returned: success
  type: str
  sample: nftables
managers:
  description: The active services that manage the packet filter, by the names of their units.
  returned: success
  type: list
  elements: str
  sample: []
own_table:
  description: The table of nftables of the module M(pyhost.baseline.firewall).
  returned: success
  type: dict
  contains:
    loaded:
      description: Whether the kernel has it.
      type: bool
    problem:
      description: How it differs from its file, an empty text if it does not, or if there is no file.
      type: str
    at_boot:
      description: Whether the next boot loads it.
      type: bool
  sample: {loaded: true, problem: "", at_boot: true}
ssh_ports:
  description: The ports of sshd that others can reach, by the kernel's tables and by its files.
  returned: success
  type: list
  elements: int
  sample: [22]
closed_by:
  description: >-
    The firewalls that drop what their rules do not let in. A packet has to be let in by each of them. Empty on a host
    that is open.
  returned: success
  type: list
  elements: str
  sample: [the chain input of the table inet pyhost_baseline]
open:
  description: The ports that these firewalls let in.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
    ports:
      description: A port or a range.
      type: str
    from:
      description: The sources. Empty for anyone.
      type: list
      elements: str
    interface:
      description: The interface by which the packets come in, empty for any.
      type: str
    conditional:
      description: Whether the rule has other conditions too.
      type: bool
    by:
      description: The firewall, as in RV(closed_by).
      type: str
  sample:
    - protocol: tcp
      ports: "443"
      from: []
      interface: ""
      conditional: false
      by: the chain input of the table inet pyhost_baseline
listeners:
  description: What listens on addresses that others can reach.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
    address:
      description: The address.
      type: str
    port:
      description: The port.
      type: int
    pid:
      description: The process, V(0) where it is not known.
      type: int
    uid:
      description: The user of the socket.
      type: int
    program:
      description: The path of its program.
      type: str
    reachable:
      description: >-
        Who reaches it from outside by the rules, V(anyone), V(some) (some sources, interfaces or conditions),
        V(nobody), or V(unknown) where rules cannot be judged.
      type: str
  sample:
    - protocol: tcp
      address: 0.0.0.0
      port: 443
      pid: 812
      uid: 0
      program: /usr/sbin/nginx
      reachable: anyone
published:
  description: The published ports of containers.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
    ports:
      description: A port or a range of the host.
      type: str
    host:
      description: The address of the host, empty for all.
      type: str
    target:
      description: The address and the port of the container.
      type: str
    reachable:
      description: As for RV(listeners), by our table alone. Rules of the container engine are not judged.
      type: str
  sample:
    - {protocol: tcp, ports: "8080", host: "", target: "172.17.0.2:80", reachable: anyone}
warnings_found:
  description: What is wrong. The same sentences are shown as warnings.
  returned: success
  type: list
  elements: str
  sample: ["no firewall closes this host: each port on which something listens is reachable"]
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
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.info import gather


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        report = gather(Host(module))
    except BaselineError as error:
        module.fail_json(**error.as_result())
    found = report.pop("warnings")
    for warning in found:
        module.warn(warning)
    module.exit_json(changed=False, warnings_found=found, **report)


if __name__ == "__main__":
    main()
