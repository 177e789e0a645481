# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role and module ``admin_user``. Never repeats a secret. Pure."""

from __future__ import annotations

import os
import re
import typing as t

from .._accounts.plan import AccountRequest
from .._accounts.public_keys import parse_public_key
from .._accounts.system import DEAD_ENDS
from .._core.errors import BaselineError, unknown
from .._core.text import forbidden_character

__all__ = ["SUDO", "checked_request", "complaints"]

SUDO = ("nopasswd", "password")

_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
# crypt(5), the methods of current systems: yescrypt, gost-yescrypt, scrypt; bcrypt; SHA-512; SHA-256.
_HASH = re.compile(
    r"\$(?:y|gy|7)\$[./A-Za-z0-9$]{20,}"
    r"|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"
    r"|\$6\$(?:rounds=\d+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{86}"
    r"|\$5\$(?:rounds=\d+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{43}"
)


def complaints(wish: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each input that cannot be fulfilled; the keys of ``wish`` are the inputs' names."""
    return [
        *_name(wish.get("admin_user_name")),
        *_keys(wish.get("admin_user_authorized_keys")),
        *_sudo(wish.get("admin_user_sudo"), wish.get("admin_user_password")),
        *_groups(wish.get("admin_user_groups")),
        *_shell(wish.get("admin_user_shell")),
    ]


def checked_request(options: t.Mapping[str, t.Any]) -> AccountRequest:
    """Return what the module's ``options`` request; BaselineError names all that is wrong with them."""
    errors = complaints({f"admin_user_{name}": value for name, value in options.items()})
    if errors:
        told = "; ".join(errors).replace("admin_user_", "")
        raise BaselineError(f"{told}; nothing was changed")
    return AccountRequest(
        name=options["name"],
        keys=tuple(parse_public_key(text) for text in options["authorized_keys"]),
        exclusive_keys=options["exclusive_keys"],
        sudo=options["sudo"],
        password=options["password"],
        groups=tuple(options["groups"]),
        shell=options["shell"],
        allow_system_account=options["allow_system_account"],
    )


def _name(name: t.Any) -> t.Iterator[str]:
    if name is None or name == "":
        yield "admin_user_name is missing: name the admin's account, for example with '-e admin_user_name=deploy'"
    elif name == "root":
        yield "admin_user_name is 'root': the admin needs an account of its own, because the login of root is closed"
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        yield (
            f"admin_user_name is {name!r}: a name starts with a lower-case letter or '_', goes on with lower-case "
            "letters, digits, '_', '-' or '.', and has at most 32 characters"
        )


def _keys(keys: t.Any) -> t.Iterator[str]:
    if keys is None:
        yield "admin_user_authorized_keys is missing: give a list of the public keys that may log in as the admin"
    elif not isinstance(keys, list):
        yield "admin_user_authorized_keys is not a list: write each public key as an entry of its own, after a dash"
    elif not keys:
        yield "admin_user_authorized_keys is empty: without a key nobody could log in any more"
    else:
        yield from _entries(keys)


def _entries(keys: list[t.Any]) -> t.Iterator[str]:
    entries: dict[str, int] = {}
    for number, text in enumerate(keys, start=1):
        where = f"admin_user_authorized_keys, entry {number} of {len(keys)}"
        if not isinstance(text, str):
            yield f"{where}: this is not a text; put the public key's line in quotes"
            continue
        try:
            key = parse_public_key(text)
        except BaselineError as error:
            yield f"{where}: {error}"
            continue
        first = entries.setdefault(key.blob, number)
        if first != number:
            yield f"{where}: this is the key of entry {first} again; sshd would look at the first only"


def _sudo(sudo: t.Any, password: t.Any) -> t.Iterator[str]:
    if sudo not in SUDO:
        yield f"admin_user_sudo: {unknown('kind of sudo', str(sudo), SUDO)}"
    if password and not (isinstance(password, str) and _HASH.fullmatch(password) and not forbidden_character(password)):
        yield (
            "admin_user_password is not a password hash of a current kind (it is not shown here): make one with "
            "'mkpasswd --method=yescrypt' or \"{{ secret | password_hash('sha512') }}\"; "
            "if it was the password itself, change it"
        )
    if sudo == "password" and not password:
        yield "admin_user_password is missing: with admin_user_sudo=password the admin could not use sudo without one"


def _groups(groups: t.Any) -> t.Iterator[str]:
    if not isinstance(groups, list):
        yield "admin_user_groups is not a list: write each group as an entry of its own, after a dash"
    else:
        for group in groups:
            if not isinstance(group, str) or not _GROUP.fullmatch(group):
                yield f"admin_user_groups: {group!r} is not the name of a group"


def _shell(shell: t.Any) -> t.Iterator[str]:
    if not shell:
        return
    if not isinstance(shell, str) or not re.fullmatch(r"/[^\s:]+", shell) or forbidden_character(shell):
        yield f"admin_user_shell is {shell!r}: give an absolute path, for example /bin/bash"
    elif os.path.basename(shell) in DEAD_ENDS:
        yield f"admin_user_shell is {shell!r}: the admin could not log in with a shell that ends at once"
