"""The command lines of pip and uv, and the variables that hold what a command line must not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._python import installers
from ansible_collections.pyhost.baseline.plugins.module_utils._python.venv import WRITTEN, VenvRequest, parse_request

SECRET = "https://ann:secret@example.org/simple"
FILES = {name: f"/srv/a/.x-{name}.txt" for name in WRITTEN}


def request(**changes: t.Any) -> VenvRequest:
    return parse_request({"path": "/srv/a", "owner": "ann", **changes}, kernel="Linux")


def test_pip() -> None:
    head = ["/srv/a/bin/python", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    more = ["--progress-bar", "off"]
    found = installers.commands(request(extra_args="--no-binary 'a b'"), FILES)
    assert found == [
        [*head, *more, "--no-deps", "--require-hashes", "--no-binary", "a b", "--requirement", FILES["locked"]],
        [*head, *more, "--no-deps", "--no-binary", "a b", "--requirement", FILES["unlocked"]],
        [*head, *more, "--require-hashes", "--no-binary", "a b", "--requirement", FILES["hashed"]],
        [*head, *more, "--no-binary", "a b", "--requirement", FILES["requested"]],
    ]
    assert installers.commands(request(), {}) == []


def test_uv() -> None:
    uv = "/srv/a/.uv/bin/uv"
    head = [uv, "pip", "install", "--python", "/srv/a/bin/python"]
    assert installers.commands(request(), FILES, uv)[0] == [
        *head,
        "--no-deps",
        "--require-hashes",
        "--requirement",
        FILES["locked"],
    ]
    assert installers.install_uv(request(uv="uv==0.13.9"))[-1] == "uv==0.13.9"


def test_who_makes_an_environment() -> None:
    assert installers.make_venv(request(python="3.12")) == ["/usr/bin/python3.12", "-I", "-m", "venv", "/srv/a"]
    downloads = request(python="3.14", installer="uv", python_downloads=True)
    assert installers.make_venv(downloads, "/usr/local/bin/uv") == [
        *["/usr/local/bin/uv", "venv", "--allow-existing", "--seed", "--managed-python", "--python", "3.14", "/srv/a"]
    ]
    assert installers.uv_environment(downloads, {}, {})["UV_PYTHON_DOWNLOADS"] == "automatic"
    assert installers.uv_environment(request(installer="uv"), {}, {})["UV_PYTHON_DOWNLOADS"] == "never"


def test_an_index_is_on_no_command_line() -> None:
    wanted = request(index_url=SECRET, extra_index_urls=[SECRET, "https://example.org/b"], installer="uv", uv="uv")
    commands = [*installers.commands(wanted, FILES), *installers.commands(wanted, FILES, "/bin/uv")]
    assert "secret" not in str([*commands, installers.make_venv(wanted), installers.install_uv(wanted)])
    pips = installers.variables(wanted, {"PIP_INDEX_URL": "https://example.com", "CC": "gcc"})
    assert pips == {
        "PIP_INDEX_URL": SECRET,
        "PIP_EXTRA_INDEX_URL": f"{SECRET} https://example.org/b",
        "CC": "gcc",
    }
    of_uv = installers.uv_environment(wanted, pips, {})
    assert (of_uv["UV_DEFAULT_INDEX"], of_uv["UV_INDEX"]) == (SECRET, f"{SECRET} https://example.org/b")


@pytest.mark.parametrize(
    ("changes", "variables", "config", "index"),
    [
        ({}, {}, {}, None),
        ({}, {}, {"index-url": "https://file"}, "https://file"),
        ({}, {"PIP_INDEX_URL": "https://pip"}, {"index-url": "https://file"}, "https://pip"),
        ({}, {"PIP_INDEX_URL": "https://pip", "UV_DEFAULT_INDEX": "https://uv"}, {}, "https://uv"),
        (
            {"index_url": "https://own"},
            {"UV_DEFAULT_INDEX": "https://uv"},
            {"index-url": "https://file"},
            "https://own",
        ),
    ],
)
def test_the_index_of_uv(
    changes: dict[str, str], variables: dict[str, str], config: dict[str, str], index: str | None
) -> None:
    wanted = request(installer="uv", **changes)
    found = installers.uv_environment(wanted, installers.variables(wanted, variables), config)
    assert found.get("UV_DEFAULT_INDEX") == index


def test_what_pips_files_say() -> None:
    printed = (
        ":env:.cert='/env.pem'\nglobal.cert='/etc/ca.pem'\nglobal.index-url='https://a'\ninstall.index-url='https://b'\n"
        "global.extra-index-url='https://c\\nhttps://d'\nglobal.find-links=__import__('os')\nglobal.x='\nno line"
    )
    found = installers.configured(printed)
    assert found == {"cert": "/etc/ca.pem", "index-url": "https://b", "extra-index-url": "https://c https://d"}
    of_uv = installers.uv_environment(request(installer="uv"), {}, found)
    assert (of_uv["SSL_CERT_FILE"], of_uv["UV_INDEX"]) == ("/etc/ca.pem", "https://c https://d")
    assert installers.pip_config("/a/python") == ["/a/python", "-m", "pip", "config", "list"]


def test_what_of_the_plays_environment_is_kept() -> None:
    given = {
        "PIP_INDEX_URL": "1",
        "https_proxy": "2",
        "SSL_CERT_FILE": "3",
        "CFLAGS": "4",
        "UV_CACHE_DIR": "5",
        "HOME": "/root",
        "SSH_AUTH_SOCK": "/tmp/agent",
        "PYTHONPATH": "/root",
        "LD_PRELOAD": "/root/a.so",
        "SUDO_USER": "deploy",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    kept = {"PIP_INDEX_URL", "https_proxy", "SSL_CERT_FILE", "CFLAGS", "UV_CACHE_DIR"}
    assert set(installers.kept_environment(given)) == kept
