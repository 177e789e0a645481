#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_ban
short_description: Ban or unban addresses in fail2ban's jails, seen at the packet filter
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Bans addresses in jails of the running fail2ban server, or takes their bans back, for those who react to an alert.
  - Asks the server and the packet filter first and changes only what differs. Then it asks both again, as fail2ban
    counts a ban even where its command failed. A ban that does not appear in the packet filter is taken back, and the
    module fails with fail2ban's last words.
  - A ban that the server holds and the packet filter has lost, and an entry of a jail's own set or chain that the
    server has forgotten, are mended by starting that jail anew; its other bans come back from fail2ban's database.
extends_documentation_fragment:
  - pyhost.baseline.attributes
options:
  address:
    description:
      - IPv4 or IPv6 addresses, or networks such as V(198.51.100.0/24). Names of hosts are refused; fail2ban itself
        would count a ban of any word.
      - Networks can be banned where the jail's action can, as those with C(iptables) do. fail2ban's action C(nftables)
        keeps single addresses only, which is told before anything changes.
      - With O(state=unbanned), a network stands for every ban that lies in it.
    type: list
    elements: str
    required: true
    aliases: [addresses, ip]
  jails:
    description: The jails. All that run, unless given.
    type: list
    elements: str
    default: []
    aliases: [jail]
  state:
    description:
      - With V(banned), the packet filter refuses the addresses for the jail's C(bantime). A ban that is already there
        is left as it is, its end too.
      - With V(unbanned), it no longer does.
    type: str
    choices: [banned, unbanned]
    default: banned
  force:
    description:
      - Whether to ban an address of the jail's C(ignoreip), this host's loopback, or the address that Ansible comes
        from, and a network that holds one of them. Without it they are refused, while fail2ban itself bans them with a
        warning in its log ("User knows best").
      - Names of hosts in C(ignoreip) are not resolved.
    type: bool
    default: false
notes:
  - The ban lasts as long as the jail's C(bantime) says, and is kept over a restart as all bans are.
  - Jails of fail2ban such as C(recidive) count bans of other jails, also those by hand.
seealso:
  - module: pyhost.baseline.fail2ban_info
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Cut an attacker off in every jail
  pyhost.baseline.fail2ban_ban:
    address: 192.0.2.7

- name: Cut several off from SSH only
  pyhost.baseline.fail2ban_ban:
    address: [192.0.2.7, "2001:db8::7"]
    jails: [sshd]

- name: Let a customer in again, wherever the ban stands
  pyhost.baseline.fail2ban_ban:
    address: 198.51.100.23
    state: unbanned

- name: Take back all bans of an office
  pyhost.baseline.fail2ban_ban:
    address: 198.51.100.0/24
    state: unbanned
"""

RETURN = r"""
jails:
  description: By jail, what is in force (held by the server and refused by the packet filter) of the addresses named.
  returned: success
  type: dict
  contains:
    before:
      description: What was in force.
      type: list
      elements: str
    after:
      description: What is in force; in check mode, what would be.
      type: list
      elements: str
    restarted:
      description: Whether the jail was started anew, as server and packet filter did not agree.
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
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import Request, addresses
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ban import Outcome, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain


def _result(outcome: Outcome) -> dict[str, t.Any]:
    plans = outcome.plans.items()
    texts = ("".join(f"{name}: {address}\n" for name, plan in plans for address in side(plan)) for side in _SIDES)
    before, after = texts
    return {
        "changed": outcome.changed,
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
        request = Request(
            addresses(options["address"]), options["state"] == "banned", tuple(options["jails"]), options["force"]
        )
        with host.lock("fail2ban"):
            outcome = ensure(host, request)
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**_result(outcome))


if __name__ == "__main__":
    main()
