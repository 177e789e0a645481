#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_info
short_description: Tell what fail2ban sees, counts and bans
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Asks the running fail2ban server what each jail reads, counts and bans, and looks whether its source has entries
    and its bans are in the packet filter.
  - Warns of a jail that can see nothing or cannot bite. Jails with the filter C(sshd) are also held against what sshd
    has told the journal of late, its ports and its C(LogLevel).
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.info_module
options: {}
seealso:
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Ask fail2ban
  pyhost.baseline.fail2ban_info:
  register: fail2ban

- name: Stop where a jail is blind or toothless
  ansible.builtin.assert:
    that: fail2ban.warnings_found | length == 0
    fail_msg: "{{ fail2ban.warnings_found | join('; ') }}"
"""

RETURN = r"""
installed:
  description: Whether fail2ban is installed.
  returned: success
  type: bool
  sample: true
running:
  description: Whether its server answers.
  returned: success
  type: bool
  sample: true
version:
  description: The version of the running server.
  returned: success
  type: str
  sample: 1.1.0
database:
  description: The file that keeps bans over a restart, and its size in bytes; none where bans are not kept.
  returned: success
  type: dict
  sample: {path: /var/lib/fail2ban/fail2ban.sqlite3, size: 73728}
jails:
  description: The jails that run, by name.
  returned: success
  type: dict
  contains:
    source:
      description: V(journal) or V(files).
      type: str
    journalmatch:
      description: What it selects from the journal.
      type: list
      elements: str
    logpath:
      description: The files that it reads.
      type: list
      elements: str
    has_entries:
      description: Whether there is anything in its source.
      type: bool
    last_entry:
      description: >-
        The host's local time of the newest entry, or when one of its files was written last; none without an entry.
      type: str
    filter:
      description: The name of its filter.
      type: str
    maxretry:
      description: Failures that lead to a ban.
      type: int
    findtime:
      description: Seconds within which they count.
      type: int
    bantime:
      description: Seconds that a ban lasts; V(-1) is for ever.
      type: int
    ignoreip:
      description: Addresses and networks that are never banned.
      type: list
      elements: str
    usedns:
      description: Whether it looks names up that it finds in its log, as jail.conf(5) has it; V(no) does not.
      type: str
    actions:
      description: The actions of a ban.
      type: list
      elements: str
    ports:
      description: The ports on which the actions ban, as they have them; none for those that ban on all ports.
      type: list
      elements: str
    failures:
      description: Addresses that have failed of late and are not banned.
      type: int
    failures_total:
      description: Failures since the jail started.
      type: int
    banned:
      description: Addresses that are banned.
      type: int
    banned_total:
      description: Bans since the jail started.
      type: int
    bans:
      description: Each ban with C(address), C(since), C(bantime) and C(remaining) seconds (none where it has no end).
      type: list
      elements: dict
  sample:
    sshd:
      source: journal
      journalmatch: [SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog]
      logpath: []
      has_entries: true
      last_entry: "2026-11-22 10:04:39"
      filter: sshd
      maxretry: 5
      findtime: 600
      bantime: 600
      ignoreip: [198.51.100.7]
      usedns: "no"
      actions: [nftables]
      ports: ["22"]
      failures: 0
      failures_total: 7
      banned: 1
      banned_total: 1
      bans:
        - address: 192.0.2.9
          since: "2026-11-22 10:00:00"
          bantime: 600
          remaining: 321
warnings_found:
  description: Why jails see nothing or do not bite; the same sentences are shown as warnings.
  returned: success
  type: list
  elements: str
  sample: ["the jail sshd cannot bite: it bans with iptables-multiport, but there is no iptables on this host"]
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
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.info import look


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        report = look(Host(module))
    except BaselineError as error:
        module.fail_json(**error.as_result())
    found = report.pop("warnings")
    for warning in found:
        module.warn(warning)
    module.exit_json(changed=False, warnings_found=found, **report)


if __name__ == "__main__":
    main()
