# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The home as it is and as it shall be: what somebody else could have written, what is repaired, what is refused."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.home import (
    KEYS,
    HomeChange,
    HomeRequest,
    HomeState,
    Node,
    Owner,
    key_file_names,
    plan_home,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ssh_keys"
LISTED = (FIXTURES / "ed25519-openssh9.2.pub").read_text().strip()
PLANTED = (FIXTURES / "rsab3072-openssh9.2.pub").read_text().strip()
FINGERPRINT = parse_public_key(PLANTED).fingerprint
ANN = Owner("ann", 1000, 1000)
PEOPLE = {0: "root", 1000: "ann", 1001: "mallory"}
REQUEST = HomeRequest((parse_public_key(LISTED),))
EXCLUSIVE = dataclasses.replace(REQUEST, exclusive=True)
ROOTS = (Node("/", 0, 0, 0o755), Node("/home", 0, 0, 0o755))


SSH = Node("/home/ann/.ssh", 1000, 1000, 0o700, ("authorized_keys",))


def home(
    *,
    mode: int = 0o755,
    uid: int = 1000,
    ssh: Node | None = SSH,
    above: tuple[Node, ...] = ROOTS,
    commands: tuple[str, ...] = (),
    **files: Node,
) -> HomeState:
    below = {f".ssh/{name}": node for name, node in files.items()}
    folders = {} if ssh is None else {".ssh": ssh}
    return HomeState("/home/ann", Node("/home/ann", uid, 1000, mode), above, folders, below, commands)


def keys(text: str, *, mode: int = 0o600, uid: int = 1000, gid: int = 1000, name: str = "authorized_keys") -> Node:
    return Node(f"/home/ann/.ssh/{name}", uid, gid, mode, text=text)


def ssh(mode: int = 0o700, uid: int = 1000, *names: str) -> Node:
    return Node("/home/ann/.ssh", uid, 1000, mode, names or ("authorized_keys",))


def plan(state: HomeState, request: HomeRequest = REQUEST, owner: Owner = ANN) -> HomeChange:
    return plan_home(state, request, owner, PEOPLE)


def test_nothing_to_do() -> None:
    change = plan(home(authorized_keys=keys(f"{PLANTED}\n{LISTED}\n")))
    assert change == HomeChange()


def test_a_new_home_gets_a_closed_folder_and_file() -> None:
    change = plan(home(ssh=None))
    assert change.errors == ()
    assert change.ssh_mode == 0o700
    assert change.files == {KEYS: (f"{LISTED}\n", 0o600)}
    assert change.after == {
        "/home/ann/.ssh": "owner: ann\nmode: 0700\n",
        "/home/ann/.ssh/authorized_keys": f"{LISTED}\n",
    }


OPEN: dict[str, tuple[HomeState, str]] = {
    "home": (home(mode=0o777, authorized_keys=keys(PLANTED)), "/home/ann (mode 0777) can be written by others"),
    "folder": (
        home(ssh=ssh(0o702), authorized_keys=keys(PLANTED)),
        "/home/ann/.ssh (mode 0702) can be written by others",
    ),
    "file": (
        home(authorized_keys=keys(PLANTED, mode=0o620, gid=7)),
        "/home/ann/.ssh/authorized_keys (mode 0620) can be written by others",
    ),
    "folders-owner": (home(ssh=ssh(0o700, 1001), authorized_keys=keys(PLANTED)), "/home/ann/.ssh belongs to uid 1001"),
    "files-owner": (
        home(authorized_keys=keys(PLANTED, uid=1001)),
        "/home/ann/.ssh/authorized_keys belongs to uid 1001",
    ),
    "homes-owner": (home(uid=1234, authorized_keys=keys(PLANTED)), "/home/ann belongs to uid 1234"),
    "above": (
        home(above=(ROOTS[0], Node("/home", 0, 0, 0o777)), authorized_keys=keys(PLANTED)),
        "/home (mode 0777) can be written by others",
    ),
    "above-owner": (
        home(above=(ROOTS[0], Node("/home", 1001, 0, 0o755)), authorized_keys=keys(PLANTED)),
        "/home belongs to uid 1001",
    ),
    "interrupted": (home(ssh=ssh(0o1700), authorized_keys=keys(PLANTED)), "/home/ann/.ssh has the sticky bit"),
}


