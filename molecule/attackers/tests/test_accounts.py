"""A local user prepares the account that becomes the admin: root follows no link and takes no key."""

from __future__ import annotations

import json
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.attackers import FLEET, Attacked
from tests.attackers_accounts import CASES, PREPARE, RACER, SECRET, SNAPSHOT, START_RACER, WATCHED, WATCHER, Attack
from tests.hosts.runs import play

HOSTS = ("account12", "account13", "el9")
PLAY = Path(__file__).parents[1] / "accounts.yml"
_AT_ONCE = 10
Outcomes = dict[str, dict[str, dict[str, t.Any]]]


def outcomes(attacks: list[Attack]) -> Outcomes:
    """Return host -> name of the attack -> what came of it."""
    found: Outcomes = {name: {} for name in HOSTS}
    # A play has ten minutes; on a busy machine all attacks take longer.
    for start in range(0, len(attacks), _AT_ONCE):
        some = [attack.variables() for attack in attacks[start : start + _AT_ONCE]]
        said = play(FLEET, PLAY, {"targets": ",".join(HOSTS), "attacks": some}, user="root")
        for host, tasks in said.items():
            task = tasks["Make the account an admin"]
            # Ansible gathers the warnings of a loop's items.
            warnings = {"warnings": task.get("warnings", [])}
            found[host].update({result.pop("item")["name"]: {**warnings, **result} for result in task["results"]})
    return found


@pytest.fixture(scope="module")
def before(attacked: dict[str, Attacked]) -> dict[str, str]:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: attacked[name].run(PREPARE), HOSTS))
    return {name: attacked[name].run(SNAPSHOT) for name in HOSTS}


@pytest.fixture(scope="module")
def played(before: dict[str, str]) -> Outcomes:
    return outcomes(CASES)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_attack(played: Outcomes, attacked: dict[str, Attacked], host: str, case: Attack) -> None:
    found = played[host][case.name]
    refused = case.refused if case.by_one_file or host != "el9" else ()
    assert ("msg" in found) == bool(refused), found
    for words in refused:
        assert words in found["msg"], found
    for words in case.warned:
        assert words in json.dumps(found["warnings"]), found
    attacked[host].run(case.check)


@pytest.mark.parametrize("host", HOSTS)
def test_what_belongs_to_root_is_as_it_was(
    played: Outcomes, attacked: dict[str, Attacked], before: dict[str, str], host: str
) -> None:
    assert attacked[host].run(SNAPSHOT) == before[host]


def test_no_process_list_shows_the_hash(attacked: dict[str, Attacked], before: dict[str, str]) -> None:
    """An unprivileged user read every command line and environment that the kernel let it see during the run."""
    for name in HOSTS:
        attacked[name].run(WATCHER)
    found = outcomes([WATCHED])
    for name in HOSTS:
        assert "msg" not in found[name][WATCHED.name], found
        assert SECRET not in json.dumps(found)
        # The machine may be busy.
        seen = attacked[name].run(
            "rm -f /tmp/watch; timeout 60 sh -c 'until cat /tmp/watched 2>&-; do sleep 0.2; done'"
        )
        # The watcher works: it saw what the role started.
        assert "chpasswd -e" in seen, seen[:2000]
        assert SECRET not in seen
        attacked[name].run(f"grep -qF 'hashed:{SECRET}:' /etc/shadow")
        attacked[name].run(f"! journalctl --no-pager | grep -F '{SECRET}'")


def test_a_folder_that_is_swapped_in_a_loop_leads_nowhere(
    played: Outcomes, attacked: dict[str, Attacked], before: dict[str, str]
) -> None:
    """Either may win. The other one gets an error, and nothing of root's changes."""
    for name in HOSTS:
        attacked[name].run(START_RACER)
    found = outcomes([replace(RACER, name=f"{number}") for number in range(3)])
    for name in HOSTS:
        assert attacked[name].run(f"systemctl is-active racer; {SNAPSHOT}") == f"active\n{before[name]}"
        attacked[name].run("systemctl stop racer")
        for result in found[name].values():
            assert "/home/racer/.ssh" in result.get("msg", "/home/racer/.ssh"), result


def test_a_second_run_changes_nothing_and_warns_again(played: Outcomes) -> None:
    """The account with uid 0 is named in every run, whether anything changes or not."""
    found = outcomes([case for case in CASES if case.again])
    for host in HOSTS:
        for name, result in found[host].items():
            assert "msg" not in result, (host, name, result)
            assert not result["changed"], (host, name, result)
            assert "second0" in json.dumps(result["warnings"]), (host, name, result)
