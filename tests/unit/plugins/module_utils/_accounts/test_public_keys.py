# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys of every type as OpenSSH 9.2 wrote them, and what people paste instead."""

from __future__ import annotations

import base64
import struct
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import (
    KEY_TYPES,
    parse_authorized_keys,
    parse_options,
    parse_public_key,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ssh_keys"


def recorded(name: str) -> str:
    return (FIXTURES / f"{name}-openssh9.2.pub").read_text()


ED25519 = recorded("ed25519").strip()
BLOB = ED25519.split()[1]


def blob(*fields: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack(">I", len(field)) + field for field in fields)).decode()


SK_ED25519 = "sk-ssh-ed25519@openssh.com " + blob(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:")
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com " + blob(
    b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\4" + bytes(64), b"ssh:"
)


# Fingerprints as printed by ssh-keygen -l.
@pytest.mark.parametrize(
    ("name", "kind", "bits", "fingerprint"),
    [
        ("ed25519", "ssh-ed25519", None, "SHA256:FB99+uEiTkbB4e/68z0p59L3zvZAgXeLmninsBWgA4w"),
        ("ecdsab256", "ecdsa-sha2-nistp256", None, "SHA256:xNBph7F7J7QEktxT3WkO39s6gAg0yvildWcHmkNY1zM"),
        ("ecdsab384", "ecdsa-sha2-nistp384", None, "SHA256:qemNv6iqwGQLaB01X66MS6djBEznRn0V0XWR3gbtlYk"),
        ("ecdsab521", "ecdsa-sha2-nistp521", None, "SHA256:yQ+i1PxllF2yESEBk2NOO54lf0X0Mnmx4uHAAzuBcVQ"),
        ("rsab3072", "ssh-rsa", 3072, "SHA256:d/+MxN0WZA9l92Ga8qVIaE81vJ2UPORQO1CdGJxSSaM"),
    ],
)
def test_recorded_keys(name: str, kind: str, bits: int | None, fingerprint: str) -> None:
    key = parse_public_key(recorded(name))
    assert (key.kind, key.bits, key.fingerprint) == (kind, bits, fingerprint)
    assert (key.options, key.comment) == ("", "test key")
    assert key.line == recorded(name).strip()


@pytest.mark.parametrize("line", [SK_ED25519, SK_ECDSA], ids=["sk-ed25519", "sk-ecdsa"])
def test_hardware_keys(line: str) -> None:
    assert parse_public_key(line).kind == line.split()[0]


