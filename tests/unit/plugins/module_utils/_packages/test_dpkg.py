"""dpkg's database: the whole status file of a bare Debian 13, and of one whose dpkg was killed while it unpacked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.dpkg import parse_status

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "packages"
STOCK = (FIXTURES / "status-debian13").read_text()
NATIVE = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22\n\n"


def record(name: str, *, status: str = "install ok installed", arch: str = "amd64", more: str = "") -> str:
    return f"Package: {name}\nStatus: {status}\nArchitecture: {arch}\nVersion: 1.0\n{more}\n"


def test_a_bare_debian_13() -> None:
    database = parse_status(STOCK)

    assert len(database.installed) == STOCK.count("\nStatus: install ok installed\n")
    assert database.architecture == "amd64"
    assert database.unfinished == ()
    assert database.held == frozenset()
    assert database.installed["openssh-server"] == "1:10.0p1-7+deb13u4"


def test_a_debian_13_whose_dpkg_was_killed() -> None:
    database = parse_status((FIXTURES / "status-killed-debian13").read_text())

    assert database.installed.keys() == {"dpkg"}
    assert database.unfinished == (
        "libsframe1",
        "libtsan2",
        "libubsan1",
        "linux-libc-dev",
        "perl",
        "perl-modules-5.40",
        "rpcsvc-proto",
        "xz-utils",
    )


@pytest.mark.parametrize(
    ("name", "is_provided"),
    [
        pytest.param("python3", True, id="real"),
        pytest.param("python3:amd64", True, id="native architecture named"),
        pytest.param("python3:any", True, id="any architecture, as apt names it"),
        pytest.param("python3:native", True, id="native, as apt names it"),
        pytest.param("python3:i386", False, id="foreign architecture"),
        pytest.param("ssh-server", True, id="virtual"),
        pytest.param("awk", True, id="virtual, of an essential package"),
        pytest.param("git", False, id="absent"),
        pytest.param("python3-minima", False, id="part of a name"),
    ],
)
def test_what_counts_as_installed(name: str, is_provided: bool) -> None:
    assert parse_status(STOCK).provides(name) is is_provided


@pytest.mark.parametrize(
    ("text", "installed", "unfinished", "held"),
    [
        pytest.param(record("a", status="deinstall ok config-files"), [], (), [], id="only configuration left"),
        pytest.param(record("a", status="hold ok installed"), ["a"], (), ["a"], id="held"),
        pytest.param(record("a", status="install ok half-configured"), [], ("a",), [], id="half-configured"),
        pytest.param(record("a", status="install ok triggers-pending"), [], ("a",), [], id="triggers pending"),
        pytest.param(record("a", status="install reinstreq half-installed"), [], ("a",), [], id="reinstallation"),
        pytest.param(record("a", arch="i386"), ["a:i386"], (), [], id="foreign architecture"),
        pytest.param(record("a", arch="all"), ["a"], (), [], id="no architecture"),
        pytest.param(record("a", arch="i386") + record("a"), ["a", "a:i386"], (), [], id="both architectures"),
        pytest.param("Package: a\nStatus: unknown ok not-installed\n\n", [], (), [], id="selected, never installed"),
        pytest.param("", [], (), [], id="nothing else"),
    ],
)
def test_states(text: str, installed: list[str], unfinished: tuple[str, ...], held: list[str]) -> None:
    database = parse_status(NATIVE + text)

    assert sorted(database.installed) == sorted(["dpkg", *installed])
    assert (database.unfinished, sorted(database.held)) == (unfinished, held)


def test_fields_inside_a_description_are_not_fields() -> None:
    database = parse_status(NATIVE + record("a", more="Description: b\n Package: c\n Status: install ok installed\n"))

    assert sorted(database.installed) == ["a", "dpkg"]


def test_provides_with_versions_and_alternatives() -> None:
    database = parse_status(NATIVE + record("a", more="Provides: b (= 1.0), c:any (= 2) , d\n"))

    assert {"b", "d"} <= database.provided


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_status(text)
