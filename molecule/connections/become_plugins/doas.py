"""A stand-in for community.general.doas: ansible-core has no become plugin for doas."""

from __future__ import annotations

import shlex
import typing as t

from ansible.plugins.become import BecomeBase

DOCUMENTATION = """
name: doas
short_description: Become root by doas, without a password
description: [For the tests of pyhost.baseline alone.]
author: [The pyhost.baseline team (@pyhost)]
version_added: 0.1.0
options:
  become_user:
    description: [The user to become.]
    default: root
    vars: [{name: ansible_become_user}]
  become_pass:
    description: [Not used.]
    vars: [{name: ansible_become_password}]
"""


class BecomeModule(BecomeBase):
    """Runs each command by doas."""

    name = "doas"

    def build_become_command(self, cmd: str, shell: t.Any) -> str:
        super().build_become_command(cmd, shell)
        if not cmd:
            return cmd
        success = self._build_success_command(cmd, shell, noexe=True)
        return f"doas -n -u {shlex.quote(self.get_option('become_user'))} {shell.executable} -c {success}"
