"""The script in an environment's Python: this one's, with distributions that the tests lay out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv_script import SCRIPT

DISTRIBUTIONS = {
    "Pyhost_One": ("1.0", ["pyhost-two>=2", "pyhost-none>=1; extra == 'more'", "pyhost-three; python_version < '3'"]),
    "pyhost.two": ("2.1rc1", ["pyhost-one"]),
    "pyhost-broken": ("1", ["pyhost-none"]),
}


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Path:
    for name, (version, requires) in DISTRIBUTIONS.items():
        folder = tmp_path / "site" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}")
    return tmp_path / "site"


def ask(site: Path, requirements: t.Sequence[str] = (), file: str = "") -> dict[str, t.Any]:
    question = json.dumps({"requirements": requirements, "file": file})
    path = f"import sys; sys.path.insert(0, {str(site)!r})\n"
    ran = subprocess.run(
        [sys.executable, "-B", "-c", path + SCRIPT, question], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return t.cast("dict[str, t.Any]", json.loads(ran.stdout))


def test_what_is_there(site: Path) -> None:
    said = ask(site)
    assert {name: said["distributions"][name] for name in ("pyhost-one", "pyhost-two")} == {
        "pyhost-one": "1.0",
        "pyhost-two": "2.1rc1",
    }
    assert said["python"].startswith("3.")
    assert said["pip"]


@pytest.mark.parametrize(
    ("requirement", "unmet", "undecided"),
    [
        ("pyhost-one", [], []),
        ("Pyhost.One==1.0", [], []),
        ("pyhost-one>1", ["pyhost-one>1"], []),
        ("pyhost-two>=2.1rc1", [], []),
        ("pyhost-none", ["pyhost-none"], []),
        ("pyhost-none; python_version < '3'", [], []),
        ("pyhost-one[more]", ["pyhost-none>=1"], []),
        ("pyhost-broken", ["pyhost-none"], []),
        ("git+https://example.org/a.git", [], ["git+https://example.org/a.git"]),
        ("a @ file:///srv/a", [], ["a @ file:///srv/a"]),
        ("./a", [], ["./a"]),
        ("a-1.0.tar.gz", [], ["a-1.0.tar.gz"]),
        ("a ==", [], ["a =="]),
    ],
)
def test_requirements(site: Path, requirement: str, unmet: list[str], undecided: list[str]) -> None:
    said = ask(site, [requirement])
    assert [one.split(";")[0] for one in said["unmet"]] == unmet
    assert said["undecided"] == undecided


def test_a_requirements_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# all\npyhost-one>=1  # one\n\npyhost-none\n-r more.txt\npyhost-two --hash=sha256:0\n")
    said = ask(site, file=str(file))
    assert said["unmet"] == ["pyhost-none"]
    assert said["undecided"] == ["-r more.txt", "pyhost-two --hash=sha256:0"]


@pytest.mark.parametrize("kind", ["absent", "pipe", "endless"])
def test_a_file_that_is_none(site: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "requirements.txt"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "endless":
        file.symlink_to("/dev/zero")
    words = "cannot read" if kind == "absent" else "is not a regular file"
    assert words in ask(site, file=str(file))["problem"]
