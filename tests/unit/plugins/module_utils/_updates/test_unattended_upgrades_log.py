from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.unattended_upgrades_log import (
    has_succeeded,
    last_run,
)

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


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["INFO All upgrades installed"], True, id="installed"),
        pytest.param(
            ["INFO No packages found that can be upgraded unattended and no pending auto-removals"], True, id="no need"
        ),
        pytest.param(["INFO Packages that will be upgraded: a"], False, id="killed"),
        pytest.param(["ERROR Apt returned an error, exiting"], False, id="failed"),
        pytest.param(["ERROR Installing the upgrades failed!", "INFO All upgrades installed"], False, id="in part"),
    ],
)
def test_a_run_that_succeeded(lines: list[str], expected: bool) -> None:
    texts = [f"2026-11-22 06:00:01,000 {line}\n" for line in ["INFO Starting unattended upgrades script", *lines]]
    assert has_succeeded(last_run("".join(texts))) is expected
    assert not has_succeeded(None)
