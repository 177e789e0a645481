# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines and variables of pip and uv. Pure.

Addresses of indexes, which may hold passwords, are given in variables: a command line is everybody's to read.
"""

from __future__ import annotations

import ast
import re
import typing as t

if t.TYPE_CHECKING:
    from .venv import VenvRequest

__all__ = [
    "commands",
    "configured",
    "install_uv",
    "kept_environment",
    "make_venv",
    "pip_config",
    "uv_environment",
    "variables",
]

# The variables of a play's `environment` that reach pip, uv and the compilers that they start.
_KEPT = re.compile(
    r"(?:PIP|UV)_[A-Z_]+|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE"
    r"|CURL_CA_BUNDLE|CC|CXX|CFLAGS|CPPFLAGS|CXXFLAGS|LDFLAGS|MAKEFLAGS|PKG_CONFIG_PATH|SOURCE_DATE_EPOCH"
)
# What pip's settings are called in uv. uv does not read pip's files: a company's index would be passed over for PyPI.
_OF_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
_PIP = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")


def kept_environment(environment: t.Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the owner's processes get: settings of pip and uv, proxies, compilers."""
    return {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}


def variables(request: VenvRequest, kept: t.Mapping[str, str]) -> dict[str, str]:
    """Return ``kept`` with the indexes that the request names, for pip."""
    found = dict(kept)
    if request.index_url:
        found["PIP_INDEX_URL"] = request.index_url
    if request.extra_index_urls:
        found["PIP_EXTRA_INDEX_URL"] = " ".join(request.extra_index_urls)
    return found


def uv_environment(request: VenvRequest, pips: t.Mapping[str, str], config: t.Mapping[str, str]) -> dict[str, str]:
    """Return the variables for uv: ``pips`` variables and its ``config`` files in uv's own names, and no downloads.

    What is set for uv explicitly takes precedence, then pip's variables, then pip's files, as in pip.
    """
    of_variables = {name: pips.get("PIP_" + name.upper().replace("-", "_"), "") for name in _OF_UV}
    found = {_OF_UV[name]: value for name, value in {**config, **_filled(of_variables)}.items() if name in _OF_UV}
    if request.index_url:
        found.update({name: value for name, value in pips.items() if name != "UV_DEFAULT_INDEX"})
    else:
        found.update(pips)
    downloads = "automatic" if request.downloads else "never"
    return {**found, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": downloads, "UV_PYTHON_PREFERENCE": "system"}


def _filled(values: t.Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def pip_config(python: str) -> list[str]:
    return [python, "-m", "pip", "config", "list"]


def configured(text: str) -> dict[str, str]:
    """Return pip's settings by name from what ``pip config list`` printed; ``install`` overrides ``global``."""
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in text.splitlines():
        match = re.fullmatch(r"(global|install)\.([a-z-]+)=(['\"].*['\"])", line)
        if match:
            try:
                value = ast.literal_eval(match.group(3))
            except (SyntaxError, ValueError):
                continue
            found[match.group(1)][match.group(2)] = " ".join(str(value).split())
    return {**found["global"], **found["install"]}


def make_venv(request: VenvRequest, uv: str = "") -> list[str]:
    """Return the command that makes the environment; with ``uv`` that program makes it, from a Python of its own."""
    if uv:
        options = ["--allow-existing", "--seed", "--managed-python", "--python", request.release]
        return [uv, "venv", *options, request.path]
    return [request.python, "-I", "-m", "venv", request.path]


def install_uv(request: VenvRequest) -> list[str]:
    return [f"{request.tools}/bin/python", "-m", "pip", "install", *_PIP, request.uv]


def commands(request: VenvRequest, files: t.Mapping[str, str], uv: str = "") -> list[list[str]]:
    """Return the commands that install what is in ``files`` (by the names that the script gave them).

    What a lock file has is complete: its own requirements are not resolved again. Where it has hashes, what is
    downloaded must have them; a repository has none, so it comes by a command of its own.
    """
    python = f"{request.path}/bin/python"
    head = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", *_PIP]
    kinds = {"locked": ["--no-deps", "--require-hashes"], "unlocked": ["--no-deps"], "hashed": ["--require-hashes"]}
    return [
        [*head, *options, *request.extra_args, "--requirement", files[name]]
        for name, options in {**kinds, "requested": []}.items()
        if name in files
    ]
