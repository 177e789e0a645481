#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: freebsd_updates
short_description: Install updates of FreeBSD automatically, and verify that cron will start them
version_added: 0.1.0
description:
  - Sets which updates a FreeBSD host installs automatically, when, and whether it reboots. FreeBSD has no unattended
    upgrade of its own (C(freebsd-update cron) only fetches), so this collection installs a script,
    F(/usr/local/libexec/pyhost-baseline-updates), which cron starts through
    F(/usr/local/etc/cron.d/pyhost-baseline-updates).
  - The base system is updated by C(freebsd-update fetch install), or by C(pkg upgrade -r FreeBSD-base) if it is made of
    packages (pkgbase). The script checks which of the two it is on each run.
  - Fails before it changes anything if the host could never be updated. This applies to a jail, a release that
    freebsd-update does not serve, a securelevel above 0, pkgbase without its repository, and a host without pkg.
  - Results go to syslog under the name C(pyhost-baseline-updates), and into a mail from cron.
  - Not run on FreeBSD. The script was tested with another system's shell and with stand-ins for FreeBSD's commands,
    written from FreeBSD's sources.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
options:
  enabled:
    description: Whether updates are installed. V(false) removes the script and its job, and does not change cron.
    type: bool
    default: true
  base:
    description: Whether the base system is updated within its release (security advisories and errata).
    type: bool
    default: true
  packages:
    description:
      - Which packages are upgraded. V(vulnerable) are those in which C(pkg audit) knows a vulnerability, with the
        packages that depend on them. V(all) are all that are newer in the repositories, V(none) upgrades no package.
      - pkg has no list of exceptions. A package that is locked (C(pkg lock)) keeps its version, and C(pkg) then refuses
        an upgrade that needs a newer one.
    type: str
    choices: [vulnerable, all, none]
    default: vulnerable
  remove_unused_dependencies:
    description: Whether packages that were installed as dependencies and are no longer needed are removed.
    type: bool
    default: false
  reboot:
    description:
      - Whether the host reboots automatically when that is required, that is, when another kernel is installed than
        runs, or the base system was updated since the boot (daemons keep using the libraries that they started with).
    type: str
    choices: [never, when_required]
    default: never
  reboot_time:
    description: V(now) (a minute after the upgrade) or a time of day as C(HH:MM), quoted.
    type: str
    default: now
  reboot_with_users:
    description: Whether a required reboot also happens while users are logged in.
    type: bool
    default: true
  calendar:
    description:
      - When the job starts, in the forms of systemd.time(7) that cron supports, such as V(04:00), V(*-*-* 04:00) and
        V(Mon..Fri 04:00).
    type: str
    default: "04:00"
  days:
    description: The days on which it starts, if O(calendar) names none. Every day if it is empty.
    type: list
    elements: str
    default: []
  random_delay:
    description: The maximum random delay of the start, for example V(30m).
    type: str
    default: 1h
  mail_to:
    description: Address that gets the report. The host must be able to send mail. Empty sends none.
    type: str
    default: ""
  mail_report:
    description: When a report is sent.
    type: str
    choices: [always, only-on-error, on-change]
    default: on-change
  security_reports:
    description:
      - Whether the daily security run of periodic(8) is on, with its report of vulnerable packages. Set in
        F(/etc/periodic.conf) unless it is already in force. Not changed by default.
    type: bool
seealso:
  - module: pyhost.baseline.unattended_upgrades
    description: The same for the Debian family.
  - module: pyhost.baseline.dnf_automatic
    description: The same for the RHEL family and Fedora.
"""

EXAMPLES = r"""
- name: Install security updates every night
  pyhost.baseline.freebsd_updates:
    calendar: "04:00"
    random_delay: 30m

- name: Install all updates on weekdays, reboot if required, and send a report
  pyhost.baseline.freebsd_updates:
    packages: all
    calendar: Mon..Fri 04:00
    reboot: when_required
    reboot_time: "05:30"
    mail_to: ops@example.com
    security_reports: true

- name: Update the packages of a jail, whose base system belongs to its host
  pyhost.baseline.freebsd_updates:
    base: false
"""

RETURN = r"""
path:
  description: The file that has the job.
  returned: success
  type: str
  sample: /usr/local/etc/cron.d/pyhost-baseline-updates
base_by:
  description: How the base system of the host is updated, V(freebsd-update) or V(pkgbase).
  returned: success
  type: str
  sample: freebsd-update
versions:
  description: The output of freebsd-version(1). Empty in a jail, which has no kernel.
  returned: success
  type: dict
  sample: {installed_kernel: 14.3-RELEASE-p5, running_kernel: 14.3-RELEASE-p5, userland: 14.3-RELEASE-p6}
reboot_required:
  description: Whether another kernel is installed than runs, or the script updated the base system since the boot.
  returned: success
  type: bool
  sample: false
job:
  description: The job of cron.
  returned: success
  type: dict
  sample: {when: 0 4 * * *, command: /bin/sh /usr/local/libexec/pyhost-baseline-updates cron}
cron:
  description: Whether cron starts at boot and runs.
  returned: success
  type: dict
  sample: {enabled: true, running: true}
security_reports:
  description: The requested settings of periodic.conf(5), which are in force.
  returned: success
  type: dict
  sample: {daily_status_security_enable: "YES", security_status_pkgaudit_enable: "YES"}
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
    CodeModule(argument_spec=ARGUMENTS["freebsd_updates"], supports_check_mode=True).ensure("freebsd_updates")


if __name__ == "__main__":
    main()
