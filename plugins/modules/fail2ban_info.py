#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_info
short_description: Report the jails and bans of fail2ban
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Reads from the running fail2ban server what each jail reads, counts and bans, and checks whether its log source has
    entries and its bans are in the packet filter.
  - Warns about a jail with no log source or no working ban action. Jails with the filter C(sshd) are also compared with
    recent entries of sshd in the journal, its ports and its C(LogLevel).
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.info_module
options:
  prove:
    description:
      - Have sshd refuse a login over loopback, as a user who does not exist, and report whether the jails with the
        filter C(sshd) count it. The login appears in the log of the host. A ban that it leads to is removed.
    type: bool
    default: false
seealso:
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Read the state of fail2ban
  pyhost.baseline.fail2ban_info:
  register: fail2ban

- name: Find out whether a failed login at sshd is counted
  pyhost.baseline.fail2ban_info:
    prove: true
  register: fail2ban

- name: Fail if a jail has no log source or no working ban action
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
  description: The file that keeps bans over a restart. None if bans are not kept.
  returned: success
  type: dict
  contains:
    path:
      description: Its path.
      type: str
    size:
      description: Its size in bytes.
      type: int
    problem:
      description: What is wrong with it (it is corrupt, or was removed). None if it is intact.
      type: str
  sample: {path: /var/lib/fail2ban/fail2ban.sqlite3, size: 73728, problem: null}
jails:
  description: The running jails by name.
  returned: success
  type: dict
  contains:
    source:
      description: V(journal) or V(files).
      type: str
    journalmatch:
      description: The journal match.
      type: list
      elements: str
    logpath:
      description: The log files.
      type: list
      elements: str
    has_entries:
      description: Whether the log source has entries.
      type: bool
    last_entry:
      description: >-
        The local time of the host of the newest entry, or of the last write to one of the files. None without an entry.
      type: str
    filter:
      description: The name of its filter.
      type: str
    maxretry:
      description: Number of failures that lead to a ban.
      type: int
    findtime:
      description: Seconds within which they count.
      type: int
    bantime:
      description: Seconds that a ban lasts. V(-1) is a permanent ban.
      type: int
    ignoreip:
      description: Addresses and networks that are never banned.
      type: list
      elements: str
    usedns:
      description: Whether fail2ban resolves names that appear in the log, as in jail.conf(5). With V(no) it does not.
      type: str
    actions:
      description: The actions of a ban.
      type: list
      elements: str
    ports:
      description: The ports on which the actions ban, as written in the actions. Empty for actions on all ports.
      type: list
      elements: str
    counts:
      description: >-
        Whether the jail counts a refused login at sshd. None without O(prove), for jails with another filter, and where
        it is not known.
      type: bool
    failures:
      description: Number of addresses with recent failures that are not banned.
      type: int
    failures_total:
      description: Number of failures since the jail started.
      type: int
    banned:
      description: Number of banned addresses.
      type: int
    banned_total:
      description: Number of bans since the jail started.
      type: int
    bans:
      description: Each ban with C(address), C(since), C(bantime) and C(remaining) seconds (none for a permanent ban).
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
      actions: [pyhost-nftables]
      ports: ["22"]
      counts: true
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
  description: Why jails have no log source or no effect. The same sentences are shown as warnings.
  returned: success
  type: list
  elements: str
  sample:
    - "bans of the jail sshd do not take effect: the packet filter lacks its bans of 192.0.2.77"
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
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.info import gather


def main() -> None:
    module = AnsibleModule(argument_spec={"prove": {"type": "bool", "default": False}}, supports_check_mode=True)
    try:
        report = gather(Host(module), prove=module.params["prove"])
    except BaselineError as error:
        module.fail_json(**error.as_result())
    found = report.pop("warnings")
    for warning in found:
        module.warn(warning)
    module.exit_json(changed=False, warnings_found=found, **report)


if __name__ == "__main__":
    main()
