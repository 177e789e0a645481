"""The script in an environment's Python: this one's, with distributions that the tests lay out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv_script import (
    IMPORT_SCRIPT,
    PROBE_SCRIPT,
    SCRIPT,
)

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


def ask(
    site: Path, requirements: t.Sequence[str] = (), file: str = "", *, project: str = "", write: str = ""
) -> dict[str, t.Any]:
    question = {"requirements": requirements, "file": file, "project": project, "tools": "", "write": write}
    path = f"import sys; sys.path.insert(0, {str(site)!r})\n"
    command = [sys.executable, "-B", "-c", path + SCRIPT]
    ran = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return t.cast("dict[str, t.Any]", json.loads(ran.stdout))


def installed(site: Path, name: str, origin: dict[str, t.Any], *files: str) -> None:
    """Lay out a distribution that was installed from ``origin`` (PEP 610)."""
    folder = site / f"{name}-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (folder / "direct_url.json").write_text(json.dumps(origin))
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


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
    (tmp_path / "more.txt").write_text("pyhost-broken\n-c constraints.txt\n")
    (tmp_path / "constraints.txt").write_text("pyhost-two<2\nnot a requirement\npyhost-absent==1\n")
    file = tmp_path / "requirements.txt"
    file.write_text(
        "# all\n--index-url https://example.org/simple\npyhost-one>=1  # one\n\nPyhost-One==1.0 "
        "\\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n--no-binary :all:\n-r more.txt\n--unknown\n-r https://example.org/r.txt\n"
    )
    said = ask(site, file=str(file))
    # The constraint holds for what one requires; the first requirement that needs it says so.
    assert said["unmet"] == ["pyhost-two>=2", "pyhost-none"]
    assert said["undecided"] == ["-r https://example.org/r.txt", "--unknown"]


def test_a_list_has_the_options_of_a_file(site: Path, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("pyhost-none\n")
    said = ask(site, [f"-r {tmp_path}/r.txt", "pyhost-one --hash=sha256:0", "-e /srv/none", "--pre"])
    assert (said["unmet"], said["undecided"]) == (["pyhost-none"], ["-e /srv/none"])


def test_what_is_installed_from_a_folder_or_a_commit(site: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pyproject.toml").touch()
    os.utime(tmp_path / "src" / "pyproject.toml", (0, 0))
    installed(site, "own", {"url": (tmp_path / "src").as_uri(), "dir_info": {"editable": True}})
    commit = "0123456789abcdef0123456789abcdef01234567"
    origin = {"url": "https://example.org/b.git", "vcs_info": {"vcs": "git", "commit_id": commit}}
    installed(site, "of-git", origin, "of_git.py")
    requested = [
        f"-e {tmp_path}/src",
        f"-e {tmp_path}/src[more]",
        f"git+https://ann:secret@example.org/b.git@{commit}#egg=b",
        f"of_git @ git+https://example.org/b.git@{commit}",
    ]
    said = ask(site, requested)
    assert (said["unmet"], said["undecided"]) == ([], [])
    others = [
        f"{tmp_path}/src",
        f"git+https://example.org/b.git@{commit[:-1]}0",
        f"of_git @ git+https://example.com/b.git@{commit}",
        "of_git @ git+https://example.org/b.git@main",
    ]
    assert ask(site, others)["undecided"] == others
    # Its dependencies may have changed.
    os.utime(tmp_path / "src" / "pyproject.toml", (2**31, 2**31))
    assert ask(site, requested)["undecided"] == requested[:2]


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        (["one/__init__.py", "one/more.py", "one/sub/__init__.py"], ["one"]),
        (["one.py", "two.py", "_three.py", "tests/__init__.py", "docs/conf.py"], ["one", "two"]),
        (["one.cpython-313-x86_64-linux-gnu.so", "one.libs/libpq-1.so.5"], ["one"]),
        (["ns/one/__init__.py", "ns/one/sub/__init__.py", "ns/two/__init__.py"], ["ns.one", "ns.two"]),
        (["../../../bin/one", "one-1.dist-info/RECORD", "__editable__.one.pth", "__editable___one_finder.py"], []),
        (["test_one.py", "two-three.py", "setup.py"], []),
    ],
)
def test_the_modules_of_a_distribution(site: Path, files: list[str], modules: list[str]) -> None:
    installed(site, "it", {}, *files)
    assert ask(site, ["it==1"])["modules"] == ({"it": modules} if modules else {})


def test_only_what_is_requested_itself_is_imported(site: Path) -> None:
    installed(site, "it", {}, "it.py")
    assert ask(site, ["pyhost-one"])["modules"] == {}
    assert ask(site)["modules"] == {}


def test_the_files_for_an_installer(site: Path, tmp_path: Path) -> None:
    prefix = f"{tmp_path}/.x-"
    (tmp_path / "r.txt").touch()
    said = ask(site, [f"-r {tmp_path}/r.txt", "a==1"], write=prefix)
    assert said["written"] == ["requested"]
    file = tmp_path / ".x-requested.txt"
    assert file.read_text() == f"-r {tmp_path}/r.txt\na==1\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert ask(site, file="/dev/null", write=prefix + "2-")["problem"] == "/dev/null is not a regular file"


@pytest.mark.parametrize("kind", ["absent", "pipe", "endless"])
def test_a_file_that_is_none(site: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "requirements.txt"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "endless":
        file.symlink_to("/dev/zero")
    words = "cannot read" if kind == "absent" else "is not a regular file"
    assert words in ask(site, file=str(file))["problem"]


def test_hashes_of_some_requirements(site: Path, tmp_path: Path) -> None:
    """pip wants hashes of all, or of none, of what is in one file."""
    prefix = f"{tmp_path}/.x-"
    said = ask(site, ["a", "--index-url https://e.org", "b==1 --hash=sha256:0", "-e /srv/c"], write=prefix)
    assert said["written"] == ["hashed", "requested"]
    assert (tmp_path / ".x-hashed.txt").read_text() == "--index-url https://e.org\nb==1 --hash=sha256:0\n"
    assert (tmp_path / ".x-requested.txt").read_text() == "--index-url https://e.org\na\n-e /srv/c\n"
    all_of_them = ["b==1 --hash=sha256:0", "--index-url https://e.org"]
    assert ask(site, all_of_them, write=f"{prefix}2-")["written"] == ["requested"]


def test_a_python_without_pip_compares_by_that_of_the_tools(tmp_path: Path) -> None:
    question = {"requirements": ["a"], "file": "", "project": "", "write": ""}
    answers = []
    for tools in ("", str(Path(sys.executable).parents[1])):
        hidden = "import sys; sys.path[:] = [one for one in sys.path if 'site-packages' not in one]\n"
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", hidden + SCRIPT],
            input=json.dumps({**question, "tools": tools}),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        answers.append(json.loads(ran.stdout))
    assert [(one["pip"], one["can_compare"], one["unmet"]) for one in answers] == [("", False, []), ("", True, ["a"])]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("print('noise')", ["imported"]),
        ("raise RuntimeError('wants settings')", ["imported"]),
        ("raise SystemExit(1)", ["imported"]),
        ("import no_such_module", ["failed", "ModuleNotFoundError: No module named 'no_such_module'"]),
        ("import ctypes; ctypes.CDLL('libnone.so.1')", ["failed", "OSError: libnone.so.1: cannot open shared"]),
        ("x = = 1", ["failed", "SyntaxError: invalid syntax"]),
        ("import os; os._exit(3)", []),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", []),
    ],
)
def test_an_import(tmp_path: Path, text: str, answer: list[str]) -> None:
    (tmp_path / "one.py").write_text(text)
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    command = [sys.executable, "-B", "-c", path + IMPORT_SCRIPT]
    ran = subprocess.run(command, input='["one"]', capture_output=True, text=True, timeout=60, check=False)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert lines[0] == ["start", "one"]
    assert [line[:2] for line in lines[1:]] == ([[answer[0], "one"]] if answer else [])
    if answer[1:]:
        assert lines[1][2].startswith(answer[1])


def test_what_an_interpreter_says() -> None:
    ran = subprocess.run([sys.executable, "-I", "-c", PROBE_SCRIPT], capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout)
    assert (said["version"].split(".")[0], said["prefix"]) == ("3", sys.base_prefix)
