# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the OpenSSH client's messages, recorded from OpenSSH 9.2 and 10.0."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.messages import (
    MESSAGES,
    Verdict,
    has_changed_key,
    hint_for,
    verdict_of,
    without_noise,
)


@pytest.mark.parametrize(
    ("text", "hint", "verdict"),
    [
        ("ssh: connect to host 192.0.2.7 port 2222: Connection timed out", "packets are dropped", Verdict.NEXT_PORT),
        (
            "channel 0: open failed: connect failed: Connection timed out\nstdio forwarding failed",
            "as seen from there",
            Verdict.NEXT_PORT,
        ),
        # TCP was connected: no firewall is to be looked for.
        (
            "Connection timed out during banner exchange\nConnection to 192.0.2.7 port 2222 timed out",
            "the port takes connections, but no sshd answers there",
            Verdict.NEXT_PORT,
        ),
        ("Connection to 192.0.2.7 port 22 timed out", "was made and then fell silent", Verdict.STOP),
        ("Timeout, server 192.0.2.7 not responding.", "was made and then fell silent", Verdict.STOP),
        ("Read from remote host 192.0.2.7: Connection timed out", "was made and then fell silent", Verdict.STOP),
        ("ssh: 192.0.2.7 did not answer within 25 seconds", "was made and then fell silent", Verdict.STOP),
        ("ssh: connect to host 192.0.2.7 port 22: No route to host", "its network is down", Verdict.NEXT_PORT),
        (
            "Connection closed by 192.0.2.7 port 22",
            "it may refuse the account after it accepted the key",
            Verdict.NO_LOGIN,
        ),
        (
            "kex_exchange_identification: read: Connection reset by peer",
            "refuses this controller for a while after failed logins",
            Verdict.NO_LOGIN,
        ),
        ("Host key verification failed.", "add it to known_hosts", Verdict.STOP),
        (
            "Host key for web has changed and you have requested strict checking.",
            "another host answers there",
            Verdict.STOP,
        ),
        # With StrictHostKeyChecking=no ssh goes on.
        (
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nroot@x: Permission denied (publickey)",
            "another host answers there",
            Verdict.NEXT_USER,
        ),
        ("stdio forwarding failed\nConnection closed by UNKNOWN port 65535", "PermitOpen", Verdict.NEXT_PORT),
        (
            "channel 0: open failed: connect failed: Name or service not known\nstdio forwarding failed",
            "as seen from there",
            Verdict.NEXT_PORT,
        ),
        (
            "ssh: connect to host bastion port 22: Connection refused\nConnection closed by UNKNOWN port 65535",
            "this is about the jump host",
            Verdict.STOP,
        ),
        (
            "Connection closed by 192.0.2.9 port 22\nkex_exchange_identification: Connection closed by remote host\n"
            "Connection closed by UNKNOWN port 65535",
            "this is about the jump host",
            Verdict.STOP,
        ),
        (
            "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535",
            "log in to the jump host by itself",
            Verdict.NO_LOGIN,
        ),
        ("banner exchange: Connection to x port 80: invalid format", "correct the port", Verdict.NO_LOGIN),
        ("ssh: Could not resolve hostname web: Name or service not known", "set ansible_host", Verdict.STOP),
        (
            "Received disconnect from 192.0.2.7 port 22:2: Too many authentication failures",
            "IdentitiesOnly=yes",
            Verdict.NEXT_USER,
        ),
        ("Not allowed at this time", "PerSourcePenalties", Verdict.STOP),
        ("@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @", "chmod 600", Verdict.STOP),
        ("no such identity: /k: No such file or directory", "", Verdict.STOP),
        (
            "Unable to negotiate with 192.0.2.7 port 22: no matching host key type found. Their offer: ssh-ed25519",
            "share no algorithm",
            Verdict.STOP,
        ),
        ("Could not resolve hostname x\ndeploy@x: Permission denied (publickey)", "ansible_host", Verdict.STOP),
        ("connect to host x port 22: y\nPermission denied", "accepts none of the keys", Verdict.NEXT_PORT),
        ("Invalid/incorrect password", "", Verdict.NEXT_USER),
        ("to use the 'ssh' connection type with passwords, you must install the sshpass program", "", Verdict.STOP),
        ("", "", Verdict.STOP),
    ],
)
def test_messages(text: str, hint: str, verdict: Verdict) -> None:
    assert hint in hint_for(text)
    assert bool(hint) is bool(hint_for(text))
    assert verdict_of(text) is verdict


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Warning: Permanently added 'x'\r\ndebug1: y\n@@@@\n** WARNING\n\nWelcome.\n", "Welcome"),
        ("Authorized users only\nConnection refused\nBye\n", "Connection refused"),
        ("a\nb\nc\nd\n", "b; c; d"),
        ("Permission denied\nPermission denied\n", "Permission denied"),
        ("", ""),
    ],
)
def test_the_last_known_messages_are_kept(text: str, message: str) -> None:
    assert without_noise(text) == message


def test_each_message_decides_something() -> None:
    assert all(one.hint or one.verdict for one in MESSAGES)
    assert len({one.pattern for one in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nPermission denied", True),
        ("Warning: Permanently added '192.0.2.7' (ED25519) to the list of known hosts.", False),
        ("", False),
    ],
)
def test_a_changed_key(text: str, changed: bool) -> None:
    assert has_changed_key(text) is changed
