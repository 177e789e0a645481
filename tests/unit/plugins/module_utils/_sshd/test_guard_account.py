"""Shell, expiry, password ages and sudo of an account; test_guard.py has them together with everything else."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import MasterPasswd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard_account import (
    Account,
    LockoutFinding,
    ShadowEntry,
    account_findings,
    sudo_findings,
)

TODAY = 20779
NOW = TODAY * 86400.0 + 3600
RULES = """\
Matching Defaults entries for deploy on box:
    env_reset, use_pty

User deploy may run the following commands on box:
    (ALL : ALL) NOPASSWD: ALL
"""
DEPLOY = Account("deploy", "/home/deploy", "/bin/bash", shell_runs=True, shadow=ShadowEntry("*", 20000), sudo=RULES)


def findings(pam: str = "yes", **changed: t.Any) -> list[LockoutFinding]:
    return list(account_findings(replace(DEPLOY, **changed), {"usepam": (pam,)}, NOW))


def test_an_account_without_a_finding() -> None:
    assert findings() == findings("no") == list(sudo_findings(DEPLOY)) == []


def test_a_shell_that_is_not_listed_is_decided_by_a_login() -> None:
    [found] = findings(shell="/opt/sh", shell_listed=False)
    assert (found.is_undecided, found.is_pending) == (True, False)
    assert found.text == "the shell /opt/sh of deploy is not in /etc/shells, and may not run commands"


@pytest.mark.parametrize(
    ("name", "pam", "expires", "found"),
    [
        pytest.param("deploy", "yes", TODAY + 1, False, id="tomorrow"),
        pytest.param("deploy", "yes", TODAY, True, id="PAM: too late on the day itself"),
        pytest.param("deploy", "no", TODAY, True, id="sudo asks PAM where sshd does not"),
        pytest.param("root", "no", TODAY, False, id="root needs no sudo: sshd counts the day itself"),
        pytest.param("root", "no", TODAY - 1, True, id="root, the day after"),
        pytest.param("deploy", "yes", None, False, id="never"),
    ],
)
def test_the_day_of_the_expiry(name: str, pam: str, expires: int | None, found: bool) -> None:
    problems = [one.problem for one in findings(pam, name=name, shadow=ShadowEntry("*", 20000, expires=expires))]
    assert problems == ([f"the account {name} has expired"] if found else [])


@pytest.mark.parametrize(
    ("age", "found"),
    [pytest.param(30, False, id="on the last day"), pytest.param(31, True, id="a day later")],
)
def test_the_age_of_a_password(age: int, found: bool) -> None:
    texts = [one.text for one in findings(shadow=ShadowEntry("*", TODAY - age, maximum=30))]
    expected = (
        "the password of deploy is older than its 30 days, which PAM applies to key logins too; "
        "`chage -M -1 deploy` lifts that"
    )
    assert texts == ([expected] if found else [])


@pytest.mark.parametrize(
    ("shadow", "found"),
    [
        pytest.param(ShadowEntry("!", 20000), True, id="locked"),
        pytest.param(ShadowEntry("*", 20000), False, id="no password"),
        pytest.param(ShadowEntry(""), False, id="an empty field"),
    ],
)
def test_a_locked_password_matters_without_pam_alone(shadow: ShadowEntry, found: bool) -> None:
    assert findings("yes", shadow=shadow) == []
    assert bool(findings("no", shadow=shadow)) is found


def test_freebsds_locks_take_the_place_of_shadow() -> None:
    entry = MasterPasswd(password="*LOCKED*x", change=0, expire=0)
    texts = [one.text for one in findings(master=entry, shadow=ShadowEntry("!", 0))]
    assert texts == ["the account deploy is locked; `pw unlock deploy` lifts that"]


@pytest.mark.parametrize(
    ("change", "hint", "pending"),
    [
        pytest.param({"sudo": None}, "install it (role admin_user)", True, id="no sudo"),
        pytest.param({"sudo": ""}, "add 'deploy ALL=(ALL:ALL) ALL' (role admin_user)", True, id="no rule"),
        pytest.param({"sudo_broken": "no setuid bit"}, "", False, id="no setuid bit"),
        # Not "add the rule", which is there.
        pytest.param(
            {"sudo": "", "sudo_unread": ("/etc/sudoers does not include it", "add the line")},
            "add the line",
            False,
            id="a rule that sudo does not read",
        ),
        pytest.param(
            {"sudo": RULES.replace("use_pty", "requiretty")},
            "add 'Defaults:deploy !requiretty'",
            False,
            id="a terminal",
        ),
        pytest.param(
            {"sudo": RULES.replace("NOPASSWD: ", "")}, "set one, or allow sudo without (NOPASSWD)", False, id="password"
        ),
    ],
)
def test_sudo(change: dict[str, t.Any], hint: str, pending: bool) -> None:
    [found] = sudo_findings(replace(DEPLOY, **change))
    assert (found.hint, found.is_pending, found.is_undecided) == (hint, pending, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "root", "sudo": None}, id="root"),
        pytest.param({"sudo": RULES.replace("use_pty", "!requiretty")}, id="no terminal by a rule"),
        pytest.param({"sudo": RULES.replace("use_pty", "!authenticate").replace("NOPASSWD: ", "")}, id="never asks"),
        pytest.param(
            {"sudo": RULES.replace("NOPASSWD: ", ""), "shadow": ShadowEntry("$y$j9T$x")}, id="a password that is set"
        ),
    ],
)
def test_sudo_that_works(change: dict[str, t.Any]) -> None:
    assert list(sudo_findings(replace(DEPLOY, **change))) == []


@pytest.mark.parametrize("become", ["su", "doas", "pbrun"])
@pytest.mark.parametrize("sudo", [None, "", RULES])
def test_another_become_method_is_decided_by_a_login(become: str, sudo: str | None) -> None:
    [found] = sudo_findings(replace(DEPLOY, become=become, sudo=sudo))
    assert (found.is_undecided, found.text) == (True, f"deploy becomes root by {become}, whose rules are not read")
    assert list(sudo_findings(Account("root", become=become))) == []
