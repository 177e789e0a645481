from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import (
    HEADER,
    build_settings,
    render_settings,
    require_supported,
)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"PermitRootLogin": False}, "PermitRootLogin no\n", id="a boolean"),
        pytest.param({"permitrootlogin": "prohibit-password"}, "PermitRootLogin prohibit-password\n", id="any case"),
        pytest.param({"PasswordAuthentication": "NO"}, "PasswordAuthentication no\n", id="a flag in capitals"),
        pytest.param(
            {"ChallengeResponseAuthentication": "no"}, "KbdInteractiveAuthentication no\n", id="an older name"
        ),
        pytest.param({"Port": [22, "2222"]}, "Port 22\nPort 2222\n", id="a list that adds up"),
        pytest.param({"MACs": ["a", "b"]}, "MACs a,b\n", id="a list with commas"),
        pytest.param(
            {"AuthorizedKeysFile": [".ssh/a", "b c"]}, 'AuthorizedKeysFile .ssh/a "b c"\n', id="a list of words"
        ),
        pytest.param({"LogLevel": None, "LoginGraceTime": 60}, "LoginGraceTime 60\n", id="null leaves out"),
        pytest.param({"X11Forwarding": "no", "Banner": "none"}, "Banner none\nX11Forwarding no\n", id="sorted"),
        pytest.param({"Subsystem": "sftp internal-sftp -l INFO"}, "Subsystem sftp internal-sftp -l INFO\n", id="raw"),
        pytest.param({"StreamLocalBindMask": "0177"}, "StreamLocalBindMask 0177\n", id="octal in quotes"),
    ],
)
def test_render_settings(settings: dict[str, t.Any], expected: str) -> None:
    assert render_settings(build_settings(settings)) == HEADER + expected


def test_render_blocks() -> None:
    desired = build_settings(
        {"Port": 22},
        [
            {
                "criteria": {"user": "upload", "address": ["10.0.0.0/8", "!10.1.0.0/16"]},
                "settings": {"X11Forwarding": False},
            },
            {"criteria": 'User "a b" LocalPort 22', "settings": {"X11Forwarding": True}},
        ],
    )
    assert render_settings(desired) == HEADER + (
        "Port 22\n\nMatch User upload Address 10.0.0.0/8,!10.1.0.0/16\n    X11Forwarding no\n"
        '\nMatch User "a b" LocalPort 22\n    X11Forwarding yes\n'
    )
    assert desired.keywords == {"port", "x11forwarding"}


def test_settings_replace_defaults_under_any_spelling() -> None:
    desired = build_settings(
        {"challengeresponseauthentication": True, "port": None},
        defaults={"KbdInteractiveAuthentication": False, "Port": 22, "UsePAM": True},
    )
    assert desired.settings == {"KbdInteractiveAuthentication": ("yes",), "UsePAM": ("yes",)}


def test_an_empty_wish_is_false() -> None:
    assert not build_settings({"Port": None})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            {"PermitRootLogn": "no"},
            "settings: unknown sshd keyword 'PermitRootLogn'; this task changed nothing; did you mean "
            "'PermitRootLogin' or 'PermitOpen' or 'PrintLastLog'?",
            id="unknown",
        ),
        pytest.param(
            {"Port": 22, "port": 23},
            "settings: Port is given twice (as 'port' and another spelling); this task changed nothing",
            id="twice",
        ),
        pytest.param(
            {"Port": 0},
            "settings: Port takes a whole number from 1 to 65535, not '0'; this task changed nothing",
            id="port 0",
        ),
        pytest.param(
            {"Port": [22, 65536]},
            "settings: Port takes a whole number from 1 to 65535, not '65536'; this task changed nothing",
            id="port too large",
        ),
        pytest.param(
            {"Port": True},
            "settings: Port takes a whole number from 1 to 65535, not 'yes'; this task changed nothing",
            id="port yes",
        ),
        pytest.param(
            {"UsePAM": "maybe"},
            "settings: UsePAM takes yes or no, not 'maybe'; this task changed nothing",
            id="neither yes nor no",
        ),
        pytest.param(
            {"Match": "User x"},
            "settings: Match cannot be set here; this task changed nothing; write a block in 'match'",
            id="match",
        ),
        pytest.param(
            {"Include": "/etc/x"},
            "settings: Include cannot be set here; this task changed nothing; give the settings themselves",
            id="include",
        ),
        pytest.param(
            {"Banner": ""},
            "settings: Banner has no value; this task changed nothing; give one, or null to omit the keyword",
            id="empty",
        ),
        pytest.param(
            {"AllowUsers": []},
            "settings: AllowUsers has an empty list; this task changed nothing; give values, or null to omit "
            "the keyword",
            id="empty list",
        ),
        pytest.param(
            {"Banner": "a\nPort 1"},
            "settings: Banner contains a line break; this task changed nothing",
            id="line break",
        ),
        pytest.param(
            {"Banner": '"a'}, "settings: Banner has invalid quotes: '\"a'; this task changed nothing", id="open quotes"
        ),
        pytest.param(
            {"LoginGraceTime": 1.5},
            "settings: LoginGraceTime takes a text, a number or a list, not 1.5; this task changed nothing",
            id="a fraction",
        ),
        pytest.param(
            {"StreamLocalBindMask": 127},
            "settings: StreamLocalBindMask is octal; this task changed nothing; write it as a text in quotes, such as "
            "'0177'",
            id="octal that YAML has read already",
        ),
    ],
)
def test_bad_settings(settings: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        build_settings(settings)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("block", "message"),
    [
        pytest.param(
            {"criteria": {"user": "x"}, "settings": {}},
            "match: match block 1 (user x): the block has no settings; this task changed nothing",
            id="no settings",
        ),
        pytest.param(
            {"criteria": 7, "settings": {"Banner": "x"}},
            "match: match block 1: criteria take a mapping or a text, not 7; this task changed nothing",
            id="a number",
        ),
        pytest.param(
            {"criteria": 'User "x', "settings": {"Banner": "x"}},
            "match: match block 1: criteria have invalid quotes: 'User \"x'; this task changed nothing",
            id="open quotes",
        ),
    ],
)
def test_bad_blocks(block: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        build_settings({}, [block])
    assert str(caught.value) == message


@pytest.mark.parametrize("criteria", ["Invalid-User", {"invalid-user": None}, {"Invalid-User": ""}])
def test_users_without_an_account(criteria: object) -> None:
    desired = build_settings({}, [{"criteria": criteria, "settings": {"MaxAuthTries": 1}}])
    assert "\nMatch Invalid-User\n    MaxAuthTries 1\n" in render_settings(desired)
    require_supported(desired, Release(9, 9))
    with pytest.raises(BaselineError) as caught:
        require_supported(desired, Release(9, 2))
    assert str(caught.value) == (
        "match: match block 1 (invalid-user): Invalid-User needs OpenSSH 9.9 or later and this host has 9.2; "
        "this task changed nothing; remove the block for this host"
    )
