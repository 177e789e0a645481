# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines and the output of dnf(8), generations 4 and 5: simulations, and what its errors mean."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .model import Simulation
from .rpm import package_key, without_zero_epoch

__all__ = [
    "DnfCommand",
    "error_lines",
    "failed_scriptlets",
    "find_hint",
    "is_locked",
    "is_outdated",
    "is_plan",
    "is_uncached",
    "lacks_dependency",
    "parse_simulation",
    "parse_unavailable",
    "unreadable_repositories",
]

# With a configuration that skips what it cannot install, dnf would exit with 0 without installing it; and dnf 4 would
# wait without a limit for the process that holds its lock.
_STRICT = {
    4: ("--setopt=strict=1", "--setopt=exit_on_lock=1"),
    5: ("--setopt=skip_unavailable=0", "--setopt=skip_broken=0"),
}
_INSTALLING = (
    "Installing",
    "Installing dependencies",
    "Installing weak dependencies",
    "Installing group/module packages",
    "Upgrading",
    "Downgrading",
    "Reinstalling",
)
_REMOVING = ("Removing", "Removing dependent packages", "Removing unused dependencies")
_HEADING = re.compile(r"([A-Z][a-z/ ]+):")
_REPLACING = re.compile(r" +replacing +(?P<name>\S+?)(?:\.(?P<arch4>\w+) (?P<version4>\d\S*)| +(?P<arch5>\w+) +\S+ .*)")
_UNAVAILABLE = re.compile(
    r"No match for argument: (?P<unknown>.+)"
    r"|All matches were filtered out by (?P<why>\w+) filtering for argument: (?P<filtered>.+)"
    r"|Argument '(?P<excluded>.+)' matches only excluded packages\."
)
_LOCKED = re.compile(r"(already locked by|can't create transaction lock on|Waiting for process with pid)")
# dnf's messages when the index names files that the repository has replaced since.
_OUTDATED = re.compile(r"Status code: 404|have incorrect checksum|hecksum doesn't match")
# dnf 4 names the repositories in the end, dnf 5 each before its errors.
_IGNORED = re.compile(r"^Ignoring repositories: (?P<ids>.+)|^ (?P<title>\S.*?) +\?+% \|.*\n>>> ", re.MULTILINE)
_READ_ERROR = re.compile(
    r"(?P<why>(Curl error|Status code|Cache-only|Librepo error|Usable URL)[^\[\n]*?) *(\[.*)?$", re.MULTILINE
)
_SCRIPTLET = re.compile(r".*%\w+\((?P<package>.+?)\) scriptlet failed, .*")
_NOISE = re.compile(
    r"Updating and loading repositories:|Repositories loaded\.|Last metadata expiration check.*|.* (\d+|\?+)% \|.*"
    r"|\[\d+/\d+\].*|-+|=+|>>> (Already|Running).*|Total (download )?size.*|After this operation.*"
    r"|You can try to add.*| +--.*"
    r"|\(try to add .*|Package .* is already installed\.|Operation aborted.*|Warning: skipped OpenPGP.*|Running trans.*"
    r"|Downloading Packages:|Transaction (check|test) succeeded\.|Dependencies resolved\.|Error Summary|Complete!"
    r"|Nothing to do\.| *"
)
# dnf 4 prints the whole configuration of a repository without a key.
_DUMP = re.compile(r"^(Problem repository: \[.*\]\n)(\w+: .*\n)+", re.MULTILINE)
_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"GPG check FAILED|Signature verification failed|GPG public keys|GPG keys? |OpenPGP check|is not signed",
        "name the signer's key in the repository's gpgkey or import it with 'rpm --import'; a package whose signature "
        "cannot be checked is not installed",
    ),
    (
        r"more space (needed )?on the|No space left|[Nn]ot enough free space|Disk Requirements",
        "free space on that file system",
    ),
    (
        r"Failed to download metadata|Cannot download|Usable URL not found|All mirrors were tried|Curl error",
        "check that repository's address and the host's network, or disable the repository",
    ),
    (r"nothing provides", "enable the repository that has the missing package"),
    (
        r"conflicts with|conflicting requests",
        "remove the conflicting packages first (state: absent) if you do not need them",
    ),
    (r"protected packages", "dnf's setting protected_packages lists what cannot be removed"),
)


