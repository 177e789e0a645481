# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the inputs of the role and module ``admin_user``. Errors never repeat a secret. Pure."""

from __future__ import annotations

import os
import re
import typing as t

from .._accounts.public_keys import parse_public_key
from .._accounts.request import AccountRequest
from .._accounts.system import DEAD_ENDS
from .._core.errors import UNCHANGED, BaselineError, combined, did_you_mean
from .._core.text import forbidden_character

__all__ = ["SUDO", "account_errors", "checked_request"]

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
_KEY_FILE = re.compile(r"(?:/(?!\.\.?(?:/|$))(?:[A-Za-z0-9._@+-]|%u)+)+")
_AN_ENTRY_EACH = "write each {} as a list entry of its own, after a dash"


def account_errors(inputs: t.Mapping[str, t.Any], *, prefix: str = "") -> list[BaselineError]:
    """Return an error for each invalid input. The names of the inputs start with ``prefix`` (those of the role)."""
    sudo, password = inputs.get(f"{prefix}sudo"), inputs.get(f"{prefix}password")
    return [
        *_name(inputs.get(f"{prefix}name"), f"{prefix}name"),
        *_keys(inputs.get(f"{prefix}authorized_keys"), f"{prefix}authorized_keys"),
        *_sudo(sudo, f"{prefix}sudo"),
        *_password(password, f"{prefix}password", needed=sudo == "password", why=f"{prefix}sudo=password"),
        *_groups(inputs.get(f"{prefix}groups"), f"{prefix}groups"),
        *_shell(inputs.get(f"{prefix}shell"), f"{prefix}shell"),
        *_key_file(inputs.get(f"{prefix}key_file"), inputs.get(f"{prefix}name"), f"{prefix}key_file"),
    ]


def checked_request(options: t.Mapping[str, t.Any]) -> AccountRequest:
    """Return what the module's ``options`` request. The ``BaselineError`` names all invalid options."""
    errors = account_errors(options)
    if errors:
        raise combined(errors, state=UNCHANGED)
    return AccountRequest(
        name=options["name"],
        keys=tuple(parse_public_key(text) for text in options["authorized_keys"]),
        exclusive_keys=options["exclusive_keys"],
        sudo=options["sudo"],
        password=options["password"],
        groups=tuple(options["groups"]),
        shell=options["shell"],
        key_file=_named(options["key_file"], options["name"]),
        allow_system_account=options["allow_system_account"],
    )


def _name(name: t.Any, option: str) -> t.Iterator[BaselineError]:
    if name is None or name == "":
        hint = "name the admin's account, for example with '-e admin_user_name=deploy'"
        yield BaselineError("the name is missing", option=option, hint=hint)
    elif name == "root":
        problem = "the name is 'root', but the admin needs an account of its own, because the login of root is closed"
        yield BaselineError(problem, option=option, hint="choose another name")
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = (
            "start with a lower-case letter or '_', continue with lower-case letters, digits, '_', '-' or '.', and use "
            "at most 32 characters"
        )
        yield BaselineError(f"{name!r} is not a valid account name", option=option, hint=hint)


def _keys(keys: t.Any, option: str) -> t.Iterator[BaselineError]:
    if keys is None:
        hint = "give the public keys that may log in as the admin"
        yield BaselineError("the list is missing", option=option, hint=hint)
    elif not isinstance(keys, list):
        yield BaselineError("this is not a list", option=option, hint=_AN_ENTRY_EACH.format("public key"))
    elif not keys:
        problem = "the list is empty, and without a key nobody could log in any more"
        yield BaselineError(problem, option=option, hint="give at least one public key")
    else:
        yield from _entries(keys, option)


def _entries(keys: list[t.Any], option: str) -> t.Iterator[BaselineError]:
    entries: dict[str, int] = {}
    for number, text in enumerate(keys, start=1):
        where = f"entry {number} of {len(keys)}"
        if not isinstance(text, str):
            yield BaselineError("this is not text", option=option, where=where, hint="put the public key in quotes")
            continue
        try:
            key = parse_public_key(text)
        except BaselineError as error:
            yield BaselineError(error.problem, option=option, where=where, hint=error.hint)
            continue
        first = entries.setdefault(key.blob, number)
        if first != number:
            problem = f"this is the key of entry {first} again, and sshd would use the first of them only"
            yield BaselineError(problem, option=option, where=where, hint="remove one of them")


def _sudo(sudo: t.Any, option: str) -> t.Iterator[BaselineError]:
    if sudo not in SUDO:
        yield BaselineError(f"unknown kind of sudo {str(sudo)!r}", option=option, hint=did_you_mean(str(sudo), SUDO))


def _password(password: t.Any, option: str, *, needed: bool, why: str) -> t.Iterator[BaselineError]:
    if password and not (isinstance(password, str) and _HASH.fullmatch(password) and not forbidden_character(password)):
        hint = (
            "make one with 'mkpasswd --method=yescrypt' (package whois) or 'openssl passwd -6', and keep it in the "
            "vault; if this was the password itself, change the password"
        )
        problem = "this is not a password hash of a current kind (the value is not shown)"
        yield BaselineError(problem, option=option, hint=hint)
    if needed and not password:
        problem = f"the hash is missing, and with {why} the admin could not use sudo without a password"
        yield BaselineError(problem, option=option, hint="give the hash of a password")


def _groups(groups: t.Any, option: str) -> t.Iterator[BaselineError]:
    if not isinstance(groups, list):
        yield BaselineError("this is not a list", option=option, hint=_AN_ENTRY_EACH.format("group"))
    else:
        for group in groups:
            if not isinstance(group, str) or not _GROUP.fullmatch(group):
                yield BaselineError(f"{group!r} is not a valid group name", option=option)


def _shell(shell: t.Any, option: str) -> t.Iterator[BaselineError]:
    if not shell:
        return
    if not isinstance(shell, str) or not re.fullmatch(r"/[^\s:]+", shell) or forbidden_character(shell):
        hint = "give an absolute path, for example /bin/bash"
        yield BaselineError(f"{shell!r} is not the path of a shell", option=option, hint=hint)
    elif os.path.basename(shell) in DEAD_ENDS:
        problem = f"{shell!r} is a shell that ends at once, so that the admin could not log in"
        yield BaselineError(problem, option=option, hint="give a login shell, for example /bin/bash")


def _key_file(path: t.Any, name: t.Any, option: str) -> t.Iterator[BaselineError]:
    if not path:
        return
    if not isinstance(path, str) or not _KEY_FILE.fullmatch(path):
        problem = f"{path!r} is not the path of a file of keys"
        hint = "give one absolute path outside of the home, for example /etc/ssh/authorized_keys/%u"
        yield BaselineError(problem, option=option, hint=hint)
    elif name and str(name) not in _named(path, str(name)):
        problem = f"{path} is the same file for every account, so that these keys would open all of them"
        yield BaselineError(problem, option=option, hint="put %u, which stands for the account's name, into the path")


def _named(path: str, name: str) -> str:
    return path.replace("%u", name)
