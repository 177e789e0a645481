from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.unattended_upgrades_log import last_run, pending

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"


@pytest.mark.parametrize(
    ("system", "codename", "started", "finished"),
    [
        ("debian12", "bookworm", "2026-11-22 11:11:48", "2026-11-22 11:11:57"),
        ("debian13", "trixie", "2026-11-22 11:12:06", "2026-11-22 11:12:17"),
    ],
)
def test_the_last_run_is_not_the_dry_run_after_it(system: str, codename: str, started: str, finished: str) -> None:
    assert last_run((FIXTURES / f"unattended-upgrades.log-{system}").read_text()) == {
        "started": started,
        "finished": finished,
        "upgraded": ["pyhost-wanted"],
        "errors": [],
        "messages": [
            "Starting unattended upgrades script",
            f"Allowed origins are: origin=Debian,codename={codename}-security,label=Debian-Security, origin=PyhostTest",
            "Initial blacklist: pyhost-block",
            "Initial whitelist (not strict): ",
            "Packages that will be upgraded: pyhost-wanted",
            "Writing dpkg log to /var/log/unattended-upgrades/unattended-upgrades-dpkg.log",
            "All upgrades installed",
            "Package pyhost-blocked is blacklisted.",
        ],
    }


def test_errors_of_a_run() -> None:
    run = last_run(
        "2026-11-22 06:00:01,000 INFO Starting unattended upgrades script\n"
        "2026-11-22 06:00:02,000 ERROR Lock could not be acquired (another package manager running?)\n"
    )
    assert run is not None
    assert run["errors"] == ["Lock could not be acquired (another package manager running?)"]


@pytest.mark.parametrize("text", ["", "not a log\n", "2026-11-22 06:00:01,000 INFO The end of a run, rotated away\n"])
def test_no_run(text: str) -> None:
    assert last_run(text) is None


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_pending(system: str) -> None:
    found = pending((FIXTURES / f"apt-get-simulate-{system}").read_text())
    assert [row["name"] for row in found] == ["pyhost-blocked", "pyhost-foreign", "pyhost-wanted"]
    assert found[0] == {
        "name": "pyhost-blocked",
        "from": "1",
        "to": "2",
        "archives": ["Test:test"],
        "security": False,
    }


def test_a_pending_security_update() -> None:
    line = "Inst openssl [3.0.1-1] (3.0.2-1 Debian-Security:12/oldstable-security, Debian:12.15/oldstable [amd64])\n"
    assert pending(line) == [
        {
            "name": "openssl",
            "from": "3.0.1-1",
            "to": "3.0.2-1",
            "archives": ["Debian-Security:12/oldstable-security", "Debian:12.15/oldstable"],
            "security": True,
        }
    ]
