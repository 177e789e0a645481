from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_keys import (
    RevokedKeys,
    gives_no_shell,
    key_problem,
    open_question,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection

(KEY,) = parse_authorized_keys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO1cmL4ZXvZIn/FqOEZxqDZ39AyBzqzgTS4aaVLd0CEB a")
FROM = Connection("deploy", address="192.0.2.7")
# 2026-11-22 12:00 UTC
NOW = 1795348800.0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ""),
        ("restrict,pty", ""),
        # What the user has written is shown quoted, and not at length.
        ('from="10.0.0.0/8\x1b[2J"', 'one is for from="10.0.0.0/8\\x1b[2J" alone'),
        (f'from="10.0.0.{"0" * 300}"', f'one is for from="10.0.0.{"0" * 193}… (107 more characters)" alone'),
        ('from="192.0.2.0/24"', ""),
        ('from="192.0.2.0/24",from="*"', "one has the option from twice, so that sshd ignores the line"),
        ('expiry-time="202611221201Z"', ""),
        ('expiry-time="202611221200Z"', 'one has expired (expiry-time="202611221200Z")'),
        ('expiry-time="20261121"', 'one has expired (expiry-time="20261121")'),
        ('expiry-time="29991332"', 'one has expired (expiry-time="29991332")'),
        ('expiry-time="never"', 'one has expired (expiry-time="never")'),
        ('permitopen="localhost:*"', ""),
        ('permitlisten="8080"', ""),
        ('permitopen="8080"', 'one has permitopen="8080", so that sshd ignores the line'),
    ],
)
def test_options(options: str, expected: str) -> None:
    effective: Effective = {"pubkeyacceptedalgorithms": ("ssh-ed25519",)}
    assert key_problem(replace(KEY, options=options), FROM, effective, RevokedKeys(), NOW) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("internal-sftp -l INFO", True),
        ("/usr/lib/openssh/sftp-server", True),
        ("/bin/false", True),
        ('sh -c "$SSH_ORIGINAL_COMMAND"', False),
        ("/usr/local/bin/logged-shell", False),
    ],
)
def test_gives_no_shell(command: str, expected: bool) -> None:
    assert gives_no_shell(command) is expected


def test_open_questions() -> None:
    assert open_question(KEY) == ""
    assert open_question(replace(KEY, options="cert-authority")).startswith("a cert-authority's key")
    assert open_question(replace(KEY, options='command="logged"')).startswith("a key with the option command")
