"""A project's dependencies from its lock file, requirements.txt or pyproject.toml, as lines for pip and uv.

The lock files in the fixtures were made by uv 0.13.9 and Poetry 2.5.1; their addresses and most wheels were taken out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._python.project_script import PROJECT_SCRIPT
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv_script import SCRIPT

FIXTURES = Path(__file__).parents[3] / "fixtures" / "python"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMED = {"certifi", "charset-normalizer", "click", "idna", "pysocks", "requests", "six", "urllib3"}


def ask(project: Path, write: str = "", requirements: t.Sequence[str] = ()) -> dict[str, t.Any]:
    question = {"requirements": requirements, "file": "", "project": str(project), "tools": "", "write": write}
    command = [sys.executable, "-I", "-B", "-c", SCRIPT]
    ran = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return t.cast("dict[str, t.Any]", json.loads(ran.stdout))


def lines_of(project: Path) -> dict[str, list[str]]:
    """Return the lines for the installer by the name of the file."""
    said = ask(project, f"{project}/.x-")
    assert "problem" not in said, said["problem"]
    return {name: (project / f".x-{name}.txt").read_text().splitlines() for name in said["written"]}


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_toml", ".toml").replace("_", ".")).write_text(textwrap.dedent(text))
    return folder


def names_of(lines: t.Iterable[str]) -> set[str]:
    return {line.split("==")[0].lower() for line in lines}


def test_it_is_a_part_of_the_script() -> None:
    assert PROJECT_SCRIPT in SCRIPT


@pytest.mark.parametrize("tool", ["uv", "poetry"])
def test_a_real_lock_file(tmp_path: Path, tool: str) -> None:
    shutil.copytree(FIXTURES / f"project-{tool}", tmp_path / "a")
    lines = lines_of(tmp_path / "a")
    # Neither what is for development, nor what is for Windows or older Pythons, nor extras.
    assert names_of(lines["locked"]) == NAMED
    assert list(lines) == ["locked"]
    assert all(" --hash=sha256:" in line for line in lines["locked"])
    said = ask(tmp_path / "a")
    assert said["source"] == f"{tool}.lock"
    locked = {line.split(" ")[0] for line in lines["locked"]}
    assert {one.replace("PySocks", "pysocks") for one in said["unmet"]} <= {
        one.replace("PySocks", "pysocks") for one in locked
    }


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('[project]\ndependencies = ["six>=1", "idna ; os_name == \'nt\'"]', ["six>=1", "idna ; os_name == 'nt'"]),
        ('[project]\nname = "a"', []),
        ('[tool.poetry.dependencies]\npython = "^3.9"\nsix = "^1.16"', ["six>=1.16,<2"]),
        ('[tool.poetry.dependencies]\nsix = "~1.16.2"\na = "~1"\nb = "*"', ["six>=1.16.2,<1.17", "a>=1,<2", "b"]),
        ('[tool.poetry.dependencies]\na = "^0.2.3"\nb = "^0.0.3"', ["a>=0.2.3,<0.3", "b>=0.0.3,<0.0.4"]),
        ('[tool.poetry.dependencies]\na = "^0"', ["a>=0,<1"]),
        ('[tool.poetry.dependencies]\na = "1.2"\nb = ">=1, <2"\nc = ">=1 <2"', ["a==1.2", "b>=1,<2", "c>=1,<2"]),
        (
            '[tool.poetry.dependencies]\na = {version = "^1", extras = ["b", "c"], python = "<3.9 || ^3.12"}',
            ["a[b,c]>=1,<2 ; ((python_full_version < '3.9') or (python_full_version >= '3.12' and python_full_version"],
        ),
        ('[tool.poetry.dependencies]\na = {version = "1", optional = true}\nb = {git = "https://e.org/b", rev = "v1"}',
         ["b @ git+https://e.org/b@v1"]),
        (
            '[tool.poetry.dependencies]\na = [{version = "1", markers = "os_name == \'nt\'"}, {version = "2"}]',
            ["a==1 ; (os_name == 'nt')", "a==2"],
        ),
    ],
)  # fmt: skip
def test_pyproject(tmp_path: Path, text: str, lines: list[str]) -> None:
    found = lines_of(written(tmp_path, pyproject_toml=text)).get("requested", [])
    assert len(found) == len(lines)
    assert all(given.startswith(line) for given, line in zip(found, lines, strict=True)), found


def test_requirements_txt_takes_precedence_over_pyproject(tmp_path: Path) -> None:
    written(tmp_path, pyproject_toml='[project]\ndependencies = ["a"]', requirements_txt="six==0.1 # the\n")
    assert lines_of(tmp_path) == {"requested": [f"-r {tmp_path}/requirements.txt"]}
    said = ask(tmp_path, requirements=["pyhost-none"])
    assert (said["source"], said["unmet"]) == ("requirements.txt", ["six==0.1", "pyhost-none"])


OLD_POETRY = f"""
    [[package]]
    name = "a"
    version = "1"
    optional = false
    python-versions = ">=3.8"
    files = [{{file = "a.whl", hash = "sha256:00"}}]
    [package.dependencies]
    b = ">=1"
    c = {{version = "*", optional = true}}
    win = {{version = "*", markers = "sys_platform == \\"win32\\""}}
    [package.extras]
    more = ["c (>=1)"]
    [[package]]
    name = "b"
    version = "2"
    optional = false
    python-versions = "<3"
    [[package]]
    name = "b"
    version = "3"
    optional = false
    python-versions = "*"
    [[package]]
    name = "c"
    version = "4"
    optional = true
    python-versions = "*"
    [[package]]
    name = "win"
    version = "5"
    optional = false
    python-versions = "*"
    [[package]]
    name = "dev"
    version = "6"
    optional = false
    python-versions = "*"
    [[package]]
    name = "repo"
    version = "7"
    optional = false
    python-versions = "*"
    [package.source]
    type = "git"
    url = "https://example.org/repo.git"
    reference = "main"
    resolved_reference = "{COMMIT}"
    subdirectory = "python"
    [[package]]
    name = "own"
    version = "8"
    optional = false
    python-versions = "*"
    develop = true
    [package.source]
    type = "directory"
    url = "../own"
    [[package]]
    name = "file"
    version = "9"
    optional = false
    python-versions = "*"
    files = [{{file = "file.whl", hash = "sha256:99"}}]
    [package.source]
    type = "file"
    url = "dist/file.whl"
    [metadata.files]
    b = [{{file = "b.whl", hash = "sha256:11"}}]
