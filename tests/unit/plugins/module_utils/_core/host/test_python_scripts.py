"""The interpreter of a script, and the files of its code, found by a real interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.python_scripts import (
    CODE_FILES,
    OWN_PATH,
    interpreter,
)
from tests.unit.fake_host import FakeHost


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("#!/usr/bin/python3\n", ["/usr/bin/python3"]),
        ("#! /opt/venv/bin/python -s\nimport", ["/opt/venv/bin/python", "-s"]),
        ("\x7fELF", []),
    ],
)
def test_the_interpreter(first: str, found: list[str]) -> None:
    host: t.Any = FakeHost({"/usr/bin/fail2ban-server": first})
    assert interpreter(host, "fail2ban-server") == found


def test_the_files_of_the_code(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    for name in ("__init__.py", "used.py", "later.py", "data.txt"):
        (package / name).write_text("")
    (tmp_path / "other.pth").write_text("")
    text = f"{OWN_PATH}{CODE_FILES}\nimport json, _ssl\nsys.path.insert(0, {str(tmp_path)!r})\nimport package.used\n"
    text += f"json.dump(code_files([{str(package)!r}]), sys.stdout)"
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=tmp_path)
    found = json.loads(ran.stdout)
    assert found == sorted(set(found)) and all(path.startswith("/") for path in found)
    assert {str(tmp_path), str(package), *(f"{package}/{name}" for name in ("used.py", "later.py"))} <= {*found}
    assert f"{tmp_path}/other.pth" in found and json.__file__ in found
    assert f"{package}/data.txt" not in found
    assert any("libssl" in path for path in found)
