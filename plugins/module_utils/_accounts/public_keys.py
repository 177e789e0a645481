# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as sshd reads them: sshd(8) AUTHORIZED_KEYS FILE FORMAT, blobs as in RFC 4253 6.6, RFC 5656, RFC 8709.

No message repeats key material: what was pasted may be the wrong, private half.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import typing as t
from dataclasses import dataclass

from .._core.errors import BaselineError, nearest, unknown
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
    """Return the one key that ``line`` holds; BaselineError says why it is none, or none that should log in.

    Of all characters that are not printable only a tab may be in it, and the line's own end behind it: what else ends
    a line for one program, or is a blank for another, makes two keys out of one.
    """
    text = re.sub(r"[\r\n]*\n\Z", "", line).strip(" \t")
    _refuse_what_is_no_line(text)
    character = forbidden_character(text.replace("\t", " "))
    if character:
        raise BaselineError(f"the text has {character}, which no public key's line may hold; copy the line again")
    key = _parse_line(text)
    if key.bits is not None and key.bits < _LEAST_RSA_BITS:
        raise BaselineError(
            f"the RSA key has {key.bits} bits, which is too weak; at least {_LEAST_RSA_BITS} are needed, "
            "an ssh-ed25519 key is better"
        )
    return key


def parse_authorized_keys(text: str, *, ignored: t.Callable[[int, str], None] | None = None) -> list[PublicKey]:
    """Return the keys of an authorized_keys file that sshd would consider.

    Lines that sshd ignores because they are malformed are left out; ``ignored`` is told their number and the reason.
    """
    keys = []
    for number, line in enumerate(text.split("\n"), start=1):
        # Blanks and tabs only: sshd takes no other space for one.
        stripped = line.lstrip(" \t").rstrip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            keys.append(_parse_line(stripped))
        except BaselineError as error:
            if ignored is not None:
                ignored(number, str(error))
    return keys


def parse_options(options: str) -> list[tuple[str, str | None]]:
    """Return names (as in sshd(8)) and values of the comma-separated ``options``; a flag's value is ``None``."""
    found: list[tuple[str, str | None]] = []
    position = 0
    while position < len(options):
        match = _OPTION.match(options, position)
        if match is None or options[match.end() : match.end() + 1] not in ("", ","):
            raise BaselineError(f'the key options cannot be read at character {position + 1}: a name, or name="value"')
        found.append((_known_option(match.group(1), match.group(2)), _unquoted(match.group(2))))
        position = match.end() + 1
        if position == len(options):
            raise BaselineError("the key options end with a comma")
    return found


def _known_option(word: str, value: str | None) -> str:
    name = _FOLDED.get(word.lower())
    if name is None:
        raise BaselineError(f"sshd would refuse the key: {unknown('key option', word, _FLAGS + _VALUED)}")
    if (name in _VALUED) != (value is not None):
        wanted = 'needs a value in double quotes: {}="…"' if name in _VALUED else "takes no value"
        raise BaselineError(f"sshd would refuse the key: its option '{name}' {wanted.format(name)}")
    return name


def _unquoted(value: str | None) -> str | None:
    return None if value is None else value.replace('\\"', '"')


def _refuse_what_is_no_line(text: str) -> None:
    if not text:
        raise BaselineError("the public key is empty")
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise BaselineError(
            "this is a PRIVATE key, which must never leave its owner's machine; give the public half, "
            "the one line of the file that ends with .pub, and replace the key pair if others could have seen this one"
        )
    if text.startswith("----"):
        raise BaselineError(
            "this is a public key in another format than OpenSSH's one line; 'ssh-keygen -i -f FILE' converts it"
        )
    if "\n" in text or "\r" in text:
        raise BaselineError("the text has more than one line; every public key is an entry of its own, on one line")
    if text.startswith("#"):
        raise BaselineError("this is a comment, not a public key")
    if text.startswith("@"):
        raise BaselineError(
            f"'{text.split()[0]}' is a marker of known_hosts; in authorized_keys an authority's key "
            "has the option cert-authority in front: cert-authority ssh-ed25519 AAAA…"
        )
    if re.fullmatch(r"[~./]\S*|\S+\.pub", text):
        raise BaselineError(
            "this is the path of a file, not a public key; "
            "give its text: \"{{ lookup('ansible.builtin.file', PATH) }}\""
        )


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
        raise BaselineError(_type_complaint(match.group(), kind, rest))
    return match.group(), kind, rest


def _type_complaint(first: str, second: str, third: str) -> str:
    """Say what is wrong where no known key type was found. Every blob starts with AAAA: the type stands before it."""
    kind = second if third.startswith("AAAA") and not second.startswith("AAAA") else first
    if kind.startswith("AAAA"):
        return "the key type is missing in front of the key's text: ssh-ed25519 AAAA…"
    if kind == "ssh-dss":
        return "DSA keys (ssh-dss) are too weak and sshd no longer accepts them; make an ssh-ed25519 key"
    if kind.endswith("-cert-v01@openssh.com"):
        return (
            "this is a certificate, which sshd does not look up in authorized_keys; "
            "give its authority's key with the option cert-authority in front"
        )
    if re.fullmatch(r"[A-Za-z0-9@.-]{1,45}", kind) and nearest(kind, KEY_TYPES):
        return unknown("key type", kind, KEY_TYPES)
    return f"this is not a public key of OpenSSH, which starts with one of {', '.join(KEY_TYPES)}"


def _check_blob(kind: str, blob: str) -> int | None:
    """Check that ``blob`` is a whole key of the type ``kind``; return the bits of an RSA modulus."""
    if not blob:
        raise BaselineError(f"the key's text is missing after '{kind}'")
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error as error:
        raise BaselineError(
            f"the text after '{kind}' is not base64: the key was cut off or changed on its way"
        ) from error
    fields = _fields(kind, data)
    inner = fields[0].decode("ascii", "replace")
    if inner != kind:
        named = f"'{inner}'" if inner in KEY_TYPES else "something else"
        raise BaselineError(f"the key says '{kind}' in front and {named} inside; it was put together wrongly")
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
            raise BaselineError(f"the key says '{kind}' in front and another curve inside; it was put together wrongly")
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
    return BaselineError(f"the '{kind}' key is not whole: it was cut off or changed on its way; copy the line again")
