# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys ssh would know a host by, with ssh-keygen itself, and the line that a move to another port needs."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import ClientSettings
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.known_hosts import (
    KnownKey,
    known_keys,
    move_error,
    parse_lines,
)

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ1q9nS6zJ5Lk0b1nq8Vb2m1Zr3yq7t6f5d4s3a2q1w0"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIK2q9nS6zJ5Lk0b1nq8Vb2m1Zr3yq7t6f5d4s3a2q1w0"


def settings(tmp_path: Path, text: str) -> ClientSettings:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    return ClientSettings(host="192.0.2.7", port=2222, strict="ask", known_hosts=(str(file), "/no/file"))


def test_lines_are_read() -> None:
    text = (
        f"# Host x found: line 1\nx ssh-ed25519 {KEY} a comment\n@cert-authority * ssh-rsa {OTHER}\n@revoked x a b\nx\n"
    )
    assert parse_lines(text) == [KnownKey("ssh-ed25519", KEY), KnownKey("ssh-rsa", OTHER, is_authority=True)]


@pytest.mark.parametrize("is_hashed", [False, True])
@pytest.mark.parametrize(
    ("name", "port", "is_known"),
    [
        ("192.0.2.7", 22, True),
        ("192.0.2.7", 2222, True),
        ("[192.0.2.7]:2222", 2222, True),
        ("[192.0.2.7]:2222", 22, False),
        ("[192.0.2.7]:2222", 2022, False),
        ("192.0.2.8", 22, False),
    ],
)
def test_a_key_is_known_by_name_and_port(tmp_path: Path, name: str, port: int, is_known: bool, is_hashed: bool) -> None:
    """As in ssh's check_host_key: a name without a port is good for each port, one with a port for that alone."""
    found = settings(tmp_path, f"{name} ssh-ed25519 {KEY}\n")
    if is_hashed:
        subprocess.run(["ssh-keygen", "-H", "-f", found.known_hosts[0]], check=True, capture_output=True)
    assert known_keys(found, port) == ([KnownKey("ssh-ed25519", KEY)] if is_known else [])


def test_an_alias_has_no_port(tmp_path: Path) -> None:
    found = replace(settings(tmp_path, f"web ssh-ed25519 {KEY}\n"), alias="web")
    assert known_keys(found, 2222) == known_keys(found, 22) == [KnownKey("ssh-ed25519", KEY)]
    assert move_error(found, old=2222, new=22) is None


def test_the_line_that_a_move_needs_is_in_the_hint(tmp_path: Path) -> None:
    found = settings(tmp_path, f"[192.0.2.7]:2222 ssh-ed25519 {KEY}\n")
    error = move_error(found, old=2222, new=2022)
    assert error is not None
    assert str(error) == (
        "[192.0.2.7]:2022: this controller knows the host's key for [192.0.2.7]:2222 only, and ssh would refuse the "
        "host on port 2022 after the move; this task changed nothing; it is the same key: add this line to "
        f"{found.known_hosts[0]} and run again: '[192.0.2.7]:2022 ssh-ed25519 {KEY}'"
    )
    back = move_error(found, old=2222, new=22)
    assert back is not None and f"run again: '192.0.2.7 ssh-ed25519 {KEY}'" in back.hint


@pytest.mark.parametrize(
    ("text", "changes", "old", "new"),
    [
        (f"192.0.2.7 ssh-ed25519 {KEY}\n", {}, 22, 2222),
        (f"192.0.2.7 ssh-ed25519 {KEY}\n", {}, 2222, 22),
        (f"[192.0.2.7]:2222,[192.0.2.7]:2022 ssh-ed25519 {KEY}\n", {}, 2222, 2022),
        (f"[192.0.2.7]:* ssh-ed25519 {KEY}\n", {}, 2222, 2022),
        (f"@cert-authority * ssh-ed25519 {KEY}\n", {}, 2222, 2022),
        (f"@cert-authority [192.0.2.7]:2222 ssh-ed25519 {KEY}\n", {}, 2222, 2022),
        (f"[192.0.2.7]:2222 ssh-ed25519 {KEY}\n", {"strict": "accept-new"}, 2222, 2022),
        (f"[192.0.2.7]:2222 ssh-ed25519 {KEY}\n", {"strict": "no"}, 2222, 2022),
        (f"[192.0.2.7]:2222 ssh-ed25519 {KEY}\n", {"asks_others": True}, 2222, 2022),
        ("", {}, 2222, 2022),
    ],
    ids=["from 22", "to 22", "both", "any port", "authority", "its port", "accept-new", "off", "command", "nothing"],
)
def test_a_move_that_ssh_can_follow(tmp_path: Path, text: str, changes: dict[str, object], old: int, new: int) -> None:
    assert move_error(replace(settings(tmp_path, text), **changes), old=old, new=new) is None  # type: ignore[arg-type]
