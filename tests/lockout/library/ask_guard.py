# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of the tests: what the guard says of each user under the configuration that the host has."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.guard import guard
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import find_sshd, incoming_connection


def main() -> None:
    module = AnsibleModule(argument_spec={"users": {"type": "list", "elements": "str", "required": True}})
    sshd = find_sshd(Host(module), "/etc/ssh/sshd_config")
    assert sshd is not None
    base, refused, warned = incoming_connection(sshd.host), {}, {}
    for user in module.params["users"]:
        try:
            told = guard(sshd, "", base, [user])
        except BaselineError as error:
            refused[user] = str(error)
        else:
            if told:
                warned[user] = ". ".join(told)
    module.exit_json(refused=refused, warned=warned)


if __name__ == "__main__":
    main()
