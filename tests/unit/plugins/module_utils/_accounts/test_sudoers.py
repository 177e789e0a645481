# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of an account's rule, and the staged copy of the main file."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.sudoers import (
    file_name,
    former_file_name,
    includes,
    is_ours,
    listed,
    rule,
    staged_main,
    unread_rules,
)

NAMES = st.from_regex(re.compile(r"[a-z_][a-z0-9_.-]{0,31}"), fullmatch=True)
DEBIAN = """\
Defaults	env_reset
root	ALL=(ALL:ALL) ALL
@include local
@include /etc/sudo.more
@includedir /etc/sudoers.d
"""


@given(NAMES, NAMES)
def test_each_account_has_a_file_of_its_own_that_sudo_reads(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)
    assert "." not in file_name(one)
    assert not file_name(one).endswith("~")


def test_names_of_files() -> None:
    assert (file_name("a.b"), former_file_name("a.b")) == ("95-pyhost-a+b", "95-pyhost-a_b")
    assert (file_name("a_b"), former_file_name("a_b")) == ("95-pyhost-a_b", "")


def test_only_a_rule_of_ours_is_ours() -> None:
    assert is_ours("a.b ALL=(ALL:ALL) NOPASSWD: ALL\n", "a.b")
    assert is_ours("a.b ALL=(ALL:ALL) ALL\n", "a.b")
    assert not is_ours("a_b ALL=(ALL:ALL) ALL\n", "a.b")
    assert not is_ours("# mine\na.b ALL=(ALL:ALL) ALL\n", "a.b")
    assert not is_ours(None, "a.b")


def test_the_main_file_is_staged() -> None:
    assert staged_main(DEBIAN, "/etc/sudoers.d", "/scratch/d") == DEBIAN.replace(
        "@include local", "@include /etc/local"
    ).replace("/etc/sudoers.d", "/scratch/d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEBIAN, True),
        ("#includedir /etc/sudoers.d\n", True),
        ('@includedir "/etc/sudoers.d/"\n', True),
        ("# includedir /etc/sudoers.d\n", False),
        ("@include /etc/sudoers.d\n", False),
        ("", False),
    ],
)
def test_whether_the_folder_is_included(text: str, expected: bool) -> None:
    assert includes(text, "/etc/sudoers.d") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User deploy may run the following commands on h:\n    (ALL : ALL) NOPASSWD: ALL\n", True),
        ("User deploy may run the following commands on h:\n    (root) /bin/ls\n    (ALL : ALL) ALL\n", True),
        ("User deploy is not allowed to run sudo on h.\n", False),
        ("    (ALL, !root) ALL\n", False),
        ("    (ALL:ALL) NOPASSWD: SETENV: ALL\n", True),
        ("    (ALL : ALL) NOPASSWD: /bin/ls, ALL\n", False),
    ],
)
def test_whether_sudo_lists_the_rule(text: str, expected: bool) -> None:
    assert listed(text) == expected


def test_rules() -> None:
    assert rule("ann", "nopasswd") == "ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert rule("ann", "password") == "ann ALL=(ALL:ALL) ALL\n"


RULES = "/etc/sudoers.d"
OURS = f"{RULES}/95-pyhost-ann"
NOT_INCLUDED = (
    f"/etc/sudoers does not include {RULES}, so that sudo does not read {OURS}",
    f"add the line '@includedir {RULES}' with visudo",
)


@pytest.mark.parametrize(
    ("main", "files", "expected"),
    [
        pytest.param("root ALL=(ALL) ALL\n", {OURS: "ann ALL=(ALL:ALL) ALL\n"}, NOT_INCLUDED, id="not included"),
        pytest.param(
            f"# see @includedir {RULES}\n", {OURS: "ann ALL=(ALL) ALL\n"}, NOT_INCLUDED, id="included by a comment"
        ),
        pytest.param("@includedir /etc/sudo.d\n", {OURS: "ann\tALL=(ALL) ALL\n"}, NOT_INCLUDED, id="another folder"),
        pytest.param(DEBIAN, {OURS: "ann ALL=(ALL) ALL\n"}, ("", ""), id="read: something else takes precedence"),
        pytest.param(f"#includedir {RULES}\n", {OURS: "ann ALL=(ALL) ALL\n"}, ("", ""), id="the older spelling"),
        pytest.param("", {OURS: "anna ALL=(ALL) ALL\n# ann ALL\n"}, ("", ""), id="the rule of somebody else"),
        pytest.param("", {}, ("", ""), id="no rule"),
        pytest.param(
            DEBIAN,
            {f"{RULES}/ann.conf": "ann ALL=(ALL) ALL\n"},
            (
                f"sudo ignores {RULES}/ann.conf, as the name of the file contains '.' or ends with '~'",
                "rename the file",
            ),
            id="a name that sudo ignores",
        ),
        pytest.param(
            DEBIAN,
            {f"{RULES}/ann~": "\n  ann ALL=(ALL) ALL\n"},
            (f"sudo ignores {RULES}/ann~, as the name of the file contains '.' or ends with '~'", "rename the file"),
            id="an editor's copy",
        ),
    ],
)
def test_why_a_rule_that_is_there_is_not_read(main: str, files: dict[str, str], expected: tuple[str, str]) -> None:
    assert unread_rules(main, RULES, files, "ann") == expected
