"""What the guard says of each state of an account, its files and its settings, and what a real client then meets."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hosts import engine
from tests.lockout.agreement import CONFIGURATIONS, Scene, Verdict
from tests.lockout.states import ACCOUNTS, FILES, STATES, State

FLEET = "molecule-sshd_lockout"
HOSTS = ("debian12", "debian13")
# Which states are judged again where sshd is configured otherwise.
PARTS = {"stock": STATES, "without PAM": ACCOUNTS, "without StrictModes": FILES}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[Verdict]]:
    client = engine.connect()
    # Not in the threads: pytest makes the folder of all at the first call, and two of them would make two.
    folders = {host: tmp_path_factory.mktemp(host) for host in HOSTS}

    def judge(host: str) -> dict[tuple[str, str], list[Verdict]]:
        scene = Scene(client, FLEET, host, folders[host])
        scene.make()
        found = {}
        for name, lines in CONFIGURATIONS.items():
            scene.configure(lines)
            found[host, name] = scene.judge(set(PARTS[name]))
        return found

    with ThreadPoolExecutor() as pool:
        return {key: value for part in pool.map(judge, HOSTS) for key, value in part.items()}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_guard_agrees_with_sshd(
    verdicts: dict[tuple[str, str], list[Verdict]], host: str, configuration: str
) -> None:
    found = verdicts[host, configuration]
    assert [verdict.disagrees for verdict in found if verdict.disagrees] == []
    # A table in which all is open, or all is shut, would agree with any guard.
    entered = sum(verdict.entered for verdict in found)
    assert len(found) / 5 < entered < len(found) * 4 / 5


@pytest.mark.parametrize("host", HOSTS)
def test_the_states_are_what_they_say(verdicts: dict[tuple[str, str], list[Verdict]], host: str) -> None:
    """A state whose making went wrong would prove nothing."""
    wrong: list[t.Any] = [one for one in verdicts[host, "stock"] if one.entered != one.state.opens]
    assert wrong == []


def test_every_state_is_asked_somewhere(verdicts: dict[tuple[str, str], list[Verdict]]) -> None:
    asked: set[State] = {one.state for found in verdicts.values() for one in found}
    assert asked == set(STATES)