@dataclass(frozen=True)
class DnfCommand:
    """One request to dnf of a ``generation``: ``verb`` (install or remove) and the ``names`` of packages.

    ``expire`` is the age in seconds at which the index is updated; below 0 it is read only where there is none.
    """

    generation: int
    verb: str
    names: tuple[str, ...]
    latest: bool = False
    recommends: bool = False
    expire: int = -1

    def of(self, names: t.Sequence[str]) -> DnfCommand:
        """Return the same request for other packages."""
        return replace(self, names=tuple(names))

    def simulation(self, *, whole: bool = False) -> list[str]:
        """Return the command that predicts the transaction, from the index that is on the host.

        With ``whole`` it fails where the index of a repository is not on the host.
        """
        whole_index = ["--setopt=*.skip_if_unavailable=0"] if whole and self.verb != "remove" else []
        return ["dnf", "-C", "--assumeno", *self._settings(), *whole_index, self.verb, *self.names]

    def transaction(self, *, refresh: bool = False) -> list[str]:
        """Return the command that does it; with ``refresh`` it updates the index first."""
        index = []
        if self.verb != "remove":
            index = [f"--setopt=*.metadata_expire={self.expire}", *(["--refresh"] if refresh else [])]
        return ["dnf", "-y", *self._settings(), *index, self.verb, *self.names]

    def _settings(self) -> list[str]:
        if self.verb == "remove":
            return ["--setopt=clean_requirements_on_remove=0"]
        # Without "best" an installed package stays as it is.
        best = ["--setopt=best=1"] if self.latest else []
        return [*_STRICT[self.generation], f"--setopt=install_weak_deps={int(self.recommends)}", *best]


def is_plan(rc: int, out: str, err: str) -> bool:
    """Say whether a simulation was completed: dnf then answers "no" itself, unless there was nothing to ask."""
    return rc == 0 or "Operation aborted" in out + err


def lacks_dependency(text: str) -> bool:
    """Say whether dnf failed because no enabled repository has a package that another one needs."""
    return "nothing provides" in text


def is_uncached(text: str) -> bool:
    """Say whether a simulation failed because the index of a repository is not on the host, or not all of it."""
    return "Cache-only enabled but no cache" in text


def parse_simulation(out: str, native: str) -> Simulation:
    """Read the table of ``dnf --assumeno``; a row that is too long continues in a line with a deeper indent."""
    installs: dict[str, str] = {}
    removes: list[str] = []
    section = ""
    rows: list[tuple[str, list[str]]] = []
    for line in out.splitlines():
        heading = _HEADING.fullmatch(line)
        replaced = _REPLACING.fullmatch(line)
        if heading:
            section = heading[1]
        elif not line.startswith(" ") or not line.strip():
            section = ""
        elif replaced:
            removes.append(package_key(replaced["name"], replaced["arch4"] or replaced["arch5"], native))
        elif section and line.startswith("  ") and rows:
            rows[-1][1].extend(line.split())
        elif section:
            rows.append((section, line.split()))
    for section, columns in rows:
        if len(columns) >= 3 and section in _INSTALLING:
            installs[package_key(columns[0], columns[1], native)] = without_zero_epoch(columns[2])
        elif len(columns) >= 3 and section in _REMOVING:
            removes.append(package_key(columns[0], columns[1], native))
    return Simulation(installs, tuple(name for name in removes if name not in installs))


def parse_unavailable(text: str) -> dict[str, str]:
    """Return the names that dnf cannot install, in its order, each with the reason where dnf gives one."""
    found: dict[str, str] = {}
    for m in filter(None, map(_UNAVAILABLE.fullmatch, text.splitlines())):
        if m["unknown"]:
            found.setdefault(m["unknown"], "")
        else:
            why = {None: "excluded", "exclude": "excluded"}.get(m["why"], f"hidden by {m['why']} filtering")
            found[m["filtered"] or m["excluded"]] = why
    return found


def is_locked(text: str) -> bool:
    """Say whether dnf failed because another process holds a lock."""
    return bool(_LOCKED.search(text))


def is_outdated(text: str) -> bool:
    """Say whether a download failed in a way that a newer package index mends."""
    return bool(_OUTDATED.search(text))


def unreadable_repositories(text: str) -> str:
    """Return which repositories dnf could not read and ignored, and why; empty where it read all."""
    names = [name for m in _IGNORED.finditer(text) for name in (m["ids"] or m["title"]).split(", ")]
    why = _READ_ERROR.search(text)
    # dnf 5 prints a line without a size for metadata that it does not yet know, too.
    if not names or not why:
        return ""
    return f"{', '.join(dict.fromkeys(names))} ({why['why']})"


def failed_scriptlets(text: str) -> list[str]:
    """Return the packages of which a script failed; dnf 4 reports no details."""
    return list(dict.fromkeys(m["package"] for m in map(_SCRIPTLET.fullmatch, text.splitlines()) if m))


def error_lines(out: str, err: str, *, lines: int = 12) -> str:
    """Return the errors in dnf's output, without its tables and progress, each once."""
    found = _without_noise(_DUMP.sub(r"\1", err)) or _without_noise(out)
    return "\n".join(found[-lines:]).rstrip(".")


def _without_noise(text: str) -> list[str]:
    lines = (line.rstrip() for line in text.splitlines() if not _NOISE.fullmatch(line))
    # The same error comes for each attempt, with another number of milliseconds.
    return list({re.sub(r"after \d+ ms", "", line): line for line in lines}.values())


def find_hint(text: str) -> str:
    """Return what to do about the error in ``text``, an empty text where that is not known."""
    return next((hint for pattern, hint in _HINTS if re.search(pattern, text)), "")
