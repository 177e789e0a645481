# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the changes in the admin's home, and finds what another user could have written there. Pure.

A key in a file that another user could have written would become a key of root. It is an error unless it is requested,
before the modes are corrected: afterwards it could not be distinguished from the other keys.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass, field

from .._core.errors import BaselineError
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
# The default of AuthorizedKeysFile.
_DEFAULTS = (KEYS, f"{SSH}/authorized_keys2")
# Files and folders of a home that run commands, or decide which commands run, at a login or the next command.
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
# The usual names in .ssh. A folder of root's with other names may be one that the user has moved there.
_ORDINARY = re.compile(
    r"authorized_keys2?|\.authorized_keys2?\.[0-9a-f]{16}|known_hosts(\.old)?|config|environment|rc|id_\w+(\.pub)?"
)
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ALWAYS = _OTHERS | stat.S_ISVTX


@dataclass(frozen=True)
class Owner:
    """The owner of the home. ``uid`` is ``None`` for an account that does not exist yet.

    ``private_gid`` is the account's own group if it has no other member, so that only the account has its rights.
    """

    name: str
    uid: int | None
    private_gid: int | None = None


@dataclass(frozen=True)
class Node:
    """A folder or file, read by its descriptor. ``names`` are a folder's entries, ``text`` is a file's content."""

    path: str
    uid: int
    gid: int
    mode: int
    names: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class HomeState:
    """The home (``None``: absent), the folders above it and those below it that contain key files.

    The keys of ``folders`` and ``files`` are paths from the home; ``commands`` are the existing ones of ``PLANTABLE``.
    """

    path: str
    home: Node | None = None
    above: tuple[Node, ...] = ()
    folders: t.Mapping[str, Node] = field(default_factory=dict)
    files: t.Mapping[str, Node] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class HomeRequest:
    """The requested keys, and whether all others are removed. Without ``adds`` the keys are kept elsewhere."""

    keys: tuple[PublicKey, ...]
    exclusive: bool = False
    adds: bool = True


@dataclass(frozen=True)
class HomeChange:
    """The changes: modes of the home and ``.ssh`` (``None``: keep it), text and mode of key files by path."""

    errors: tuple[BaselineError, ...] = ()
    warnings: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    creates_home: bool = False
    home_mode: int | None = None
    ssh_mode: int | None = None
    files: t.Mapping[str, tuple[str, int]] = field(default_factory=dict)
    removed: tuple[UnlistedLine, ...] = ()
    before: t.Mapping[str, str] = field(default_factory=dict)
    after: t.Mapping[str, str] = field(default_factory=dict)


def key_file_names(
    patterns: t.Sequence[str], *, user: str, home: str, uid: int | None = None, key_file: str = ""
) -> tuple[list[str], bool]:
    """Return the files below the home in which sshd looks for keys, as paths from it, and whether it reads ours.

    ``patterns`` are the values of AuthorizedKeysFile, empty if sshd cannot be asked. Ours is ``key_file``, by default
    ``KEYS``; other files outside the home are not managed.
    """
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": "" if uid is None else str(uid)}
    paths = []
    for word in patterns or _DEFAULTS:
        path = re.sub(r"%.", lambda match: tokens.get(match.group(), ""), word)
        if word != "none":
            paths.append(os.path.normpath(os.path.join(home, path)))
    found = [path[len(home) + 1 :] for path in paths if path.startswith(f"{home}/")]
    return list(dict.fromkeys([KEYS, *found])), (key_file or os.path.join(home, KEYS)) in paths


def plan_home(state: HomeState, request: HomeRequest, owner: Owner, people: t.Mapping[int, str]) -> HomeChange:
    """Plan everything below the home; ``people`` are the names of the accounts by uid."""
    exposed = tuple(_exposures(state, owner))
    lines = [line for name in sorted(state.files) for line in _unlisted(state, name, request)]
    errors = [*_foreign_home(state, owner, people), *_foreign_ssh(state, owner, people)]
    if not request.exclusive:
        errors += [*_planted(exposed, lines), *_foreign_files(state, owner)]
    files = _texts(state, request, owner, exposed=bool(exposed))
    home_mode, ssh_mode = _home_mode(state, owner), _ssh_mode(state, owner, makes=request.adds)
    before, after = _descriptions(state, owner, (home_mode, ssh_mode), files)
    return HomeChange(
        errors=tuple(errors),
        warnings=tuple(_warnings(state, exposed)),
        exposed=exposed,
        creates_home=state.home is None and owner.uid is not None,
        home_mode=home_mode,
        ssh_mode=ssh_mode,
        files=files,
        removed=tuple(lines) if request.exclusive else (),
        before=before,
        after=after,
    )


