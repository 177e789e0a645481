#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install, upgrade or remove packages by logical names, in one transaction
version_added: 0.1.0
description:
  - Turns logical names such as V(python-headers) or V(postgresql-client-headers), and sets such as V(python-stack),
    into the packages of the host's distribution. All other names are names of the distribution.
  - The whole list is one transaction. Names that the archive does not have are reported before anything is installed.
  - No program prompts on the host, neither debconf nor needrestart. Configuration files that were changed on the host
    are kept.
  - Where nothing has to be done, only the package database is read; neither apt nor dnf is started.
  - If dpkg was interrupted earlier and no longer runs, its unfinished packages are configured first. For rpm, the
    packages that an interrupted transaction left in two versions are reported in a warning.
  - Manages the Debian family (Debian 12 and 13; Ubuntu 22.04 and later by the same names).
  - Manages the RHEL family (releases 9 and 10 by dnf 4) and Fedora (dnf 5), tested on stand-ins with real dnf and rpm.
    The package database is read again after dnf, which can report C(Complete!) without having installed a package.
  - Manages FreeBSD 14 and 15 by C(pkg), where a name can also be the origin of a port (V(devel/py-pip)). That part was
    written from pkg's manuals and sources and has not been run on FreeBSD.
  - With O(state=resolved) it only returns what names mean, for any system that it has a table of, and changes nothing.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
attributes:
  check_mode:
    details: >-
      The change is predicted by C(apt-get --simulate) or C(dnf -C --assumeno). On a host whose package index is empty
      or incomplete, the packages that are not installed are reported as to be installed, with a warning that it is not
      known yet whether the archive has them.
