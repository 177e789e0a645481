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
        {"python": "3.12", "recreate": True, "project": "/srv/shop/src", "imports": []},
        {"python": "3.14", "installer": "uv", "python_downloads": True, "uv": "uv>=0.9,<1"},
        {"installer": "uv", "uv": "/usr/local/bin/uv", "imports": ["psycopg2", "lxml.etree"]},
        {"index_url": "https://ann:secret@example.org/simple", "extra_index_urls": ["file:///srv/simple"]},
        {"requirements": ["-r /srv/r.txt", "-e /srv/shop/src", f"six==1.17.0 --hash=sha256:{'0' * 64}"]},
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
        ({"requirements": ["-r x"]}, "the requirement '-r x' must name an absolute path on the host after -r"),
        ({"requirements": "https://a:b@c"}, "requirements is 'https://****@c', but must be a list"),
        ({"python": "2.7"}, "python is '2.7', but must be an absolute path such as /usr/bin/python3, or a version"),
        ({"project": "src"}, "project is 'src', but must be the absolute path of a folder on the host"),
        ({"installer": "conda"}, "installer is 'conda', but must be pip or uv"),
        ({"uv": "--target=/etc"}, "uv is '--target=/etc', but must be a requirement such as 'uv==0.13.9', or"),
        ({"uv": "uv @ https://example.org/uv.whl"}, "uv is 'uv @ https://example.org/uv.whl', but must be"),
        ({"imports": ["os; x"]}, "imports has 'os; x', which is not the name of a module such as 'psycopg2'"),
        ({"imports": ["tête"]}, "imports has 'tête', which is not the name of a module"),
        ({"python_downloads": True}, "python_downloads needs installer: uv and python: a version such as '3.12'"),
        (
            {"python_downloads": True, "installer": "uv", "python": "/usr/bin/python3.9"},
            "python_downloads needs installer: uv and python: a version such as '3.12'",
        ),
        ({"index_url": "-https://a:secret@b"}, "index_url must be an address that starts with https:// and has no"),
        ({"extra_index_urls": ["https://a b"]}, "extra_index_urls must be an address that starts with https:// and"),
        ({"extra_args": "-i https://a:secret@b"}, "extra_args has an address with a user or password, which everybody"),
        ({"requirements": ["a\u202e"]}, "the requirement 'a\\u202e' holds U+202E"),
        ({"extra_args": "'a"}, 'extra_args is "\'a", with unbalanced quotes (No closing quotation)'),
        ({"mode": "493"}, "mode is '493', but must be octal and in quotes, such as '0750'"),
    ],
)
def test_an_invalid_request(more: dict[str, t.Any], problem: str) -> None:
    (found,) = venv_problems({**VENV, **more})
    path = more.get("path", VENV["path"])
    assert found.startswith(f"{path!r}: {problem}")


def test_no_password_is_repeated() -> None:
    secret = "https://ann:secret@example.org/ "
    options = {"requirements": secret, "extra_args": secret, "index_url": secret, "extra_index_urls": [secret]}
    found = venv_problems({**VENV, **options})
    assert len(found) == 4
    assert "secret" not in " ".join(found)


def test_all_problems_are_reported_at_once() -> None:
    assert len(venv_problems({"path": "a", "owner": "\x00", "mode": "x", "extra_args": '"'})) == 4