"""


def test_a_lock_of_poetry_1_is_walked(tmp_path: Path) -> None:
    own = """
        [tool.poetry.dependencies]
        python = "^3.8"
        a = {version = "^1", extras = ["more"]}
        repo = "*"
        own = "*"
        file = "*"
    """
    lines = lines_of(written(tmp_path, poetry_lock=OLD_POETRY, pyproject_toml=own))
    assert set(lines["locked"]) == {
        "a==1 --hash=sha256:00",
        "b==3 --hash=sha256:11",
        f"file @ file://{tmp_path}/dist/file.whl --hash=sha256:99",
    }
    assert set(lines["unlocked"]) == {
        "c==4",
        f"repo @ git+https://example.org/repo.git@{COMMIT}#subdirectory=python",
        f"-e {tmp_path.parent}/own",
    }


UV = f"""
    version = 1
    requires-python = ">=3.8"
    [[package]]
    name = "shop"
    version = "1"
    source = {{ editable = "." }}
    dependencies = [
        {{ name = "a", extra = ["more"] }},
        {{ name = "repo" }},
        {{ name = "lib" }},
        {{ name = "part" }},
        {{ name = "archive" }},
        {{ name = "address" }},
        {{ name = "only-conflict", marker = "extra == 'x'" }},
    ]
    [package.optional-dependencies]
    own = [{{ name = "extra-of-own" }}]
    [package.dev-dependencies]
    dev = [{{ name = "dev" }}]
    [[package]]
    name = "a"
    version = "1"
    source = {{ registry = "https://example.org/simple" }}
    sdist = {{ url = "https://example.org/a.tar.gz", hash = "sha256:00" }}
    wheels = [{{ url = "https://example.org/a.whl", hash = "sha256:01" }}]
    [package.optional-dependencies]
    more = [{{ name = "forked" }}]
    [[package]]
    name = "forked"
    version = "1"
    source = {{ registry = "https://example.org/simple" }}
    resolution-markers = ["python_full_version < '3'"]
    [[package]]
    name = "forked"
    version = "2"
    source = {{ registry = "https://example.org/simple" }}
    resolution-markers = ["python_full_version >= '3'"]
    [[package]]
    name = "repo"
    version = "1"
    source = {{ git = "https://example.org/repo?rev=v1&subdirectory=python#{COMMIT}" }}
    [[package]]
    name = "lib"
    version = "1"
    source = {{ editable = "packages/lib" }}
    dependencies = [{{ name = "a" }}]
    [[package]]
    name = "part"
    version = "1"
    source = {{ virtual = "packages/part" }}
    dependencies = [{{ name = "of-part" }}]
    [[package]]
    name = "of-part"
    version = "1"
    source = {{ directory = "of part" }}
    [[package]]
    name = "archive"
    version = "1"
    source = {{ path = "dist/archive.whl" }}
    wheels = [{{ filename = "archive.whl", hash = "sha256:02" }}]
    [[package]]
    name = "address"
    version = "1"
    source = {{ url = "https://example.org/address.whl" }}
    wheels = [{{ url = "https://example.org/address.whl", hash = "sha256:03" }}]