options:
  name:
    description:
      - Logical names, sets, and names of the distribution; V(name:architecture) too, on the RHEL family
        V(name.architecture), V(/a/file) and V(perl(Module)).
      - Virtual packages count as present where an installed package provides them.
      - Versions (V(name=1.2)) and patterns are refused; versions belong in apt's preferences or dnf's versionlock.
    type: list
    elements: str
    required: true
    aliases: [names]
  state:
    description:
      - V(present) installs what is missing and leaves the rest at its version.
      - V(latest) also upgrades to the version that apt or dnf would choose. Packages that apt holds stay, with a
        warning.
      - V(absent) removes them and what depends on them, and no more; dpkg leaves configuration files. A logical name
        that is also the name of a package, such as V(fail2ban), then means that package alone.
      - V(resolved) changes nothing and runs no package manager. It returns the packages that the names stand for on
        O(system), and the repositories that have to be enabled for them.
    type: str
    choices: [present, latest, absent, resolved]
    default: present
  system:
    description:
      - The system whose names O(state=resolved) returns, such as V(debian13), V(ubuntu24.04), V(el9), V(fedora43) or
        V(freebsd14). V(el9) stands for release 9 of Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux;
        V(rhel9) returns Red Hat's own way to enable repositories.
      - The default is the system of the host.
    type: str
  install_recommends:
    description: Whether packages that are only recommended by others (dnf's weak dependencies) are installed with them.
    type: bool
    default: false
  update_cache:
    description:
      - Whether the package index may be updated. That happens only when something has to be installed (with
        O(state=latest) always) and the index is empty, older than O(cache_valid_time), older than apt's list of
        sources, or does not have a package.
      - dnf downloads a missing index in any case.
    type: bool
    default: true
  cache_valid_time:
    description: The age in seconds up to which the package index is not updated.
    type: int
    default: 86400
  lock_timeout:
    description:
      - How many seconds to wait for another process, such as the distribution's own update timer, that holds the lock
        of apt, dpkg, dnf or rpm. After that the module fails and names the process.
    type: int
    default: 300
  enable_repositories:
    description:
      - Whether a repository that is disabled by default may be enabled where a logical name needs a package of it and
        no enabled repository has that package. On the RHEL family these are CRB and EPEL; O(state=resolved) returns
        which of them a name needs.
      - CRB is enabled in its C(.repo) file, or by C(subscription-manager) where that owns it. EPEL is configured by its
        package C(epel-release), on Red Hat Enterprise Linux from the address that EPEL's guide names; CRB is then
        enabled too, since packages of EPEL need it.
      - With V(false) such a package is an error that names the commands.
    type: bool
    default: true
seealso:
  - module: ansible.builtin.apt
  - module: ansible.builtin.dnf
  - module: ansible.builtin.package
"""

EXAMPLES = r"""
- name: Build Python packages with extension modules, psycopg2 and lxml among them
  pyhost.baseline.packages:
    name:
      - python-stack
      - postgresql-client-headers
      - xml-stack

- name: Mix logical names and the distribution's own
  pyhost.baseline.packages:
    name: [git, gettext, libvips42]

- name: Upgrade fail2ban, and wait up to ten minutes for a running unattended upgrade
  pyhost.baseline.packages:
    name: fail2ban
    state: latest
    lock_timeout: 600

- name: Install packages of CRB and EPEL only where an admin has enabled these repositories
  pyhost.baseline.packages:
    name: [xml-security, process-supervisor]
    enable_repositories: false

- name: List the packages of a set on another system, without a host
  pyhost.baseline.packages:
    name: [python-stack, xml-security]
    state: resolved
    system: el9
  delegate_to: localhost
  become: false
  run_once: true
  register: meaning

- name: Remove a mail server
  pyhost.baseline.packages:
    name: exim4-base
    state: absent
"""

RETURN = r"""
ansible_facts:
  description:
    - Facts for the tasks that follow. There are none with O(system), which is not about the host.
  type: dict
  returned: success, without O(system)
  contains:
    pyhost_system:
      description: >-
        The host's system, also with an empty O(name) and O(state=resolved). V(family) is V(debian), V(redhat) or
        V(freebsd); V(package_manager) is V(apt), V(dnf) or V(pkg).
      type: dict
      returned: success, without O(system)
      sample: {id: debian, version: "13", family: debian, package_manager: apt, title: Debian GNU/Linux 13 (trixie)}
resolved:
  description: The packages that each requested name stands for on this host, or on O(system).
  type: dict
  returned: success
  sample: {python-headers: [python3-dev], git: [git]}
included:
  description: The names that need no package on that system, and why.
  type: dict
  returned: with O(state=resolved)
  sample: {zlib-headers: part of FreeBSD's base system}
repositories:
  description: >-
    The repositories that are disabled by default and have some of the packages, with those packages, and how an admin
    enables each of them.
  type: dict
  returned: with O(state=resolved)
  sample: {crb: {enable: dnf config-manager --set-enabled crb, packages: [xmlsec1-devel]}}
system:
  description: The system that the names were resolved for.
  type: str
  returned: with O(state=resolved)
  sample: el9
installed:
  description: Packages that were installed, including dependencies, with their versions.
  type: dict
  returned: success, but with O(state=resolved)
  sample: {git: "1:2.39.5-0+deb12u2"}
upgraded:
  description: Packages whose version changed.
  type: dict
  returned: success, but with O(state=resolved)
  sample: {curl: {before: 7.88.1-10+deb12u14, after: 7.88.1-10+deb12u15}}
removed:
  description: Packages that were removed, with the versions that they had.
  type: dict
  returned: success, but with O(state=resolved)
  sample: {}
cache_updated:
  description: Whether the package index was updated.
  type: bool
  returned: success, but with O(state=resolved)
  sample: false
repositories_enabled:
  description: The repositories that were enabled for the packages, by their ids.
  type: list
  elements: str
  returned: success, but with O(state=resolved)
  sample: [crb]
holder:
  description: The process that holds the lock, where O(lock_timeout) passed.
  type: dict
  returned: failure, when the lock was not released
  sample: {pid: 812, command: /usr/bin/python3 /usr/bin/unattended-upgrade, path: /var/lib/dpkg/lock-frontend}
unknown:
  description: The names that neither the data table nor the archive has.
  type: list
  elements: str
  returned: failure, when there are such names
  sample: [libpq-devel]
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
    CodeModule(argument_spec=ARGUMENTS["packages"], supports_check_mode=True).ensure("packages")


if __name__ == "__main__":
    main()
