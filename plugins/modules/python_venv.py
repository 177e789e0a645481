#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: python_venv
short_description: Build virtual environments as the users they belong to
version_added: 0.1.0
description:
  - Builds virtual environments with C(python -m venv) and C(pip install), each as the user that it belongs to.
  - Root makes a folder only where only root can write, and gives it to the owner before anything is put into it.
    Below a folder that somebody else can write, everything is done with the owner's rights, so that a symlink of a user
    cannot redirect root.
  - Fails if others than root and the owner can change the path, if the environment belongs to somebody else, and if the
    path is a symlink.
  - The Python in an environment belongs to the owner, who can replace it by any program. It is run as the owner, with a
    time limit, and its output is quoted.
  - Afterwards the environment's own Python reports, as the owner, whether each requirement and its own requirements are
    installed in a suitable version. If all are installed before, pip is not started.
  - Distributions that are in an environment and not in O(venvs[].requirements) are kept.
author:
  - The pyhost.baseline team (@pyhost)
requirements:
  - Python 3.8 or later with venv on the host, for the environments
extends_documentation_fragment:
  - pyhost.baseline.attributes
attributes:
  check_mode:
    details: >-
      Requirements that only pip can evaluate (addresses, paths, options, a requirements file together with
      O(venvs[].extra_args)) are predicted as a change.
options:
  venvs:
    description: The environments. If one fails, the others are built nevertheless, and then the module fails.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - The environment's folder, an absolute path. Missing folders above it are made with the same owner and mode.
        type: str
        required: true
      owner:
        description: The user that owns the environment and that pip runs as. It must exist.
        type: str
        required: true
      group:
        description: The group of the environment's folder, by name or number. The default is the owner's own group.
        type: str
      mode:
        description: The mode of the environment's folder, octal and in quotes, or symbolic.
        type: str
        default: "0755"
      python:
        description:
          - The Python that the environment is made with, an absolute path.
          - The default is the system's own, F(/usr/bin/python3), or on FreeBSD F(/usr/local/bin/python3).
        type: str
      requirements:
        description:
          - A list of requirements such as V(django>=5.2,<6), or the absolute path of a requirements file on the host,
            which the owner must be able to read.
        type: raw
        default: []
      extra_args:
        description: More arguments for C(pip install), such as V(--no-binary psycopg2).
        type: str
        default: ""
  state:
    description:
      - V(present) builds the environments.
      - V(checked) only checks that their owners and groups exist and that their paths can be used. It needs neither
        venv nor pip on the host, so that problems are reported before packages are installed.
    type: str
    choices: [present, checked]
    default: present
  timeout:
    description: The number of seconds after which a program that runs for one environment is stopped.
    type: int
    default: 3600
notes:
  - Of the play's C(environment), pip gets the variables for pip's settings, proxies, certificates and compilers
    (E(PIP_INDEX_URL), E(https_proxy), E(SSL_CERT_FILE), E(CFLAGS) and similar ones).
seealso:
  - module: ansible.builtin.pip
"""

EXAMPLES = r"""
- name: Build an application's environment
  pyhost.baseline.python_venv:
    venvs:
      - path: /srv/shop/venv
        owner: shop
        requirements:
          - django>=5.2,<6
          - psycopg2

- name: Build two environments, one of them from a requirements file
  pyhost.baseline.python_venv:
    venvs:
      - path: /srv/mail/venv
        owner: mail
        requirements: /srv/mail/requirements.txt
      - path: /opt/tools/venv
        owner: root
        requirements: [ansible-lint]
"""

RETURN = r"""
venvs:
  description: The environments after the run; in check mode before it.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The environment's folder, as requested.
      type: str
      sample: /srv/shop/venv
    owner:
      description: Its owner, as requested.
      type: str
      sample: shop
    group:
      description: The folder's group. Empty in check mode if there is no folder yet.
      type: str
      sample: shop
    mode:
      description: The folder's mode, octal with four digits. Empty in check mode if there is no folder yet.
      type: str
      sample: "0755"
    python:
      description: The version of its Python. Empty in check mode if there is none yet, and with O(state=checked).
      type: str
      sample: 3.13.5
    distributions:
      description: The distributions in it, by normalised name, each with its version.
      type: dict
      sample: {django: 5.2.1, pip: 25.1.1, psycopg2: 2.9.10}
    unmet:
      description: The requirements, and their own requirements, that are not met. Empty except in check mode.
      type: list
      elements: str
      sample: []
    left_to_pip:
      description: The requirements that only pip can evaluate, so that pip is started in every run.
      type: list
      elements: str
      sample: []
    changed:
      description: Whether this environment was changed, or would be.
      type: bool
      sample: true
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
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host.venv import check, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import parse_request

_VENV = {
    "path": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "group": {"type": "str"},
    "mode": {"type": "str", "default": "0755"},
    "python": {"type": "str"},
    "requirements": {"type": "raw", "default": []},
    "extra_args": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "venvs": {"type": "list", "elements": "dict", "required": True, "options": _VENV},
            "state": {"type": "str", "choices": ["present", "checked"], "default": "present"},
            "timeout": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    try:
        require_plain(module.params)
        requests = [parse_request(venv, kernel=host.platform.kernel) for venv in module.params["venvs"]]
        if module.params["state"] == "checked":
            found = check(host, requests)
        else:
            found = ensure(host, requests, seconds=module.params["timeout"])
    except BaselineError as error:
        module.fail_json(**error.as_result())
    module.exit_json(changed=found.changed, diff=found.diff, **found.result)


if __name__ == "__main__":
    main()
