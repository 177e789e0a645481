# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as sshd reads them: sshd(8) AUTHORIZED_KEYS FILE FORMAT, blobs as in RFC 4253 6.6, RFC 5656, RFC 8709.

No message repeats key material: the pasted text may be the private half.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import typing as t
import unicodedata
from dataclasses import dataclass

from .._core.errors import BaselineError, did_you_mean, nearest
from .._core.text import forbidden_character

__all__ = ["KEY_TYPES", "PublicKey", "parse_authorized_keys", "parse_options", "parse_public_key"]

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_LEAST_RSA_BITS = 2048
_COPY = "copy the line again, because the key was cut off or changed"
_MARK = "\ufeff"
_QUOTES = "'\u2018\u2019\u201c\u201d\u201e\u00ab`"
# With a scheme, of a well-known site without one, or as ssh-import-id(1) and cloud-init write them.
_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(?:www\.|git(?:hub|lab)\.com/|launchpad\.net/)\S+$|(?:gh|lp):\S+$", re.IGNORECASE
)
_POINT_BYTES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}

_FLAGS = (
    "agent-forwarding",
    "cert-authority",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-X11-forwarding",
    "port-forwarding",
    "pty",
    "restrict",
    "user-rc",
    "verify-required",
    "X11-forwarding",
)
_VALUED = ("command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel")
_FOLDED = {name.lower(): name for name in _FLAGS + _VALUED}

# Options end at the first blank outside of double quotes; inside of them \" is a quote.
_OPTIONS = re.compile(r'(?:"(?:\\"|[^"])*"|[^ \t"])+')
_OPTION = re.compile(r'([^ \t",=]+)(?:="((?:\\"|[^"])*)")?')


@dataclass(frozen=True)
class PublicKey:
    """One line of authorized_keys. ``options`` is the text before the type; ``bits`` the length of an RSA modulus."""

    options: str
    kind: str
    blob: str
    comment: str
    bits: int | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-keygen -l`` prints it: ``SHA256:…``."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")

    @property
    def line(self) -> str:
        """The key as a line of authorized_keys."""
        return " ".join(part for part in (self.options, self.kind, self.blob, self.comment) if part)


def parse_public_key(line: str) -> PublicKey:
    """Return the one key in ``line``. ``BaselineError`` says why it is not a key, or not one that should log in.

    The only character that is not printable and may be in it is a tab, and a line end may follow it. Any other
    character that ends a line for one program, or is a blank for another, turns one key into two.
    """
    text = re.sub(r"[\r\n]*\n\Z", "", line).strip(" \t")
    _require_key_line(text)
    character = forbidden_character(text.replace("\t", " "))
    if character:
        raise BaselineError(f"the public key contains {character}, which is not allowed", hint=_character_hint(text))
    key = _parse_line(text)
    if key.bits is not None and key.bits < _LEAST_RSA_BITS:
        hint = f"use an ssh-ed25519 key, or an RSA key of at least {_LEAST_RSA_BITS} bits"
        raise BaselineError(f"the RSA key has {key.bits} bits, which is too weak", hint=hint)
    return key


def _character_hint(text: str) -> str:
    """Say how to get rid of the first character that is not allowed: a copy from the same place would have it again."""
    character = next(one for one in text if one != "\t" and not one.isprintable())
    if character == _MARK:
        return "this is the byte order mark of an editor; save the file as UTF-8 without it"
    if unicodedata.category(character) == "Zs":
        return "a web page or a word processor put it in the place of a blank; type a blank instead, or remove it"
    if unicodedata.category(character) == "Cf":
        return "it is invisible; remove it, or type the blanks of the line yourself"
    return "copy the line again"


def parse_authorized_keys(text: str, *, ignored: t.Callable[[int, str], None] | None = None) -> list[PublicKey]:
    """Return the keys of an authorized_keys file that sshd would consider.

    Malformed lines, which sshd ignores, are left out; ``ignored`` is called with their number and the reason.
    """
    keys = []
    for number, line in enumerate(text.split("\n"), start=1):
        # Blanks and tabs only: sshd accepts no other kind of space.
        stripped = line.lstrip(" \t").rstrip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            keys.append(_parse_line(stripped))
        except BaselineError as error:
            if ignored is not None:
                ignored(number, error.advice)
    return keys