def _exposures(state: HomeState, owner: Owner) -> t.Iterator[str]:
    """Yield why another user could have written to the home."""
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
        yield f"{ssh.path} has the sticky bit, which a run sets while it restricts the home and removes at its end"


def _others_write(node: Node, owner: Owner) -> bool:
    group = node.mode & stat.S_IWGRP and not (owner.private_gid is not None and node.gid == owner.private_gid)
    return bool(node.mode & stat.S_IWOTH or group)


def _unlisted(state: HomeState, name: str, request: HomeRequest) -> list[UnlistedLine]:
    node = state.files[name]
    return unlisted(node.path, node.text, request.keys)


def _planted(exposed: tuple[str, ...], lines: list[UnlistedLine]) -> t.Iterator[BaselineError]:
    if exposed and lines:
        yield BaselineError(
            "there are keys that are not requested and that another user could have added: "
            f"{', '.join(map(str, lines))} ({', '.join(exposed)}), and each of them could become root",
            hint="add the admin's own keys to admin_user_authorized_keys, or remove all others with "
            "admin_user_exclusive_keys: true",
        )


def _foreign_home(state: HomeState, owner: Owner, people: t.Mapping[int, str]) -> t.Iterator[BaselineError]:
    node = state.home
    if node is None:
        if owner.uid is not None and any(one.uid != 0 or one.mode & _OTHERS for one in state.above[-1:]):
            problem = f"{state.path} is missing and not only root can write to {os.path.dirname(state.path)}"
            yield BaselineError(problem, hint="create the home yourself")
    elif node.uid == 0 and node.mode & _OTHERS:
        yield BaselineError(
            f"{node.path} belongs to root and can be written by others (mode {node.mode:04o}), so it cannot be the "
            f"home "
            "of an admin",
            hint=f"give {owner.name} another home (usermod -m -d), or `chmod go-w {node.path}`",
        )
    elif node.uid not in (0, owner.uid) and node.uid in people:
        yield BaselineError(
            f"{node.path} belongs to {people[node.uid]}",
            hint=f"`chown {owner.name} {node.path}` if it is the home of {owner.name}, or give {owner.name} another "
            "home (usermod -m -d)",
        )


def _foreign_ssh(state: HomeState, owner: Owner, people: t.Mapping[int, str]) -> t.Iterator[BaselineError]:
    node = state.folders.get(SSH)
    if node is None or node.uid == owner.uid:
        return
    other = next((name for name in node.names if not _ORDINARY.fullmatch(name)), None)
    if other is not None:
        name = people.get(node.uid, f"uid {node.uid}")
        yield BaselineError(
            f"{node.path} belongs to {name} and contains more than keys, so it may be another folder that was moved "
            f"there",
            hint=f"check its content, then remove it or `chown {owner.name} {node.path}`",
        )


def _foreign_files(state: HomeState, owner: Owner) -> t.Iterator[BaselineError]:
    for node in state.files.values():
        if node.uid == 0 and owner.uid != 0 and not holds_only_keys(_without_comments(node.text)):
            yield BaselineError(
                f"{node.path} belongs to root and contains lines that are not keys, so it may be another file that was "
                "moved there",
                hint=f"check its content, then remove it or `chown {owner.name} {node.path}`",
            )


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.strip(" \t\r").startswith("#"))


def _texts(state: HomeState, request: HomeRequest, owner: Owner, *, exposed: bool) -> dict[str, tuple[str, int]]:
    """Return the key files that have to be written: text and mode by their path from the home."""
    found = {}
    for name in dict.fromkeys([*([KEYS] if request.adds else []), *state.files]):
        node = state.files.get(name)
        is_ours = request.adds and name == KEYS
        if not is_ours and not (request.exclusive or exposed):
            continue
        # From a file that the account could not read, the account gets only the keys.
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
    """Return the mode that the home must get, with the account as its owner; a home of root's stays root's."""
    node = state.home
    if node is None or node.uid == 0:
        return None
    return node.mode & ~_OTHERS if node.mode & _OTHERS or node.uid != owner.uid else None


def _ssh_mode(state: HomeState, owner: Owner, *, makes: bool) -> int | None:
    node = state.folders.get(SSH)
    if node is None:
        return 0o700 if makes else None
    mode = (node.mode & ~_ALWAYS) | 0o700
    return mode if mode != node.mode or node.uid != owner.uid else None


def _descriptions(
    state: HomeState, owner: Owner, modes: tuple[int | None, int | None], files: t.Mapping[str, tuple[str, int]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the present and the planned state of each path that changes."""
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
            f"another user could write to the home {state.path} ({', '.join(exposed)}); check the files that run at "
            f"the next login: {', '.join(os.path.join(state.path, name) for name in state.commands)}"
        )
