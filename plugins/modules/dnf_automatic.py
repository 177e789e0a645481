#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dnf_automatic
short_description: Set the policy of dnf-automatic and verify that it is in force
version_added: 0.1.0
description:
  - Sets which updates a host of the RHEL family or Fedora installs automatically, when, and whether it reboots.
  - Works with C(dnf-automatic) of dnf 4 and with C(dnf5-plugin-automatic) of dnf 5, whichever the host has.
  - Sets its keys in C(/etc/dnf/automatic.conf) and keeps the others. The file is read back as dnf-automatic reads it,
    because dnf ignores an unknown key or value without an error. With dnf 4 its own parser reads it; dnf 5 has no such
    command, so the vendor's file and the host's are composed as it does.
  - The timer that follows the file is enabled and started. The timers C(dnf-automatic-install), C(-download) and
    C(-notifyonly) of dnf 4, which override the file, are disabled.
  - Fails if O(upgrade_type=security) would never install anything from a base repository of the distribution (BaseOS,
    AppStream, Fedora's updates), because it publishes no advisories, as on CentOS Stream. The advisories of other
    repositories, such as EPEL, do not make up for that.
  - Warns if metadata or the last success are older than O(max_age), and if the last run failed.
author:
  - The pyhost.baseline team (@pyhost)
requirements:
  - dnf-automatic (dnf 4) or dnf5-plugin-automatic (dnf 5) on the host
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
options:
  enabled:
    description: Whether the timer runs. V(false) disables it, and still sets the configuration.
    type: bool
    default: true
  upgrade_type:
    description:
      - Which packages are upgraded, all (V(default)) or those that a security advisory names (V(security)).
      - V(distribution) is V(security) if each base repository of the host publishes advisories, and V(default) if one
        does not, because security upgrades would install nothing from there.
    type: str
    choices: [distribution, security, default, distro-sync]
    default: distribution
  apply_updates:
    description: Whether updates are installed, not only downloaded or reported.
    type: bool
    default: true
  download_updates:
    description: Whether updates are downloaded. Applying them implies it.
    type: bool
    default: true
  reboot:
    description: When the host reboots after upgrades. A dnf-automatic that cannot reboot accepts only V(never).
    type: str
    choices: [never, when-changed, when-needed]
    default: never
  reboot_command:
    description: The shell command of the reboot. Not changed by default.
    type: str
  exclude:
    description: Packages (with wildcards) that are not upgraded automatically.
    type: list
    elements: str
    default: []
  blocklist:
    description:
      - The same in the form of M(pyhost.baseline.unattended_upgrades), as regular expressions that match from the start
        of the name. V(kernel) matches all names that start with it, V(kernel$) only that name. An expression that dnf's
        wildcards cannot express is an error.
    type: list
    elements: str
    default: []
  emit_via:
    description: How results are reported. An empty list reports nothing.
    type: list
    elements: str
    choices: [stdio, motd, email, command_email, command]
    default: [stdio]
  email_to:
    description: The recipients of the emitters V(email) and V(command_email). Not changed by default.
    type: list
    elements: str
  email_from:
    description: The sender. Not changed by default.
    type: str
  email_host:
    description: The SMTP server of the emitter V(email). Not changed by default.
    type: str
  calendar:
    description: When the timer fires, as in systemd.time(7). The default is the unit's own time (06:00).
    type: str
  random_delay:
    description: The maximum random delay of the start, as in systemd.time(7), for example V(30m).
    type: str
  max_age:
    description:
      - Hours after which a warning says that the metadata of an enabled repository were not fetched, or that
        dnf-automatic did not succeed. The last success is that of its service, as systemd and the journal have it.
      - Give more than the timer's own interval. A host that was set up or got its policy within that time is not
        reported; nor is one that keeps no journal, within that time after its boot.
    type: int
    default: 192
seealso:
  - module: pyhost.baseline.unattended_upgrades
    description: The same for the Debian family.
"""

EXAMPLES = r"""
- name: Install security updates every night
  pyhost.baseline.dnf_automatic:
    upgrade_type: security
    calendar: "*-*-* 04:00"
    random_delay: 30m

- name: Install all updates but the kernel, and reboot if needed
  pyhost.baseline.dnf_automatic:
    upgrade_type: default
    reboot: when-needed
    exclude: ["kernel*"]

- name: Send a mail through the local sendmail
  pyhost.baseline.dnf_automatic:
    emit_via: [command_email]
    email_to: [ops@example.com]
"""

RETURN = r"""
path:
  description: The file that has the settings.
  returned: success
  type: str
  sample: /etc/dnf/automatic.conf
version:
  description: The version of dnf.
  returned: success
  type: str
  sample: dnf 4.14.0
effective:
  description: The configuration as dnf-automatic reads it, by section and key.
  returned: success
  type: dict
  sample: {commands: {apply_updates: "yes", reboot: never, upgrade_type: security}}
timer:
  description: The timer that starts it, as systemd has it.
  returned: success
  type: dict
  sample: {name: dnf-automatic.timer, enabled: true, active: true, next: "Mon 2026-11-23 06:31:20 UTC"}
disabled_timers:
  description: The timers that overrode the file and were disabled by this run.
  returned: success
  type: list
  elements: str
  sample: [dnf-automatic-install.timer]
metadata_age:
  description: Hours since the oldest metadata of an enabled repository were fetched. Null if this is not known.
  returned: success
  type: int
  sample: 7
success_age:
  description: Hours since dnf-automatic succeeded. Null if this is not known.
  returned: success
  type: int
  sample: 7
advisories:
  description: For each enabled repository, whether it publishes advisories.
  returned: when security upgrades are requested, or those of the distribution
  type: dict
  sample: {appstream: true, baseos: true, epel: true}
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

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS


def main() -> None:
    CodeModule(argument_spec=ARGUMENTS["dnf_automatic"], supports_check_mode=True).ensure("dnf_automatic")


if __name__ == "__main__":
    main()
