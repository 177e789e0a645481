#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: admin_user
short_description: Create or complete an admin account that logs in with its keys and can use sudo
version_added: 0.1.0
description:
  - Brings an account, its groups, shell and password, its rule of sudo and its authorized keys into the requested state
    in one call, and reads all of it again. Everything that is not named stays as it is.
  - C(visudo) checks the rule of sudo in a staged copy of all rules before anything changes. The module writes the rule
    before the keys.
  - Nothing below the home is reached by a path. Each folder is opened inside of the one above it, no symlink is
    followed, and owner, mode and number of names are read from what was opened. A symlink, a hard link, a pipe or a
    setuid file in place of C(.ssh) or of a key file is an error, and the module changes nothing.
  - If another user could write to the home, to C(.ssh) or to a key file, keys that are not requested are an error that
    lists them (type, fingerprint, comment, file and line). O(exclusive_keys=true) removes them. A warning lists the
    files of such a home that run commands at a login.
  - A system account is an error unless O(allow_system_account=true). Root, and any other account with uid 0, is always
    an error.
  - Every run warns about a second account with uid 0. FreeBSD's own C(toor) is left out while no password matches.
  - On FreeBSD the account is changed by C(pw). That was not run on FreeBSD.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
options:
  name:
    description: The name of the account, not V(root).
    type: str
    required: true
  authorized_keys:
    description:
      - The public keys that may log in, each a line as in C(~/.ssh/id_ed25519.pub). Options may precede the key.
      - The requested line replaces a line with the same key but other options or another comment.
    type: list
    elements: str
    required: true
  exclusive_keys:
    description: >-
      Remove all other keys of the account, also from the other files below its home in which sshd looks for keys, as
      C(~/.ssh/authorized_keys2).
    type: bool
    default: false
  sudo:
    description: With V(nopasswd) the account becomes root without a password, with V(password) it needs its own.
    type: str
    choices: [nopasswd, password]
    default: nopasswd
  password:
    description:
      - The hash of the account's password as in crypt(5), needed for O(sudo=password). It is given to the host's
        C(chpasswd) on standard input and shows in no list of processes, no diff and no result.
      - Make it once with C(mkpasswd --method=yescrypt) (package whois) or C(openssl passwd -6), and keep the hash in a
        vault. The filter P(ansible.builtin.password_hash#filter) without a salt makes another hash in each run, so that
        each run would be a change, and needs passlib on the controller.
      - Without one, no password matches for a new account, and an existing account keeps its password.
    type: str
    default: ""
  groups:
    description: >-
      Existing groups that the account joins, in addition to C(wheel) in the Red Hat family and on FreeBSD. It also
      keeps its present groups.
    type: list
    elements: str
    default: []
  shell:
    description:
      - The login shell. Without one, a new account gets C(/bin/bash) (C(/bin/sh) on FreeBSD) and an existing one keeps
        its own.
    type: str
    default: ""
  key_file:
    description:
      - The file that keeps the keys, if that is not C(.ssh/authorized_keys) below the home. C(%u) stands for O(name),
        as in C(/etc/ssh/authorized_keys/%u).
      - The file and the folders above it belong to root, so that the account cannot add keys by itself. A missing
        folder is created with mode 0755. An existing file keeps its owner and mode if sshd accepts them.
      - sshd reads the file if C(AuthorizedKeysFile) of its configuration names it. The module does not change sshd.
      - Keys below the home stay, unless O(exclusive_keys=true).
    type: str
    default: ""
  allow_system_account:
    description:
      - Allow a system account to become the admin. Such an account has a uid below C(UID_MIN) of C(/etc/login.defs) or
        that of C(nobody), a shell that ends at once, a home in a system folder, or the uid of another account.
    type: bool
    default: false
notes:
  - The module warns if sshd is configured not to read the file of the keys.
  - A home that belongs to root stays so.
"""

EXAMPLES = r"""
- name: Create an admin
  pyhost.baseline.admin_user:
    name: deploy
    authorized_keys:
      - "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"

- name: Manage an existing account, with these keys alone and a password for sudo
  pyhost.baseline.admin_user:
    name: ann
    authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBSTVpwvEZSZkzfbW2yYDlQ3mpvKrjCEBOJGmBHiZQx ann@laptop
    exclusive_keys: true
    sudo: password
    # Made once by 'mkpasswd --method=yescrypt' or 'openssl passwd -6'.
    password: "{{ vault_ann_password_hash }}"
    groups: [adm]

- name: Keep the keys where the account cannot change them (AuthorizedKeysFile of sshd names the same file)
  pyhost.baseline.admin_user:
    name: deploy
    authorized_keys:
      - "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"
    key_file: /etc/ssh/authorized_keys/%u
"""

RETURN = r"""
name:
  description: The name of the account.
  returned: success
  type: str
  sample: deploy
created:
  description: Whether this run created the account, or would create it in check mode.
  returned: success
  type: bool
  sample: true
uid:
  description: Its uid. None if check mode did not create it.
  returned: success
  type: int
  sample: 1000
home:
  description: Its home.
  returned: success
  type: str
  sample: /home/deploy
shell:
  description: Its login shell.
  returned: success
  type: str
  sample: /bin/bash
groups:
  description: The names of its groups. The primary one comes first.
  returned: success
  type: list
  elements: str
  sample: [deploy, wheel]
sudoers:
  description: The file with its rule of sudo.
  returned: success
  type: str
  sample: /etc/sudoers.d/95-pyhost-deploy
sudo:
  description: Whether sudo asks for its password, as in the option of the same name.
  returned: success
  type: str
  sample: nopasswd
key_file:
  description: The file with its keys.
  returned: success
  type: str
  sample: /home/deploy/.ssh/authorized_keys
keys:
  description: The requested keys.
  returned: success
  type: list
  elements: dict
  contains:
    type:
      description: The type of the key.
      type: str
    fingerprint:
      description: Its fingerprint, as C(ssh-keygen -l) prints it.
      type: str
    comment:
      description: Its comment.
      type: str
  sample: [{type: ssh-ed25519, fingerprint: "SHA256:6YHJUSnhp0XrjCdVi7cPT6Hry7cVXJNjDHMR7Ns3ESw", comment: ann@laptop}]
removed_keys:
  description: The lines that were removed, or would be in check mode. Empty without O(exclusive_keys=true).
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    line:
      description: The number of the line in the file as it was.
      type: int
    type:
      description: The type of the key. Empty, like fingerprint and comment, if the line is not a known key.
      type: str
    fingerprint:
      description: Its fingerprint.
      type: str
    comment:
      description: Its comment.
      type: str
  sample: []
second_roots:
  description: The accounts besides root that have uid 0.
  returned: success
  type: list
  elements: str
  sample: []
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
    CodeModule(argument_spec=ARGUMENTS["admin_user"], supports_check_mode=True).ensure("admin_user")


if __name__ == "__main__":
    main()
