# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change in the admin's home, and what of it somebody else could have written. Pure.

A key in a file that somebody else could have written would become root's. So it is refused by name unless it is
requested, before the modes are repaired: after that nobody could tell it from the others.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass, field

from .keys import (
    UnlistedLine,
    holds_only_keys,
    merged,
    unlisted,
)
from .public_keys import PublicKey

__all__ = [
    "KEYS",
    "PLANTABLE",
    "HomeChange",
    "HomeRequest",
    "HomeState",
    "Node",
    "Owner",
    "key_file_names",
    "plan_home",
]

SSH = ".ssh"
KEYS = f"{SSH}/authorized_keys"
# What sshd reads where its configuration names nothing.
_DEFAULTS = (KEYS, f"{SSH}/authorized_keys2")
# Files and folders of a home whose content is run, or steers what is run, at a login or by the user's next command.
PLANTABLE = (
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".config/autostart",
    ".config/environment.d",
    ".config/fish",
    ".config/systemd",
    ".cshrc",
    ".forward",
    ".gitconfig",
    ".kshrc",
    ".local/bin",
    ".login",
    ".pam_environment",
    ".profile",
    ".shrc",
    ".ssh/config",
    ".ssh/environment",
    ".ssh/rc",
    ".vimrc",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
    "bin",
)
# What a folder of keys holds. One of root's with anything else in it may be one that the user has moved there.
_ORDINARY = re.compile(
    r"authorized_keys2?|\.authorized_keys2?\.[0-9a-f]{16}|known_hosts(\.old)?|config|environment|rc|id_\w+(\.pub)?"
)
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ALWAYS = _OTHERS | stat.S_ISVTX


@dataclass(frozen=True)
class Owner:
    """Whose home it is. ``uid`` is ``None`` for an account that is still to be made.

    ``private_gid`` is the group that nobody else is in, if any: what it can write, only the account can.
    """

    name: str
    uid: int | None
    private_gid: int | None = None


@dataclass(frozen=True)
class Node:
    """A folder or file by its descriptor. ``names`` are a folder's entries, ``text`` is a file's."""

    path: str
    uid: int
    gid: int
    mode: int
    names: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class HomeState:
    """The home, ``None`` where it is missing, the folders above it and those below it that hold key files.

    ``folders`` and ``files`` are by their path from the home; ``commands`` are those of ``PLANTABLE`` that are there.
    """

    path: str
    home: Node | None = None
    above: tuple[Node, ...] = ()
    folders: t.Mapping[str, Node] = field(default_factory=dict)
    files: t.Mapping[str, Node] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class HomeRequest:
    """The keys that shall log in, and whether all others go."""

    keys: tuple[PublicKey, ...]
    exclusive: bool = False


