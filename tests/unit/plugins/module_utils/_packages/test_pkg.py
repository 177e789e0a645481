"""What pkg(8) says, written from its manuals, tests and sources (see tests/unit/fixtures/freebsd/README.md)."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.pkg import (
    PkgDatabase,
    PkgOffer,
    PkgPackage,
    PkgPlan,
    candidates,
    default_flavour,
    find_newer_system,
    is_absent,
    is_locked,
    is_outdated,
    is_planned,
    last_errors,
    parse_offers,
    parse_plan,
    parse_query,
)

QUERY = """\
FreeBSD-runtime 14.3 base 0
pkg 2.2.2 ports-mgmt/pkg 0
py311-pip 23.3.2_4 devel/py-pip 0
py39-pip 23.3.2_3 devel/py-pip 0
sqlite3 3.46.1_1,1 databases/sqlite3 1
"""
DATABASE = parse_query(QUERY)
OFFERS = [
    PkgOffer("py311-sqlite3", "3.11.13_10", "databases/py-sqlite3"),
    PkgOffer("py312-sqlite3", "3.12.11_10", "databases/py-sqlite3"),
    PkgOffer("git", "2.50.1", "devel/git"),
    PkgOffer("git-tiny", "2.50.1", "devel/git"),
]
INSTALL = """\
The following 5 package(s) will be affected (of 0 checked):

Installed packages LOCKED:
\tPackage sqlite3-3.46.1_1,1 is locked and may not be upgraded to version 3.50.2,1

Installed packages to be REMOVED:
\tpy39-pip: 23.3.2_3

New packages to be INSTALLED:
\texpat: 2.7.1 [FreeBSD]
\tgit: 2.50.1 [FreeBSD] (vulnerable!)

Installed packages to be UPGRADED:
\tcurl: 8.14.1 -> 8.15.0 (vulnerable!)

Installed packages to be REINSTALLED:
\tpcre2-10.45_1 [FreeBSD] (ABI changed: 'freebsd:14:x86:64' -> 'freebsd:15:x86:64')

Number of packages to be installed: 2
Number of packages to be upgraded: 1

The process will require 60 MiB more space.
12 MiB to be downloaded.
"""
DELETE = """\
Checking integrity... done (0 conflicting)
Deinstallation has been requested for the following 2 packages (of 0 packages in the universe):

Installed packages to be REMOVED:
\tgit: 2.50.1
\tgitup: 1.0 (depends on git)

Number of packages to be removed: 2

