"""What became of a change: the commands are run by sh below a folder of the test's own, the answers are read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    RollbackPaths,
    RollbackPlan,
    RollbackSteps,
    armed_text,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback_script import rollback_script
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.record import (
    ChangeOutcome,
    OutcomeState,
    ask_command,
    confirm_command,
    forget_command,
    read_outcome,
    roll_back_command,
)

TOKEN, OTHER = "0123456789abcdef0123456789abcdef", "f" * 32
CONFIRMED, ROLLED_BACK = ChangeOutcome(OutcomeState.CONFIRMED), ChangeOutcome(OutcomeState.ROLLED_BACK)
PENDING, UNKNOWN = ChangeOutcome(OutcomeState.PENDING), ChangeOutcome(OutcomeState.UNKNOWN)


@pytest.fixture
def armed(tmp_path: Path) -> ArmedRollback:
    """A change that is armed, below a folder whose name needs quoting."""
    found = ArmedRollback(45, "systemd", f"{tmp_path}/var lib", TOKEN, "sshd")
    paths = RollbackPaths(
        "sshd", base=found.base, units=f"{tmp_path}/u", crontabs=f"{tmp_path}/c", rc_scripts=f"{tmp_path}/r"
    )
    Path(paths.folder).mkdir(parents=True)
    plan = RollbackPlan(paths, TOKEN, 45, (), RollbackSteps("put_in_force() { :; }\n"))
    Path(paths.script).write_text(rollback_script(plan))
    Path(paths.armed).write_text(armed_text(TOKEN, 0))
    return found


def ask(command: str, armed: ArmedRollback) -> ChangeOutcome:
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=30)
    return read_outcome(ran.stdout, armed)


def test_what_is_armed_is_pending(armed: ArmedRollback) -> None:
    assert ask(ask_command(armed), armed) == PENDING
    Path(armed.paths.armed).rename(armed.paths.started)
    assert ask(ask_command(armed), armed) == PENDING


def test_a_confirmation_may_be_repeated_as_often_as_its_answer_is_lost(armed: ArmedRollback) -> None:
    assert [ask(confirm_command(armed), armed) for _time in range(3)] == [CONFIRMED] * 3
    assert ask(ask_command(armed), armed) == CONFIRMED
    # Too late: it is kept, and the record says so.
    assert ask(roll_back_command(armed), armed) == CONFIRMED


def test_a_rollback_may_be_asked_for_as_often_as_its_answer_is_lost(armed: ArmedRollback) -> None:
    assert [ask(roll_back_command(armed), armed) for _time in range(3)] == [ROLLED_BACK] * 3
    assert ask(confirm_command(armed), armed) == ROLLED_BACK


def test_a_record_is_forgotten_by_the_run_that_made_the_change_alone(armed: ArmedRollback) -> None:
    ask(roll_back_command(armed), armed)
    other = ArmedRollback(45, "systemd", armed.base, OTHER, "sshd")
    assert ask(forget_command(other), other) == UNKNOWN
    assert Path(armed.paths.record).exists()
    ask(forget_command(armed), armed)
    assert not Path(armed.base).exists()


@pytest.mark.parametrize("command", [confirm_command, roll_back_command])
def test_a_controller_that_comes_back_late_does_not_decide_about_the_next_change(
    armed: ArmedRollback, command: object
) -> None:
    late = ArmedRollback(45, "systemd", armed.base, OTHER, "sshd")
    assert callable(command) and ask(command(late), late) == UNKNOWN
    assert ask(ask_command(armed), armed) == PENDING


def record(**values: str) -> str:
    whole = {"token": TOKEN, "trigger": "asked", "when": "0", "problems": "", **values}
    return "".join(f"{name}={value}\n" for name, value in whole.items())


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param(record(), ROLLED_BACK, id="rolled back"),
        pytest.param(
            record(problems="/etc/x could not be restored"),
            ChangeOutcome(OutcomeState.ROLLED_BACK, "/etc/x could not be restored"),
            id="with problems",
        ),
        pytest.param(record(trigger="confirmed"), CONFIRMED, id="confirmed"),
        pytest.param(f"kept={TOKEN}\n", CONFIRMED, id="confirmed without room for a record"),
        pytest.param(f"{record(token=OTHER)}pending={TOKEN}\n", PENDING, id="the record of an earlier change"),
        pytest.param(record(token=OTHER), UNKNOWN, id="only of an earlier change"),
        pytest.param(record(trigger=""), UNKNOWN, id="a record without a reason"),
        pytest.param(record(trigger="rm -rf /"), UNKNOWN, id="a reason that nobody writes"),
        pytest.param(record(token=""), UNKNOWN, id="without a token"),
        pytest.param(f"kept={TOKEN}x\nnot kept={TOKEN}\n", UNKNOWN, id="what only looks like it"),
        pytest.param("Last login: today\n", UNKNOWN, id="a login that works"),
        pytest.param("", UNKNOWN, id="nothing"),
    ],
)
def test_the_answer_is_read(text: str, outcome: ChangeOutcome) -> None:
    assert read_outcome(text, ArmedRollback(45, "none", "/var/lib/pyhost.baseline", TOKEN, "sshd")) == outcome
    assert outcome.is_final is (outcome.state.name in ("CONFIRMED", "ROLLED_BACK"))
