# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs Python where there is none, on each system of the mission; molecule/bootstrap runs the words."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import TARGETS
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.bootstrap import (
    install_python,
    installation_error,
    is_locked,
)
from tests.unit.plugins.untrusted import EVIL

RELEASES = [System(system_id, release) for target in TARGETS for system_id in target.ids for release in target.releases]


@pytest.mark.parametrize("system", RELEASES, ids=lambda system: system.keys[0])
def test_each_system_of_the_mission_has_words_that_any_shell_can_carry(system: System) -> None:
    command = install_python(system)
    assert command is not None
    # csh(1) ends a line inside quotes and expands "!" there; Ansible quotes with "'".
    assert not set(command) & set("\n'!"), command
    assert subprocess.run(["sh", "-n", "-c", command], capture_output=True, check=False).stderr == b""


@pytest.mark.parametrize(
    ("system", "end"),
    [
        (System("debian", "13"), "--force-confold install python3"),
        (System("ubuntu", "26.04"), "--force-confold install python3"),
        (System("rocky", "9.4"), "dnf -y --setopt=install_weak_deps=False install python3"),
        (System("fedora", "43"), "dnf -y --setopt=install_weak_deps=False install python3 python3-libdnf5"),
        (System("freebsd", "14.3"), "pkg update && env ASSUME_ALWAYS_YES=yes pkg install -y -U python3"),
    ],
    ids=lambda value: value.keys[0] if isinstance(value, System) else "",
)
def test_the_last_command_decides_and_has_nobody_to_ask(system: System, end: str) -> None:
    assert str(install_python(system)).endswith(f"{end}; }} </dev/null")


def test_an_unknown_system_has_no_command() -> None:
    assert install_python(System("alpine", "3.22")) is None


APT = """\
Err:1 http://deb.debian.org/debian trixie InRelease
  Temporary failure resolving 'deb.debian.org'
W: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Temporary failure resolving 'deb.debian.org'
Reading package lists...
E: Unable to locate package python3
"""


def test_a_failure_has_the_first_error_and_the_last() -> None:
    assert str(installation_error(APT)) == (
        "Python cannot be installed: Temporary failure resolving 'deb.debian.org'; W: Failed to fetch "
        "http://deb.debian.org/debian/dists/trixie/InRelease  Temporary failure resolving 'deb.debian.org'; "
        "E: Unable to locate package python3; packages may have been installed in part; correct that on the host or in "
        "its package sources, and run this again"
    )


def test_a_failure_without_output_says_so() -> None:
    assert str(installation_error("\n \n")).startswith("Python cannot be installed: no reason given; ")
    assert str(installation_error("one\ntwo\n")).startswith("Python cannot be installed: one; two; ")


@given(st.text())
def test_a_failure_is_one_line(output: str) -> None:
    assert str(installation_error(f"error {EVIL}\n{output}")).isprintable()
    assert len(str(installation_error(f"E: {'x' * 100_000}\n{output * 1000}"))) < 4000


@pytest.mark.parametrize(
    ("output", "locked"),
    [
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812", True),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 812", True),
        (APT, False),
    ],
)
def test_a_lock_is_waited_for(output: str, locked: bool) -> None:
    assert is_locked(output) is locked
