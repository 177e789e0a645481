#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pf_anchor
short_description: Have pf of FreeBSD ask an anchor, without shutting anybody out
version_added: 0.1.0
description:
  - Puts the line C(anchor "f2b/*") in front of the filter rules of F(/etc/pf.conf), loads it, and switches pf on,
    now and at boot. Without that line fail2ban fills its tables and no packet ever meets them.
  - A host without filter rules gets one besides that lets everything pass which the anchor does not refuse.
  - What could shut somebody out is refused with the reason, and nothing is changed. That is a file that pfctl rejects,
    a pf that is off while its file has rules that block, and a pf whose loaded rules are not those of its file, so that
    loading the file would change more than the anchor.
  - Not run on FreeBSD. Tested over transcripts that were written from sources and manuals.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
options:
  anchor:
    description: The anchor, as pf.conf(5) names it.
    type: str
    default: f2b/*
seealso:
  - module: pyhost.baseline.fail2ban_jails
"""

EXAMPLES = r"""
- name: Have pf ask fail2ban whom it has banned
  pyhost.baseline.pf_anchor:
"""

RETURN = r"""
path:
  description: The file of pf's rules (C(pf_rules) of rc.conf(5)).
  returned: success
  type: str
  sample: /etc/pf.conf
anchor:
  description: The anchor.
  returned: success
  type: str
  sample: f2b/*
rules:
  description: The rules that pf has loaded. In check mode those before.
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.pf import ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain


def main() -> None:
    module = AnsibleModule(
        argument_spec={"anchor": {"type": "str", "default": "f2b/*"}},
        supports_check_mode=True,
    )
    host = Host(module)
    try:
        require_plain(module.params)
        with host.lock("pf_anchor"):
            outcome = ensure(host, module.params["anchor"])
    except BaselineError as error:
        module.fail_json(**error.as_result())
    module.exit_json(changed=outcome.changed, diff=outcome.diff, **outcome.result)


if __name__ == "__main__":
    main()
