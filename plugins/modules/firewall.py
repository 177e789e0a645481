#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Close a host but for the ports that are allowed, without a lockout
version_added: 0.1.0
description:
  - Ensures that a host lets in what O(allow) names and connections to sshd, and nothing else. Both families of IP have
    the same rules.
  - Loopback, answers, ICMP errors with path MTU, neighbour and router discovery, and the answers of DHCP servers are
    always let in. A list in O(outgoing) always includes ICMP, DHCP, DNS and NTP.
  - The rules go to firewalld where it runs, to ufw where it is enabled, and else to one table of nftables,
    C(inet pyhost_baseline). The module replaces that table in one transaction, and changes no other one. A unit of
    systemd loads it at boot before the network, and a drop-in of C(nftables.service) loads it again after that unit
    has flushed all rules.
  - All errors are reported at once, and with an error nothing is changed. Errors are rules that shut out the connection
    by which the run came in, a port on which something public listens and which neither O(allow) nor O(close) names, an
    interface that the host does not have, several managers of the packet filter, and a foreign chain that drops what
    O(allow) lets in.
  - The rules are compared with those of the kernel. Rules that another program has flushed are a difference.
  - If anything fails on the way, files and rules are restored. Over an SSH connection, a change must be confirmed by a
    new login, else the host restores them by itself (O(confirm)).
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts can be executed on the controller.
    support: full
    details: The action plugin makes the new login of O(confirm), and tries ports from outside.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
options:
  allow:
    description:
      - What is let in. An entry is the name of a service as in F(/etc/services), or a mapping with these keys.
      - C(service) is the name of a service; C(port) is a port, a range like V(8000-8010) or a list of these. An entry
        has one of both.
      - C(proto) is V(tcp), V(udp) or a list of both. A port without it is one of TCP.
      - C(from) is a list of addresses and networks of both families. Without it anyone is let in.
      - C(interface) is the interface by which packets come in, and C(comment) a text for the rule.
    type: list
    elements: raw
    default: []
  close:
    description:
      - Ports that may be closed although something listens there, as in O(allow), with the keys C(service), C(port) and
        C(proto) alone.
    type: list
    elements: raw
    default: []
  ssh_from:
    description:
      - Addresses and networks from which connections to sshd are let in. Without it, anyone.
      - The ports are those on which sshd listens, and those in its files.
    type: list
    elements: str
  ssh_rate_limit:
    description:
      - New connections of one source to sshd, such as V(10/minute). The units are V(second), V(minute), V(hour) and
        V(day). A source is an address, over IPv6 a network of 64 bits.
      - ufw has a limit of its own, which is used instead. firewalld has none.
    type: str
  incoming:
    description: What happens to other incoming packets.
    type: str
    choices: [deny, allow]
    default: deny
  outgoing:
    description:
      - V(allow), V(deny), or a list as in O(allow), with C(to) instead of C(from).
    type: raw
    default: allow
  icmp:
    description: Whether the host answers to ping, up to 50 times a second.
    type: bool
    default: true
  log:
    description: Whether packets that are dropped are logged, up to 10 in a minute.
    type: bool
    default: true
  containers:
    description:
      - V(leave) leaves forwarded packets alone. The published ports of containers are reachable then, whatever O(allow)
        says; they are in RV(exposed).
      - V(filter) lets in only those that O(allow) names.
    type: str
    choices: [leave, filter]
    default: leave
  confirm:
    description:
      - Whether a change over an SSH connection must be confirmed by a new login from the controller.
      - Before the change, the user of the connection logs in anew and becomes root. If that fails, nothing is changed.
      - After the change, the same login confirms it. If it fails, the controller dies or the network is cut, the host
        restores the earlier files and rules by itself after O(confirm_timeout) seconds or, if it is switched off
        meanwhile, at its next boot.
      - A change over a connection other than SSH is checked on the host only, as RV(confirmed_by) says.
    type: bool
    default: true
  confirm_timeout:
    description:
      - The seconds after which the host rolls back a change that is not confirmed. They start right before it.
    type: int
    default: 45
seealso:
  - module: pyhost.baseline.firewall_info
"""

EXAMPLES = r"""
- name: Close everything but sshd and a web server
  pyhost.baseline.firewall:
    allow: [http, https]

- name: Show what that would change
  pyhost.baseline.firewall:
    allow: [http, https]
  check_mode: true
  diff: true

- name: Let a network reach the database, and the office reach sshd
  pyhost.baseline.firewall:
    allow:
      - service: postgresql
        from: [198.51.100.0/24, "2001:db8:1::/48"]
        comment: application servers
    ssh_from: [203.0.113.7]
    ssh_rate_limit: 10/minute

- name: Close a port on which something listens
  pyhost.baseline.firewall:
    close: [{port: 111, proto: [tcp, udp]}]
"""

RETURN = r"""
backend:
  description: What has the rules, V(nftables), V(firewalld) or V(ufw).
  returned: success
  type: str
  sample: nftables
ssh_ports:
  description: The ports of sshd, which are let in.
  returned: success
  type: list
  elements: int
  sample: [22]
exposed:
  description: Published ports of containers that anyone reaches in spite of the policy.
  returned: success
  type: list
  elements: str
  sample: ["8080/tcp to 172.17.0.2:80"]
confirmed_by:
  description:
    - How the change was confirmed. Its C(method) is V(login), V(checks) (no SSH connection) or V(none), with the
      C(reason) of the latter two. Its C(sudo) is false if sudo asked for a password that the play does not have.
  type: dict
  returned: when changed, and not in check mode
  sample: {method: login, user: deploy, port: 22, sudo: true, seconds: 1.4}
seen_from_outside:
  description:
    - What this controller saw of the host after the change, by connections to its address. Ports that are let in and on
      which something listens are C(open), C(unanswered) if they did not answer within 3 seconds. Another one is not
      let in. It is C(closed) if it did not answer either, and in C(refused) if the host refused the connection, which a
      port that the rules close does not. C(skipped) says why no port was tried. A port that is in C(unanswered) or
      C(refused) is a warning.
  type: dict
  returned: when a login has confirmed the change
  sample: {open: [22, 80], unanswered: [], closed: [61000], refused: [], skipped: ""}
rolled_back:
  description:
    - Whether the host rolled the change back, as its own record says. Null if that record could not be read in time; it
      is C(rollback-firewall.record) in C(/var/lib/pyhost.baseline).
  type: bool
  returned: when the change was applied and could not be confirmed
  sample: true
listeners:
  description: What listens on ports that would be closed.
  returned: on failure, where the firewall would close ports on which something listens
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
    program:
      description: The path of its program.
      type: str
  sample:
    - {protocol: tcp, address: 0.0.0.0, port: 8080, pid: 812, program: /usr/bin/python3.11}
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

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.confirmed_module import ConfirmedModule
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS


def main() -> None:
    module = ConfirmedModule(argument_spec=ARGUMENTS["firewall"], supports_check_mode=True)
    module.ensure("firewall", module.phase_argument)


if __name__ == "__main__":
    main()