@pytest.mark.parametrize(
    ("options", "parsed"),
    [
        ("restrict", [("restrict", None)]),
        ("RESTRICT,No-PTY", [("restrict", None), ("no-pty", None)]),
        ('from="10.0.0.0/8,!10.1.1.1"', [("from", "10.0.0.0/8,!10.1.1.1")]),
        ('restrict,command="echo \\"a, b\\"",pty', [("restrict", None), ("command", 'echo "a, b"'), ("pty", None)]),
        ('environment="A=1",environment="B=2"', [("environment", "A=1"), ("environment", "B=2")]),
        ('command=""', [("command", "")]),
    ],
    ids=["flag", "case", "comma-inside", "quotes-and-blanks", "repeated", "empty-value"],
)
def test_options(options: str, parsed: list[tuple[str, str | None]]) -> None:
    key = parse_public_key(f"{options} {ED25519}")
    assert key.options == options
    assert parse_options(key.options) == parsed
    assert key.line == f"{options} {ED25519}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the public key is empty"),
        ("# laptop", "this is a comment, not a public key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n",
            "this is a PRIVATE key, which must never leave its owner's machine; give the public half, the one line of "
            "the file that ends with .pub, and replace the key pair if others could have seen this one",
        ),
        (
            "---- BEGIN SSH2 PUBLIC KEY ----",
            "this is a public key in another format than OpenSSH's one line; convert it with 'ssh-keygen -i -f FILE'",
        ),
        (
            f"{ED25519}\n{ED25519}\n",
            "the text has more than one line; give each public key as an entry of its own, on one line",
        ),
        (
            "~/.ssh/id_ed25519.pub",
            "this is the path of a file, not a public key; "
            "give its text: \"{{ lookup('ansible.builtin.file', PATH) }}\"",
        ),
        (
            f"@cert-authority *.example.org {ED25519}",
            "'@cert-authority' is a marker of known_hosts; in authorized_keys put the option in front of an "
            "authority's key: cert-authority ssh-ed25519 AAAA…",
        ),
        (
            f"ssh-ed25519-cert-v01@openssh.com {BLOB}",
            "this is a certificate, which sshd does not look up in authorized_keys; "
            "give its authority's key with the option cert-authority in front",
        ),
        (f"ssh-ed2551 {BLOB} me", "unknown key type 'ssh-ed2551'; did you mean 'ssh-ed25519'?"),
        (f"restrict ssh-ed2551 {BLOB} me", "unknown key type 'ssh-ed2551'; did you mean 'ssh-ed25519'?"),
        (
            "hello world",
            "this is not a public key of OpenSSH, which starts with one of ssh-ed25519, ecdsa-sha2-nistp256, "
            "ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, ssh-rsa, sk-ssh-ed25519@openssh.com, "
            "sk-ecdsa-sha2-nistp256@openssh.com",
        ),
        (BLOB, "the key type is missing in front of the key's text; write ssh-ed25519 AAAA…"),
        ("ssh-ed25519", "the key's text is missing after 'ssh-ed25519'"),
        (
            f"ssh-ed25519 {BLOB[:-1]}",
            "the text after 'ssh-ed25519' is not base64; copy the line again, because the key was cut off or changed",
        ),
        (
            f"ssh-ed25519 {BLOB[:-4]}",
            "the 'ssh-ed25519' key is not complete; copy the line again, because the key was cut off or changed",
        ),
        (
            "ssh-ed25519 " + blob(b"ssh-ed25519", bytes(31)),
            "the 'ssh-ed25519' key is not complete; copy the line again, because the key was cut off or changed",
        ),
        (
            f"ssh-rsa {BLOB}",
            "the key's type is 'ssh-rsa' in front and 'ssh-ed25519' inside; copy the line again, because the key was "
            "cut off or changed",
        ),
        (
            "ecdsa-sha2-nistp384 " + blob(b"ecdsa-sha2-nistp384", b"nistp256", b"\4" + bytes(64)),
            "the key's type is 'ecdsa-sha2-nistp384' in front and another curve inside; copy the line again, because "
            "the key was cut off or changed",
        ),
        (
            "ssh-dss AAAAB3NzaC1kc3M=",
            "DSA keys (ssh-dss) are too weak, and sshd no longer accepts them; make an ssh-ed25519 key",
        ),
        (
            recorded("rsab1024"),
            "the RSA key has 1024 bits, which is too weak; use an ssh-ed25519 key, or an RSA key of at least 2048 bits",
        ),
        (
            f'comand="x" {ED25519}',
            "sshd would refuse the key, because it does not know the key option 'comand'; did you mean 'command'?",
        ),
        (
            f"command {ED25519}",
            "sshd would refuse the key, because its option 'command' needs a value in double quotes; write "
            'command="…"',
        ),
        (f'pty="yes" {ED25519}', "sshd would refuse the key, because its option 'pty' takes no value; write pty"),
        (f"restrict, {ED25519}", "the key options end with a comma; remove it"),
        (
            f"from=10.0.0.1 {ED25519}",
            'the key options cannot be read at character 1; write each option as a name or as name="value"',
        ),
        (f'from="10.0.0.1 {ED25519}', "a double quote in the key options is not closed"),
    ],
    ids=[
        "empty",
        "comment",
        "private",
        "ssh2",
        "two-lines",
        "path",
        "known-hosts-marker",
        "certificate",
        "type-mistyped",
        "type-mistyped-after-options",
        "prose",
        "type-missing",
        "blob-missing",
        "not-base64",
        "cut-off",
        "short-point",
        "inner-type-differs",
        "inner-curve-differs",
        "dsa",
        "rsa-1024",
        "option-mistyped",
        "option-without-value",
        "flag-with-value",
        "trailing-comma",
        "unquoted-value",
        "open-quote",
    ],
)
def test_what_is_not_a_key_is_an_error(text: str, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_public_key(text)
    assert caught.value.advice == message


BLANK = "a web page or a word processor put it in the place of a blank; type a blank instead, or remove it"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            f"\ufeff{ED25519}",
            "the public key contains U+FEFF (ZERO WIDTH NO-BREAK SPACE) at character 1, which is not allowed; this is "
            "the byte order mark of an editor; save the file as UTF-8 without it",
            id="a byte order mark",
        ),
        pytest.param(
            f"\u00ef\u00bb\u00bf{ED25519}",
            "the public key starts with a byte order mark that was read as three characters; save the file as UTF-8 "
            "without it",
            id="a byte order mark in another encoding",
        ),
        pytest.param(
            ED25519.replace(" ", "\u00a0", 1),
            f"the public key contains U+00A0 (NO-BREAK SPACE) at character 12, which is not allowed; {BLANK}",
            id="a no-break space",
        ),
        pytest.param(
            f"{ED25519} ann\u2009laptop",
            f"the public key contains U+2009 (THIN SPACE) at character {len(ED25519) + 5}, which is not allowed; "
            f"{BLANK}",
            id="another space, in the comment",
        ),
        pytest.param(
            f"{ED25519}\u200b",
            f"the public key contains U+200B (ZERO WIDTH SPACE) at character {len(ED25519) + 1}, which is not allowed; "
            "it is invisible; remove it, or type the blanks of the line yourself",
            id="an invisible character",
        ),
        *[
            pytest.param(
                text,
                "this is an address where public keys may be, not a public key; give the keys themselves, so that "
                "nobody else decides who may log in; where you trust the address: "
                "\"{{ lookup('ansible.builtin.url', ADDRESS, wantlist=true) }}\" as the whole list",
                id=text,
            )
            for text in ("https://git.example.org/ann.keys", "github.com/ann.keys", "gh:ann", "lp:ann")
        ],
        pytest.param(
            f"\u201c{ED25519}\u201d",
            "the public key is in quotes that are part of the text; remove them",
            id="the quotes of a word processor",
        ),
        pytest.param(
            "C:\\Users\\ann\\.ssh\\id_ed25519",
            "this is the path of a file, not a public key; give its text: "
            "\"{{ lookup('ansible.builtin.file', PATH) }}\"",
            id="a path of Windows",
        ),
    ],
)
def test_what_a_copy_brings_along_is_named(text: str, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_public_key(text)
    assert caught.value.advice == message


def test_authorized_keys_keeps_what_sshd_considers() -> None:
    weak = recorded("rsab1024").strip()
    errors: list[tuple[int, str]] = []
    text = f"# keys\n\n{ED25519}\n  restrict\t{ED25519}\nssh-ed25519 AAAA!\n{weak}\r\n"
    keys = parse_authorized_keys(text, ignored=lambda number, reason: errors.append((number, reason)))
    assert [(key.options, key.kind, key.bits) for key in keys] == [
        ("", "ssh-ed25519", None),
        ("restrict", "ssh-ed25519", None),
        ("", "ssh-rsa", 1024),
    ]
    assert errors == [
        (5, "the text after 'ssh-ed25519' is not base64; copy the line again, because the key was cut off or changed")
    ]
    assert parse_authorized_keys(text) == keys


@given(st.text())
def test_any_text_is_a_key_or_an_error(text: str) -> None:
    try:
        parse_public_key(text)
    except BaselineError:
        return
    raise AssertionError("no generated text should be a key")


@given(kind=st.sampled_from(KEY_TYPES), data=st.binary(max_size=80))
def test_any_blob_is_a_key_or_an_error(kind: str, data: bytes) -> None:
    line = f"{kind} {blob(kind.encode(), data)}"
    errors: list[t.Any] = []
    keys = parse_authorized_keys(line, ignored=lambda *error: errors.append(error))
    assert len(keys) + len(errors) == 1
