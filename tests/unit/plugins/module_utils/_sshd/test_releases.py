"""Releases of OpenSSH by their version strings, and the keywords of which the last line wins."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.keywords import KEYWORDS
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import (
    LAST_WINS_BEFORE,
    NEWEST,
    Release,
    last_wins,
    read_release,
)


@pytest.mark.parametrize(
    ("output", "release"),
    [
        pytest.param(
            "OpenSSH_9.2p1 Debian-2+deb12u5, OpenSSL 3.0.16 11 Feb 2025\n",
            Release(9, 2, "OpenSSH_9.2p1 Debian-2+deb12u5"),
            id="Debian 12",
        ),
        pytest.param(
            "unknown option -- V\nOpenSSH_8.9p1 Ubuntu-3ubuntu0.13, OpenSSL 3.0.2 15 Mar 2022\nusage: sshd\n",
            Release(8, 9, "OpenSSH_8.9p1 Ubuntu-3ubuntu0.13"),
            id="before sshd knew -V",
        ),
        pytest.param("OpenSSH_10.0p2, OpenSSL 3.5.1\n", Release(10, 0, "OpenSSH_10.0p2"), id="two digits"),
        pytest.param("dropbear\n", NEWEST, id="another format"),
    ],
)
def test_read_release(output: str, release: Release) -> None:
    assert read_release(output) == release


@pytest.mark.parametrize(
    ("keyword", "release", "expected"),
    [
        ("maxstartups", Release(10, 0), True),
        ("maxstartups", Release(10, 1), False),
        ("maxstartups", NEWEST, False),
        ("fingerprinthash", NEWEST, True),
        ("permitrootlogin", Release(8, 2), False),
    ],
)
def test_last_wins(keyword: str, release: Release, expected: bool) -> None:
    assert last_wins(keyword, release) is expected


def test_releases_are_compared_by_numbers() -> None:
    assert Release(9, 9) < (10, 0) <= Release(10, 0, "OpenSSH_10.0p2") < NEWEST
    assert set(LAST_WINS_BEFORE) <= set(KEYWORDS)
