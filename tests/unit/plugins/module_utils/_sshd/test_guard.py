from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_authorized_keys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import parse_effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard import (
    Account,
    LockoutFinding,
    ShadowEntry,
    lockout_findings,
    out_of_reach,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_keys import KeyFile, RevokedKeys, key_paths
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection

FIXTURES = Path(__file__).parents[3] / "fixtures" / "sshd"
STOCK = parse_effective((FIXTURES / "sshd-T-debian13").read_text())
TODAY = 20779
NONE_REVOKED = RevokedKeys()
NOW = TODAY * 86400.0 + 3600
(KEY,) = parse_authorized_keys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO1cmL4ZXvZIn/FqOEZxqDZ39AyBzqzgTS4aaVLd0CEB a")
PATH = "/home/deploy/.ssh/authorized_keys"
FILE = KeyFile(PATH, exists=True, keys=(KEY,))
SUDO = """\
Matching Defaults entries for deploy on box:
    env_reset, mail_badpass, use_pty

User deploy may run the following commands on box:
    (ALL : ALL) NOPASSWD: ALL
"""
DEPLOY = Account("deploy", "/home/deploy", "/bin/bash", shell_runs=True, shadow=ShadowEntry("*", 20000), sudo=SUDO)
FROM = Connection("deploy", address="192.0.2.7", groups=("deploy", "sudo"))


Settings = dict[str, list[str]]


def judge(
    settings: Settings | None = None,
    *,
    account: Account = DEPLOY,
    files: t.Sequence[KeyFile] = (FILE,),
    revoked: RevokedKeys = NONE_REVOKED,
    undecided: bool = False,
) -> list[str]:
    effective = {**STOCK, **{name: tuple(values) for name, values in (settings or {}).items()}}
    found = lockout_findings(account, FROM, effective, files, now=NOW, revoked=revoked)
    assert {one.is_undecided for one in found} <= {undecided}
    return [one.text for one in found]


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
def test_no_finding(settings: Settings) -> None:
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
def test_a_setting_locks_out(settings: Settings, expected: str) -> None:
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
            {"shadow": ShadowEntry("*", 20000, expires=TODAY)},
            {},
            "the account deploy has expired; `chage -E -1 deploy` lifts that",
            id="expired",
        ),
        pytest.param(
            {"shadow": ShadowEntry("*", 0)},
            {},
            f"deploy must change the password at the next login; `chage -d {TODAY} deploy` lifts that",
            id="password must change",
        ),
        pytest.param(
            {"shadow": ShadowEntry("!", 20000)},
            {"usepam": ["no"]},
            "UsePAM would be no and the password of deploy is locked with '!', so that sshd locks the account; "
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
            {"sudo": SUDO.replace("(ALL : ALL)", "(ALL, !root)")},
            {},
            "sudo does not let deploy run every command as root; add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)",
            id="as everybody but root",
        ),
        pytest.param(
            {"sudo": SUDO.replace("(ALL : ALL)", "(%wheel)"), "root_groups": ("operator", "#5")},
            {},
            "sudo does not let deploy run every command as root; add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)",
            id="as the members of a group that root is not in",
        ),
        pytest.param(
            {"sudo_broken": "/usr/bin/sudo has the mode 0755"},
            {},
            "sudo would not make deploy root: /usr/bin/sudo has the mode 0755",
            id="no setuid bit",
        ),
        pytest.param(
            {"sudo": SUDO.replace("NOPASSWD: ", "")},
            {},
            "sudo asks deploy for a password and the account has none; set one, or allow sudo without (NOPASSWD)",
            id="a password that is not there",
        ),
    ],
)
def test_the_account_locks_out(change: dict[str, t.Any], settings: Settings, expected: str) -> None:
    assert judge(settings, account=replace(DEPLOY, **change)) == [expected]


def test_sudo_as_the_members_of_a_group_of_root() -> None:
    account = replace(DEPLOY, sudo=SUDO.replace("(ALL : ALL)", "(%wheel)"), root_groups=("wheel", "#0"))
    assert judge(account=account) == []


def test_sudo_with_a_password_that_is_there() -> None:
    assert judge(account=replace(DEPLOY, sudo=SUDO.replace("NOPASSWD: ", ""), shadow=ShadowEntry("$y$j9T$x"))) == []


