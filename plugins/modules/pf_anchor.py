#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pf_anchor
short_description: Make pf of FreeBSD evaluate an anchor without a lockout
version_added: 0.1.0
description:
  - Adds the line C(anchor "f2b/*") before the filter rules of F(/etc/pf.conf), loads the file, and starts and enables
    pf. Without that line no packet is checked against the tables of fail2ban.
  - On a host without filter rules, also adds a rule that passes everything that the anchor does not refuse.
  - A lockout risk is an error, and the task changes nothing. Such risks are a file that pfctl rejects, a pf that is off
    while its file has rules that block, and a pf whose loaded rules differ from its file, so that loading the file
    would change more than the anchor.
  - Not tested on FreeBSD. The code is tested with transcripts that were written from sources and manuals.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
options:
  anchor:
    description: The anchor, as pf.conf(5) names it.
    type: str
    default: f2b/*
seealso:
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Make pf evaluate the bans of fail2ban
  pyhost.baseline.pf_anchor:
"""

RETURN = r"""
path:
  description: The file with the rules of pf (C(pf_rules) in rc.conf(5)).
  returned: success
  type: str
  sample: /etc/pf.conf
anchor:
  description: The anchor.
  returned: success
  type: str
  sample: f2b/*
rules:
  description: The rules that pf has loaded. In check mode, those before the change.
  returned: success
  type: list
  elements: str
  sample: ['anchor "f2b/*" all', pass all no state]
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
    CodeModule(argument_spec=ARGUMENTS["pf_anchor"], supports_check_mode=True).ensure("pf_anchor")


if __name__ == "__main__":
    main()
