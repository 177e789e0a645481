# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of dnf(8), generations 4 and 5: its command lines, what a simulation would do, what its errors mean."""

from __future__ import annotations

import re
import typing as t

from .model import Simulation
from .rpm import bare, key

__all__ = [
    "command",
    "failed_scriptlets",
    "is_locked",
    "is_outdated",
    "is_plan",
    "is_uncached",
    "lacks_dependency",
    "parse_simulation",
    "parse_unavailable",
    "unread",
    "way_out",
    "words",
]

# A configuration that passes over what it cannot install would say "0" to a wish that it did not fulfil, and dnf 4
# would wait without end for whoever holds its lock.
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
# What the archive says when the index names files that it has replaced since.
_OUTDATED = re.compile(r"Status code: 404|have incorrect checksum|hecksum doesn't match")
# dnf 4 names the repositories in the end, dnf 5 each before its errors.
_IGNORED = re.compile(r"^Ignoring repositories: (?P<ids>.+)|^ (?P<title>\S.*?) +\?+% \|.*\n>>> ", re.MULTILINE)
_TROUBLE = re.compile(
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
_WAYS_OUT: tuple[tuple[str, str], ...] = (
    (
        r"GPG check FAILED|Signature verification failed|GPG public keys|GPG keys? |OpenPGP check|is not signed",
        "a package whose signature cannot be checked is not installed; name the signer's key in the repository's "
        "gpgkey or import it with 'rpm --import'",
    ),
    (r"more space (needed )?on the|No space left|[Nn]ot enough free space|Disk Requirements", "free space there"),
    (
        r"Failed to download metadata|Cannot download|Usable URL not found|All mirrors were tried|Curl error",
        "look at that repository's address and the host's network, or disable the repository",
    ),
    (r"nothing provides", "enable the repository that has what is missing"),
    (r"conflicts with|conflicting requests", "remove what conflicts first (state: absent), if that is meant"),
    (r"protected packages", "dnf's protected_packages says what may not be removed"),
)


def command(
    generation: int,
    verb: str,
    names: t.Sequence[str],
    *,
    simulate: bool = False,
    whole: bool = False,
    latest: bool = False,
    recommends: bool = False,
    expire: int = -1,
    refresh: bool = False,
) -> list[str]:
    """Return the command that installs or removes ``names``, or (from the index that is there) says what it would do.

    ``expire`` is the age in seconds at which the index is read anew; below 0 it is read only where there is none.
    ``whole`` lets a simulation fail where the index of a repository is not on the host.
    """
    options = ["-C", "--assumeno"] if simulate else ["-y"]
    if verb == "remove":
        options.append("--setopt=clean_requirements_on_remove=0")
    else:
        options += [*_STRICT[generation], f"--setopt=install_weak_deps={int(recommends)}"]
        # Without "best" an installed package stays as it is.
        options += ["--setopt=best=1"] if latest else []
        options += [f"--setopt=*.metadata_expire={expire}"] if not simulate else []
        options += ["--refresh"] if refresh else []
        options += ["--setopt=*.skip_if_unavailable=0"] if whole else []
    return ["dnf", *options, verb, *names]


def is_plan(rc: int, out: str, err: str) -> bool:
    """Say whether a simulation came to its end: dnf then answers "no" itself, unless there was nothing to ask."""
    return rc == 0 or "Operation aborted" in out + err


def lacks_dependency(text: str) -> bool:
    """Say whether dnf failed because no enabled repository has what a package needs."""
    return "nothing provides" in text


def is_uncached(text: str) -> bool:
    """Say whether a simulation failed because the index of a repository is not on the host, or not all of it."""
    return "Cache-only enabled but no cache" in text


def parse_simulation(out: str, native: str) -> Simulation:
    """Read the table of ``dnf --assumeno``; a row that does not fit into a line goes on in a deeper one."""
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
            removes.append(key(replaced["name"], replaced["arch4"] or replaced["arch5"], native))
        elif section and line.startswith("  ") and rows:
            rows[-1][1].extend(line.split())
        elif section:
            rows.append((section, line.split()))
    for section, words in rows:
        if len(words) >= 3 and section in _INSTALLING:
            installs[key(words[0], words[1], native)] = bare(words[2])
        elif len(words) >= 3 and section in _REMOVING:
            removes.append(key(words[0], words[1], native))
    return Simulation(installs, tuple(name for name in removes if name not in installs))


def parse_unavailable(text: str) -> dict[str, str]:
    """Return the names that dnf cannot install, in its order, each with the reason where dnf has one."""
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
    """Say whether a download failed in the way that a newer package index cures."""
    return bool(_OUTDATED.search(text))


def unread(text: str) -> str:
    """Return which repositories dnf could not read and went on without, and why; empty where it read all."""
    names = [name for m in _IGNORED.finditer(text) for name in (m["ids"] or m["title"]).split(", ")]
    why = _TROUBLE.search(text)
    # dnf 5 prints a line without a size for metadata that it does not yet know, too.
    if not names or not why:
        return ""
    return f"{', '.join(dict.fromkeys(names))} ({why['why']})"


def failed_scriptlets(text: str) -> list[str]:
    """Return the packages one of whose scripts failed; dnf 4 says nothing more of it."""
    return list(dict.fromkeys(m["package"] for m in map(_SCRIPTLET.fullmatch, text.splitlines()) if m))


def words(out: str, err: str, *, lines: int = 12) -> str:
    """Return what dnf says went wrong, without its tables and progress, each thing once."""
    said = _told(_DUMP.sub(r"\1", err)) or _told(out)
    return "\n".join(said[-lines:]).rstrip(".")


def _told(text: str) -> list[str]:
    lines = (line.rstrip() for line in text.splitlines() if not _NOISE.fullmatch(line))
    # The same error comes for each attempt, with another number of milliseconds.
    return list({re.sub(r"after \d+ ms", "", line): line for line in lines}.values())


def way_out(text: str) -> str:
    """Return what to do about the trouble that ``text`` tells of, as the end of a sentence, where it is known."""
    return next((f"; {way}" for pattern, way in _WAYS_OUT if re.search(pattern, text)), "")
