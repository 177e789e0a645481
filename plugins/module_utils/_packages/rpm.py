# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of rpm(8): the packages in its database, and the requested names that no package provides."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

__all__ = [
    "ALL",
    "damaged",
    "duplicates",
    "package_key",
    "parse_all",
    "parse_missing",
    "without_zero_epoch",
]

# One line a package for `rpm -qa --qf`.
ALL = r"%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\n"
_MISSING = re.compile(
    r"no package provides (?P<capability>.+)"
    r"|package (?P<name>.+) is not installed"
    r"|file (?P<file>/.+) is not owned by any package"
    r"|error: file (?P<absent>/.+): No such file or directory"
)
# The errors of a damaged database. rpm may nevertheless answer the question, wrongly, and exit with 0.
_DAMAGED = re.compile(r"error: (SELECT |sqlite failure|cannot open Packages|rpmdb: |rpmdb open|db\d? error|db\d:).*")
# Several versions of these are installed at the same time on purpose.
_SIDE_BY_SIDE = re.compile(r"kernel(-.*)?|gpg-pubkey")


def package_key(name: str, arch: str, native: str) -> str:
    """Return the name of a package as users give it: with the architecture only where that is a foreign one."""
    return name if arch in (native, "noarch", "(none)") else f"{name}.{arch}"


def parse_all(text: str, native: str) -> dict[str, str]:
    """Return the installed packages (name to version) from the lines of :data:`ALL`; the signers' keys are left out."""
    found: dict[str, list[str]] = {}
    for name, version, arch in _records(text):
        if name != "gpg-pubkey":
            found.setdefault(package_key(name, arch, native), []).append(without_zero_epoch(version))
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def duplicates(text: str) -> list[str]:
    """Return the packages that are installed in two versions, as an interrupted transaction leaves them."""
    count = Counter((name, arch) for name, _version, arch in _records(text) if not _SIDE_BY_SIDE.fullmatch(name))
    return sorted(f"{name}.{arch}" for (name, arch), number in count.items() if number > 1)


def parse_missing(out: str, err: str) -> list[str]:
    """Return the names and capabilities that ``rpm -q`` reports as missing, in its order."""
    found = (_MISSING.fullmatch(line) for line in (*out.splitlines(), *err.splitlines()))
    return list(dict.fromkeys(next(filter(None, m.groups())) for m in found if m))


def damaged(err: str) -> list[str]:
    """Return the errors of ``rpm -q`` about its database."""
    return [line for line in err.splitlines() if _DAMAGED.fullmatch(line)]


def without_zero_epoch(version: str) -> str:
    """Return ``version`` without an epoch of 0, which rpm leaves out and dnf 5 prints."""
    return version[2:] if version.startswith("0:") else version


def _records(text: str) -> t.Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        name, _tab, rest = line.partition("\t")
        version, tab, arch = rest.partition("\t")
        if tab:
            yield name, version, arch