def parse_options(options: str) -> list[tuple[str, str | None]]:
    """Return names (as in sshd(8)) and values of the comma-separated ``options``; a flag's value is ``None``."""
    found: list[tuple[str, str | None]] = []
    position = 0
    while position < len(options):
        match = _OPTION.match(options, position)
        if match is None or options[match.end() : match.end() + 1] not in ("", ","):
            hint = 'write each option as a name or as name="value"'
            raise BaselineError(f"the key options cannot be read at character {position + 1}", hint=hint)
        found.append((_known_option(match.group(1), match.group(2)), _unquoted(match.group(2))))
        position = match.end() + 1
        if position == len(options):
            raise BaselineError("the key options end with a comma", hint="remove it")
    return found


def _known_option(word: str, value: str | None) -> str:
    name = _FOLDED.get(word.lower())
    if name is None:
        hint = did_you_mean(word, _FLAGS + _VALUED)
        raise BaselineError(f"sshd would refuse the key, because it does not know the key option {word!r}", hint=hint)
    if (name in _VALUED) != (value is not None):
        wanted, hint = "takes no value", f"write {name}"
        if name in _VALUED:
            wanted, hint = "needs a value in double quotes", f'write {name}="…"'
        raise BaselineError(f"sshd would refuse the key, because its option '{name}' {wanted}", hint=hint)
    return name


def _unquoted(value: str | None) -> str | None:
    return None if value is None else value.replace('\\"', '"')


def _require_key_line(text: str) -> None:
    if not text:
        raise BaselineError("the public key is empty")
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise BaselineError(
            "this is a PRIVATE key, which must never leave its owner's machine",
            hint="give the public half, the one line of the file that ends with .pub, and replace the key pair if "
            "others could have seen this one",
        )
    if text.startswith("----"):
        raise BaselineError(
            "this is a public key in another format than OpenSSH's one line",
            hint="convert it with 'ssh-keygen -i -f FILE'",
        )
    if "\n" in text or "\r" in text:
        hint = "give each public key as an entry of its own, on one line"
        raise BaselineError("the text has more than one line", hint=hint)
    if text.startswith("#"):
        raise BaselineError("this is a comment, not a public key")
    if text.startswith("@"):
        raise BaselineError(
            f"'{text.split()[0]}' is a marker of known_hosts",
            hint="in authorized_keys put the option in front of an authority's key: cert-authority ssh-ed25519 AAAA…",
        )
    _require_no_wrapping(text)
    if re.fullmatch(r"[~./]\S*|\S+\.pub|[A-Za-z]:\\\S+", text):
        raise BaselineError(
            "this is the path of a file, not a public key",
            hint="give its text: \"{{ lookup('ansible.builtin.file', PATH) }}\"",
        )


def _require_no_wrapping(text: str) -> None:
    """Raise for what stands for a key or around one."""
    if text.startswith(_MARK.encode().decode("latin-1")):
        raise BaselineError(
            "the public key starts with a byte order mark that was read as three characters",
            hint="save the file as UTF-8 without it",
        )
    if _URL.match(text) and not text.startswith("file:"):
        raise BaselineError(
            "this is an address where public keys may be, not a public key",
            hint="give the keys themselves, so that nobody else decides who may log in; where you trust the address: "
            "\"{{ lookup('ansible.builtin.url', ADDRESS, wantlist=true) }}\" as the whole list",
        )
    if text[0] in _QUOTES:
        raise BaselineError("the public key is in quotes that are part of the text", hint="remove them")


def _parse_line(text: str) -> PublicKey:
    options, kind, rest = _split(text)
    if options:
        parse_options(options)
    blob, comment = _word(rest)
    return PublicKey(options, kind, blob, comment, _check_blob(kind, blob))


