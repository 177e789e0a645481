# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of keys outside of the home: what is written, what stays, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.home import HomeRequest, Node, Owner
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.key_file import (
    KeyFileChange,
    KeyFileState,
    plan_key_file,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ssh_keys"
LISTED = (FIXTURES / "ed25519-openssh9.2.pub").read_text().strip()
OTHER = (FIXTURES / "rsab3072-openssh9.2.pub").read_text().strip()
PATH = "/etc/ssh/keys/ann"
ANN = Owner("ann", 1000, 1000)
REQUEST = HomeRequest((parse_public_key(LISTED),), adds=False)
EXCLUSIVE = dataclasses.replace(REQUEST, exclusive=True)
ROOTS = tuple(Node(path, 0, 0, 0o755) for path in ("/", "/etc", "/etc/ssh", "/etc/ssh/keys"))


def file(text: str = f"{LISTED}\n", *, uid: int = 0, mode: int = 0o644) -> Node:
    return Node(PATH, uid, uid, mode, text=text)


def plan(node: Node | None, request: HomeRequest = REQUEST, *, last: Node = ROOTS[-1]) -> KeyFileChange:
    return plan_key_file(KeyFileState(PATH, (*ROOTS[:-1], last), file=node), request, ANN)


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(file(), id="root's"),
        pytest.param(file(mode=0o604), id="root's, of another mode that sshd accepts"),
        pytest.param(file(uid=1000, mode=0o600), id="the account's"),
        pytest.param(file(f"# office\n{OTHER}\n{LISTED}\n"), id="with other keys"),
    ],
)
def test_nothing_to_do(node: Node) -> None:
    assert plan(node) == KeyFileChange()


def test_a_new_file_and_its_folders() -> None:
    state = KeyFileState(PATH, ROOTS[:2], missing=("ssh", "keys"))
    change = plan_key_file(state, REQUEST, Owner("ann", None))
    assert (change.errors, change.text, change.mode, change.owner) == ((), f"{LISTED}\n", 0o644, None)
    folder = "owner: root\nmode: 0755\n"
    assert change.after == {PATH: f"{LISTED}\n", "/etc/ssh": folder, "/etc/ssh/keys": folder}
    assert set(change.before.values()) == {""}


@pytest.mark.parametrize(
    ("node", "request_", "text"),
    [
        pytest.param(file(f"{OTHER}\n"), REQUEST, f"{OTHER}\n{LISTED}\n", id="other keys stay"),
        pytest.param(file(f"# old\n{OTHER}\n"), EXCLUSIVE, f"{LISTED}\n", id="others go on request"),
        pytest.param(file(f"no-pty {LISTED}\n"), REQUEST, f"{LISTED}\n", id="other options"),
        pytest.param(file("", uid=1000, mode=0o600), REQUEST, f"{LISTED}\n", id="the account's, empty"),
    ],
)
def test_the_text(node: Node, request_: HomeRequest, text: str) -> None:
    change = plan(node, request_)
    assert (change.errors, change.text) == ((), text)
    # sshd accepts owner and mode, so they stay.
    assert (change.mode, change.owner) == (node.mode, (node.uid, node.gid))
    assert [line.number for line in change.removed] == ([2] if request_.exclusive else [])


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(file(mode=0o600), id="root's, which the account cannot read"),
        pytest.param(file(mode=0o664), id="others can write"),
        pytest.param(file(uid=1001), id="somebody else's"),
        pytest.param(file(uid=1000, mode=0o244), id="the account's, which it cannot read"),
    ],
)
def test_owner_and_mode_are_corrected(node: Node) -> None:
    change = plan(node)
    assert (change.errors, change.text, change.mode, change.owner) == ((), f"{LISTED}\n", 0o644, None)
    assert change.after[f"{PATH} (access)"] == "owner: root\nmode: 0644\n"
    assert change.before[f"{PATH} (access)"].endswith(f"mode: {node.mode:04o}\n")


@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        pytest.param(
            Node("/etc/ssh/keys", 0, 0, 0o1777),
            "not only root can write to /etc/ssh/keys (owner root, mode 1777), so that others could replace",
            id="open to all",
        ),
        pytest.param(Node("/etc/ssh/keys", 0, 5, 0o775), "owner root, mode 0775", id="open to a group"),
        pytest.param(Node("/etc/ssh/keys", 1000, 0, 0o755), "owner ann, mode 0755", id="the account's"),
        pytest.param(Node("/etc/ssh/keys", 1001, 0, 0o755), "owner uid 1001, mode 0755", id="somebody else's"),
        pytest.param(
            Node("/etc/ssh/keys", 0, 0, 0o700),
            "only root can enter /etc/ssh/keys (mode 0700), and sshd reads the keys with the rights of ann",
            id="closed",
        ),
    ],
)
def test_a_folder_that_is_unfit(folder: Node, problem: str) -> None:
    (error,) = plan(None, last=folder).errors
    assert problem in error.problem and error.option == "key_file"
    assert "`chmod " in error.hint


@pytest.mark.parametrize(
    ("node", "request_", "problem"),
    [
        pytest.param(file("root ALL=(ALL) ALL\n"), EXCLUSIVE, "contains more than keys", id="another kind of file"),
        pytest.param(file(f"{LISTED}\npassword\n"), REQUEST, f"{PATH}:2 (a line that is not", id="one line"),
        pytest.param(file(f"{OTHER}\n", mode=0o666), REQUEST, "that another user could have added", id="open"),
        pytest.param(file(f"{OTHER}\n", uid=1001), REQUEST, "that another user could have added", id="foreign"),
    ],
)
def test_what_is_not_the_accounts_is_refused(node: Node, request_: HomeRequest, problem: str) -> None:
    (error,) = plan(node, request_).errors
    assert problem in error.problem and error.hint


def test_keys_of_others_are_removed_on_request() -> None:
    change = plan(file(f"{OTHER}\n", mode=0o666), EXCLUSIVE)
    assert (change.errors, change.text, change.mode) == ((), f"{LISTED}\n", 0o644)
