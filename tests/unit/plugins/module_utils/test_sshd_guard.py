from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._ssh_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_effective import parse_effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_guard import (
    Account,
    KeyFile,
    Refusal,
    key_paths,
    refusals,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sshd"
STOCK = parse_effective((FIXTURES / "sshd-T-debian13").read_text())
TODAY = 20779
(KEY,) = parse_authorized_keys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO1cmL4ZXvZIn/FqOEZxqDZ39AyBzqzgTS4aaVLd0CEB a")
PATH = "/home/deploy/.ssh/authorized_keys"
FILE = KeyFile(PATH, exists=True, keys=(KEY,))
SUDO = """\
Matching Defaults entries for deploy on box:
    env_reset, mail_badpass, use_pty

User deploy may run the following commands on box:
    (ALL : ALL) NOPASSWD: ALL
"""
DEPLOY = Account("deploy", "/home/deploy", "/bin/bash", True, "*", 20000, None, SUDO)
FROM = Connection("deploy", address="192.0.2.7", groups=("deploy", "sudo"))


Settings = dict[str, list[str]]


def judge(
    settings: Settings | None = None, *, account: Account = DEPLOY, files: t.Sequence[KeyFile] = (FILE,)
) -> list[str]:
    effective = {**STOCK, **{name: tuple(values) for name, values in (settings or {}).items()}}
    return [one.text for one in refusals(account, FROM, effective, files, today=TODAY)]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="as Debian ships it"),
        pytest.param({"permitrootlogin": ["no"], "passwordauthentication": ["no"]}, id="closed"),
        pytest.param({"authenticationmethods": ["publickey,password publickey"]}, id="a key is one of the choices"),
        pytest.param({"allowusers": ["d*@192.0.2.0/24"]}, id="allowed by pattern and network"),
        pytest.param({"allowgroups": ["wheel", "sudo"]}, id="allowed by group"),
        pytest.param({"denyusers": ["deploy@10.*"]}, id="denied elsewhere"),
        pytest.param({"usepam": ["no"]}, id="no PAM, and a password of '*'"),
    ],
)
def test_the_door_stays_open(settings: Settings) -> None:
    assert judge(settings) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {"pubkeyauthentication": ["no"]}, "PubkeyAuthentication would be no; set it to yes", id="no public keys"
        ),
        pytest.param(
            {"authenticationmethods": ["publickey,password"]},
            "AuthenticationMethods (publickey,password) asks for more than a key; "
            "offer 'publickey' alone as one choice",
            id="more than a key",
        ),
        pytest.param(
            {"denyusers": ["dep*@192.0.2.0/24"]},
            "DenyUsers dep*@192.0.2.0/24 shuts deploy out; remove that pattern",
            id="denied",
        ),
        pytest.param({"allowusers": ["root"]}, "AllowUsers (root) does not name deploy; add deploy", id="not allowed"),
        pytest.param(
            {"denygroups": ["sudo"]}, "DenyGroups sudo shuts deploy out; remove that pattern", id="group denied"
        ),
        pytest.param(
            {"allowgroups": ["wheel"]},
            "AllowGroups (wheel) names no group of deploy; add one, or put deploy into one",
            id="group not allowed",
        ),
        pytest.param(
            {"pubkeyacceptedalgorithms": ["rsa-sha2-512"]},
            "deploy has keys, but sshd would take none of them: ssh-ed25519 is not accepted; add an ssh-ed25519 key",
            id="key type",
        ),
    ],
)
def test_a_setting_shuts_out(settings: Settings, expected: str) -> None:
    assert judge(settings) == [expected]


