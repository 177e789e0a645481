# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""passwd, shadow, group and login.defs of Debian 13 and FreeBSD 14, cut down."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.files import (
    GroupEntry,
    PasswdEntry,
    home_base,
    parse_groups,
    parse_passwd,
    password_of,
    uid_min,
)

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
# a comment
+::::::
+nis:x:1:1:::
ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash
"""


def test_accounts_are_read_and_other_lines_left_out() -> None:
    found = {entry.name: entry for entry in parse_passwd(PASSWD)}
    assert list(found) == ["root", "nobody", "+nis", "ann"]
    assert found["ann"] == PasswdEntry("ann", 1000, 1000, "/home/ann", "/bin/bash")


def test_passwords_of_both_formats() -> None:
    assert password_of("root:*:19000:0:99999:7:::\nann:$y$x:19000::::::\n", "ann") == "$y$x"
    assert password_of("ann:$6$x:1001:1001::0:0:Ann:/home/ann:/bin/sh\n", "ann") == "$6$x"
    assert password_of("anna:x:1\n", "ann") is None


def test_groups() -> None:
    assert parse_groups("wheel:*:0:root,ann\nadm:x:4:\nbroken\n") == [
        GroupEntry("wheel", 0, ("root", "ann")),
        GroupEntry("adm", 4),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("UID_MIN\t\t\t 1000\n", 1000), ("#UID_MIN 500\nSYS_UID_MIN 100\nUID_MIN 500\n", 500), ("", 1000)],
)
def test_uid_min(text: str, expected: int) -> None:
    assert uid_min(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("# HOME=/x\n", "/home"), ("GROUP=100\nHOME=/srv/people/\n", "/srv/people"), ("", "/home")],
)
def test_home_base(text: str, expected: str) -> None:
    assert home_base(text) == expected