@dataclass(frozen=True)
class HomeChange:
    """What to do: modes of the home and ``.ssh`` (``None``: as it is), text and mode of key files by path."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    makes_home: bool = False
    home_mode: int | None = None
    ssh_mode: int | None = None
    files: t.Mapping[str, tuple[str, int]] = field(default_factory=dict)
    removed: tuple[UnlistedLine, ...] = ()
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)


def key_file_names(patterns: t.Sequence[str], *, user: str, home: str) -> tuple[list[str], bool]:
    """Return the files below the home in which sshd looks for keys, from the home, and whether ``KEYS`` is one.

    ``patterns`` are the words of AuthorizedKeysFile, empty where sshd cannot be asked. Files elsewhere belong to
    whoever set them up.
    """
    tokens = {"%%": "%", "%h": home, "%u": user}
    found = []
    for word in patterns or _DEFAULTS:
        path = re.sub(r"%.", lambda match: tokens.get(match.group(), ""), word)
        path = os.path.normpath(os.path.join(home, path))
        if path.startswith(f"{home}/") and word != "none":
            found.append(path[len(home) + 1 :])
    return list(dict.fromkeys([KEYS, *found])), KEYS in found


def plan_home(state: HomeState, request: HomeRequest, owner: Owner, people: t.Mapping[int, str]) -> HomeChange:
    """Decide on everything below the home; ``people`` are the names of the accounts by uid."""
    exposed = tuple(_exposures(state, owner))
    lines = [line for name in sorted(state.files) for line in _unlisted(state, name, request)]
    errors = [*_foreign_home(state, owner, people), *_foreign_ssh(state, owner, people)]
    if not request.exclusive:
        errors += [*_planted(exposed, lines), *_foreign_files(state, owner)]
    files = _texts(state, request, owner, exposed=bool(exposed))
    home_mode, ssh_mode = _home_mode(state, owner), _ssh_mode(state, owner)
    before, after = _pictures(state, owner, (home_mode, ssh_mode), files)
    return HomeChange(
        errors=tuple(errors),
        warnings=tuple(_warnings(state, exposed)),
        exposed=exposed,
        makes_home=state.home is None and owner.uid is not None,
        home_mode=home_mode,
        ssh_mode=ssh_mode,
        files=files,
        removed=tuple(lines) if request.exclusive else (),
        before=before,
        after=after,
    )


def _exposures(state: HomeState, owner: Owner) -> t.Iterator[str]:
    """Yield who else could have put something into the home."""
    for node in state.above:
        if node.uid not in (0, owner.uid):
            yield f"{node.path} belongs to uid {node.uid}"
        elif node.mode & _OTHERS and not node.mode & stat.S_ISVTX:
            yield f"{node.path} (mode {node.mode:04o}) can be written by others"
    for node in (*([state.home] if state.home else []), *state.folders.values(), *state.files.values()):
        if node.uid not in (0, owner.uid):
            yield f"{node.path} belongs to uid {node.uid}"
        elif _others_write(node, owner):
            yield f"{node.path} (mode {node.mode:04o}) can be written by others"
    ssh = state.folders.get(SSH)
    if ssh and ssh.mode & stat.S_ISVTX:
        yield f"{ssh.path} has the sticky bit, which a run sets while it closes the home and removes at its end"


def _others_write(node: Node, owner: Owner) -> bool:
    group = node.mode & stat.S_IWGRP and not (owner.private_gid is not None and node.gid == owner.private_gid)
    return bool(node.mode & stat.S_IWOTH or group)


def _unlisted(state: HomeState, name: str, request: HomeRequest) -> list[UnlistedLine]:
    node = state.files[name]
    return unlisted(node.path, node.text, request.keys)


def _planted(exposed: tuple[str, ...], lines: list[UnlistedLine]) -> t.Iterator[str]:
    if exposed and lines:
        yield (
            f"keys are there that are not requested and that somebody else could have put there: "
            f"{', '.join(map(str, lines))}. {'; '.join(exposed)}. They would let their owner become root. Add those "
            "that are the admin's to admin_user_authorized_keys, or remove the rest by admin_user_exclusive_keys: true"
        )


def _foreign_home(state: HomeState, owner: Owner, people: t.Mapping[int, str]) -> t.Iterator[str]:
    node = state.home
    if node is None:
        if owner.uid is not None and any(one.uid != 0 or one.mode & _OTHERS for one in state.above[-1:]):
            yield f"{state.path} is missing and {os.path.dirname(state.path)} not root's alone; make the home yourself"
    elif node.uid == 0 and node.mode & _OTHERS:
        yield (
            f"{node.path} belongs to root and can be written by others (mode {node.mode:04o}); it is no home of an "
            f"admin; give {owner.name} another one (usermod -m -d), or `chmod go-w {node.path}`"
        )
    elif node.uid not in (0, owner.uid) and node.uid in people:
        yield (
            f"{node.path} belongs to {people[node.uid]}; `chown {owner.name} {node.path}` if it is {owner.name}'s, or "
            f"give {owner.name} another home (usermod -m -d)"
        )


def _foreign_ssh(state: HomeState, owner: Owner, people: t.Mapping[int, str]) -> t.Iterator[str]:
    node = state.folders.get(SSH)
    if node is None or node.uid == owner.uid:
        return
    other = next((name for name in node.names if not _ORDINARY.fullmatch(name)), None)
    if other is not None:
        yield (
            f"{node.path} belongs to {people.get(node.uid, f'uid {node.uid}')} and holds more than keys; it may be "
            f"another folder that was moved there; look into it, then remove it or `chown {owner.name} {node.path}`"
        )


def _foreign_files(state: HomeState, owner: Owner) -> t.Iterator[str]:
    for node in state.files.values():
        if node.uid == 0 and owner.uid != 0 and not holds_only_keys(_without_comments(node.text)):
            yield (
                f"{node.path} belongs to root and holds lines that are no keys; it may be another file that was moved "
                f"there; look into it, then remove it or `chown {owner.name} {node.path}`"
            )


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.strip(" \t\r").startswith("#"))


def _texts(state: HomeState, request: HomeRequest, owner: Owner, *, exposed: bool) -> dict[str, tuple[str, int]]:
    """Return the key files that have to be written: text and mode by their path from the home."""
    found = {}
    for name in dict.fromkeys([KEYS, *state.files]):
        node = state.files.get(name)
        is_ours = name == KEYS
        if not is_ours and not (request.exclusive or exposed):
            continue
        # Of a file that the account could not read, nothing but keys is passed on to it.
        kept = "" if node is None else node.text if node.uid == owner.uid else _without_comments(node.text)
        text = merged(kept, request.keys, exclusive=request.exclusive, adds=is_ours)
        mode = 0o600
        if node is not None and node.uid == owner.uid:
            mode = (node.mode & 0o644 & ~_OTHERS) | 0o600
            is_as_requested = text == node.text and not node.mode & _OTHERS and node.mode & stat.S_IRUSR
            if is_as_requested:
                continue
        found[name] = (text, mode)
    return found


def _home_mode(state: HomeState, owner: Owner) -> int | None:
    """Return the mode that the home has to get, with the account as its owner; a home of root's stays root's."""
    node = state.home
    if node is None or node.uid == 0:
        return None
    return node.mode & ~_OTHERS if node.mode & _OTHERS or node.uid != owner.uid else None


def _ssh_mode(state: HomeState, owner: Owner) -> int | None:
    node = state.folders.get(SSH)
    if node is None:
        return 0o700
    mode = (node.mode & ~_ALWAYS) | 0o700
    return mode if mode != node.mode or node.uid != owner.uid else None


def _pictures(
    state: HomeState, owner: Owner, modes: tuple[int | None, int | None], files: t.Mapping[str, tuple[str, int]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what is there and what shall be, by path, of what changes."""
    before, after = {}, {}
    for node, path, mode in (
        (state.home, state.path, modes[0]),
        (state.folders.get(SSH), os.path.join(state.path, SSH), modes[1]),
    ):
        if mode is not None:
            before[path] = _access(node, owner) if node else ""
            after[path] = f"owner: {owner.name}\nmode: {mode:04o}\n"
    for name, (text, mode) in files.items():
        found = state.files.get(name)
        path = os.path.join(state.path, name)
        before[path] = found.text if found else ""
        after[path] = text
        if found and (found.uid != owner.uid or found.mode & _OTHERS or found.mode != mode):
            before[f"{path} (access)"] = _access(found, owner)
            after[f"{path} (access)"] = f"owner: {owner.name}\nmode: {mode:04o}\n"
    return before, after


def _access(node: Node, owner: Owner) -> str:
    name = owner.name if node.uid == owner.uid else "root" if node.uid == 0 else f"uid {node.uid}"
    return f"owner: {name}\nmode: {node.mode:04o}\n"


def _warnings(state: HomeState, exposed: tuple[str, ...]) -> t.Iterator[str]:
    if exposed and state.commands:
        yield (
            f"somebody else could write to the home {state.path} ({'; '.join(exposed)}); look at what runs there at "
            f"the next login: {', '.join(os.path.join(state.path, name) for name in state.commands)}"
        )
