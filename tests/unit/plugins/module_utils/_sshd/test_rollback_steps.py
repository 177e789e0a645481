"""How sshd is restarted by a rollback. _core/test_rollback_script.py runs the whole script with these steps."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.rollback_steps import RollbackDaemon, sshd_steps


@pytest.mark.parametrize(
    ("daemon", "commands"),
    [
        pytest.param(
            RollbackDaemon(service="ssh.service"),
            ["systemctl reset-failed ssh.service 2>/dev/null", "systemctl restart ssh.service ||"],
            id="service",
        ),
        pytest.param(
            RollbackDaemon(service="ssh.service", socket="ssh.socket"),
            ["systemctl daemon-reload", "systemctl stop ssh.service", "systemctl restart ssh.socket ||"],
            id="socket",
        ),
        pytest.param(RollbackDaemon(pid_file="/run/sshd.pid"), ['kill -HUP "$pid"', '"$sshd" 9>&- ||'], id="pid-file"),
    ],
)
def test_sshd_is_started_as_it_runs(daemon: RollbackDaemon, commands: list[str]) -> None:
    text = sshd_steps(daemon).shell
    positions = [text.index(command) for command in commands]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("daemon", "is_sandboxed"),
    [
        pytest.param(RollbackDaemon(service="ssh.service"), True, id="service"),
        pytest.param(RollbackDaemon(socket="ssh.socket"), True, id="socket"),
        pytest.param(RollbackDaemon(), False, id="it would inherit the sandbox"),
        pytest.param(RollbackDaemon(rc="sshd"), False, id="rc"),
    ],
)
def test_an_sshd_that_the_script_starts_is_in_no_sandbox(daemon: RollbackDaemon, is_sandboxed: bool) -> None:
    assert sshd_steps(daemon).is_sandboxed is is_sandboxed


def test_the_commands_of_the_firewall_are_single_words() -> None:
    assert "    limited ufw delete 'it'\"'\"'s'\n" in sshd_steps(RollbackDaemon(), [("ufw", "delete", "it's")]).shell
