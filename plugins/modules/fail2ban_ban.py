#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_ban
short_description: Ban or unban addresses in the jails of fail2ban, verified at the packet filter
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Bans addresses in jails of the running fail2ban server, or ends their bans, for example after an alert.
  - Reads the server and the packet filter first and changes only what differs. Then reads both again, because fail2ban
    counts a ban even if its command failed. If a ban does not appear in the packet filter, the module removes it and
    fails with the errors that fail2ban has logged.
  - If the packet filter lacks a ban of the server, or has an entry in a set or chain of the jail that is not a ban of
    the server, the module restarts that jail. fail2ban restores its other bans from its database.
extends_documentation_fragment:
  - pyhost.baseline.attributes
options:
  address:
    description:
      - IPv4 or IPv6 addresses, or networks such as V(198.51.100.0/24). Host names are an error. fail2ban itself would
        count a ban of any word.
      - Networks can be banned if the action of the jail supports them, as those with C(iptables) do. The action
        C(nftables) supports single addresses only, which is an error before anything changes.
      - With O(state=unbanned), a network stands for every ban of a part of it.
    type: list
    elements: str
    required: true
    aliases: [addresses, ip]
  jails:
    description: The jails. By default all running jails.
    type: list
    elements: str
    default: []
    aliases: [jail]
  state:
    description:
      - With V(banned), the packet filter refuses the addresses for the C(bantime) of the jail. An existing ban is not
        changed and ends when it would have ended.
      - With V(unbanned), the packet filter no longer refuses them.
    type: str
    choices: [banned, unbanned]
    default: banned
  force:
    description:
      - Whether to ban an address in the C(ignoreip) of the jail, the loopback of this host, or the address that Ansible
        connects from, or a network that contains one of them. Without it they are an error, while fail2ban itself bans
        them with a warning in its log ("User knows best").
      - Host names in C(ignoreip) are not resolved.
    type: bool
    default: false
notes:
  - The ban lasts for the C(bantime) of the jail, and survives a restart as all bans do.
  - Jails such as C(recidive) count bans of other jails, including manual ones.
seealso:
  - module: pyhost.baseline.fail2ban_info
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Ban an attacker in every jail
  pyhost.baseline.fail2ban_ban:
    address: 192.0.2.7

- name: Ban several addresses from SSH only
  pyhost.baseline.fail2ban_ban:
    address: [192.0.2.7, "2001:db8::7"]
    jails: [sshd]

- name: Unban a customer in every jail
  pyhost.baseline.fail2ban_ban:
    address: 198.51.100.23
    state: unbanned

- name: End all bans in the network of an office
  pyhost.baseline.fail2ban_ban:
    address: 198.51.100.0/24
    state: unbanned
"""

RETURN = r"""
jails:
  description: By jail, which of the addresses are in force (banned by the server and refused by the packet filter).
  returned: success
  type: dict
  contains:
    before:
      description: The addresses that were in force.
      type: list
      elements: str
    after:
      description: The addresses that are in force. In check mode, those that would be.
      type: list
      elements: str
    restarted:
      description: Whether the jail was restarted because the server and the packet filter disagreed.
      type: bool
  sample:
    sshd:
      before: []
      after: [192.0.2.7]
      restarted: false
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import BanRequest, addresses
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ban import BanResult, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain


def _returned(result: BanResult) -> dict[str, t.Any]:
    plans = result.plans.items()
    texts = ("".join(f"{name}: {address}\n" for name, plan in plans for address in side(plan)) for side in _SIDES)
    before, after = texts
    return {
        "changed": result.changed,
        "jails": {
            name: {"before": list(plan.before), "after": list(plan.after), "restarted": plan.restart}
            for name, plan in plans
        },
        "diff": {"before_header": "bans in force", "after_header": "bans in force", "before": before, "after": after},
    }


_SIDES = (lambda plan: plan.before, lambda plan: plan.after)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "list", "elements": "str", "required": True, "aliases": ["addresses", "ip"]},
            "jails": {"type": "list", "elements": "str", "default": [], "aliases": ["jail"]},
            "state": {"type": "str", "choices": ["banned", "unbanned"], "default": "banned"},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    options = module.params
    try:
        require_plain(options)
        request = BanRequest(
            addresses(options["address"]), options["state"] == "banned", tuple(options["jails"]), options["force"]
        )
        with host.lock("fail2ban"):
            result = ensure(host, request)
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(**_returned(result))


if __name__ == "__main__":
    main()
