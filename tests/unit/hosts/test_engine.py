"""What the machine of the test hosts gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts import engine


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("128", "1024", "tests/hosts: raising fs.inotify.max_user_instances on this machine to 1024\n"),
        ("1024", "1024", ""),
        ("8192", "8192", ""),
    ],
)
def test_there_is_room_for_many_hosts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: str
) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(f"{before}\n")
    engine.make_room(limit)
    assert limit.read_text() == f"{after}\n"
    assert capsys.readouterr().out == said


def test_a_machine_without_the_limit_is_left_alone(tmp_path: Path) -> None:
    engine.make_room(tmp_path / "absent")
