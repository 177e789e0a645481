"""What a test host printed is not lost on the way."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.hosts import fleet


class Engine:
    """An engine that runs commands here and loses the output of the first ``losses`` of them, as a busy one does."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.id = "host"
        self.client = self
        self.api = self
        self._argv: list[str] = []
        self._status = 0

    def exec_create(self, _container: str, argv: list[str]) -> dict[str, str]:
        self._argv = argv
        return {"Id": "command"}

    def exec_start(self, _command: str) -> bytes:
        done = subprocess.run(self._argv, capture_output=True, check=False)
        self._status = done.returncode
        self.losses -= 1
        return b"" if self.losses >= 0 else done.stdout + done.stderr

    def exec_inspect(self, _command: str) -> dict[str, int]:
        return {"ExitCode": self._status}


CASES = [
    ("echo said", (0, "said\n")),
    ("echo said; echo failed >&2; exit 3", (3, "said\nfailed\n")),
    ("printf 'without a newline'", (0, "without a newline")),
    ("true", (0, "")),
    ("echo first; false; echo never", (1, "first\n")),
]


@pytest.mark.parametrize("losses", range(3))
@pytest.mark.parametrize(("script", "wanted"), CASES)
def test_the_output_is_whole_whatever_the_engine_loses(
    losses: int, script: str, wanted: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "KEPT", str(tmp_path))
    assert fleet.execute(t.cast("t.Any", Engine(losses)), script) == wanted
