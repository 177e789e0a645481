# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an account is asked for and what it takes; no hash is in any of it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.files import GroupEntry, PasswdEntry
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.home import Owner
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.plan import (
    PLATFORMS,
    AccountChange,
    AccountState,
    home_of,
    owner_of,
    plan_account,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.request import AccountRequest

HASH = "$6$saltsalt$" + "a" * 86
ANN = PasswdEntry("ann", 1000, 1000, "/home/ann", "/bin/bash")
ROOT = PasswdEntry("root", 0, 0, "/root", "/bin/bash")
GROUPS = (GroupEntry("root", 0), GroupEntry("wheel", 10), GroupEntry("ann", 1000), GroupEntry("adm", 4, ("ann",)))
REQUEST = AccountRequest("ann", ())
STATE = AccountState(ANN, (ROOT, ANN), GROUPS, {"ann": "!"}, 1000, "/home")
NEW = dataclasses.replace(STATE, entry=None, entries=(ROOT,), passwords={})


def plan(state: AccountState = STATE, family: str = "debian", **changes: t.Any) -> AccountChange:
    request = dataclasses.replace(REQUEST, **changes)
    return plan_account(request, state, PLATFORMS[family], has_shell=lambda path: path != "/bin/none")


@pytest.mark.parametrize(
    ("state", "family", "changes", "command"),
    [
        (STATE, "debian", {}, ""),
        (STATE, "debian", {"groups": ("adm",), "shell": "/bin/bash"}, ""),
        (STATE, "redhat", {}, "usermod --append --groups wheel ann"),
        (
            STATE,
            "debian",
            {"groups": ("root", "adm"), "shell": "/bin/sh"},
            "usermod --append --groups root --shell /bin/sh ann",
        ),
        (STATE, "freebsd", {"shell": "/bin/sh"}, "pw usermod ann -G adm,wheel -s /bin/sh"),
        (
            NEW,
            "redhat",
            {"groups": ("adm", "wheel")},
            "useradd --create-home --home-dir /home/ann --shell /bin/bash --password * --groups adm,wheel "
            "--no-user-group ann",
        ),
    ],
)
def test_commands(state: AccountState, family: str, changes: dict[str, t.Any], command: str) -> None:
    assert " ".join(plan(state, family, **changes).command) == command


def test_a_password_is_set_where_it_differs_and_never_shown() -> None:
    change = plan(password=HASH)
    assert change.sets_password
    assert "password: not as requested (not shown)" in change.before
    assert "password: as requested (not shown)" in change.after
    assert HASH not in repr(change)
    assert not plan(dataclasses.replace(STATE, passwords={"ann": HASH}), password=HASH).sets_password
    assert not plan().sets_password
    assert plan(NEW, password=HASH).sets_password


def test_the_password_of_an_account_that_a_directory_has() -> None:
    change = plan(dataclasses.replace(STATE, passwords={}), password=HASH)
    assert "ann has no password in /etc/shadow" in change.errors[0].problem


def test_what_is_missing_is_named() -> None:
    missing = plan(groups=("adm", "docker"), shell="/bin/none").missing
    assert [error.advice for error in missing] == [
        "there is no group docker; create it first",
        "there is no shell /bin/none; install it first",
    ]


def test_a_second_root_is_named_whether_or_not_anything_changes() -> None:
    ops = dataclasses.replace(ROOT, name="ops\x1b[2J")
    change = plan(dataclasses.replace(STATE, entries=(ROOT, ops, ANN)))
    assert (change.command, change.sets_password) == ((), False)
    assert change.warnings == ("ops\\x1b[2J is a second account with uid 0: every login as it is one of root",)


def test_an_account_of_the_system_is_refused_or_named() -> None:
    state = dataclasses.replace(STATE, entry=dataclasses.replace(ANN, uid=33))
    (error,) = plan(state).errors
    assert error.problem.startswith("ann is an account of the system (its uid 33 is below UID_MIN (1000))")
    assert error.hint.endswith("allow this one with admin_user_allow_system_account: true")
    allowed = plan(state, allow_system_account=True)
    assert allowed.errors == ()
    assert allowed.warnings == ("ann is an account of the system (its uid 33 is below UID_MIN (1000))",)


def test_uid_0_is_refused_even_where_a_system_account_is_allowed() -> None:
    state = dataclasses.replace(STATE, entry=dataclasses.replace(ANN, uid=0))
    assert "root by another name" in plan(state, allow_system_account=True).errors[0].problem


def test_homes_and_private_groups() -> None:
    assert home_of(REQUEST, STATE) == "/home/ann"
    assert home_of(REQUEST, dataclasses.replace(NEW, home_base="/srv")) == "/srv/ann"
    assert owner_of(REQUEST, STATE) == Owner("ann", 1000, 1000)
    assert owner_of(REQUEST, NEW) == Owner("ann", None)
    shared = dataclasses.replace(STATE, entries=(ROOT, ANN, dataclasses.replace(ANN, name="eve", uid=1001)))
    assert owner_of(REQUEST, shared) == Owner("ann", 1000)
    joined = dataclasses.replace(STATE, groups=(GroupEntry("ann", 1000, ("eve",)),))
    assert owner_of(REQUEST, joined) == Owner("ann", 1000)
