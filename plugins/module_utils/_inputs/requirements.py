# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a list of requirements: each is one line of a requirements file, with the options known here. Pure."""

from __future__ import annotations

import re
import typing as t

from .._core.text import forbidden_character

__all__ = ["credentials", "has_credentials", "redacted", "requirement_problem", "texts_of"]

# pip's documentation, "Requirements File Format": the options that uv knows too and that do not weaken TLS.
_PATHS = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")
_VALUES = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-binary", "--only-binary")
_SWITCHES = ("--no-index", "--pre", "--require-hashes")
_KNOWN = ", ".join((*_PATHS, *_EDITABLE, *_VALUES, *_SWITCHES))
_OPTION = re.compile(r"(--[a-z-]+|-[a-zA-Z])(?:\s*=\s*|\s+|(?=[^\s=]))?(.*)")
_HASH = re.compile(r"\s--hash[= ](?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?=\s|$)")
# Everything from the scheme to the last @ before the path: a password may itself hold one.
_CREDENTIALS = re.compile(r"(://)([^/\s?#'\"]+)@")


def requirement_problem(text: str) -> str:
    """Return what is wrong with an entry of a list of requirements, an empty text where nothing is."""
    shown, character = repr(redacted(text)), forbidden_character(text)
    if character:
        return f"the requirement {shown} holds {character}"
    text = text.strip()
    if not text or text.startswith("#"):
        return "a requirement is empty"
    if text.endswith("\\"):
        return f"the requirement {shown} ends with a backslash, which would join it to the next one"
    problem = _option_problem(text) if text.startswith("-") else _name_problem(text)
    return f"the requirement {shown} {problem}" if problem else ""


def _option_problem(text: str) -> str:
    match = _OPTION.fullmatch(text)
    name, value = match.groups() if match else (text.split()[0], "")
    value = value.strip()
    if name in _SWITCHES:
        return f"has a value, which {name} does not take" if value else ""
    if name not in (*_PATHS, *_EDITABLE, *_VALUES):
        return f"is an option that is not allowed in the list; known there are {_KNOWN}; others belong into extra_args"
    if not value or value.startswith("-"):
        return f"names nothing after {name}"
    if name in _PATHS and not value.startswith("/"):
        return f"must name an absolute path on the host after {name}"
    if name in _EDITABLE and not (value.startswith("/") or "://" in value):
        return f"must name an absolute path or a repository after {name}"
    return _address_problem(value)


def _name_problem(text: str) -> str:
    rest = _HASH.sub("", text)
    option = re.search(r"\s(--?[A-Za-z][\w-]*)", rest)
    if option and option.group(1) == "--hash":
        return "has a hash that is not sha256:, sha384: or sha512: with its digits in hex"
    if option:
        return f"has the option {option.group(1)}; only --hash can follow a requirement"
    return _address_problem(rest)


def _address_problem(text: str) -> str:
    """Programs of version control would read a host or a revision that starts with - as an option."""
    if re.search(r"://(?:[^/]*@)?-", text) or re.search(r"://\S*@-", text):
        return "has an address with a host or revision that starts with -"
    return ""


def has_credentials(text: str) -> bool:
    return bool(_CREDENTIALS.search(text))


def credentials(texts: t.Iterable[str]) -> set[str]:
    """Return the passwords and tokens in the addresses of ``texts``."""
    found = [part.group(2) for text in texts for part in _CREDENTIALS.finditer(text)]
    secrets = {one.partition(":")[2] or one for one in found}
    # `git` in git+ssh://git@host is a user and no secret; hiding such words would garble every message.
    return {one for one in secrets if len(one) > 3 and one not in ("git", "oauth2", "__token__")}


def texts_of(value: t.Any) -> t.Iterator[str]:
    """Yield each text in ``value``, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, t.Mapping):
        for entry in value.values():
            yield from texts_of(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from texts_of(entry)


def redacted(text: str) -> str:
    """Return ``text`` with ``****`` in the place of what stands before the host in addresses."""
    return _CREDENTIALS.sub(r"\1****@", text)