@pytest.mark.parametrize(("state", "why"), OPEN.values(), ids=OPEN)
def test_a_key_that_another_user_could_have_added(state: HomeState, why: str) -> None:
    refused = plan(state)
    assert len(refused.errors) == 1
    for part in (f"/home/ann/.ssh/authorized_keys:1 (ssh-rsa {FINGERPRINT}", why, "admin_user_exclusive_keys: true"):
        assert part in refused.errors[0].advice
    removed = plan(state, EXCLUSIVE)
    assert removed.errors == ()
    assert [line.number for line in removed.removed] == [1]
    assert removed.files[KEYS][0] == f"{LISTED}\n"
    assert plan(state, HomeRequest((*REQUEST.keys, parse_public_key(PLANTED)))).errors == ()


def test_keys_of_the_second_file_count_too() -> None:
    state = home(mode=0o777, authorized_keys=keys(LISTED), authorized_keys2=keys(PLANTED, name="authorized_keys2"))
    assert "/home/ann/.ssh/authorized_keys2:1" in plan(state).errors[0].problem
    assert plan(state, EXCLUSIVE).files == {
        ".ssh/authorized_keys": (f"{LISTED}\n", 0o600),
        ".ssh/authorized_keys2": ("", 0o600),
    }


CLOSED: dict[str, HomeState] = {
    "private-group": home(mode=0o775, ssh=ssh(0o770), authorized_keys=keys(f"{PLANTED}\n{LISTED}\n", mode=0o664)),
    "sticky": home(above=(ROOTS[0], Node("/tmp", 0, 0, 0o1777)), authorized_keys=keys(f"{PLANTED}\n{LISTED}\n")),
    "roots-home": home(uid=0, authorized_keys=keys(f"{PLANTED}\n{LISTED}\n")),
    "roots-folder": home(ssh=ssh(0o700, 0), authorized_keys=keys(f"{PLANTED}\n{LISTED}\n")),
    "roots-file": home(authorized_keys=keys(f"{PLANTED}\n{LISTED}\n", uid=0)),
}


@pytest.mark.parametrize("state", CLOSED.values(), ids=CLOSED)
def test_what_the_account_or_root_wrote_is_kept(state: HomeState) -> None:
    change = plan(state)
    assert change.errors == ()
    assert PLANTED in change.files.get(KEYS, (PLANTED, 0))[0]


def test_modes_are_repaired_and_other_bits_kept() -> None:
    change = plan(home(mode=0o2775, ssh=ssh(0o777), authorized_keys=keys(f"{LISTED}\n", mode=0o664)))
    assert (change.home_mode, change.ssh_mode) == (0o2755, 0o755)
    assert change.files == {KEYS: (f"{LISTED}\n", 0o644)}
    assert change.before["/home/ann/.ssh/authorized_keys (access)"] == "owner: ann\nmode: 0664\n"
    assert change.after["/home/ann/.ssh/authorized_keys (access)"] == "owner: ann\nmode: 0644\n"


REFUSED: dict[str, tuple[HomeState, str]] = {
    "a-neighbours-home": (home(uid=1001), "/home/ann belongs to mallory"),
    "a-folder-that-all-use": (home(uid=0, mode=0o1777), "/home/ann belongs to root and can be written by others"),
    "a-folder-of-roots": (
        home(ssh=ssh(0o700, 0, "backup.sql")),
        "/home/ann/.ssh belongs to root and contains more than keys",
    ),
    "a-file-of-roots": (
        home(authorized_keys=keys("root:$6$x:1::::::", uid=0)),
        "/home/ann/.ssh/authorized_keys belongs to root and contains lines that are not keys",
    ),
    "a-home-nowhere": (
        HomeState("/srv/app/ann", above=(ROOTS[0], Node("/srv/app", 1001, 0, 0o755))),
        "/srv/app/ann is missing and not only root can write to /srv/app",
    ),
}


