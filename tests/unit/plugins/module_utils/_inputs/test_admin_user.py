# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of the role admin_user: what is refused, with which message, and that no secret is repeated."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.admin_user import account_errors, checked_request

KEY = (Path(__file__).parents[3] / "fixtures" / "ssh_keys" / "ed25519-openssh9.2.pub").read_text().strip()
# The password is "secret", from mkpasswd of Debian 13 and Python's crypt.
YESCRYPT = "$y$j9T$zmqLUCpEZxIdyJ5k1cmhq0$8cxQX1KHyCfBT8yAvGI0xjbaMtyKZFUFwPWlWuQdTc2"
SHA512 = "$6$rounds=65600$saltsalt$" + "a" * 86
NEEDED = {
    "admin_user_name": "deploy",
    "admin_user_authorized_keys": [KEY],
    "admin_user_sudo": "nopasswd",
    "admin_user_password": "",
    "admin_user_groups": [],
    "admin_user_shell": "",
}


def messages(inputs: dict[str, t.Any]) -> list[str]:
    return [error.advice for error in account_errors(inputs, prefix="admin_user_")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"admin_user_name": "_a-b.c9"},
        {"admin_user_authorized_keys": [f"{KEY}\n"]},
        {"admin_user_sudo": "password", "admin_user_password": YESCRYPT},
        {"admin_user_sudo": "password", "admin_user_password": SHA512},
        {"admin_user_password": "$2b$12$" + "a" * 53},
        {"admin_user_groups": ["adm", "Debian-exim"], "admin_user_shell": "/usr/bin/zsh"},
        {"admin_user_key_file": "/etc/ssh/authorized_keys/%u"},
        {"admin_user_key_file": "/etc/ssh/keys/deploy.pub"},
    ],
    ids=[
        "least",
        "name",
        "newline",
        "yescrypt",
        "sha512",
        "bcrypt",
        "groups-and-shell",
        "key-file",
        "key-file-by-name",
    ],
)
def test_good_inputs(changes: dict[str, t.Any]) -> None:
    assert messages({**NEEDED, **changes}) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"admin_user_name": None},
            "admin_user_name: the name is missing; name the admin's account, for example with '-e "
            "admin_user_name=deploy'",
        ),
        (
            {"admin_user_name": "root"},
            "admin_user_name: the name is 'root', but the admin needs an account of its own, because the login of "
            "root is closed; choose another name",
        ),
        (
            {"admin_user_name": "Ann Smith"},
            "admin_user_name: 'Ann Smith' is not a valid account name; start with a lower-case letter or '_', "
            "continue with lower-case letters, digits, '_', '-' or '.', and use at most 32 characters",
        ),
        (
            {"admin_user_name": "deploy\n"},
            "admin_user_name: 'deploy\\n' is not a valid account name; start with a lower-case letter or '_', "
            "continue with lower-case letters, digits, '_', '-' or '.', and use at most 32 characters",
        ),
        (
            {"admin_user_authorized_keys": None},
            "admin_user_authorized_keys: the list is missing; give the public keys that may log in as the admin",
        ),
        (
            {"admin_user_authorized_keys": []},
            "admin_user_authorized_keys: the list is empty, and without a key nobody could log in any more; give at "
            "least one public key",
        ),
        (
            {"admin_user_authorized_keys": KEY},
            "admin_user_authorized_keys: this is not a list; write each public key as a list entry of its own, after "
            "a dash",
        ),
        (
            {"admin_user_authorized_keys": [KEY, {"key": KEY}]},
            "admin_user_authorized_keys: entry 2 of 2: this is not text; put the public key in quotes",
        ),
        (
            {"admin_user_authorized_keys": [KEY, KEY[:60]]},
            "admin_user_authorized_keys: entry 2 of 2: "
            "the 'ssh-ed25519' key is not complete; copy the line again, because the key was cut off or changed",
        ),
        (
            {"admin_user_authorized_keys": [KEY, f"restrict {KEY}"]},
            "admin_user_authorized_keys: entry 2 of 2: "
            "this is the key of entry 1 again, and sshd would use the first of them only; remove one of them",
        ),
        (
            {"admin_user_sudo": "nopassword"},
            "admin_user_sudo: unknown kind of sudo 'nopassword'; did you mean 'password' or 'nopasswd'?",
        ),
        (
            {"admin_user_sudo": "password"},
            "admin_user_password: the hash is missing, and with admin_user_sudo=password the admin could not use sudo "
            "without a password; give the hash of a password",
        ),
        (
            {"admin_user_password": "hunter2"},
            "admin_user_password: this is not a password hash of a current kind (the value is not shown); make one "
            "with 'mkpasswd --method=yescrypt' (package whois) or 'openssl passwd -6', and keep it in the vault; "
            "if this was the password itself, change the password",
        ),
        (
            {"admin_user_password": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"},
            "admin_user_password: this is not a password hash of a current kind (the value is not shown); make one "
            "with 'mkpasswd --method=yescrypt' (package whois) or 'openssl passwd -6', and keep it in the vault; "
            "if this was the password itself, change the password",
        ),
        (
            {"admin_user_groups": "adm"},
            "admin_user_groups: this is not a list; write each group as a list entry of its own, after a dash",
        ),
        ({"admin_user_groups": ["adm,sudo"]}, "admin_user_groups: 'adm,sudo' is not a valid group name"),
        (
            {"admin_user_shell": "zsh"},
            "admin_user_shell: 'zsh' is not the path of a shell; give an absolute path, for example /bin/bash",
        ),
        (
            {"admin_user_shell": "/bin/b\x1bsh"},
            "admin_user_shell: '/bin/b\\x1bsh' is not the path of a shell; give an absolute path, for example "
            "/bin/bash",
        ),
        (
            {"admin_user_shell": "/usr/sbin/nologin"},
            "admin_user_shell: '/usr/sbin/nologin' is a shell that ends at once, so that the admin could not log in; "
            "give a login shell, for example /bin/bash",
        ),
        (
            {"admin_user_password": "$6$salt\u200b$" + "a" * 86},
            "admin_user_password: this is not a password hash of a current kind (the value is not shown); make one "
            "with 'mkpasswd --method=yescrypt' (package whois) or 'openssl passwd -6', and keep it in the vault; "
            "if this was the password itself, change the password",
        ),
        *(
            (
                {"admin_user_key_file": path},
                f"admin_user_key_file: {path!r} is not the path of a file of keys; give one absolute path outside of "
                "the home, for example /etc/ssh/authorized_keys/%u",
            )
            for path in (".ssh/%u", "/etc/ssh/../%u", "/etc/a /etc/%u", "%h/keys", "/etc/keys/%u\n", ["/etc/keys/%u"])
        ),
        (
            {"admin_user_key_file": "/etc/ssh/authorized_keys"},
            "admin_user_key_file: /etc/ssh/authorized_keys is the same file for every account, so that these keys "
            "would open all of them; put %u, which stands for the account's name, into the path",
        ),
    ],
    ids=[
        "name-missing",
        "root",
        "name",
        "name-newline",
        "keys-missing",
        "keys-empty",
        "keys-string",
        "key-dict",
        "key-cut-off",
        "key-twice",
        "sudo",
        "password-missing",
        "plaintext",
        "md5",
        "groups-string",
        "group",
        "shell",
        "shell-escape",
        "shell-dead-end",
        "password-format",
        "key-file-relative",
        "key-file-upwards",
        "key-file-two",
        "key-file-home",
        "key-file-newline",
        "key-file-list",
        "key-file-of-all",
    ],
)
def test_bad_inputs(changes: dict[str, t.Any], sentence: str) -> None:
    assert messages({**NEEDED, **changes}) == [sentence]


