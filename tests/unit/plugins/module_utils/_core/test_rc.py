# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of service(8) and sysrc(8), written from rc.subr(8)."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rc import (
    RcService,
    is_absent,
    is_refused,
    read_state,
    read_variables,
)

ABSENT = "nosuch does not exist in /etc/rc.d or the local startup\ndirectories (/usr/local/etc/rc.d)\n"


@pytest.mark.parametrize(
    ("output", "enabled", "running", "expected"),
    [
        (ABSENT, True, True, RcService("x", exists=False)),
        ("x is running as pid 812 813.\n", True, True, RcService("x", enabled=True, running=True, pids=(812, 813))),
        ("x is running as pid 812.\n", False, False, RcService("x")),
        ("pong\n", False, True, RcService("x", running=True)),
        ("x is not running.\n", True, False, RcService("x", enabled=True)),
    ],
)
def test_read_state(output: str, enabled: bool, running: bool, expected: RcService) -> None:
    assert read_state("x", enabled=enabled, running=running, output=output) == expected


def test_the_first_process_is_the_service() -> None:
    assert RcService("x", pids=(812, 813)).pid == 812
    assert RcService("x").pid == 0


@pytest.mark.parametrize(
    ("output", "absent", "refused"),
    [
        (f"first\n{ABSENT}", True, False),
        ("Cannot 'reload' sshd. Set sshd_enable to YES in /etc/rc.conf or use 'onereload'", False, True),
        ("sshd is not running.\n", False, False),
        ("it says: nosuch does not exist in /etc/rc.d or the local startup", False, False),
    ],
)
def test_an_absent_service_and_one_that_is_off(output: str, absent: bool, refused: bool) -> None:
    assert (is_absent(output), is_refused(output)) == (absent, refused)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            'sshd_flags="-o Port=2222"\npf_rules=/etc/pf.conf\n',
            {"sshd_flags": "-o Port=2222", "pf_rules": "/etc/pf.conf"},
        ),
        ('empty=""\nno assignment\n', {"empty": ""}),
        ('open="a\n', {"open": "a"}),
        ("twice=a=b\n", {"twice": "a=b"}),
    ],
)
def test_read_variables(output: str, expected: dict[str, str]) -> None:
    assert read_variables(output) == expected
