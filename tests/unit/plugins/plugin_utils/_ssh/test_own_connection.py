# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own ssh connection, made from a stand-in for mitogen's."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.action import ActionBase

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh import own_connection
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.own_connection import over_own_ssh

BECOME = SimpleNamespace(name="sudo")


class Plain(ActionBase):
    """An action as Ansible makes it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        return super().run(tmp, task_vars)


class StandIn:
    """What mitogen's connection has in common with Ansible's own: transport, options and become plugin."""

    transport = "ssh"
    become = BECOME

    def __init__(self, vanilla_class: t.Any = object) -> None:
        if vanilla_class:
            self.vanilla_class = vanilla_class

    def get_options(self) -> dict[str, t.Any]:
        return {"host": "192.0.2.1", "remote_user": "root", "port": 2222, "private_key_file": None, "pipelining": True}


def action(connection: t.Any) -> t.Any:
    own = {"_task": SimpleNamespace(args={"users": ["deploy"]}), "_play_context": PlayContext(), "_loader": "loader"}
    return SimpleNamespace(**own, _connection=connection, _templar="templar", _shared_loader_obj="loaders")


def test_the_action_goes_on_over_ansibles_own_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    real = own_connection.connection_loader.get

    def load(name: str, *given: t.Any) -> t.Any:
        loaded.append(name)
        # Without Ansible's finder of collections there is no long name.
        return real(name.rpartition(".")[2], *given)

    monkeypatch.setattr(own_connection.connection_loader, "get", load)
    given = action(StandIn())
    made: t.Any = over_own_ssh(given, Plain)
    assert type(made) is Plain
    assert (made._task, made._loader, made._templar) == (given._task, "loader", "templar")
    own = made._connection
    # mitogen replaces the plugin of the short name.
    assert (loaded, own.transport, own.become) == (["ansible.builtin.ssh"], "ssh", BECOME)
    options = [own.get_option(name) for name in ("host", "remote_user", "port", "private_key_file")]
    assert options == ["192.0.2.1", "root", 2222, None]


def _local() -> t.Any:
    connection = StandIn()
    connection.transport = "local"
    return connection


@pytest.mark.parametrize("connection", [StandIn(None), _local()], ids=["Ansible's own", "no ssh"])
def test_any_other_connection_stays(connection: t.Any) -> None:
    assert over_own_ssh(action(connection), Plain) is None
