"""What the programs of an environment are asked, with which variables and limits, and what becomes of their output."""

from __future__ import annotations

import json
import os
import pwd
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.as_user import User, find_user
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import programs as owners_programs
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host.programs import VenvPrograms, output
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import (
    Interpreter,
    VenvRequest,
    parse_request,
)


@pytest.fixture(name="me")
def _me() -> User:
    user = find_user(pwd.getpwuid(os.geteuid()).pw_name)
    assert user is not None
    return user


def request(path: Path | str = "/srv/a", **changes: t.Any) -> VenvRequest:
    return parse_request({"path": str(path), "owner": "app", **changes}, kernel="Linux")


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_variables_and_limits(me: User, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run_as(user: User, argv: list[str], **named: t.Any) -> CommandResult:
        asked.append((argv[0], named))
        return CommandResult(tuple(argv), 1, "", "")

    monkeypatch.setattr(owners_programs, "run_as", run_as)
    programs = VenvPrograms(2400, {"CC": "gcc"})
    wanted = request(index_url="https://ann:secret@example.org/simple", requirements=["https://ann:secret@e.org/a.whl"])
    programs.run(wanted, me, ["pip"])
    programs.run(wanted, me, ["uv"], {"A": "b"})
    with pytest.raises(BaselineError):
        programs.report(wanted, me)
    programs.imports(wanted, me, ["six"])
    assert [(name, one["folder"], one["seconds"]) for name, one in asked] == [
        ("pip", "/srv/a", 2400),
        ("uv", "/srv/a", 2400),
        ("/srv/a/bin/python", "/srv/a", 60),
        ("/srv/a/bin/python", "/srv/a", 120),
    ]
    assert asked[0][1]["env"] == {"CC": "gcc", "PIP_INDEX_URL": "https://ann:secret@example.org/simple"}
    assert asked[1][1]["env"] == {"A": "b"}
    # Imported code gets no passwords.
    assert "env" not in asked[2][1] and "env" not in asked[3][1]
    assert json.loads(asked[2][1]["data"])["requirements"] == ["https://ann:secret@e.org/a.whl"]


def test_what_a_python_reports(me: User, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    programs = VenvPrograms(60)
    found = programs.report(request(tmp_path, requirements=["pyhost-none"]), me)
    assert (found.unmet, found.own.release) == (("pyhost-none",), f"3.{sys.version_info[1]}")
    answer = programs.imports(request(tmp_path), me, ["json", "pyhost_none"])
    assert answer.imported == ("json",)
    assert answer.failed[0][0] == "pyhost_none"


def test_a_report_that_fails(me: User, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "python", "echo 'https://ann:secret@example.org \033[2J' >&2; exit 3")
    with pytest.raises(BaselineError) as caught:
        VenvPrograms(60).report(request(tmp_path), me)
    assert str(caught.value).startswith(
        f"{tmp_path}: its own Python, run as {me.name}, does not report its content (exit status 3): "
        "https://****@example.org \\x1b[2J; "
    )


def test_interpreters(me: User, tmp_path: Path) -> None:
    programs = VenvPrograms(60)
    assert programs.interpreter(request(python=sys.executable), me).prefix == sys.base_prefix
    script(tmp_path / "python3", "echo no; exit 1")
    script(tmp_path / "python3.12", 'echo \'{"version": "2.7.18", "implementation": "CPython", "prefix": "/usr"}\'')
    script(tmp_path / "python3-config", "")
    with pytest.raises(BaselineError, match="is no Python that can be used .exit status 1.: no; ") as caught:
        programs.interpreter(request(python=str(tmp_path / "python3")), me)
    assert f"the host has {tmp_path}/python3, {tmp_path}/python3.12" in caught.value.hint
    with pytest.raises(BaselineError, match="/bin/true, run as .*, is no Python that can be used .exit status 0.: no"):
        programs.interpreter(request(python="/bin/true"), me)
    with pytest.raises(BaselineError, match="is Python 2.7.18, and environments need 3.8 or later"):
        programs.interpreter(request(python=str(tmp_path / "python3.12")), me)
    with pytest.raises(BaselineError, match="its Python .*/python3.9 is not on this host"):
        programs.interpreter(request(python=str(tmp_path / "python3.9")), me)
    downloads = request(python="3.99", installer="uv", python_downloads=True)
    assert programs.interpreter(downloads, me) == Interpreter("3.99", "CPython", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_an_interpreter_that_the_owner_cannot_reach(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    script(tmp_path / "python3", "")
    nobody = find_user("nobody")
    assert nobody is not None
    with pytest.raises(BaselineError) as caught:
        VenvPrograms(60).interpreter(request(python=str(tmp_path / "python3")), nobody)
    assert caught.value.problem == f"app cannot reach its Python {tmp_path}/python3"
    assert str(tmp_path) not in caught.value.hint


@pytest.mark.parametrize(
    ("out", "err", "words"),
    [("", "", "no output"), ("a\n", "", "a"), ("a", "b", "b"), ("", "\x1b[2J\nc", "\\x1b[2J\nc")],
)
def test_output(out: str, err: str, words: str) -> None:
    assert output(CommandResult(("a",), 1, out, err)) == words
    long = output(CommandResult(("a",), 1, "", "a" * 9999 + "the end"))
    assert long.endswith("the end") and len(long) <= 2000
