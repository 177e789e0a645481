# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own ssh connection, for actions that need it where another plugin takes its place (mitogen).

mitogen's connection starts a Python on the host and becomes root there before it runs anything, and it keeps its logins
in another process. So it can neither ask a host without Python nor say by which login it was refused.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.loader import connection_loader

from .login import is_ssh

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

__all__ = ["over_own_ssh"]

# mitogen replaces the short name alone.
_OWN = "ansible.builtin.ssh"


def over_own_ssh(action: ActionBase, plain: type[ActionBase]) -> ActionBase | None:
    """Return ``action`` as one of the class ``plain`` over Ansible's own ssh; ``None`` where it needs no other.

    mitogen derives its own class from that of each action. Its connection names the class whose place it takes.
    """
    connection = action._connection
    if not is_ssh(connection) or getattr(connection, "vanilla_class", None) is None:
        return None
    own = connection_loader.get(_OWN, action._play_context)
    own.set_options(direct=connection.get_options())
    own.set_become_plugin(connection.become)
    return plain(
        task=action._task,
        connection=own,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
