# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts are the system's, which are root by another name, and which share a number."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.files import PasswdEntry
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.system import (
    refusals,
    second_roots,
    system_reasons,
)


def entry(
    name: str = "ann", uid: int = 1000, home: str = "/home/ann", shell: str = "/bin/bash", gid: int = 1000
) -> PasswdEntry:
    return PasswdEntry(name, uid, gid, home, shell)


@pytest.mark.parametrize(
    ("account", "reasons"),
    [
        (entry(), []),
        (entry(home="/usr/home/ann"), []),
        (entry(home="/var/home/ann"), []),
        (entry(home="/srv/ann", uid=1_203_400_512), []),
        (
            entry("www-data", 33, "/var/www", "/usr/sbin/nologin"),
            ["its uid 33 is below UID_MIN (1000)", "its shell is /usr/sbin/nologin", "its home is /var/www"],
        ),
        (entry(uid=999), ["its uid 999 is below UID_MIN (1000)"]),
        (entry("nobody", 65534, "/home/x"), ["its uid 65534 is that of nobody"]),
        (entry(uid=2**32 - 2), ["its uid 4294967294 is that of nobody"]),
        (entry(shell="/bin/false"), ["its shell is /bin/false"]),
        (entry(home="/"), ["its home is /"]),
        (entry(home=""), ["its home is empty"]),
        (entry(home="/home/"), ["its home is /home/"]),
        (entry(home="/home/../etc"), ["its home is /home/../etc"]),
        (entry(home="/nonexistent"), ["its home is /nonexistent"]),
        (entry(home="/tmp"), ["its home is /tmp"]),
        (entry(home="/variety"), []),
    ],
)
def test_reasons(account: PasswdEntry, reasons: list[str]) -> None:
    assert system_reasons(account, 1000) == reasons


def test_uid_0_is_never_allowed() -> None:
    never, without = refusals(entry("toor", 0), [entry("root", 0), entry("toor", 0)], 1000)
    assert never == ["toor has uid 0, so it is root by another name"]
    assert without == []


def test_a_shared_number_is_named() -> None:
    never, without = refusals(entry(), [entry(), entry("eve"), entry("bob", 1001)], 1000)
    assert never == []
    assert without == ["ann has the same uid (1000) as eve, and the system cannot distinguish them"]


def test_second_roots() -> None:
    entries = [entry("root", 0), entry("toor", 0), entry("ops", 0), entry()]
    assert second_roots(entries, {"toor": "*"}, is_freebsd=True) == ["ops"]
    assert second_roots(entries, {"toor": "$6$x"}, is_freebsd=True) == ["ops", "toor"]
    assert second_roots(entries, {"toor": "*"}, is_freebsd=False) == ["ops", "toor"]
