"""What a scenario's run starts from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tools import scenarios


def test_a_run_starts_without_what_another_clone_or_boot_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "LOGS", tmp_path)
    left_over = tmp_path / "sshd" / "state.yml"
    left_over.parent.mkdir()
    left_over.write_text("created: true\n")
    _argv, environment = scenarios.command("sshd")
    assert environment["MOLECULE_EPHEMERAL_DIRECTORY"] == str(left_over.parent)
    assert not left_over.exists()


def test_a_scenario_without_its_machine_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYHOST_FREEBSD", raising=False)
    monkeypatch.setattr(scenarios, "usual", lambda: ["freebsd"])
    monkeypatch.setattr(scenarios.fleet, "key", lambda: "")
    assert scenarios.main([]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "molecule: freebsd: left out, for PYHOST_FREEBSD names no machine (tests/hosts/README.md)",
        "0 passed, 0 failed, 1 left out",
    ]


def test_a_scenario_asked_for_by_name_does_not_pass_without_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYHOST_FREEBSD", raising=False)
    assert scenarios.main(["freebsd"]) == 2


def test_a_scenario_with_its_machine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYHOST_FREEBSD", "root@192.0.2.10")
    assert scenarios.absent("freebsd") == ""
    assert not scenarios.needs_engine("freebsd")
    assert scenarios.needs_engine("default")


def test_every_scenario_runs_in_one_of_the_two_targets() -> None:
    assert set(scenarios.FAULTS) <= set(scenarios.known())
    assert sorted([*scenarios.FAULTS, *scenarios.usual()]) == scenarios.known()


@pytest.mark.parametrize(("words", "run"), [([], ["sshd"]), (["--faults"], ["attackers"])])
def test_the_scenarios_of_a_target(monkeypatch: pytest.MonkeyPatch, words: list[str], run: list[str]) -> None:
    asked: list[str] = []

    def side_by_side(names: list[str], **_options: object) -> int:
        asked.extend(names)
        return 0

    monkeypatch.setattr(scenarios, "known", lambda: ["attackers", "sshd"])
    monkeypatch.setattr(scenarios, "FAULTS", ("attackers",))
    monkeypatch.setattr(scenarios, "needs_engine", lambda _name: False)
    monkeypatch.setattr(scenarios.fleet, "key", lambda: "")
    monkeypatch.setattr(scenarios, "side_by_side", side_by_side)
    assert scenarios.main(words) == 0
    assert asked == run


@pytest.mark.parametrize("name", scenarios.known())
def test_the_files_that_a_scenario_names_exist(name: str) -> None:
    """Molecule passes over one that is missing, and its tests never run."""
    folder = scenarios.ROOT / "molecule" / name
    verifier = (yaml.safe_load((folder / "molecule.yml").read_text()) or {}).get("verifier", {})
    tests = folder / verifier.get("directory", "tests")
    named = [tests, *(tests / path for path in verifier.get("additional_files_or_dirs", []))]
    assert [str(path) for path in named if not path.exists()] == []


LOG = b"""\
INFO     [sshd > discovery] scenario test matrix: create, converge, verify
INFO     [sshd > create] Executing
INFO     [sshd > create] Executed: Successful
INFO     [sshd > converge] Executing
INFO     [sshd > converge] Executed: Successful
INFO     [sshd > verify] Executing
INFO     [sshd > verify] Executing Testinfra tests found in /srv/molecule/sshd/tests/...
"""


def test_the_steps_are_those_that_molecule_has_started() -> None:
    assert scenarios.begun_steps(LOG) == ["create", "converge", "verify"]
    assert scenarios.begun_steps(LOG[:100]) == []


def test_a_step_lasts_until_the_next_one_or_the_end() -> None:
    assert scenarios.durations({"create": 10.0, "converge": 12.5, "verify": 40.0}, 41.0) == {
        "create": 2.5,
        "converge": 27.5,
        "verify": 1.0,
    }
    assert scenarios.durations({}, 41.0) == {}


def test_the_longest_of_the_last_run_starts_first() -> None:
    names = ["admin_user", "dnf", "sshd", "attackers"]
    # Without an earlier run, LONGEST comes first.
    assert scenarios.start_order(names, {}) == ["attackers", "admin_user", "dnf", "sshd"]
    seconds = {"admin_user": 40.0, "dnf": 90.0, "attackers": 60.0}
    assert scenarios.start_order(names, seconds) == ["dnf", "attackers", "admin_user", "sshd"]


def run(name: str, seconds: float, *, status: int = 0) -> scenarios.Run:
    return scenarios.Run(name, status, seconds, Path(f"{name}.log"), {"create": 9.6, "verify": seconds - 9.6})


def test_the_seconds_of_a_run_are_kept_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "seconds.json"
    assert scenarios.last_seconds(path) == {}
    scenarios.remember([run("sshd", 100), run("dnf", 50)], path)
    # The length of a failed run says nothing.
    scenarios.remember([run("sshd", 12, status=1), run("dnf", 55)], path)
    assert scenarios.last_seconds(path) == {"sshd": 100.0, "dnf": 55.0}
    path.write_text("[]")
    assert scenarios.last_seconds(path) == {}


def test_the_table_has_the_longest_first_and_the_totals() -> None:
    assert scenarios.table([run("dnf", 50), run("attackers", 100)], 101.4).splitlines() == [
        "seconds  scenario",
        "   100  attackers  create 10 verify 90",
        "    50  dnf        create 10 verify 40",
        "   150  sum of 2 scenarios, in 101 seconds of wall time",
    ]


def test_the_count_is_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scenarios, "LOGS", tmp_path)
    monkeypatch.setattr(scenarios, "SECONDS", tmp_path / "seconds.json")
    (tmp_path / "dnf.log").write_text("what went wrong\n")
    failed = scenarios.Run("dnf", 1, 50.0, tmp_path / "dnf.log")
    monkeypatch.setattr(scenarios, "run_logged", lambda name: failed if name == "dnf" else run(name, 100))
    assert scenarios.side_by_side(["dnf", "sshd"], left_out=1) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 passed, 1 failed, 1 left out"
    assert "molecule: dnf: FAILED in 50 seconds" in lines
    assert "what went wrong" in lines
    assert "    50  dnf" in lines


def test_the_seconds_of_each_step_are_measured_while_molecule_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "LOGS", tmp_path)
    monkeypatch.setattr(scenarios, "POLL_SECONDS", 0.01)
    script = "echo 'INFO [dnf > create] Executing'; sleep 0.3; echo 'INFO [dnf > verify] Executing'; sleep 0.3; exit 3"
    monkeypatch.setattr(scenarios, "command", lambda _name: (["sh", "-c", script], dict(os.environ)))
    ran = scenarios.run_logged("dnf")
    assert ran.status == 3
    assert list(ran.steps) == ["create", "verify"]
    assert all(0.2 < seconds < 10 for seconds in ran.steps.values())
