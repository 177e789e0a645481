"""What holds for every tracked file, whatever its language."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# git's own marks of an unfinished merge, at the start of a line.
CONFLICT = re.compile(rb"^(<{7} |\|{7} |={7}\n|>{7} )", re.MULTILINE)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_holds_the_marks_of_an_unfinished_merge() -> None:
    paths = tracked()
    assert len(paths) > 100
    assert [str(path.relative_to(ROOT)) for path in paths if CONFLICT.search(path.read_bytes())] == []


@pytest.mark.parametrize("mark", ["<<<<<<< ours", "=======", "||||||| base", ">>>>>>> theirs"])
def test_a_mark_is_seen(mark: str) -> None:
    assert CONFLICT.search(f"text\n{mark}\nmore\n".encode())


@pytest.mark.parametrize("text", ["==========", "a <<<<<<< b", "======= of a heading"])
def test_what_only_looks_like_a_mark_is_none(text: str) -> None:
    assert not CONFLICT.search(f"text\n{text}\nmore\n".encode())
