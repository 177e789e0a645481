# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of key files: which are not requested, and the text that holds the requested ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.keys import holds_only_keys, merged, unlisted
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ssh_keys"


def line(name: str) -> str:
    return (FIXTURES / f"{name}-openssh9.2.pub").read_text().strip()


ED25519, RSA, ECDSA = line("ed25519"), line("rsab3072"), line("ecdsab256")
KEY, SECOND = parse_public_key(ED25519), parse_public_key(ECDSA)
BARE = f"{KEY.kind} {KEY.blob}"


def test_unlisted_lines_are_named_with_type_fingerprint_and_a_quoted_comment() -> None:
    rsa = parse_public_key(RSA)
    text = f"# mine\n{ED25519}\n\nrestrict {rsa.kind} {rsa.blob} evil\x1b[2J\nssh-dss AAAA\n"
    found = unlisted("/h/k", text, [KEY])
    assert [str(one) for one in found] == [
        f"/h/k:4 (ssh-rsa {rsa.fingerprint} 'evil\\x1b[2J')",
        "/h/k:5 (a line that is not a known key)",
    ]
    assert found[0].as_result() == {
        "path": "/h/k",
        "line": 4,
        "type": "ssh-rsa",
        "fingerprint": rsa.fingerprint,
        "comment": "evil\\x1b[2J",
    }
    assert found[1].as_result()["type"] == ""


@pytest.mark.parametrize(
    ("text", "exclusive", "expected"),
    [
        ("", False, f"{ED25519}\n"),
        (f"# mine\n{RSA}", False, f"# mine\n{RSA}\n{ED25519}\n"),
        (f"# mine\n{RSA}\nrubbish\n", True, f"{ED25519}\n"),
        (f"{ED25519}\n# end\n", False, f"{ED25519}\n# end\n"),
        # Another comment or other options give way; a second line would cancel the options of the first.
        (f"{BARE} old\n{RSA}\nrestrict {BARE}\n", False, f"{ED25519}\n{RSA}\n"),
        (f"  {ED25519}\n", False, f"  {ED25519}\n"),
    ],
    ids=["empty", "added", "exclusive", "same", "replaced", "blanks"],
)
def test_merged(text: str, exclusive: bool, expected: str) -> None:
    once = merged(text, [KEY], exclusive=exclusive)
    assert once == expected
    assert merged(once, [KEY], exclusive=exclusive) == once


def test_another_file_gets_no_keys_but_loses_those_that_were_not_requested() -> None:
    text = f"{RSA}\n{BARE} old\n"
    assert merged(text, [KEY, SECOND], exclusive=True, adds=False) == f"{ED25519}\n"
    assert merged(text, [KEY, SECOND], exclusive=False, adds=False) == f"{RSA}\n{ED25519}\n"


def test_a_file_that_holds_only_keys() -> None:
    assert holds_only_keys(f"{ED25519}\n\n{RSA}\n")
    assert not holds_only_keys(f"{ED25519}\npassword = hunter2\n")
    assert not holds_only_keys("# password: hunter2\n")
