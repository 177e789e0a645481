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
  - Builds virtual environments with C(python -m venv) and C(pip) or C(uv), each as the user that it belongs to.
  - Root makes a folder only where only root can write, and gives it to the owner before anything is put into it.
    Below a folder that somebody else can write, everything is done with the owner's rights, so that a symlink of a user
    cannot redirect root.
  - Fails if others than root and the owner can change the path, if the environment belongs to somebody else, and if the
    path is a symlink.
  - The Python in an environment belongs to the owner, who can replace it by any program. It is run as the owner, with a
    time limit, and its output is quoted.
  - The environment's own Python reports, as the owner, whether each requirement and its own requirements are
    installed in a suitable version. If all are installed before, neither pip nor uv is started.
  - In every run the environment's Python imports what is requested. A distribution that is installed and cannot be
    imported, for example because a library of the system is gone, is an error.
  - Fails if the environment's Python is gone or of another version than the environment, as after an upgrade of the
    distribution, if it is not the Python that O(venvs[].python) asks for, and if folders in it belong to somebody else.
    With O(venvs[].recreate=true) a new environment takes its place instead. The old one is put back if that fails.
  - The files of the environment are readable for those who can enter its folder by O(venvs[].mode) and
    O(venvs[].group), whatever umask the owner has.
  - Distributions that are in an environment and not in O(venvs[].requirements) are kept.
author:
  - The pyhost.baseline team (@pyhost)
requirements:
  - Python 3.8 or later with venv on the host, for the environments
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
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
          - The Python of the environment, an absolute path, or a version in quotes such as V("3.12"), which stands for
            F(/usr/bin/python3.12) (on FreeBSD below F(/usr/local/bin)). An existing environment with another Python is
            an error, or is replaced with O(venvs[].recreate=true).
          - The default for a new environment is the system's own, F(/usr/bin/python3), or on FreeBSD
            F(/usr/local/bin/python3). An existing environment keeps its Python then.
        type: str
      python_downloads:
        description:
          - Whether uv may download the Python of the version O(venvs[].python) if the host does not have it. It comes
            from the place that uv is set up for (C(uv python install)), which is neither the distribution nor PyPI.
          - Needs O(venvs[].installer=uv).
        type: bool
        default: false
      recreate:
        description:
          - Whether a new environment may take the place of one that cannot be used as it is (see above). An environment
            that can be used is not touched.
          - Restart the programs that run from the environment afterwards.
        type: bool
        default: false
      requirements:
        description:
          - A list of requirements such as V(django>=5.2,<6), or the absolute path of a requirements file on the host,
            which the owner must be able to read.
          - An entry of the list is a line of a requirements file. V(-r FILE), V(-c FILE) and V(-e FOLDER) need absolute
            paths; hashes (V(six==1.17.0 --hash=sha256:...)) can follow a requirement. Also known are C(--index-url),
            C(--extra-index-url), C(--no-index), C(--find-links), C(--no-binary), C(--only-binary), C(--pre) and
            C(--require-hashes). Other options are an error.
        type: raw
        default: []
      project:
        description:
          - The absolute path of a project's folder on the host, which the owner must be able to read. Its own
            dependencies are installed, from the first of these that exists, F(uv.lock), F(poetry.lock),
            F(requirements.txt), F(pyproject.toml). Extras, groups for development, and the project itself are not.
          - What a lock file has is installed exactly, with its hashes.
          - O(venvs[].requirements) are installed in addition.
        type: str
      installer:
        description: What installs the requirements, pip of the environment or uv.
        type: str
        choices: [pip, uv]
        default: pip
      uv:
        description:
          - Where uv comes from, a requirement such as V(uv==0.13.9), which pip installs from PyPI as the owner into
            F(.uv) in the environment's folder, or the absolute path of uv on the host.
        type: str
        default: uv
      imports:
        description:
          - The modules that the environment's Python must be able to import. An empty list switches the check off.
          - By default it imports a top-level module of each distribution that is requested itself. Only errors of the
            import system and of libraries count. A module that wants settings first (Django's) is counted as imported.
        type: list
        elements: str
      index_url:
        description: The address of the package index instead of PyPI. It may hold a user and password.
        type: str
      extra_index_urls:
        description: The addresses of further package indexes. They may hold users and passwords.
        type: list
        elements: str
        default: []
      extra_args:
        description:
          - More arguments for C(pip install) or C(uv pip install), such as V(--no-binary psycopg2).
          - Addresses with a password are an error here, because command lines are public on the host.
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
    (E(PIP_INDEX_URL), E(https_proxy), E(SSL_CERT_FILE), E(CFLAGS) and similar ones), and uv those that begin with UV_.
  - uv gets what pip's configuration files say of indexes and certificates, so that an index of your own is not passed
    over for PyPI.
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

- name: Build an environment from a project's lock file by uv, and anew after an upgrade of the distribution
  pyhost.baseline.python_venv:
    venvs:
      - path: /srv/shop/venv
        owner: shop
        group: www-data
        mode: "0750"
        project: /srv/shop/src
        requirements: [gunicorn]
        installer: uv
        recreate: true
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
    installer:
      description: What installs its requirements, as requested.
      type: str
      sample: pip
    source:
      description: The file of O(venvs[].project) that its dependencies come from. Empty without a project.
      type: str
      sample: uv.lock
    recreated:
      description: Why a new environment took the place of the old one, or would. Empty if none did.
      type: str
      sample: it was made with Python 3.11, and its Python is 3.13.5 now (3.11 -> 3.13)
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
      description: The requirements that only pip or uv can evaluate, so that it is started in every run.
      type: list
      elements: str
      sample: []
    imported:
      description: The modules that its Python imported. Empty in check mode if there is something to install.
      type: list
      elements: str
      sample: [django, psycopg2]
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

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS


def main() -> None:
    CodeModule(argument_spec=ARGUMENTS["python_venv"], supports_check_mode=True).ensure("python_venv")


if __name__ == "__main__":
    main()
