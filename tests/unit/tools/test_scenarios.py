"""What a scenario's run starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import scenarios


def test_a_run_starts_without_what_another_clone_or_boot_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "LOGS", tmp_path)
    left_over = tmp_path / "sshd" / "state.yml"
    left_over.parent.mkdir()
    left_over.write_text("created: true\n")
    _argv, environment = scenarios.command("sshd")
    assert environment["MOLECULE_EPHEMERAL_DIRECTORY"] == str(left_over.parent)
    assert not left_over.exists()