@pytest.mark.parametrize(("state", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_accounts_is_left_alone(state: HomeState, problem: str) -> None:
    assert any(problem in error.problem for error in plan(state).errors)


def test_comments_of_a_file_of_roots_do_not_reach_the_account() -> None:
    change = plan(home(authorized_keys=keys(f"# secret\n{PLANTED}\n", uid=0)))
    assert change.files[KEYS] == (f"{PLANTED}\n{LISTED}\n", 0o600)


def test_commands_are_named_if_another_user_could_write() -> None:
    state = home(mode=0o777, commands=(".bashrc", ".ssh/rc"))
    (warning,) = plan(state).warnings
    assert "/home/ann/.bashrc, /home/ann/.ssh/rc" in warning
    assert plan(home(commands=(".bashrc",))).warnings == ()


def test_a_home_that_is_there_before_its_account() -> None:
    new = Owner("ann", None)
    assert plan(home(uid=0, ssh=ssh(0o700, 0), authorized_keys=keys(PLANTED, uid=0)), owner=new).errors == ()
    assert "belongs to mallory" in plan(home(uid=1001), owner=new).errors[0].problem
    assert (
        PLANTED.split()[0] in plan(home(uid=1500, authorized_keys=keys(PLANTED, uid=1500)), owner=new).errors[0].problem
    )


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], ([KEYS, ".ssh/authorized_keys2"], True)),
        ([".ssh/authorized_keys"], ([KEYS], True)),
        (["%h/.ssh/keys", "/etc/ssh/keys/%u"], ([KEYS, ".ssh/keys"], False)),
        (["none"], ([KEYS], False)),
        (["../eve/keys", ".keys-%u"], ([KEYS, ".keys-ann"], False)),
    ],
)
def test_files_that_sshd_reads(patterns: list[str], expected: t.Any) -> None:
    assert key_file_names(patterns, user="ann", home="/home/ann") == expected


@pytest.mark.parametrize(
    ("patterns", "is_read"),
    [
        (["/etc/ssh/keys/%u"], True),
        ([".ssh/authorized_keys", "/etc/ssh/keys/ann"], True),
        (["/etc/ssh/keys/%U"], False),
        ([], False),
        (["none"], False),
    ],
)
def test_whether_sshd_reads_a_file_outside_of_the_home(patterns: list[str], is_read: bool) -> None:
    found = key_file_names(patterns, user="ann", home="/home/ann", uid=1000, key_file="/etc/ssh/keys/ann")
    assert found[1] is is_read
    by_number = key_file_names(patterns, user="ann", home="/home/ann", uid=1000, key_file="/etc/ssh/keys/1000")
    assert by_number[1] is (patterns == ["/etc/ssh/keys/%U"])


def test_keys_that_are_kept_elsewhere_are_not_added_to_the_home() -> None:
    elsewhere = dataclasses.replace(REQUEST, adds=False)
    assert plan(home(ssh=None), elsewhere) == HomeChange()
    assert plan(home(authorized_keys=keys(f"{PLANTED}\n")), elsewhere) == HomeChange()
    (error,) = plan(home(mode=0o777, authorized_keys=keys(f"{PLANTED}\n")), elsewhere).errors
    assert "that another user could have added" in error.problem
    alone = plan(home(authorized_keys=keys(f"{PLANTED}\n{LISTED}\n")), dataclasses.replace(elsewhere, exclusive=True))
    assert alone.files == {KEYS: (f"{LISTED}\n", 0o600)}