The operation will free 31 MiB.
"""
NEWER = """\
Updating FreeBSD repository catalogue...
Processing entries:
Newer FreeBSD version for package zziplib:
To ignore this error set IGNORE_OSVERSION=yes
- package: 1403000
- running userland: 1402000
Ignore the mismatch and continue? [y/N]:
pkg: repository FreeBSD contains packages for wrong OS version: FreeBSD:14:amd64
"""


def test_the_database_is_read() -> None:
    assert DATABASE.versions["FreeBSD-runtime"] == "14.3"
    assert DATABASE.packages["sqlite3"] == PkgPackage("3.46.1_1,1", "databases/sqlite3", locked=True)
    assert DATABASE.locked == {"sqlite3"}
    assert parse_query("") == PkgDatabase()


@pytest.mark.parametrize(
    ("desired", "names"),
    [
        pytest.param("pkg", ["pkg"], id="name"),
        pytest.param("ports-mgmt/pkg", ["pkg"], id="origin"),
        pytest.param("devel/py-pip", ["py311-pip", "py39-pip"], id="origin of several"),
        pytest.param("devel/py-pip@py311", ["py311-pip"], id="flavour"),
        pytest.param("devel/py-pip@py312", [], id="another flavour"),
        pytest.param("base", [], id="the origin of the packages of the base is none"),
        pytest.param("git", [], id="absent"),
    ],
)
def test_a_request_is_a_name_or_an_origin(desired: str, names: list[str]) -> None:
    assert DATABASE.names(desired) == names


@pytest.mark.parametrize(
    ("desired", "default", "names"),
    [
        pytest.param("devel/py-pip", "py311", ["py311-pip"], id="of the default Python"),
        pytest.param("devel/py-pip", "py312", [], id="left over from an earlier default"),
        pytest.param("devel/py-pip@py39", "py312", ["py39-pip"], id="a flavour that was named"),
        pytest.param("databases/sqlite3", "py312", ["sqlite3"], id="no module of Python"),
    ],
)
def test_a_module_counts_for_the_default_python(desired: str, default: str, names: list[str]) -> None:
    assert DATABASE.names(desired, default) == names


@pytest.mark.parametrize(
    ("path", "flavour"),
    [("/usr/local/bin/python3.11", "py311"), ("/usr/local/bin/python3", ""), ("/usr/local/bin/python3.13t", "")],
)
def test_the_default_python_is_where_its_link_leads(path: str, flavour: str) -> None:
    assert default_flavour(path) == flavour


def test_offers_are_read_once_each() -> None:
    text = "git 2.50.1 devel/git\ngit 2.50.1 devel/git\ngit-tiny 2.50.1 devel/git\n"
    assert parse_offers(text) == OFFERS[2:]


@pytest.mark.parametrize(
    ("desired", "flavour", "names"),
    [
        pytest.param("git", "", ["git"], id="a name beats its origin"),
        pytest.param("devel/git", "py311", ["git", "git-tiny"], id="an origin of several without Python"),
        pytest.param("databases/py-sqlite3", "py311", ["py311-sqlite3"], id="the default Python's"),
        pytest.param("databases/py-sqlite3", "", ["py311-sqlite3", "py312-sqlite3"], id="undecided"),
        pytest.param("databases/py-sqlite3@py312", "py311", ["py312-sqlite3"], id="a flavour that was named"),
        pytest.param("databases/py-sqlite3@py313", "py311", [], id="a flavour that is not built"),
        pytest.param("nosuch", "py311", [], id="unknown"),
    ],
)
def test_the_repository_decides_what_a_request_means(desired: str, flavour: str, names: list[str]) -> None:
    assert candidates(desired, OFFERS, flavour) == names


def test_the_plan_of_an_installation_is_read() -> None:
    plan = parse_plan(INSTALL)
    assert plan == PkgPlan(
        installed={"expat": "2.7.1", "git": "2.50.1", "curl": "8.15.0"},
        removed={"py39-pip": "23.3.2_3"},
        locked=("sqlite3",),
        vulnerable=("git", "curl"),
    )
    assert is_planned(INSTALL)
    assert plan.applied_to({"curl": "8.14.1", "py39-pip": "23.3.2_3", "pkg": "2.2.2"}) == {
        "curl": "8.15.0",
        "expat": "2.7.1",
        "git": "2.50.1",
        "pkg": "2.2.2",
    }


def test_the_plan_of_a_removal_names_what_depends_on_it() -> None:
    assert parse_plan(DELETE).removed == {"git": "2.50.1", "gitup": "1.0"}
    assert is_planned(DELETE)


def test_nothing_to_do_is_a_plan_too() -> None:
    words = "The most recent versions of packages are already installed\n"
    assert is_planned(words)
    assert parse_plan(words).is_empty
    assert not is_planned(
        "pkg: No packages available to install matching 'nosuch' have been found in the repositories\n"
    )


def test_packages_for_a_newer_system_are_named_with_both_releases() -> None:
    assert find_newer_system(NEWER) == (
        "the repository's packages are for a newer FreeBSD than the host runs (built on 14.3, this is 14.2)"
    )
    assert find_newer_system("Newer FreeBSD version for package zziplib:\n") == (
        "the repository's packages are for a newer FreeBSD than the host runs"
    )
    assert find_newer_system(INSTALL) == ""


@pytest.mark.parametrize(
    ("words", "locked", "absent", "gone"),
    [
        pytest.param(
            "pkg: Cannot get an advisory lock on a database, it is locked by another process\n",
            True,
            False,
            False,
            id="locked",
        ),
        pytest.param(
            "pkg: Cannot get a read lock on a database, it is locked by another process\n",
            True,
            False,
            False,
            id="read",
        ),
        pytest.param(
            "The package management tool is not yet installed on your system.\nPlease set ASSUME_ALWAYS_YES=yes "
            "environment variable to be able to bootstrap in non-interactive (stdin not being a tty)\n",
            False,
            True,
            False,
            id="the bootstrapper",
        ),
        pytest.param("pkg: pkg is not installed\n", False, True, False, id="pkg -N"),
        pytest.param(
            "pkg: https://pkg.example.org/FreeBSD:14:amd64/quarterly/All/git-2.50.0.pkg: Not Found\n",
            False,
            False,
            True,
            id="an outdated catalogue",
        ),
        pytest.param("pkg: Insufficient privileges to install packages\n", False, False, False, id="no root"),
    ],
)
def test_errors_are_distinguished(words: str, locked: bool, absent: bool, gone: bool) -> None:
    assert (is_locked(words), is_absent(words), is_outdated(words)) == (locked, absent, gone)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        pytest.param("", "it reported no error", id="silent"),
        pytest.param(
            "Updating FreeBSD repository catalogue...\nFreeBSD repository is up to date.\n"
            "All repositories are up to date.\npkg: Cannot delete pkg itself without force flag\n",
            "pkg: Cannot delete pkg itself without force flag",
            id="an error among progress",
        ),
        pytest.param("Cannot perform request\n", "Cannot perform request", id="no prefix"),
    ],
)
def test_the_last_words_are_those_of_the_error(words: str, last: str) -> None:
    assert last_errors(words) == last
