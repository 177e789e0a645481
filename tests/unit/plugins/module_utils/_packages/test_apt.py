"""apt-get's words, recorded on Debian 12 (apt 2.6) and Debian 13 (apt 3.0)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.apt import (
    Simulation,
    barred_versions,
    is_locked,
    is_outdated,
    last_errors,
    parse_simulation,
    parse_unavailable,
    reads_as_command,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "packages"


def test_simulated_installation() -> None:
    simulation = parse_simulation((FIXTURES / "simulate-install-debian13").read_text())

    assert len(simulation.installs) == 19
    assert simulation.installs["sudo"] == "1.9.16p2-3+deb13u2"
    assert simulation.installs["libmagic1t64"] == "1:5.46-5"
    assert simulation.removes == ()


def test_simulated_removal() -> None:
    simulation = parse_simulation((FIXTURES / "simulate-remove-debian12").read_text())

    assert simulation == Simulation({}, ("libpam-systemd", "systemd-sysv"))


@pytest.mark.parametrize(
    ("line", "simulation"),
    [
        pytest.param("Inst curl [7.88] (7.89 Debian:12 [amd64])", Simulation({"curl": "7.89"}, ()), id="upgrade"),
        pytest.param(
            "Inst curl [7.88] (7.89 Debian:12 [amd64]) []", Simulation({"curl": "7.89"}, ()), id="upgrade, breaks none"
        ),
        pytest.param("Inst libc6:i386 (2.36 Debian:12 [i386])", Simulation({"libc6:i386": "2.36"}, ()), id="foreign"),
        pytest.param("Purg exim4 [4.96]", Simulation({}, ("exim4",)), id="purge"),
        pytest.param("Remv a [1]\nInst a (2 Debian:12 [all])", Simulation({"a": "2"}, ()), id="replaced"),
        pytest.param("Installing:\n  curl\nConf curl (7.89 Debian:12 [amd64])", Simulation({}, ()), id="other lines"),
    ],
)
def test_simulation_lines(line: str, simulation: Simulation) -> None:
    assert parse_simulation(line + "\n") == simulation


def test_simulation_applied() -> None:
    assert Simulation({"b": "2", "c": "1"}, ("a",)).applied({"a": "1", "b": "1"}) == {"b": "2", "c": "1"}


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_every_unavailable_package_is_found(system: str) -> None:
    text = (FIXTURES / f"unavailable-{system}").read_text()

    unavailable = parse_unavailable(text, text)

    assert list(unavailable) == ["nosuchthing", "mail-transport-agent"]
    assert unavailable["nosuchthing"] == ()
    assert len(unavailable["mail-transport-agent"]) == 11
    assert "postfix" in unavailable["mail-transport-agent"]


@pytest.mark.parametrize(
    ("words", "locked"),
    [
        pytest.param(
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 411 (python3)\n"
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
            True,
            id="frontend",
        ),
        pytest.param(
            "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 659 (python3)\n"
            "E: Unable to lock directory /var/lib/apt/lists/",
            True,
            id="lists",
        ),
        pytest.param("dpkg: error: dpkg frontend lock was locked by another process with pid 411", True, id="dpkg"),
        pytest.param(
            "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n"
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?",
            False,
            id="not root: waiting would not help",
        ),
    ],
)
def test_is_locked(words: str, locked: bool) -> None:
    assert is_locked(words) is locked


def test_a_file_that_the_archive_replaced_means_an_outdated_index() -> None:
    assert is_outdated((FIXTURES / "outdated-debian12").read_text())
    assert not is_outdated("E: Sub-process /usr/bin/dpkg returned an error code (1)")


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param("Reading…\nE: broken\nW: odd\n", "E: broken\nW: odd", id="errors"),
        pytest.param("some words\n\nlast words\n", "some words\nlast words", id="no errors: what was said last"),
        pytest.param("Selecting a\ndpkg: error processing a\n", "dpkg: error processing a", id="dpkg's own"),
    ],
)
def test_last_errors(text: str, errors: str) -> None:
    assert last_errors(text) == errors


POLICY = """bash:
  Installed: 5.2
  Candidate: 5.2
  Version table:
     7 1
          1 http://deb.example.org/exp experimental/main amd64 Packages
 *** 5.2 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
phased:
  Installed: (none)
  Candidate: (none)
  Version table:
     2 -10 (phased 10%)
        500 http://deb.example.org/debian bookworm/main amd64 Packages
     1 -1
        500 http://deb.example.org/debian bookworm/main amd64 Packages
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_versions_that_preferences_bar() -> None:
    """A package that only others mention has no version; it is unknown or virtual."""
    assert barred_versions(POLICY) == {"phased": -1}
    assert barred_versions("") == {}


@pytest.mark.parametrize(("name", "expected"), [("nginx+", True), ("g++", True), ("libc6", False)])
def test_names_that_may_be_commands(name: str, expected: bool) -> None:
    assert reads_as_command(name) is expected
