# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of apt-get(8): what a simulation would do, and what its errors mean."""

from __future__ import annotations

import re

from .model import Simulation

__all__ = [
    "barred_versions",
    "is_locked",
    "is_outdated",
    "last_errors",
    "parse_simulation",
    "parse_unavailable",
    "reads_as_command",
]

_INSTALL = re.compile(r"Inst (?P<name>\S+) (?:\[[^\]]*\] )?\((?P<version>\S+) .*")
_REMOVE = re.compile(r"(?:Remv|Purg) (?P<name>\S+)(?: .*)?")
_UNAVAILABLE = re.compile(
    r"E: (?:Unable to locate package (?P<unknown>\S+)"
    r"|Package '(?P<without>[^']+)' has no installation candidate"
    r"|Couldn't find any package by (?:glob|regex) '(?P<pattern>[^']+)')"
)
# A row of the version table of `apt-cache policy`, not of the archives below it: version and priority.
_VERSION = re.compile(r"^(?: {5}| \*\*\* )\S+ (-?\d+)(?: \(.*\))?$", re.MULTILINE)
_VIRTUAL = re.compile(r"Package (?P<name>\S+) is a virtual package provided by:\n(?P<lines>(?: +\S.*\n)+)")
# apt's messages when another process holds one of its locks or dpkg's (LC_ALL=C).
_LOCKED = ("Could not get lock", "lock was locked by another process")
# apt's messages when the index names files that the archive has replaced since.
_OUTDATED = ("404  Not Found", "Unable to fetch some archives", "Hash Sum mismatch")


def parse_simulation(text: str) -> Simulation:
    """Read the ``Inst``, ``Remv`` and ``Purg`` lines of ``apt-get --simulate``."""
    installs = {m["name"]: m["version"] for m in map(_INSTALL.fullmatch, text.splitlines()) if m}
    removes = [m["name"] for m in map(_REMOVE.fullmatch, text.splitlines()) if m]
    return Simulation(installs, tuple(name for name in removes if name not in installs))


def parse_unavailable(out: str, err: str) -> dict[str, tuple[str, ...]]:
    """Return the packages that apt-get says it cannot install, in its order, each with the packages that provide it.

    ``out`` and ``err`` are its standard output and error. Only a virtual package has providers.
    """
    found = (m for m in map(_UNAVAILABLE.match, err.splitlines()) if m)
    names = dict.fromkeys(m["unknown"] or m["without"] or m["pattern"] for m in found)
    providers = {m["name"]: tuple(line.split()[0] for line in m["lines"].splitlines()) for m in _VIRTUAL.finditer(out)}
    return {name: providers.get(name, ()) for name in names}


def reads_as_command(name: str) -> bool:
    """Say whether apt-get reads ``name`` as the command to install another package, if no package has this name."""
    return name.endswith("+")


def barred_versions(text: str) -> dict[str, int]:
    """Return the packages of ``apt-cache policy NAME…`` that have versions and no candidate, with the best priority."""
    found = {}
    for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        versions = [int(priority) for priority in _VERSION.findall(entry)]
        if versions and "\n  Candidate: (none)\n" in entry:
            found[entry.partition(":\n")[0]] = max(versions)
    return found


def is_locked(text: str) -> bool:
    """Say whether apt-get failed because another process holds a lock."""
    return any(message in text for message in _LOCKED)


def is_outdated(text: str) -> bool:
    """Say whether a download failed in a way that a newer package index mends."""
    return any(message in text for message in _OUTDATED)


def last_errors(text: str, *, lines: int = 12) -> str:
    """Return apt-get's error lines (``E:``, ``W:``, dpkg's own), else the last lines of its output."""
    output = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in output if re.match(r"(E|W|Err|dpkg|  )[: ]", line)]
    return "\n".join((errors or output)[-lines:])
