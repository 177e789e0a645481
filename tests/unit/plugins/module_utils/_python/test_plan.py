"""What has to be done for an environment, by what was found of it: kept, made, made anew, or refused."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._python import plan
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import (
    Interpreter,
    VenvReport,
    VenvRequest,
    parse_report,
    parse_request,
)

DEBIAN12, DEBIAN13 = Interpreter("3.11.2", "CPython", "/usr"), Interpreter("3.13.5", "CPython", "/usr")
LOCAL = Interpreter("3.11.9", "CPython", "/usr/local")
PYPY = Interpreter("3.11.2", "PyPy", "/usr")
DOWNLOADED = Interpreter("3.11", "CPython", "")
FAILURE = BaselineError(
    "its own Python, run as app, does not report its content (exit status 127): no libpython3.11.so"
)


def request(**changes: t.Any) -> VenvRequest:
    return parse_request({"path": "/srv/a", "owner": "app", **changes}, kernel="Linux")


def report(own: Interpreter = DEBIAN12, *, pip: str = "23.0", can_compare: bool = True) -> VenvReport:
    answer = {"python": own.version, "implementation": own.implementation, "prefix": own.prefix, "pip": pip}
    lists: dict[str, t.Any] = {"distributions": {}, "unmet": [], "undecided": [], "modules": {}, "source": ""}
    return parse_report(json.dumps({**answer, **lists, "can_compare": can_compare}), request())


HEALTHY = plan.Environment(is_made=True, made_with="3.11.2", report=report())


@pytest.mark.parametrize(
    ("changes", "found", "wanted", "action"),
    [
        pytest.param({}, plan.Environment(), DEBIAN13, "make", id="there is none"),
        pytest.param({}, HEALTHY, None, "keep", id="healthy"),
        pytest.param({"recreate": True}, HEALTHY, None, "keep", id="healthy, whatever recreate says"),
        pytest.param({"python": "/usr/bin/python3"}, HEALTHY, DEBIAN12, "keep", id="the python that is asked for"),
        pytest.param({"python": "3.11"}, HEALTHY, LOCAL, "keep", id="a version is one wherever it is installed"),
        pytest.param({"python": "3.11"}, HEALTHY, DOWNLOADED, "keep", id="a version that uv downloads"),
        pytest.param(
            {}, dataclasses.replace(HEALTHY, report=report(pip="")), None, "make", id="pip is gone and comes back"
        ),
        pytest.param(
            {"installer": "uv"}, dataclasses.replace(HEALTHY, report=report(pip="")), None, "keep", id="uv needs no pip"
        ),
        pytest.param(
            {"installer": "uv"},
            dataclasses.replace(HEALTHY, report=report(pip="", can_compare=False)),
            None,
            "make",
            id="but what compares requirements",
        ),
        pytest.param({}, plan.Environment(made_with="3.11.2"), DEBIAN12, "make", id="an interrupted one is completed"),
        pytest.param({}, dataclasses.replace(HEALTHY, made_with=""), None, "keep", id="no pyvenv.cfg that can be read"),
    ],
)
def test_nothing_stands_against_it(
    changes: dict[str, t.Any], found: plan.Environment, wanted: Interpreter | None, action: str
) -> None:
    assert plan.plan_venv(request(**changes), found, wanted) == plan.VenvPlan(action)


@pytest.mark.parametrize(
    ("changes", "found", "wanted", "reason"),
    [
        pytest.param(
            {},
            plan.Environment(made_with="3.11.2", gone="/usr/bin/python3.11"),
            DEBIAN13,
            "the Python 3.11 that it was made with is gone (3.11 -> 3.13): no /usr/bin/python3.11 on this host",
            id="an upgrade of the distribution, its link named the old Python",
        ),
        pytest.param(
            {},
            plan.Environment(gone="/opt/python/bin/python3"),
            DEBIAN13,
            "the Python of another system that it was made with is gone: no /opt/python/bin/python3 on this host",
            id="copied from another host, without a pyvenv.cfg",
        ),
        pytest.param(
            {},
            plan.Environment(made_with="3.13.1", gone="/usr/local/bin/python3.13"),
            DEBIAN13,
            "the Python 3.13 that it was made with is gone: no /usr/local/bin/python3.13 on this host",
            id="the same version from another place",
        ),
        pytest.param(
            {},
            dataclasses.replace(HEALTHY, report=report(DEBIAN13, pip="")),
            DEBIAN13,
            "it was made with Python 3.11, and its Python is 3.13.5 now (3.11 -> 3.13)",
            id="an upgrade of the distribution, its link named python3",
        ),
        pytest.param(
            {},
            plan.Environment(is_made=True, made_with="3.11.2", leads_to="3.13"),
            None,
            "it was made with Python 3.11, and its Python is 3.13 now (3.11 -> 3.13)",
            id="the same, before any of its programs is run",
        ),
        pytest.param(
            {},
            plan.Environment(made_with="3.11.2"),
            DEBIAN13,
            "it is incomplete, and was begun with Python 3.11 (3.11 -> 3.13)",
            id="interrupted before the upgrade",
        ),
        pytest.param(
            {"python": "/usr/bin/python3.13"},
            HEALTHY,
            DEBIAN13,
            "it has Python 3.11.2 of /usr, and python asks for 3.13.5 of /usr (3.11 -> 3.13)",
            id="python asks for another version",
        ),
        pytest.param(
            {"python": "/usr/local/bin/python3"},
            HEALTHY,
            LOCAL,
            "it has Python 3.11.2 of /usr, and python asks for 3.11.9 of /usr/local (3.11 -> 3.11)",
            id="python asks for the same version of another place",
        ),
        pytest.param(
            {"python": "3.11"},
            HEALTHY,
            PYPY,
            "it has Python 3.11.2 of /usr, and python asks for 3.11.2 of /usr (3.11 -> 3.11)",
            id="another implementation",
        ),
        pytest.param({}, dataclasses.replace(HEALTHY, report=None, failure=FAILURE), DEBIAN12, FAILURE.problem),
        pytest.param(
            {},
            dataclasses.replace(HEALTHY, report=None, belongs_to="root"),
            None,
            "it belongs to root and not to app, who could not change it",
            id="made by root earlier",
        ),
        pytest.param(
            {},
            dataclasses.replace(HEALTHY, content=plan.VenvContent(("/srv/a/lib",), "root", 1)),
            None,
            "/srv/a/lib in it belongs to root, so app can change only a part of it",
            id="a part of it was made by root",
        ),
        pytest.param(
            {},
            dataclasses.replace(HEALTHY, content=plan.VenvContent(("/srv/a/\x1b",), "uid 5", 7)),
            None,
            "/srv/a/\\x1b and 6 more folders in it belong to uid 5, so app can change only a part of it",
            id="names are quoted",
        ),
    ],
)
def test_only_a_new_one_helps(
    changes: dict[str, t.Any], found: plan.Environment, wanted: Interpreter | None, reason: str
) -> None:
    with pytest.raises(BaselineError) as caught:
        plan.plan_venv(request(**changes), found, wanted)
    assert caught.value.problem == reason
    anew = plan.plan_venv(request(**changes, recreate=True), found, wanted)
    assert anew == plan.VenvPlan("recreate", reason)


def test_the_error_offers_to_make_it_anew() -> None:
    with pytest.raises(BaselineError) as caught:
        plan.plan_venv(request(), plan.Environment(made_with="3.11.2", gone="/usr/bin/python3.11"), DEBIAN13)
    assert str(caught.value) == (
        "/srv/a: the Python 3.11 that it was made with is gone (3.11 -> 3.13): no /usr/bin/python3.11 on this host; "
        "this task changed nothing; set recreate: true in its entry of venvs, so that a new environment takes its place"
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n", "3.11.2"),
        ("home = /usr/bin\nimplementation = CPython\nuv = 0.13.9\nversion_info = 3.12.3\n", "3.12.3"),
        ("implementation = CPython\nversion_info = 3.9.2.final.0\nvirtualenv = 20.4", "3.9.2.final.0"),
        ("Version=3.14.0rc1", "3.14.0rc1"),
        ("version = \x1b[2J", ""),
        ("version = " + "3" * 99, ""),
        ("", ""),
    ],
)
def test_pyvenv_cfg(text: str, version: str) -> None:
    assert plan.parse_config(text) == version


def test_a_missing_interpreter_names_those_that_are_there() -> None:
    error = plan.missing_interpreter(
        request(python="3.12"), ["/usr/bin/python3", "/usr/bin/python3.11"], is_there=False
    )
    assert str(error) == (
        "/srv/a: its Python /usr/bin/python3.12 is not on this host; this task changed nothing; the host has "
        "/usr/bin/python3, /usr/bin/python3.11; install the package of it, name another one in python, or set "
        "installer: uv and python_downloads: true"
    )
    unreachable = plan.missing_interpreter(request(python="/root/python"), [], is_there=True)
    assert unreachable.problem == "app cannot reach its Python /root/python"
    assert "the host has no Python where it was looked for" in unreachable.hint


@pytest.mark.parametrize(
    ("name", "is_one"), [("python3", True), ("python3.13", True), ("python3-config", False), ("python3.13t", False)]
)
def test_interpreters(name: str, is_one: bool) -> None:
    assert plan.is_interpreter(name) is is_one


@pytest.mark.parametrize(
    ("version", "words"), [("2.7.18", "is Python 2.7.18"), ("3.6.8", "need 3.8 or later"), ("3.8.0", "")]
)
def test_interpreters_that_are_too_old(version: str, words: str) -> None:
    error = plan.unsuitable_interpreter(request(), Interpreter(version, "CPython", "/usr"))
    assert (error is None) is (words == "")
    assert words in str(error)