"""


def test_every_source_of_a_lock_of_uv(tmp_path: Path) -> None:
    lines = lines_of(written(tmp_path, uv_lock=UV))
    assert set(lines["locked"]) == {
        "a==1 --hash=sha256:00 --hash=sha256:01",
        f"archive @ file://{tmp_path}/dist/archive.whl --hash=sha256:02",
        "address @ https://example.org/address.whl --hash=sha256:03",
    }
    assert set(lines["unlocked"]) == {
        "forked==2",
        f"repo @ git+https://example.org/repo@{COMMIT}#subdirectory=python",
        f"-e {tmp_path}/packages/lib",
        f"of-part @ file://{tmp_path}/of%20part",
    }


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no uv.lock, poetry.lock, requirements.txt or pyproject.toml that the owner can see"),
        ({"pyproject_toml": "[project"}, "pyproject.toml is not valid TOML"),
        ({"pyproject_toml": "[tool.ruff]"}, "pyproject.toml has no dependencies"),
        ({"pyproject_toml": '[project]\nname = "a"\ndynamic = ["dependencies"]'}, "use requirements: ['-e "),
        ({"pyproject_toml": "[project]\ndependencies = 5"}, "is not as expected: TypeError"),
        (
            {"pyproject_toml": '[project]\ndependencies = ["-e x"]', "poetry_lock": ""},
            "the project is not as expected: Inv",
        ),
        (
            {"pyproject_toml": '[project]\ndependencies = ["--index-url=x"]'},
            "has '--index-url=x', which is no requirement",
        ),
        ({"pyproject_toml": '[project]\ndependencies = ["a\\n--pre"]'}, "has 'a\\n--pre', which is no requirement"),
        ({"pyproject_toml": '[tool.poetry.dependencies]\na = "^1 || ^2"'}, "has alternatives: lock the project"),
        ({"pyproject_toml": '[tool.poetry.dependencies]\na = {path = "../a"}'}, "the dependency a is a path"),
        ({"poetry_lock": "package = [1]"}, "the project is not as expected: TypeError"),
        (
            {"poetry_lock": OLD_POETRY, "pyproject_toml": '[project]\ndependencies = ["new"]'},
            "poetry.lock does not have new: lock the project anew",
        ),
        (
            {"poetry_lock": OLD_POETRY + '    [metadata]\n    python-versions = "<3.8"'},
            "poetry.lock is for Python <3.8, and",
        ),
        ({"uv_lock": "version = 2"}, "uv.lock has the version 2, and only 1 is known"),
        ({"uv_lock": "version = 1"}, "uv.lock has no project of its own in that folder"),
        ({"uv_lock": UV.replace('">=3.8"', '">=3.99"')}, "uv.lock is for Python >=3.99, and this is 3."),
        ({"uv_lock": UV.replace('name = "lib"', 'name = "b"', 1)}, "uv.lock does not say which b to install"),
        ({"uv_lock": UV.replace("extra == 'x'", "extra = 'x'")}, "the marker \"extra = 'x'\" of the project cannot be"),
    ],
)
def test_a_project_that_cannot_be_used(tmp_path: Path, files: dict[str, str], words: str) -> None:
    assert words in ask(written(tmp_path, **files))["problem"]