# What the commands of the hint printed on Debian 12 (mkpasswd of whois 5.5.17 with two methods, OpenSSL 3.0).
@pytest.mark.parametrize(
    "value",
    [
        "$y$j9T$QhHZWL0Z8ZTkU01u/iqyX0$anOvv12KcmmejGHp5vUyvK7zD3xLpvf8emfuvfCRkp0",
        "$6$PjUiolvVk8UCzZw3$DHtr.GXzTk0XnETQapmZYqkZTJHb7OPcXu7SxqlJRwIn8CNbyPIlxCnU2ZDRWxxvfyxaTT03uQyMT2zLkJPPD1",
        "$6$IBg67n6EJykrymiD$0EuEdz792Rx6ak3FnnJLSMfoQv3UyOW4Be96tU4quolywXMxVW.UIYj5nPokj.R6btHrObA6yQdREUaRMEOO11",
    ],
)
def test_hashes_of_the_recommended_commands(value: str) -> None:
    assert messages({**NEEDED, "admin_user_sudo": "password", "admin_user_password": value}) == []


# What one program takes for the end of a line or for a blank, and another one does not.
SEPARATORS = [*"\0\x0b\x0c\r\x1b\x1c\x1d\x1e\x1f\x7f\x85\xa0\u2028\u2029\u202e\u200b\u3000\ufeff", "\n", "\udcff"]
PLACES = ["{key}{one}{key}", "{one}{key}", "{key}{one}x", "restrict{one}{key}", 'from="{one}" {key}']
OPTIONS = {name[len("admin_user_") :]: value for name, value in NEEDED.items()}


@pytest.mark.parametrize("character", SEPARATORS, ids=[f"U+{ord(one):04X}" for one in SEPARATORS])
@pytest.mark.parametrize(
    "place", ["{key}{one}{key}", "{one}{key}", "{key}{one}x", "restrict{one}{key}", 'from="{one}" {key}']
)
def test_no_entry_holds_a_second_key(character: str, place: str) -> None:
    text = place.format(key=KEY, one=character)
    (message,) = messages({**NEEDED, "admin_user_authorized_keys": [text]})
    assert message.startswith("admin_user_authorized_keys: entry 1 of 1: ")
    assert "AAAA" not in message.replace("ssh-ed25519 AAAA…", "")
    with pytest.raises(BaselineError, match="^authorized_keys: entry 1 of 1: .*; this task changed nothing"):
        checked_request({**OPTIONS, "authorized_keys": [text], "exclusive_keys": False, "allow_system_account": False})


def test_the_end_of_a_line_is_no_part_of_it() -> None:
    for end in ("\n", "\r\n", " \n\n", "\t"):
        assert messages({**NEEDED, "admin_user_authorized_keys": [KEY + end]}) == []


def test_a_request_holds_the_keys_lines() -> None:
    options = {**OPTIONS, "exclusive_keys": True, "allow_system_account": True}
    request = checked_request({**options, "key_file": "/etc/keys/%u"})
    assert [key.line for key in request.keys] == [KEY]
    assert (request.exclusive_keys, request.allow_system_account) == (True, True)
    assert request.key_file == f"/etc/keys/{OPTIONS['name']}"
