# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which systems are refused, and why. ID, VERSION_ID and PRETTY_NAME are those of real /etc/os-release files."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import (
    keys,
    known,
    not_a_target,
    refusal,
    unproven_warning,
)

MANAGED = (
    " (pyhost.baseline manages Debian 12 and 13, Ubuntu 22.04, 24.04 and 26.04, "
    "Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux 9 and 10, Fedora 43)"
)
ELSEWHERE = "take the host out of the inventory or choose other hosts with '--limit'"
KNOWINGLY = "upgrade the host, or set 'baseline_allow_end_of_life: true' to continue on an untested release"
END_OF_LIFE = "which is past its end of life"
UNPROVEN = "a release that was never tested"
WRITTEN = "for which the code was written from manuals and sources and never run"
FIRST = ELSEWHERE + ", or set 'baseline_allow_unproven: true' to be the first, on a host that you can lose"
FOREIGN = "which pyhost.baseline does not manage"
OLD_PYTHON = "whose own Python is too old for Ansible"

SYSTEMS = [
    # ID, VERSION_ID, PRETTY_NAME, the reason and the hint
    ("debian", "12", "Debian GNU/Linux 12 (bookworm)", None, None),
    ("debian", "13", "Debian GNU/Linux 13 (trixie)", None, None),
    ("debian", "11", "Debian GNU/Linux 11 (bullseye)", END_OF_LIFE, KNOWINGLY),
    ("debian", "9", "Debian GNU/Linux 9 (stretch)", END_OF_LIFE, KNOWINGLY),
    ("debian", "14", "Debian GNU/Linux 14 (forky)", UNPROVEN, ELSEWHERE),
    ("debian", "", "Debian GNU/Linux forky/sid", UNPROVEN, ELSEWHERE),
    ("ubuntu", "22.04", "Ubuntu 22.04.5 LTS", None, None),
    ("ubuntu", "24.04", "Ubuntu 24.04.3 LTS", None, None),
    ("ubuntu", "26.04", "Ubuntu 26.04 LTS", None, None),
    ("ubuntu", "18.04", "Ubuntu 18.04.6 LTS", "which is past the end of its standard support", KNOWINGLY),
    ("ubuntu", "20.04", "Ubuntu 20.04.6 LTS", "which is past the end of its standard support", KNOWINGLY),
    ("ubuntu", "25.10", "Ubuntu 25.10", UNPROVEN, ELSEWHERE),
    ("centos", "7", "CentOS Linux 7 (Core)", END_OF_LIFE, ELSEWHERE),
    ("centos", "8", "CentOS Linux 8", END_OF_LIFE, ELSEWHERE),
    ("centos", "8", "CentOS Stream 8", END_OF_LIFE, ELSEWHERE),
    ("centos", "9", "CentOS Stream 9", None, None),
    ("rhel", "8.10", "Red Hat Enterprise Linux 8.10 (Ootpa)", OLD_PYTHON, ELSEWHERE),
    ("rocky", "8.9", "Rocky Linux 8.9 (Green Obsidian)", OLD_PYTHON, ELSEWHERE),
    ("rhel", "10.0", "Red Hat Enterprise Linux 10.0 (Coughlan)", None, None),
    ("rocky", "9.4", "Rocky Linux 9.4 (Blue Onyx)", None, None),
    ("almalinux", "10.0", "AlmaLinux 10.0 (Purple Lion)", None, None),
    ("ol", "9.1", "Oracle Linux Server 9.1", FOREIGN, ELSEWHERE),
    ("amzn", "2023", "Amazon Linux 2023.8.20250915", FOREIGN, ELSEWHERE),
    ("fedora", "41", "Fedora Linux 41 (Container Image)", END_OF_LIFE, KNOWINGLY),
    ("fedora", "43", "Fedora Linux 43 (Container Image)", None, None),
    ("fedora", "44", "Fedora Linux 44 (Container Image)", WRITTEN, FIRST),
    ("fedora", "45", "Fedora Linux 45 (Rawhide)", UNPROVEN, ELSEWHERE),
    ("freebsd", "12.4", "FreeBSD 12.4-RELEASE-p9", END_OF_LIFE, ELSEWHERE),
    ("freebsd", "13.5", "FreeBSD 13.5-RELEASE", END_OF_LIFE, ELSEWHERE),
    ("freebsd", "14.3", "FreeBSD 14.3-RELEASE", WRITTEN, FIRST),
    ("freebsd", "15.0", "FreeBSD 15.0-RELEASE", WRITTEN, FIRST),
    ("freebsd", "16.0", "FreeBSD 16.0-CURRENT", UNPROVEN, ELSEWHERE),
    ("alpine", "3.22.1", "Alpine Linux v3.22", FOREIGN, ELSEWHERE),
    ("openbsd", "7.7", "OpenBSD 7.7", FOREIGN, ELSEWHERE),
]


@pytest.mark.parametrize(
    ("system_id", "version", "title", "reason", "hint"), SYSTEMS, ids=[f"{one[0]}{one[1]} {one[2]}" for one in SYSTEMS]
)
def test_refusal(system_id: str, version: str, title: str, reason: str | None, hint: str | None) -> None:
    expected = (
        None if reason is None else f"the host runs {title}, {reason}; this task changed nothing; {hint}{MANAGED}"
    )
    error = refusal(System(system_id, version, title=title))
    assert (error and str(error)) == expected


def test_a_system_that_can_only_run_ansible_is_refused() -> None:
    assert str(not_a_target("macOS")) == (
        f"the host runs macOS, which can run Ansible but is never a managed host; this task changed nothing; "
        f"{ELSEWHERE}"
    )


@pytest.mark.parametrize(
    ("system", "allowed"),
    [
        pytest.param(System("debian", "11"), True, id="an old release of what is managed"),
        pytest.param(System("centos", "7"), False, id="its own Python is too old, whatever is allowed"),
        pytest.param(System("debian", "14"), False, id="not old, but unproven"),
        pytest.param(System("debian"), False, id="no release"),
        pytest.param(System("alpine", "3.22.1"), False, id="foreign"),
    ],
)
def test_end_of_life_is_the_only_thing_that_can_be_allowed(system: System, allowed: bool) -> None:
    assert refusal(system) is not None
    assert (refusal(system, allow_end_of_life=True) is None) is allowed


@pytest.mark.parametrize(
    ("system", "allowed", "warned"),
    [
        pytest.param(System("freebsd", "14.3", title="FreeBSD 14.3-RELEASE"), True, True, id="written, never run"),
        pytest.param(System("freebsd", "13.5"), False, False, id="past its end of life"),
        pytest.param(System("debian", "11"), False, False, id="past its end of life too"),
        pytest.param(System("debian", "14"), False, False, id="nothing is written for it"),
        pytest.param(System("alpine", "3.22.1"), False, False, id="foreign"),
        pytest.param(System("debian", "13"), True, False, id="managed anyway"),
    ],
)
def test_what_was_written_and_never_run_is_allowed_knowingly(system: System, allowed: bool, warned: bool) -> None:
    assert (refusal(system, allow_unproven=True) is None) is allowed
    assert unproven_warning(system) == (
        f"pyhost.baseline was never run on {system.title}: make sure that you have another way in, such as a console"
        if warned
        else None
    )


def test_each_release_has_a_key_that_names_it() -> None:
    assert keys()[:5] == ["debian12", "debian13", "ubuntu22.04", "ubuntu24.04", "ubuntu26.04"]
    assert all(known(key) is not None for key in keys())