def test_root_needs_no_sudo_but_must_be_let_in() -> None:
    root = Account("root", "/root", "/bin/bash", shell_runs=True, shadow=ShadowEntry("*", 20000))
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
            replace(FILE, path="/etc/ssh/authorized_keys/deploy", keys=()),
            "deploy has no key that sshd could read in /etc/ssh/authorized_keys/deploy; put a public key there (role "
            "admin_user with admin_user_key_file)",
            id="keys elsewhere",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, options='command="/bin/false"'),)),
            'deploy has keys, but sshd would take none of them: one is for command="/bin/false" alone; '
            "add an ssh-ed25519 key",
            id="a key for a command that gives no shell",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, options='from="10.0.0.0/8"'),)),
            'deploy has keys, but sshd would take none of them: one is for from="10.0.0.0/8" alone; '
            "add an ssh-ed25519 key",
            id="a key for another place",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, options='expiry-time="20200101Z"'),)),
            'deploy has keys, but sshd would take none of them: one has expired (expiry-time="20200101Z"); '
            "add an ssh-ed25519 key",
            id="a key that has expired",
        ),
        pytest.param(
            replace(FILE, keys=(), unreadable="Permission denied (sshd reads it as deploy)"),
            f"sshd could not read {PATH}: Permission denied (sshd reads it as deploy)",
            id="rights",
        ),
        pytest.param(
            replace(FILE, keys=(replace(KEY, kind="ssh-rsa", bits=768),)),
            "deploy has keys, but sshd would take none of them: one has 768 bits, less than RequiredRSASize 1024; "
            "add an ssh-ed25519 key",
            id="a short key",
        ),
    ],
)
def test_a_key_file_locks_out(file: KeyFile, expected: str) -> None:
    assert judge(files=[file]) == [expected]


def test_password_ages_do_not_matter_without_pam() -> None:
    assert judge({"usepam": ["no"]}, account=replace(DEPLOY, shadow=ShadowEntry("*", 0, maximum=30))) == []


def test_sudo_asks_pam_where_sshd_does_not() -> None:
    no_pam = {"usepam": ["no"]}
    [expired] = judge(no_pam, account=replace(DEPLOY, shadow=ShadowEntry("*", 20000, expires=TODAY)))
    assert expired.startswith("the account deploy has expired")
    [old] = judge(no_pam, account=replace(DEPLOY, shadow=ShadowEntry("*", 20000, maximum=30, inactive=10)))
    assert old.startswith("the password of deploy is older than its 30 days")
    assert judge(no_pam, account=replace(DEPLOY, shadow=ShadowEntry("*", 20000, maximum=30))) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {"maxsessions": ["0"]},
            "MaxSessions would be 0, which allows no shell; set it to 1 or more",
            id="no session",
        ),
        pytest.param(
            {"refuseconnection": ["yes"]},
            "RefuseConnection would be yes, which ends every connection; set it to no",
            id="refused",
        ),
        pytest.param(
            {"chrootdirectory": ["/srv"]},
            "ChrootDirectory would be /srv, so deploy could not reach the host itself; set it to none",
            id="a chroot",
        ),
        pytest.param(
            {"forcecommand": ["internal-sftp -l INFO"]},
            "ForceCommand would be internal-sftp -l INFO, which gives deploy no shell; set it to none",
            id="sftp only",
        ),
        pytest.param(
            {"allowusers": ["alice,deploy"]},
            "AllowUsers (alice,deploy) does not name deploy; add deploy",
            id="a comma makes no list in AllowUsers",
        ),
        pytest.param(
            {"authenticationmethods": ["publickey,publickey"]},
            "AuthenticationMethods asks deploy for 2 keys and there is 1; add keys",
            id="two keys",
        ),
    ],
)
def test_after_the_key_was_taken(settings: Settings, expected: str) -> None:
    assert judge(settings) == [expected]


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        pytest.param(
            {"authorizedkeyscommand": ["/usr/bin/sss_ssh_authorizedkeys"]},
            'from="192.0.2.0/30"',
            "no key in the files of deploy is enough by itself; it depends on "
            "AuthorizedKeysCommand (/usr/bin/sss_ssh_authorizedkeys)",
            id="keys from a directory",
        ),
        pytest.param(
            {"trustedusercakeys": ["/etc/ssh/ca"]},
            "cert-authority",
            "no key in the files of deploy is enough by itself; it depends on TrustedUserCAKeys (/etc/ssh/ca) and "
            "a cert-authority's key, which accepts only certificates",
            id="certificates",
        ),
        pytest.param(
            {"forcecommand": ["/usr/local/bin/logged"]},
            "",
            "ForceCommand (/usr/local/bin/logged) decides whether deploy gets a shell",
            id="a wrapper",
        ),
    ],
)
def test_what_only_a_login_decides(settings: Settings, options: str, expected: str) -> None:
    assert judge(settings, files=[replace(FILE, keys=(replace(KEY, options=options),))], undecided=True) == [expected]