@pytest.mark.parametrize(
    ("change", "settings", "expected"),
    [
        pytest.param(
            {"shell": "/usr/sbin/nologin"},
            {},
            "the shell /usr/sbin/nologin of deploy lets nobody in; give deploy a login shell",
            id="nologin",
        ),
        pytest.param(
            {"shell": "/bin/zsh", "shell_runs": False},
            {},
            "the shell /bin/zsh of deploy is missing or cannot be run; give deploy one that exists",
            id="no such shell",
        ),
        pytest.param(
            {"expires": TODAY}, {}, "the account deploy has expired; `chage -E -1 deploy` lifts that", id="expired"
        ),
        pytest.param(
            {"password_changed": 0},
            {},
            f"deploy must change the password at the next login; `chage -d {TODAY} deploy` lifts that",
            id="password must change",
        ),
        pytest.param(
            {"password": "!"},
            {"usepam": ["no"]},
            "UsePAM would be no and the password of deploy is locked with '!', by which sshd then locks the account; "
            "keep UsePAM yes, or set the field to '*' (`usermod -p '*' deploy`)",
            id="locked without PAM",
        ),
        pytest.param(
            {"sudo": None},
            {},
            "sudo is not installed, so deploy could not become root; install it (role admin_user)",
            id="no sudo",
        ),
        pytest.param(
            {"sudo": "User deploy is not allowed to run sudo on box.\n"},
            {},
            "sudo does not let deploy run every command as root; add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)",
            id="no rule",
        ),
        pytest.param(
            {"sudo": SUDO.replace("ALL\n", "/bin/ls\n")},
            {},
            "sudo does not let deploy run every command as root; add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)",
            id="one command",
        ),
        pytest.param(
            {"sudo": SUDO.replace("(ALL : ALL)", "(www-data)")},
            {},
            "sudo does not let deploy run every command as root; add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)",
            id="as somebody else",
        ),
        pytest.param(
            {"sudo": SUDO.replace("NOPASSWD: ", "")},
            {},
            "sudo asks deploy for a password and the account has none; set one, or allow sudo without (NOPASSWD)",
            id="a password that is not there",
        ),
    ],
)
def test_the_account_shuts_out(change: dict[str, t.Any], settings: Settings, expected: str) -> None:
    assert judge(settings, account=replace(DEPLOY, **change)) == [expected]


def test_sudo_with_a_password_that_is_there() -> None:
    assert judge(account=replace(DEPLOY, sudo=SUDO.replace("NOPASSWD: ", ""), password="$y$j9T$x")) == []


def test_root_needs_no_sudo_but_must_be_let_in() -> None:
    root = Account("root", "/root", "/bin/bash", True, "*", 20000, None, None)
    assert judge(account=root) == []
    assert judge({"permitrootlogin": ["no"]}, account=root) == [
        "PermitRootLogin would be no, so root could not log in; guard another user, or allow keys"
    ]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param(
            replace(FILE, distrusted="/home/deploy (mode 0777) can be written by others"),
            f"StrictModes keeps sshd from reading {PATH}: /home/deploy (mode 0777) can be written by others",
            id="modes",
        ),
        pytest.param(
            replace(FILE, keys=()),
            f"deploy has no key that sshd could read in {PATH}; put a public key there (role admin_user)",
            id="no key in it",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, options='command="/bin/date"'),)),
            "deploy has keys, but sshd would take none of them: one has the option command; add an ssh-ed25519 key",
            id="a key for one command",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, options='from="10.0.0.0/8"'),)),
            'deploy has keys, but sshd would take none of them: one is for from="10.0.0.0/8" alone; '
            "add an ssh-ed25519 key",
            id="a key for another place",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, kind="ssh-rsa", bits=768),)),
            "deploy has keys, but sshd would take none of them: one has 768 bits, less than RequiredRSASize 1024; "
            "add an ssh-ed25519 key",
            id="a short key",
        ),
    ],
)
def test_a_key_file_shuts_out(file: KeyFile, expected: str) -> None:
    assert judge(files=[file]) == [expected]


def test_modes_do_not_matter_without_strict_modes() -> None:
    assert judge({"strictmodes": ["no"]}, files=[replace(FILE, distrusted="x")]) == []


@pytest.mark.parametrize(
    ("account", "files", "pending"),
    [
        pytest.param(Account("deploy", "", "", False, "", None, None, None), (), [True], id="no account"),
        pytest.param(DEPLOY, (KeyFile(PATH, exists=False),), [True], id="no file"),
        pytest.param(DEPLOY, (replace(FILE, keys=()),), [True], id="a file without a key"),
        pytest.param(replace(DEPLOY, sudo=None), (FILE,), [True], id="no sudo"),
    ],
)
def test_what_earlier_tasks_may_have_pretended(
    account: Account, files: tuple[KeyFile, ...], pending: list[bool]
) -> None:
    found: list[Refusal] = refusals(account, FROM, STOCK, files, today=TODAY)
    assert [one.pending for one in found] == pending


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param(
            ".ssh/authorized_keys .ssh/authorized_keys2",
            ["/home/deploy/.ssh/authorized_keys", "/home/deploy/.ssh/authorized_keys2"],
            id="below the home",
        ),
        pytest.param("/etc/ssh/keys/%u", ["/etc/ssh/keys/deploy"], id="the user's name"),
        pytest.param("%h/k /k/%U/%%", ["/home/deploy/k", "/k/1000/%"], id="home, number, percent"),
        pytest.param("none", [], id="none"),
    ],
)
def test_key_paths(setting: str, expected: list[str]) -> None:
    assert key_paths({"authorizedkeysfile": (setting,)}, user="deploy", home="/home/deploy", uid=1000) == expected
