#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: unattended_upgrades
short_description: Set the whole policy of unattended-upgrades and verify that it is in force
version_added: 0.1.0
description:
  - Sets which updates a host of the Debian family installs automatically, when, and whether it reboots.
  - Writes one file, C(/etc/apt/apt.conf.d/90pyhost-unattended-upgrades), that sorts after the distribution's
    C(20auto-upgrades) and C(50unattended-upgrades) and clears each list before it fills it, so that the lists hold
    exactly what is given here. The legacy C(Allowed-Origins) is emptied, because it would allow more than O(origins).
  - The new file is checked inside a copy of C(/etc/apt/apt.conf.d) with C(apt-config dump), in check mode too. If a
    file that is read later overrides the policy, the module fails and names file and line.
  - Each origin must match an archive that apt is configured for. If one matches none, it would never install anything;
    the module fails and names the archives. Missing package lists are fetched first.
  - The priorities of the archives (C(apt-cache policy)) must let apt upgrade from each origin. The module fails and
    names file and line if all archives of an origin have a priority below 100 (a pin, or an archive that is
    C(NotAutomatic)), or if apt prefers another archive of the same release to an allowed one, as with
    C(APT::Default-Release "trixie"). If pins by name allow some packages, it warns.
  - Before a change is written, C(unattended-upgrade --dry-run) must succeed and report that it allows the requested
    origins. In a run that changes nothing, unattended-upgrade must be able to start, and the packages must be in a
    state in which it works (C(apt-get check)).
  - Warns if package lists or the last successful upgrade are older than O(max_age).
  - The timers that start the work are enabled, unmasked and started. The module fails if they would not fire.
  - An option that has a default is part of the policy also when it is not given.
author:
  - The pyhost.baseline team (@pyhost)
requirements:
  - unattended-upgrades (package) on the host
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
attributes:
  check_mode:
    details: >-
      The new file is checked completely. If the package is not installed yet or package lists are missing, a warning
      names what could not be verified.
options:
  state:
    description:
      - V(present) brings the policy into force.
      - V(absent) removes the module's file and timer settings, so that the distribution's policy applies again.
    type: str
    choices: [present, absent]
    default: present
  origins:
    description:
      - What may be upgraded, as presets or patterns.
      - V(distribution) is what the distribution's own C(50unattended-upgrades) allows. On Debian it is V(security) and
        V(stable), because a security update may need a new package from the release. On Ubuntu it is these, and ESM
        where the host is attached to a subscription.
      - The other presets are V(security), V(stable) (point releases of Debian, the release pocket of Ubuntu),
        V(updates) (also called V(stable-updates)), V(proposed), V(backports), V(all) (everything that apt is configured
        for), and on Ubuntu V(esm-apps) and V(esm-infra).
      - A pattern is a comma-separated list of C(key=value) that must all match; C(*) and C(?) are wildcards. The keys
        are C(origin), C(label), C(archive) (or C(suite)), C(codename), C(component) and C(site); the macros are
        C(${distro_id}) and C(${distro_codename}). A literal comma is written C(\,).
      - An empty list turns upgrades off.
    type: list
    elements: str
    default: [distribution]
  blocklist:
    description:
      - Packages that are never upgraded, as Python regular expressions that match from the start of the name.
      - V(linux-) matches every package whose name starts so; end with C($) to match one name.
    type: list
    elements: str
    default: []
  allowlist:
    description: If it is not empty, only packages that match one of these Python regular expressions are upgraded.
    type: list
    elements: str
    default: []
  days:
    description: Days of the week on which upgrades may be installed. Every day where it is empty.
    type: list
    elements: str
    choices: [Mon, Tue, Wed, Thu, Fri, Sat, Sun]
    default: []
  reboot:
    description:
      - V(never) does not reboot the host.
      - V(when_required) reboots at O(reboot_time) when an upgrade left C(/var/run/reboot-required).
    type: str
    choices: [never, when_required]
    default: never
  reboot_time:
    description: V(now) (right after the upgrade) or a time of day as C(HH:MM), quoted in YAML.
    type: str
    default: now
  reboot_with_users:
    description: Whether a required reboot also happens while users are logged in.
    type: bool
    default: true
  update_lists_interval:
    description: Days between two updates of the package lists; V(0) is never.
    type: int
    default: 1
  upgrade_interval:
    description: Days between two runs of unattended-upgrade; V(0) is never.
    type: int
    default: 1
  max_age:
    description:
      - Hours after which a warning says that the package lists were not fetched, or that unattended-upgrade did not
        succeed. The days by which the intervals exceed one are added.
      - A new host counts from its first boot or from the installation of the policy.
    type: int
    default: 192
  autoclean_interval:
    description: Days between two removals of outdated downloaded packages; V(0) is never. Not set by default.
    type: int
  schedule:
    description:
      - When the timers fire. Without it the distribution's times apply, lists at 06:00 and 18:00 within twelve
        hours, upgrades at 06:00 within one.
    type: dict
    default: {}
    suboptions:
      update_lists_at:
        description: Calendar time of C(apt-daily.timer), see systemd.time(7), such as V(*-*-* 03:00).
        type: str
      upgrade_at:
        description: Calendar time of C(apt-daily-upgrade.timer), such as V(Mon..Fri 04:00).
        type: str
      random_delay:
        description: Time span by which both timers are delayed at random, such as V(30m) or V(0).
        type: str
  mail_to:
    description: Address that gets a report; the host needs C(mailx) or C(sendmail). Empty sends none.
    type: str
    default: ""
  mail_report:
    description: When a report is sent.
    type: str
    choices: [always, only-on-error, on-change]
    default: on-change
  mail_from:
    description: Sender of the report. Not set by default (C(root)).
    type: str
  remove_unused_kernels:
    description: Remove kernels that are not needed any more.
    type: bool
    default: true
  remove_new_unused_dependencies:
    description: Remove the dependencies that an upgrade left unused.
    type: bool
    default: true
  remove_unused_dependencies:
    description: Remove every unused dependency, as C(apt-get autoremove) does.
    type: bool
    default: false
  minimal_steps:
    description: Upgrade in the smallest possible steps, so that a shutdown does not wait long.
    type: bool
    default: true
  fix_interrupted_dpkg:
    description: Finish an interrupted dpkg run first, and keep the old configuration files.
    type: bool
    default: true
  install_on_shutdown:
    description: Install when the host shuts down instead of while it runs.
    type: bool
    default: false
  only_on_ac_power:
    description: Do nothing while the host runs on battery.
    type: bool
    default: true
  skip_on_metered:
    description: Do nothing on a metered connection.
    type: bool
    default: true
  allow_downgrade:
    description: Allow downgrades where a pin priority above 1000 asks for one.
    type: bool
    default: false
  download_limit:
    description: Download limit in KB/s per connection, for every use of apt; V(0) is none. Not set by default.
    type: int
  syslog:
    description: Log to syslog besides C(/var/log/unattended-upgrades).
    type: bool
    default: false
  log_facility:
    description: Facility of the messages to syslog.
    type: str
    default: daemon
  verbose:
    description: Log more.
    type: bool
    default: false