def test_a_revoked_key_opens_nothing() -> None:
    assert judge(revoked=RevokedKeys(frozenset([KEY.blob]))) == [
        "deploy has keys, but sshd would take none of them: one is named by RevokedKeys; add an ssh-ed25519 key"
    ]
    assert judge(revoked=RevokedKeys(broken="RevokedKeys (/r) is no file that can be read")) == [
        "RevokedKeys (/r) is no file that can be read, so that sshd refuses every key; "
        "create that file, or set RevokedKeys to none"
    ]


@pytest.mark.parametrize(
    ("listens", "near"),
    [
        pytest.param(["0.0.0.0:22", "[::]:22"], True, id="everywhere"),
        pytest.param(["192.0.2.1:2222"], True, id="there"),
        pytest.param(["127.0.0.1:22"], False, id="loopback"),
        pytest.param(["[::]:22"], False, id="IPv6 only"),
    ],
)
def test_the_address_by_which_the_run_came_in(listens: list[str], near: bool) -> None:
    connection = replace(FROM, local_address="192.0.2.1")
    assert (out_of_reach(connection, {"listenaddress": tuple(listens)}) == "") is near


def test_modes_do_not_matter_without_strict_modes() -> None:
    assert judge({"strictmodes": ["no"]}, files=[replace(FILE, distrusted="x")]) == []


@pytest.mark.parametrize(
    ("account", "files", "pending"),
    [
        pytest.param(Account("deploy"), (), [True], id="no account"),
        pytest.param(DEPLOY, (KeyFile(PATH, exists=False),), [True], id="no file"),
        pytest.param(DEPLOY, (replace(FILE, keys=()),), [True], id="a file without a key"),
        pytest.param(replace(DEPLOY, sudo=None), (FILE,), [True], id="no sudo"),
    ],
)
def test_what_earlier_tasks_may_have_pretended(
    account: Account, files: tuple[KeyFile, ...], pending: list[bool]
) -> None:
    found: list[LockoutFinding] = lockout_findings(account, FROM, STOCK, files, now=NOW)
    assert [one.is_pending for one in found] == pending


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


@pytest.mark.parametrize(
    ("settings", "files", "pending"),
    [
        pytest.param({}, (KeyFile(PATH, exists=True, unreadable="Permission denied"),), True, id="a folder of root"),
        pytest.param({}, (KeyFile(PATH, exists=True, distrusted="its mode is 0666"),), True, id="a mode"),
        pytest.param({"pubkeyacceptedalgorithms": ("rsa-sha2-512",)}, (FILE,), True, id="no key of a kind that counts"),
        pytest.param({"authenticationmethods": ("publickey,publickey",)}, (FILE,), True, id="too few keys"),
        pytest.param({"pubkeyauthentication": ("no",)}, (FILE,), False, id="no keys at all are accepted"),
        pytest.param({"allowusers": ("root",)}, (FILE,), False, id="another user is named"),
    ],
)
def test_what_the_role_admin_user_may_mend_first(settings: Settings, files: tuple[KeyFile, ...], pending: bool) -> None:
    """An account whose keys an earlier part of a plan repairs is no error of the plan; sshd's own settings are."""
    effective = {**STOCK, **{name: tuple(values) for name, values in settings.items()}}
    found = lockout_findings(DEPLOY, FROM, effective, files, now=NOW, revoked=NONE_REVOKED)
    assert found and all(one.is_pending is pending for one in found), [one.text for one in found]
