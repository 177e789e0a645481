"""Requests for environments, the answers of their Pythons (which may say anything), and what pip is asked."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._python import venv as venvs

VENV = {"path": "/srv/a", "owner": "ann", "group": None, "mode": "0755", "python": None, "extra_args": ""}
ANSWER = {"python": "3.13.5", "pip": "25.1", "distributions": {"pip": "25.1"}, "unmet": [], "undecided": []}


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"path": "srv"}, "path must be an absolute path"),
        ({"path": "/srv/a\u202e"}, "path holds U+202E"),
        ({"owner": "ann\n"}, "owner holds U+000A"),
        ({"requirements": ["-r other.txt"]}, "is an option of pip"),
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
    assert (answer.python, answer.pip) == ("3.13.5", "25.1")
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
        json.dumps({**ANSWER, "unmet": "a"}),
        json.dumps({**ANSWER, "unmet": [1]}),
        json.dumps({**ANSWER, "undecided": ["a" * 5000]}),
    ],
)
def test_an_invalid_report_is_an_error(text: str) -> None:
    with pytest.raises(BaselineError, match="^/srv/a: the report of its own Python"):
        venvs.parse_report(text, request())


def test_a_problem_is_quoted() -> None:
    with pytest.raises(BaselineError) as caught:
        venvs.parse_report(json.dumps({"problem": "\x1b[2J" + "a" * 9999}), request())
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_what_pip_is_asked() -> None:
    argv = venvs.pip_install(request(requirements=["a", "b<2"], extra_args="--no-binary a"))
    assert argv[:4] == ["/srv/a/bin/python", "-m", "pip", "install"]
    assert argv[-4:] == ["--no-binary", "a", "a", "b<2"]
    assert venvs.pip_install(request(requirements="/r.txt"))[-2:] == ["--requirement", "/r.txt"]


def test_what_of_the_plays_environment_is_kept() -> None:
    given = {
        "PIP_INDEX_URL": "1",
        "https_proxy": "2",
        "SSL_CERT_FILE": "3",
        "CFLAGS": "4",
        "HOME": "/root",
        "SSH_AUTH_SOCK": "/tmp/agent",
        "PYTHONPATH": "/root",
        "LD_PRELOAD": "/root/a.so",
        "SUDO_USER": "deploy",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    assert set(venvs.kept_environment(given)) == {"PIP_INDEX_URL", "https_proxy", "SSL_CERT_FILE", "CFLAGS"}
