"""Transcripts of packages on FreeBSD, written from pkg's sources (see tests/unit/fixtures/freebsd/README.md)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import pkg as host_pkg
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.pkg import Pkg
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    UNKNOWN_VERSION,
    PackagesRequest,
    PackagesResult,
)
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost
from tests.unit.plugins.module_utils._packages.test_pkg import NEWER

CATALOGUE = "/var/db/pkg/repos/FreeBSD/db"
# Only what acts may take every question for answered.
YES = {"ASSUME_ALWAYS_YES": "yes"}
LOCKED = "pkg: Cannot get an advisory lock on a database, it is locked by another process\n"
BOOTSTRAPPER = (
    "The package management tool is not yet installed on your system.\nPlease set ASSUME_ALWAYS_YES=yes environment "
    "variable to be able to bootstrap in non-interactive (stdin not being a tty)\n"
)
PKG = "pkg 2.2.2 ports-mgmt/pkg 0\n"
SUDO = "sudo 1.9.17p1 security/sudo 0\n"
SQLITE = "py311-sqlite3 3.11.13_10 databases/py-sqlite3 0\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(host_pkg, "time", clock)
    return clock


def query(out: str, *, rc: int = 0, err: str = "") -> Expected:
    return Expected(["pkg", "query", "-a", "%n %v %o %k"], rc=rc, out=out, err=err)


def offers(out: str, *wanted: str) -> Expected:
    return Expected(["pkg", "rquery", "-U", "%n %v %o", *wanted], rc=0 if out else 1, out=out)


def affected(section: str, *items: str) -> str:
    lines = "".join(f"\t{item}\n" for item in items)
    return f"The following {len(items)} package(s) will be affected (of 0 checked):\n\n{section}:\n{lines}\n"


def simulated(out: str, *names: str) -> Expected:
    return Expected(["pkg", "install", "-n", "-U", *names], out=out)


def installed(*names: str, rc: int = 0, err: str = "") -> Expected:
    return Expected(["pkg", "install", "-y", "-U", *names], rc=rc, err=err, env=YES)


NEW_SUDO = affected("New packages to be INSTALLED", "sudo: 1.9.17p1")
UPDATE = Expected(["pkg", "update"], out="FreeBSD repository update completed. 36012 packages processed.\n")
UP_TO_DATE = Expected(["pkg", "update"], out="FreeBSD repository is up to date.\nAll repositories are up to date.\n")


def fresh(*commands: Expected, check_mode: bool = False, age: int = 3600) -> FakeHost:
    return FakeHost({CATALOGUE: ""}, list(commands), mtimes={CATALOGUE: NOW - age}, check_mode=check_mode)


def play(host: FakeHost, desired: PackagesRequest) -> PackagesResult:
    stand_in: t.Any = host
    found = Pkg(stand_in).ensure(desired)
    host.done()
    return found


def refused(host: FakeHost, desired: PackagesRequest) -> BaselineError:
    with pytest.raises(BaselineError) as caught:
        play(host, desired)
    host.done()
    return caught.value


@pytest.mark.parametrize(
    ("desired", "check_mode"),
    [
        pytest.param(PackagesRequest(("sudo",)), False, id="present"),
        pytest.param(PackagesRequest(("sudo", "databases/py-sqlite3")), False, id="an origin"),
        pytest.param(PackagesRequest(("sudo",)), True, id="check mode"),
        pytest.param(PackagesRequest(("git",), "absent"), False, id="absent"),
        pytest.param(PackagesRequest(()), False, id="no name"),
    ],
)
def test_nothing_to_do_asks_the_database_alone(desired: PackagesRequest, check_mode: bool) -> None:
    found = play(FakeHost(commands=[query(PKG + SUDO + SQLITE)], check_mode=check_mode), desired)
    assert not found.changed
    assert found.before == found.after


def test_what_is_missing_is_installed_and_proven() -> None:
    host = fresh(
        query(PKG), offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(NEW_SUDO, "sudo"), installed("sudo"),
        query(PKG + SUDO),
    )  # fmt: skip
    found = play(host, PackagesRequest(("pkg", "sudo")))
    assert found == PackagesResult({"pkg": "2.2.2"}, {"pkg": "2.2.2", "sudo": "1.9.17p1"}, True, False, ())


def test_a_stale_catalogue_is_read_first_and_no_question_is_answered_with_yes() -> None:
    host = fresh(
        query(PKG), UPDATE, offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(NEW_SUDO, "sudo"),
        installed("sudo"), query(PKG + SUDO),
        age=90_000,
    )  # fmt: skip
    assert play(host, PackagesRequest(("sudo",))).cache_updated


def test_an_origin_is_the_package_of_the_default_python() -> None:
    both = "py311-sqlite3 3.11.13_10 databases/py-sqlite3\npy312-sqlite3 3.12.11_10 databases/py-sqlite3\n"
    host = fresh(
        query(PKG),
        offers(both, "databases/py-sqlite3"),
        Expected(["pkg", "rquery", "-U", "%dn", "python3"], out="python311\n"),
        simulated(affected("New packages to be INSTALLED", "py311-sqlite3: 3.11.13_10"), "py311-sqlite3"),
        installed("py311-sqlite3"),
        query(PKG + SQLITE),
    )
    assert play(host, PackagesRequest(("databases/py-sqlite3",))).after["py311-sqlite3"] == "3.11.13_10"


def test_a_module_of_an_earlier_default_python_is_not_enough() -> None:
    new = "py312-sqlite3 3.12.11_10 databases/py-sqlite3"
    host = fresh(
        query(PKG + SQLITE),
        offers(f"{new}\n", "databases/py-sqlite3"),
        simulated(affected("New packages to be INSTALLED", "py312-sqlite3: 3.12.11_10"), "py312-sqlite3"),
        installed("py312-sqlite3"),
        query(f"{PKG}{SQLITE}{new} 0\n"),
    )
    host.links["/usr/local/bin/python3"] = "/usr/local/bin/python3.12"
    assert play(host, PackagesRequest(("databases/py-sqlite3",))).changed


def test_an_origin_of_several_packages_has_to_be_named_more_closely() -> None:
    both = "git 2.50.1 devel/git\ngit-tiny 2.50.1 devel/git\n"
    host = fresh(query(PKG), offers(both, "devel/git"), Expected(["pkg", "rquery", "-U", "%dn", "python3"], rc=1))
    assert str(refused(host, PackagesRequest(("devel/git",)))) == (
        "not one package but several: devel/git is git or git-tiny; this task changed nothing; name one of them"
    )


def test_check_mode_predicts_and_reads_no_catalogue_anew() -> None:
    host = fresh(
        query(PKG), offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(NEW_SUDO, "sudo"),
        check_mode=True, age=90_000,
    )  # fmt: skip
    found = play(host, PackagesRequest(("sudo",)))
    assert found.changed
    assert found.after == {"pkg": "2.2.2", "sudo": "1.9.17p1"}


def test_check_mode_without_a_catalogue_says_that_nobody_knows() -> None:
    host = FakeHost(commands=[query(PKG)], check_mode=True)
    assert play(host, PackagesRequest(("sudo",))).after["sudo"] == UNKNOWN_VERSION
    assert host.known_after_apply == [
        "pkg has no catalogue yet, so it is not known yet whether the repository has the packages",
    ]


def test_pkg_itself_is_installed_first() -> None:
    host = FakeHost(
        commands=[
            query("", rc=1, err=BOOTSTRAPPER),
            Expected(["pkg", "-N"], rc=1, err="pkg: pkg is not installed\n"),
            Expected(["pkg", "bootstrap", "-y"], env=YES),
            UPDATE,
            offers("sudo 1.9.17p1 security/sudo\n", "sudo"),
            simulated(NEW_SUDO, "sudo"),
            installed("sudo"),
            query(PKG + SUDO),
        ]
    )
    assert play(host, PackagesRequest(("sudo",))).after == {"pkg": "2.2.2", "sudo": "1.9.17p1"}


def test_check_mode_does_not_even_install_pkg() -> None:
    host = FakeHost(
        commands=[query("", rc=1, err=BOOTSTRAPPER), Expected(["pkg", "-N"], rc=1, err="pkg: pkg is not installed\n")],
        check_mode=True,
    )
    found = play(host, PackagesRequest(("sudo",)))
    assert found.after == {"sudo": UNKNOWN_VERSION}
    assert found.warnings == (
        "pkg is not installed yet, so it is not known yet whether the repository has the packages",
    )


def test_a_bootstrap_that_fails_is_an_error() -> None:
    host = FakeHost(
        commands=[
            query("", rc=1, err=BOOTSTRAPPER),
            Expected(["pkg", "-N"], rc=1, err="pkg: pkg is not installed\n"),
            Expected(
                ["pkg", "bootstrap", "-y"],
                rc=1,
                err="pkg: Error fetching https://pkg.example.org: No address record\n",
                env=YES,
            ),
        ]
    )
    assert str(refused(host, PackagesRequest(("sudo",)))) == (
        "pkg bootstrap failed: pkg: Error fetching https://pkg.example.org: No address record; this task "
        "changed nothing"
    )


@pytest.mark.parametrize("check_mode", [False, True])
def test_latest_upgrades_and_leaves_what_is_locked(check_mode: bool) -> None:
    before = PKG + SUDO + "curl 8.14.1 ftp/curl 1\n"
    plan = affected("Installed packages to be UPGRADED", "sudo: 1.9.17p1 -> 1.9.17p2 (vulnerable!)")
    commands = [
        query(before),
        *([] if check_mode else [UPDATE]),
        offers("sudo 1.9.17p2 security/sudo\n", "sudo"),
        simulated(plan, "sudo"),
    ]
    if not check_mode:
        commands += [installed("sudo"), query(before.replace("1.9.17p1", "1.9.17p2"))]
    found = play(fresh(*commands, check_mode=check_mode), PackagesRequest(("sudo", "curl"), "latest"))
    assert found.after == {"curl": "8.14.1", "pkg": "2.2.2", "sudo": "1.9.17p2"}
    assert found.warnings == (
        "kept at their versions by pkg-lock(8): curl",
        "with known vulnerabilities (see `pkg audit`): sudo",
    )


def test_latest_with_nothing_newer_changes_nothing() -> None:
    words = "The most recent versions of packages are already installed\n"
    host = fresh(
        query(PKG + SUDO), UP_TO_DATE, offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(words, "sudo")
    )
    found = play(host, PackagesRequest(("sudo",), "latest"))
    assert not found.changed and not found.cache_updated


@pytest.mark.parametrize("check_mode", [False, True])
def test_absent_takes_along_what_depends_on_it(check_mode: bool) -> None:
    before = PKG + SQLITE + "supervisor 4.2.5 sysutils/py-supervisor 0\n"
    plan = (
        "Deinstallation has been requested for the following 2 packages (of 0 packages in the universe):\n\n"
        "Installed packages to be REMOVED:\n\tpy311-sqlite3: 3.11.13_10\n\tsupervisor: 4.2.5\n\n"
    )
    commands = [query(before), Expected(["pkg", "delete", "-n", "py311-sqlite3"], out=plan)]
    if not check_mode:
        commands += [Expected(["pkg", "delete", "-y", "py311-sqlite3"], env=YES), query(PKG)]
    found = play(
        FakeHost(commands=commands, check_mode=check_mode), PackagesRequest(("databases/py-sqlite3", "git"), "absent")
    )
    assert found.after == {"pkg": "2.2.2"}


def test_a_locked_package_is_not_removed() -> None:
    host = FakeHost(commands=[query(PKG + "curl 8.14.1 ftp/curl 1\n")])
    assert str(refused(host, PackagesRequest(("curl",), "absent"))) == (
        "locked by pkg-lock(8): curl; this task changed nothing; `pkg unlock curl` unlocks them"
    )


def test_pkg_does_not_remove_itself() -> None:
    words = "pkg: Cannot delete pkg itself without force flag\n"
    host = FakeHost(commands=[query(PKG), Expected(["pkg", "delete", "-n", "pkg"], rc=3, err=words)])
    assert str(refused(host, PackagesRequest(("pkg",), "absent"))) == (
        "pkg delete failed: pkg: Cannot delete pkg itself without force flag; this task changed nothing"
    )


def test_an_unknown_package_is_an_error_with_the_nearest_names() -> None:
    host = fresh(
        query(PKG),
        offers("", "sudoo"),
        UP_TO_DATE,
        Expected(["pkg", "rquery", "-U", "-g", "%n", "sud*"], out="sudo\nsudo-rs\nsudoku\n"),
    )
    error = refused(host, PackagesRequest(("sudoo",)))
    assert str(error) == (
        "unknown package 'sudoo'; did you mean 'sudo' or 'sudoku' or 'sudo-rs'? (neither a logical name nor in the "
        "repository's catalogue); this task changed nothing"
    )
    assert error.details == {"unknown": ["sudoo"]}


def test_an_unknown_origin_is_compared_with_origins() -> None:
    host = fresh(
        query(PKG),
        offers("", "devel/py-pipp"),
        Expected(["pkg", "rquery", "-U", "-g", "%o", "devel/py-*"], out="devel/py-pip\ndevel/py-pipx\n"),
    )
    words = str(refused(host, PackagesRequest(("devel/py-pipp",), update_cache=False)))
    assert words.startswith("unknown package 'devel/py-pipp'; did you mean 'devel/py-pip")


def test_nothing_else_is_removed_to_install_something() -> None:
    plan = NEW_SUDO + "\nInstalled packages to be REMOVED:\n\tsudo-rs: 0.2.8\n"
    host = fresh(query(PKG), offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(plan, "sudo"))
    assert str(refused(host, PackagesRequest(("sudo",)))) == (
        "to install sudo, pkg would remove sudo-rs; this task changed nothing; run `pkg install` on the host if you "
        "want that"
    )


def test_packages_for_a_newer_freebsd_are_refused() -> None:
    host = fresh(query(PKG), Expected(["pkg", "update"], rc=1, out=NEWER), age=90_000)
    words = str(refused(host, PackagesRequest(("sudo",))))
    assert words.startswith("pkg update failed: the repository's packages are for a newer FreeBSD than the host runs (")
    assert "; this task changed nothing; update the base system first (`freebsd-update fetch install`" in words


def test_an_old_catalogue_serves_where_the_repository_cannot_be_reached() -> None:
    host = fresh(
        query(PKG),
        Expected(["pkg", "update"], rc=1, err="pkg: https://pkg.example.org/meta.txz: No address record\n"),
        offers("sudo 1.9.17p1 security/sudo\n", "sudo"),
        simulated(NEW_SUDO, "sudo"),
        installed("sudo"),
        query(PKG + SUDO),
        age=90_000,
    )
    assert play(host, PackagesRequest(("sudo",))).warnings == (
        "the catalogue could not be updated: pkg: https://pkg.example.org/meta.txz: No address record",
    )


def test_a_catalogue_whose_files_are_gone_is_read_anew_once() -> None:
    gone = "pkg: https://pkg.example.org/All/sudo-1.9.17p1.pkg: Not Found\n"
    host = fresh(
        query(PKG),
        offers("sudo 1.9.17p1 security/sudo\n", "sudo"),
        simulated(NEW_SUDO, "sudo"),
        installed("sudo", rc=1, err=gone),
        UPDATE,
        installed("sudo"),
        query(PKG + SUDO),
    )
    assert play(host, PackagesRequest(("sudo",))).cache_updated


def test_a_transaction_that_fails_is_an_error() -> None:
    host = fresh(
        query(PKG),
        offers("sudo 1.9.17p1 security/sudo\n", "sudo"),
        simulated(NEW_SUDO, "sudo"),
        installed("sudo", rc=1, err="pkg: Fail to extract /usr/local/bin/sudo from package: No space left on device\n"),
    )
    assert "pkg install failed: pkg: Fail to extract /usr/local/bin/sudo" in str(
        refused(host, PackagesRequest(("sudo",)))
    )


def test_a_success_that_installed_nothing_is_an_error() -> None:
    host = fresh(
        query(PKG), offers("sudo 1.9.17p1 security/sudo\n", "sudo"), simulated(NEW_SUDO, "sudo"), installed("sudo"),
        query(PKG),
    )  # fmt: skip
    assert (
        str(refused(host, PackagesRequest(("sudo",))))
        == "sudo not installed after pkg install: it reported no error; no package was changed"
    )


def test_another_pkg_is_waited_for() -> None:
    host = fresh(
        query("", rc=1, err=LOCKED), query(PKG), offers("sudo 1.9.17p1 security/sudo\n", "sudo"),
        simulated(NEW_SUDO, "sudo"), installed("sudo", rc=1, err=LOCKED), installed("sudo"), query(PKG + SUDO),
    )  # fmt: skip
    assert play(host, PackagesRequest(("sudo",))).changed


@pytest.mark.parametrize(
    ("output", "looks", "words", "holder"),
    [
        pytest.param(
            "process with pid 812 still holds the lock\n",
            "/usr/local/sbin/pkg upgrade -y\n",
            "process 812 (/usr/local/sbin/pkg upgrade -y) holds /var/db/pkg/local.sqlite",
            {"pid": 812, "command": "/usr/local/sbin/pkg upgrade -y", "path": "/var/db/pkg/local.sqlite"},
            id="pkg names it",
        ),
        pytest.param("", None, "another pkg holds its database", None, id="pkg does not"),
    ],
)
def test_a_lock_that_is_not_released_is_an_error(
    output: str, looks: str | None, words: str, holder: dict[str, t.Any] | None
) -> None:
    asked = [] if looks is None else [Expected(["ps", "-ww", "-o", "args=", "-p", "812"], out=looks)]
    error = refused(
        FakeHost(commands=[*[query(output, rc=1, err=LOCKED)] * 3, *asked]), PackagesRequest(("sudo",), lock_timeout=2)
    )
    assert str(error) == (
        f"{words}, still after 2 seconds; this task changed nothing; run again when it has ended or raise lock_timeout"
    )
    assert error.details == {"holder": holder}


def test_a_database_that_cannot_be_read_is_an_error() -> None:
    host = FakeHost(commands=[query("", rc=1, err="pkg: Insufficient privileges to query the package database\n")])
    assert str(refused(host, PackagesRequest(("sudo",)))) == (
        "pkg cannot read its database: pkg: Insufficient privileges to query the package database; this "
        "task changed nothing"
    )
