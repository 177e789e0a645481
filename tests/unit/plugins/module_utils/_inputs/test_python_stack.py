"""The check of requested virtual environments."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.python_stack import venv_problems

VENV: dict[str, t.Any] = {"path": "/srv/shop/venv", "owner": "shop"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"group": "www-data", "mode": "0750", "python": "/usr/bin/python3.12"},
        {"mode": "u=rwx,g=rx,o="},
        {"requirements": ["django>=5.2,<6", "psycopg2"], "extra_args": "--no-binary 'psycopg2'"},
        {"requirements": "/srv/shop/requirements.txt"},
        {"group": None, "python": None, "mode": None, "requirements": None, "extra_args": None},
    ],
)
def test_a_valid_request(more: dict[str, t.Any]) -> None:
    assert venv_problems({**VENV, **more}) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"path": "srv/venv"}, "path must be an absolute path"),
        ({"path": "/"}, "path must be an absolute path"),
        ({"path": "//venv"}, "path must be an absolute path"),
        ({"owner": "a\nb"}, "owner holds U+000A (control character) at character 2"),
        ({"python": "python3"}, "python is 'python3', but must be an absolute path such as /usr/bin/python3"),
        ({"requirements": "r.txt"}, "requirements is 'r.txt', but must be a list of requirements or the absolute path"),
        ({"requirements": [1]}, "requirements must be a list of texts such as"),
        ({"requirements": {"a": 1}}, "requirements must be a list of texts such as"),
        ({"requirements": [" "]}, "a requirement is empty"),
        ({"requirements": ["-r x"]}, "the requirement '-r x' is an option of pip, which belongs into extra_args or a"),
        ({"requirements": ["a\u202e"]}, "the requirement 'a\\u202e' holds U+202E"),
        ({"extra_args": "'a"}, 'extra_args is "\'a", with unbalanced quotes (No closing quotation)'),
        ({"mode": "493"}, "mode is '493', but must be octal and in quotes, such as '0750'"),
    ],
)
def test_an_invalid_request(more: dict[str, t.Any], problem: str) -> None:
    (found,) = venv_problems({**VENV, **more})
    path = more.get("path", VENV["path"])
    assert found.startswith(f"{path!r}: {problem}")


def test_all_problems_are_reported_at_once() -> None:
    assert len(venv_problems({"path": "a", "owner": "\x00", "mode": "x", "extra_args": '"'})) == 4
