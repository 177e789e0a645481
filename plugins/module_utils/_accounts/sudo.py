# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the output of ``sudo -l`` by the rules of sudoers(5). Pure.

An unknown part grants nothing and denies all that it may deny: netgroups are not looked up, so neither ``(+admins)``
nor ``(ALL, !+admins)`` is root.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

__all__ = ["rights"]

_INDENT = 4
# Tags and options in front of a command, which may limit its time or place (Tag_Spec, Option_Spec).
_TAG = re.compile(r"([A-Z_]+):\s*")
_OPTION = re.compile(r"(ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|NOTBEFORE|NOTAFTER|TIMEOUT|CWD|CHROOT)=\S+\s*")
# With these options the shell still runs as root on this host.
_HARMLESS = ("ROLE", "TYPE", "TIMEOUT", "CWD")
_DIGEST = re.compile(r"sha(?:224|256|384|512):\S+\s*")
# The shells by which Ansible and ``sudo sh -c`` run a command; on a merged /usr they are the same.
_SHELLS = ("/bin/sh", "/usr/bin/sh")


def rights(rules: str, *, groups: t.Collection[str] = ("root", "#0")) -> tuple[bool, bool]:
    """Return whether a shell may be run as root, and whether a password is asked. The last matching rule decides.

    ``groups`` are the groups of root, by name and as ``#gid``.
    """
    allowed, asks = False, True
    for runas, commands in _rules(rules):
        if not _is_root(runas, groups):
            continue
        tags: dict[str, bool] = {}
        for command in _split(commands):
            tags, whole, bounded = _read_tags(command, tags)
            if whole == "ALL":
                allowed, asks = not bounded and not tags.get("NOEXEC"), not tags.get("NOPASSWD")
            elif whole.startswith("!") and _may_be_shell(whole):
                allowed = False
    return allowed, asks


def _rules(text: str) -> t.Iterator[tuple[str, str]]:
    """Yield (the list of users to run as, the list of commands) for each rule; long rules are wrapped."""
    joined: list[str] = []
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent > _INDENT and joined and not line.lstrip().startswith("("):
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line if indent else "")
    for line in joined:
        found = re.fullmatch(r"\s+\(([^)]*)\)\s*(.*?)\s*", line)
        if found:
            yield found[1], found[2]


def _is_root(runas: str, groups: t.Collection[str]) -> bool:
    """Return whether a Runas_List leads to root: the last matching member decides."""
    users = re.split(r"\s+:\s*|^:\s*", runas, maxsplit=1)[0]
    for member in reversed(_split(users)):
        # sudo prints the "!" of a group after its "%".
        denied = member.count("!") % 2 == 1
        fits = _fits_root(re.sub(r"!\s*", "", member), groups)
        if fits or (fits is None and denied):
            return not denied
    return False


def _fits_root(member: str, groups: t.Collection[str]) -> bool | None:
    """Return whether root is ``member``; ``None`` if that is unknown (a netgroup, a group of another directory)."""
    if member in ("ALL", "root", "#0"):
        return True
    if re.fullmatch(r"%#?[^:+#][^:]*", member):
        return member[1:] in groups
    # Other users; a name in capitals may be an alias that sudo has not resolved.
    return None if re.match(r"[%+]|[A-Z][A-Z0-9_]*$", member) else False


def _read_tags(command: str, before: t.Mapping[str, bool]) -> tuple[dict[str, bool], str, bool]:
    """Return the tags of ``command`` (inherited by the following ones), the command, and whether options limit it."""
    tags, bounded = dict(before), False
    while True:
        tag, option, digest = _TAG.match(command), _OPTION.match(command), _DIGEST.match(command)
        if option:
            bounded = bounded or option[1] not in _HARMLESS
            command = command[option.end() :]
        elif digest:
            command = command[digest.end() :].lstrip(", ")
        elif tag:
            name = {"PASSWD": "NOPASSWD", "EXEC": "NOEXEC"}.get(tag[1], tag[1])
            tags[name] = name == tag[1]
            command = command[tag.end() :]
        else:
            return tags, command.strip(), bounded


def _may_be_shell(command: str) -> bool:
    """Return whether ``command`` (with its ``!``) denies the shell that runs commands."""
    bare = command.lstrip("! ")
    program, _space, arguments = bare.partition(" ")
    if bare == "ALL" or program.startswith("^") or re.fullmatch(r"[A-Z][A-Z0-9_]*", program):
        return True
    if program.endswith("/"):
        return any(fnmatch.fnmatchcase(shell.rpartition("/")[0] + "/", program) for shell in _SHELLS)
    if arguments and not fnmatch.fnmatchcase("-c true", arguments):
        return False
    return any(fnmatch.fnmatchcase(shell, program) for shell in _SHELLS)


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<!\\),", text) if part.strip()]