def _word(text: str) -> tuple[str, str]:
    """Return the first word of ``text`` and what follows, both perhaps empty."""
    words = text.replace("\t", " ").strip(" ").split(" ", 1)
    return words[0], words[1].strip(" ") if len(words) > 1 else ""


def _split(text: str) -> tuple[str, str, str]:
    """Return options, type and what follows. As in sshd, what does not start with a type starts with options."""
    first, rest = _word(text)
    if first in KEY_TYPES:
        return "", first, rest
    match = _OPTIONS.match(text)
    if match is None or text[match.end() : match.end() + 1] == '"':
        raise BaselineError("a double quote in the key options is not closed")
    kind, rest = _word(text[match.end() :])
    if kind not in KEY_TYPES:
        raise _type_error(match.group(), kind, rest)
    return match.group(), kind, rest


def _type_error(first: str, second: str, third: str) -> BaselineError:
    """Return the error for a line without a known key type. Every blob starts with AAAA, and the type precedes it."""
    kind = second if third.startswith("AAAA") and not second.startswith("AAAA") else first
    if kind.startswith("AAAA"):
        return BaselineError("the key type is missing in front of the key's text", hint="write ssh-ed25519 AAAA…")
    if kind == "ssh-dss":
        hint = "make an ssh-ed25519 key"
        return BaselineError("DSA keys (ssh-dss) are too weak, and sshd no longer accepts them", hint=hint)
    if kind.endswith("-cert-v01@openssh.com"):
        hint = "give its authority's key with the option cert-authority in front"
        return BaselineError("this is a certificate, which sshd does not look up in authorized_keys", hint=hint)
    if re.fullmatch(r"[A-Za-z0-9@.-]{1,45}", kind) and nearest(kind, KEY_TYPES):
        return BaselineError(f"unknown key type {kind!r}", hint=did_you_mean(kind, KEY_TYPES))
    return BaselineError(f"this is not a public key of OpenSSH, which starts with one of {', '.join(KEY_TYPES)}")


def _check_blob(kind: str, blob: str) -> int | None:
    """Check that ``blob`` is a whole key of the type ``kind``; return the bits of an RSA modulus."""
    if not blob:
        raise BaselineError(f"the key's text is missing after '{kind}'")
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error as error:
        raise BaselineError(f"the text after '{kind}' is not base64", hint=_COPY) from error
    fields = _fields(kind, data)
    inner = fields[0].decode("ascii", "replace")
    if inner != kind:
        named = f"'{inner}'" if inner in KEY_TYPES else "something else"
        raise BaselineError(f"the key's type is '{kind}' in front and {named} inside", hint=_COPY)
    return _check_fields(kind, fields[1:])


def _fields(kind: str, data: bytes) -> list[bytes]:
    """Split a blob into its length-prefixed strings (RFC 4251 section 5)."""
    fields = []
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise _truncated(kind)
        (length,) = struct.unpack_from(">I", data, position)
        position += 4
        if position + length > len(data):
            raise _truncated(kind)
        fields.append(data[position : position + length])
        position += length
    if not fields:
        raise _truncated(kind)
    return fields


def _check_fields(kind: str, fields: list[bytes]) -> int | None:
    if kind == "ssh-rsa":
        if len(fields) != 2:
            raise _truncated(kind)
        return int.from_bytes(fields[1], "big").bit_length()
    expected = 1
    if "ecdsa" in kind:
        curve = "nistp" + kind.split("@")[0][-3:]
        expected = 2
        if not fields or fields[0] != curve.encode("ascii"):
            raise BaselineError(f"the key's type is '{kind}' in front and another curve inside", hint=_COPY)
        sizes = [len(field) for field in fields[1:2]]
        wanted = _POINT_BYTES[curve]
    else:
        sizes = [len(field) for field in fields[:1]]
        wanted = 32
    if kind.startswith("sk-"):
        expected += 1
    if sizes != [wanted] or len(fields) != expected:
        raise _truncated(kind)
    return None


def _truncated(kind: str) -> BaselineError:
    return BaselineError(f"the '{kind}' key is not complete", hint=_COPY)
