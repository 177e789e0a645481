"""What a scenario's run starts from."""

from __future__ import annotations

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
    monkeypatch.setattr(scenarios, "known", lambda: ["freebsd"])
    monkeypatch.setattr(scenarios.fleet, "key", lambda: "")
    assert scenarios.main([]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
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


@pytest.mark.parametrize("name", scenarios.known())
def test_the_files_that_a_scenario_names_exist(name: str) -> None:
    """Molecule passes over one that is missing, and its tests never run."""
    folder = scenarios.ROOT / "molecule" / name
    verifier = (yaml.safe_load((folder / "molecule.yml").read_text()) or {}).get("verifier", {})
    tests = folder / verifier.get("directory", "tests")
    named = [tests, *(tests / path for path in verifier.get("additional_files_or_dirs", []))]
    assert [str(path) for path in named if not path.exists()] == []