seealso:
  - module: pyhost.baseline.unattended_upgrades_info
"""

EXAMPLES = r"""
- name: Install what the distribution installs by itself every day, never reboot
  pyhost.baseline.unattended_upgrades:

- name: Security updates alone
  pyhost.baseline.unattended_upgrades:
    origins: [security]

- name: Security updates and point releases at night, no kernels, reboot when required
  pyhost.baseline.unattended_upgrades:
    origins: [security, stable]
    blocklist: ["linux-image-"]
    reboot: when_required
    reboot_time: "04:30"
    reboot_with_users: false
    schedule:
      update_lists_at: "*-*-* 02:00"
      upgrade_at: "*-*-* 03:00"
      random_delay: 30m
    mail_to: ops@example.org
    mail_report: only-on-error

- name: Also upgrade from PostgreSQL's own archive
  pyhost.baseline.unattended_upgrades:
    origins:
      - security
      - origin=apt.postgresql.org,codename=${distro_codename}-pgdg
"""

RETURN = r"""
path:
  description: The file that holds the policy.
  returned: success
  type: str
  sample: /etc/apt/apt.conf.d/90pyhost-unattended-upgrades
effective:
  description:
    - The policy in force by the names of the options, from C(apt-config dump). In check mode, the predicted policy.
    - C(reboot_automatically) is whether a required reboot happens by itself.
  returned: success
  type: dict
  sample:
    origins:
      - "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"
      - "origin=Debian,codename=${distro_codename},label=Debian"
    allowed_origins: []
    blocklist: []
    reboot_automatically: false
    upgrade_interval: 1
origins:
  description: Each requested origin with the archives that it allows. Those of Ubuntu's ESM may be none.
  returned: success
  type: list
  elements: dict
  sample:
    - pattern: origin=Debian,codename=${distro_codename}-security,label=Debian-Security
      archives:
        - "origin=Debian,codename=trixie-security,archive=stable-security,label=Debian-Security,component=main,\
          site=security.example.org"
timers:
  description: The timers that start the work. Empty where systemd does not run.
  returned: success
  type: list
  elements: dict
  sample:
    - name: apt-daily-upgrade.timer
      enabled: true
      active: true
      state: enabled
      calendar: ["*-*-* 06:00:00"]
      random_delay: 1h
      next: Mon 2026-11-23 06:26:11 UTC
      last: null
lists_updated:
  description: Present and true if package lists were missing and have been fetched.
  returned: when fetched
  type: bool
  sample: true
archives:
  description: The archives that apt is configured for.
  returned: on failure, where an origin matches none of them
  type: list
  elements: str
  sample: ["origin=Debian,codename=trixie,archive=stable,label=Debian,component=main,site=deb.example.org"]
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
    CodeModule(argument_spec=ARGUMENTS["unattended_upgrades"], supports_check_mode=True).ensure("unattended_upgrades")


if __name__ == "__main__":
    main()
