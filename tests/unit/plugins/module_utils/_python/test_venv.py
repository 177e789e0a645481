"""Requests for environments, and the answers of their Pythons, which may say anything."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._python import venv as venvs

VENV = {"path": "/srv/a", "owner": "ann", "group": None, "mode": "0755", "python": None, "extra_args": ""}
ANSWER = {
    "python": "3.13.5",
    "implementation": "CPython",
    "prefix": "/usr",
    "pip": "25.1",
    "can_compare": True,
    "distributions": {"pip": "25.1"},
    "unmet": [],
    "undecided": [],
    "source": "",
    "modules": {"pip": ["pip"]},
}


def request(**changes: t.Any) -> venvs.VenvRequest:
    return venvs.parse_request({**VENV, "requirements": [], **changes}, kernel="Linux")


@pytest.mark.parametrize(("kernel", "python"), [("Linux", "/usr/bin/python3"), ("FreeBSD", "/usr/local/bin/python3")])
def test_the_systems_own_python_is_the_default(kernel: str, python: str) -> None:
    assert venvs.parse_request(VENV, kernel=kernel).python == python


def test_a_request() -> None:
    found = request(requirements=["django>=5"], extra_args="--no-binary 'a b'\n", group="www", python="/opt/python")
    assert (found.requirements, found.file) == (("django>=5",), "")
    assert found.extra_args == ("--no-binary", "a b")
    assert (found.group, found.python) == ("www", "/opt/python")
    assert request(requirements="/srv/r.txt").file == "/srv/r.txt"
    assert (request().imports, request(imports=[]).imports, request(imports=["a.b"]).imports) == (None, (), ("a.b",))


@pytest.mark.parametrize(
    ("kernel", "python", "path", "release"),
    [
        ("Linux", None, "/usr/bin/python3", ""),
        ("Linux", "3.12", "/usr/bin/python3.12", "3.12"),
        ("FreeBSD", "3.9", "/usr/local/bin/python3.9", "3.9"),
        ("Linux", "/opt/python/bin/python3", "/opt/python/bin/python3", ""),
    ],
)
def test_the_python_of_a_request(kernel: str, python: str | None, path: str, release: str) -> None:
    found = venvs.parse_request({**VENV, "python": python}, kernel=kernel)
    assert (found.python, found.release, found.python_is_explicit) == (path, release, python is not None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"path": "srv"}, "path must be an absolute path"),
        ({"path": "/srv/a\u202e"}, "path holds U+202E"),
        ({"owner": "ann\n"}, "owner holds U+000A"),
        ({"requirements": ["-r other.txt"]}, "must name an absolute path on the host after -r"),
        ({"requirements": [" "]}, "a requirement is empty"),
        ({"requirements": ["a\nb"]}, "holds U+000A"),
        ({"requirements": "r.txt"}, "absolute path of a requirements file"),
        ({"extra_args": "--index 'a"}, "with unbalanced quotes"),
        ({"mode": "rwx"}, "mode is 'rwx'"),
    ],
)
def test_what_cannot_be_requested(changes: dict[str, t.Any], words: str) -> None:
    with pytest.raises(BaselineError) as caught:
        request(**changes)
    assert words in str(caught.value)
    assert str(caught.value).endswith("; this task changed nothing")


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("0750", 0o700, 0o750),
        ("2755", 0o700, 0o2755),
        ("u=rwx,g=rx,o=", 0o777, 0o750),
        ("g-w,o-rwx", 0o777, 0o750),
        ("a+rX", 0o700, 0o755),
        ("+x", 0o644, 0o755),
        ("g+s", 0o755, 0o2755),
        ("g=rx", 0o2770, 0o750),
        ("+t", 0o777, 0o1777),
        ("u+w-x", 0o500, 0o600),
    ],
)
def test_modes(text: str, before: int, after: int) -> None:
    assert venvs.mode_of(text, before) == after


def test_an_answer() -> None:
    answer = venvs.parse_report(json.dumps({**ANSWER, "unmet": ["a>=2"]}), request())
    assert (answer.own, answer.pip) == (venvs.Interpreter("3.13.5", "CPython", "/usr"), "25.1")
    assert answer.own.release == "3.13"
    assert answer.modules == (("pip", ("pip",)),)
    assert answer.distributions == (("pip", "25.1"),)
    assert answer.unmet == ("a>=2",)
    assert venvs.listing(answer, ["a>=2"]) == "python 3.13.5\npip==25.1\na>=2 (to be installed)\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "no JSON",
        "[" * 5000,
        json.dumps({**ANSWER, "distributions": []}),
        json.dumps({**ANSWER, "distributions": {"a\x1b[2J": "1"}}),
        json.dumps({**ANSWER, "distributions": {"a": "1\n2"}}),
        json.dumps({**ANSWER, "distributions": {"a": 1}}),
        json.dumps({**ANSWER, "distributions": {f"a{number}": "1" for number in range(6000)}}),
        json.dumps({**ANSWER, "python": None}),
        json.dumps({**ANSWER, "pip": {"a": "b"}}),
        json.dumps({**ANSWER, "prefix": "/usr\n"}),
        json.dumps({**ANSWER, "implementation": 1}),
        json.dumps({**ANSWER, "source": "a\x1b"}),
        json.dumps({**ANSWER, "modules": {"a": ["os; x"]}}),
        json.dumps({**ANSWER, "modules": ["os"]}),
        json.dumps({**ANSWER, "written": "locked"}),
        json.dumps({**ANSWER, "unmet": "a"}),
        json.dumps({**ANSWER, "unmet": [1]}),
        json.dumps({**ANSWER, "undecided": ["a" * 5000]}),
    ],
)
def test_an_invalid_report_is_an_error(text: str) -> None:
    with pytest.raises(BaselineError, match="^/srv/a: the report of its own Python"):
        venvs.parse_report(text, request())


def test_a_problem_is_quoted() -> None:
    answer = venvs.parse_report(json.dumps({**ANSWER, "problem": "\x1b[2J" + "a" * 9999}), request())
    with pytest.raises(BaselineError) as caught:
        venvs.require_usable(answer, request())
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_only_files_that_were_asked_for_are_given_to_an_installer() -> None:
    answer = venvs.parse_report(json.dumps({**ANSWER, "written": ["locked", "../../etc/passwd"]}), request())
    assert answer.written == ("locked",)
    venvs.require_usable(answer, request())


@pytest.mark.parametrize(
    ("version", "release"), [("3.13.5", "3.13"), ("3.14", "3.14"), ("3.15.0a1", "3.15"), ("3", ""), ("", ""), ("x", "")]
)
def test_releases(version: str, release: str) -> None:
    assert venvs.release_of(version) == release


@pytest.mark.parametrize(
    ("lines", "imported", "failed"),
    [
        (['["start", "a"]', '["imported", "a"]', '["start", "b"]', '["imported", "b"]'], ("a", "b"), {}),
        (
            ['["start", "a"]', '["failed", "a", "ImportError: \\u001b"]', '["start", "b"]', '["imported", "b"]'],
            ("b",),
            {"a": "ImportError: \\x1b"},
        ),
        (['["start", "a"]', '["imported", "a"]', '["start", "b"]'], ("a",), {"b": "the import ended Python, or"}),
        (['["start", "a"]'], (), {"a": "the import ended Python", "b": "it was not reached"}),
        (
            ["", "{}", "[", "[1]", '["imported", "c"]', '["imported", ["a"]]'],
            (),
            {"a": "it was not", "b": "it was not"},
        ),
    ],
)
def test_imports(lines: list[str], imported: tuple[str, ...], failed: dict[str, str]) -> None:
    answer = venvs.parse_imports("\n".join(lines), ["a", "b"])
    assert answer.imported == imported
    assert {name: failed[name] for name in failed} == {
        name: reason[: len(failed[name])] for name, reason in answer.failed
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": "3.13", "prefix": "/usr"}', "ANSWER"])
def test_what_is_no_interpreter(text: str) -> None:
    given = {"version": "3.13.5\n", "implementation": "CPython", "prefix": "/usr"}
    assert venvs.parse_interpreter(json.dumps(given) if text == "ANSWER" else text) is None
    assert venvs.parse_interpreter(json.dumps({**given, "version": "3.13.5"})) is not None


def test_questions_hold_no_more_than_needed() -> None:
    asked = json.loads(venvs.question(request(requirements=["a"], installer="uv"), write="/srv/a/.x-"))
    assert asked == {"requirements": ["a"], "file": "", "project": "", "tools": "/srv/a/.uv", "write": "/srv/a/.x-"}
    assert json.loads(venvs.question(request()))["tools"] == ""
    assert json.loads(venvs.as_json(("a", "b.c"))) == ["a", "b.c"]


def test_what_is_shown() -> None:
    assert venvs.shown("https://ann:secret@example.org/\x1b") == "https://****@example.org/\\x1b"
