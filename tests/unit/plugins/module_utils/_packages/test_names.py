"""Logical names, sets and plain names; that the archives have them all is asked of real hosts (tests/acceptance)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import keys
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import (
    SETS,
    TABLES,
    asked_system,
    checked,
    enabling,
    logical_names,
    meaning,
    resolve,
    row,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rows import Included, Unavailable

DEBIAN = System("debian", "13", title="Debian GNU/Linux 13 (trixie)")
UBUNTU = System("ubuntu", "24.04", ("debian",), "Ubuntu 24.04.3 LTS")


@pytest.mark.parametrize(
    ("names", "packages"),
    [
        pytest.param(["python-headers"], ("python3-dev",), id="logical"),
        pytest.param(["libvips42"], ("libvips42",), id="plain"),
        pytest.param(["libc6:i386"], ("libc6:i386",), id="foreign architecture"),
        pytest.param(["g++"], ("g++",), id="plus signs"),
        pytest.param(["fail2ban"], ("fail2ban", "python3-systemd", "nftables", "netbase"), id="several packages"),
        pytest.param(["xml-stack", "zlib-headers"], ("libxml2-dev", "libxslt1-dev", "zlib1g-dev"), id="set, once each"),
        pytest.param(["curl", "python-headers"], ("curl", "python3-dev"), id="order of the request"),
        pytest.param(["nftables", "fail2ban"], ("nftables", "fail2ban", "python3-systemd", "netbase"), id="once each"),
        pytest.param([], (), id="nothing"),
    ],
)
@pytest.mark.parametrize("system", [DEBIAN, UBUNTU], ids=["debian", "ubuntu"])
def test_resolve(names: list[str], packages: tuple[str, ...], system: System) -> None:
    assert resolve(names, system).packages == packages


def test_resolve_says_which_name_gave_which_packages() -> None:
    assert resolve(["git", "xml-stack"], DEBIAN).by_name == {
        "git": ["git"],
        "xml-stack": ["libxml2-dev", "libxslt1-dev", "zlib1g-dev"],
    }


def test_removing_a_package_of_a_logical_name_takes_that_package_alone() -> None:
    assert resolve(["fail2ban", "python-headers"], DEBIAN, alone=True).packages == ("fail2ban", "python3-dev")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "git=1:2.39",
            "'git=1:2.39' is not the name of a package: versions and releases are chosen in apt_preferences(5) "
            "or by dnf-versionlock(8), not here; this task changed nothing",
            id="version",
        ),
        pytest.param(
            "git/bookworm-backports",
            "'git/bookworm-backports' is not the name of a package: versions and releases are chosen in "
            "apt_preferences(5) or by dnf-versionlock(8), not here; this task changed nothing",
            id="release",
        ),
        pytest.param(
            "python3-*",
            "'python3-*' is not the name of a package: patterns are not expanded; list the packages; "
            "this task changed nothing",
            id="pattern",
        ),
        pytest.param(
            "Python-Headers",
            "'Python-Headers' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; this task changed nothing",
            id="capitals",
        ),
        pytest.param(
            "sudo-",
            "'sudo-' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; this task changed nothing",
            id="apt-get would remove it",
        ),
        pytest.param(
            "--reinstall",
            "'--reinstall' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; this task changed nothing",
            id="option",
        ),
        pytest.param(
            "git\n",
            "'git\\n' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; this task changed nothing",
            id="line end",
        ),
    ],
)
def test_what_is_no_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        resolve([name], DEBIAN)
    assert str(caught.value) == message


def test_a_system_without_rows_is_named() -> None:
    with pytest.raises(BaselineError) as caught:
        resolve(["git"], System("gentoo", title="Gentoo Linux"))
    assert str(caught.value) == "the logical name 'git' has no packages for Gentoo Linux yet; this task changed nothing"


LOGICAL = sorted(TABLES["debian"].rows)


def test_every_set_holds_logical_names_and_no_name_is_both() -> None:
    assert {part for parts in SETS.values() for part in parts} <= set(LOGICAL)
    assert not set(SETS) & set(LOGICAL)
    assert logical_names() == sorted({*SETS, *LOGICAL})


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("name", LOGICAL)
def test_every_system_has_every_name_or_a_reason(name: str, key: str) -> None:
    found = row(name, asked_system(key))
    if isinstance(found, Included):
        assert found.where
    elif isinstance(found, Unavailable):
        assert found.why
    else:
        assert found, f"{key} has neither packages nor a reason for {name}"
        assert all(isinstance(package, str) and package.strip() == package != "" for package in found)


# What a Python web application needs to build and to run.
NEEDED = (
    *(
        "python-headers",
        "python-venv",
        "python-pip",
        "newest-python",
        "c-toolchain",
        "pkg-config",
        "gettext",
        "git",
        "curl",
    ),
    *("libffi-headers", "openssl-headers", "zlib-headers", "bzip2-headers", "xz-headers", "readline-headers"),
    *("sqlite-headers", "postgresql-client-headers", "mysql-client-headers", "ldap-headers", "process-supervisor"),
    *("xml-headers", "xslt-headers", "image-headers", "xml-security"),
)


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("name", NEEDED)
def test_every_system_gives_what_a_web_application_needs(name: str, key: str) -> None:
    found = resolve([name], asked_system(key))
    assert found.by_name[name] or name in found.included, f"{key} has nothing for {name}"


@pytest.mark.parametrize("family", sorted(TABLES))
def test_tables_have_the_same_names_and_no_others(family: str) -> None:
    table = TABLES[family]
    assert sorted(table.rows) == LOGICAL
    assert {name for rows in table.exceptions.values() for name in rows} <= set(LOGICAL)


@pytest.mark.parametrize("family", sorted(TABLES))
def test_repositories_hold_packages_of_the_table(family: str) -> None:
    table = TABLES[family]
    rows = [*table.rows.values(), *(found for rows in table.exceptions.values() for found in rows.values())]
    named = {package for found in rows if isinstance(found, tuple) for package in found}
    for repositories in table.repositories.values():
        assert {package for held in repositories.values() for package in held} <= named


NEWEST_PYTHON = {
    "debian12": ("python3", "python3-dev", "python3-venv"),
    "ubuntu26.04": ("python3", "python3-dev", "python3-venv"),
    "el9": ("python3.12", "python3.12-devel", "python3.12-pip"),
    "rocky9": ("python3.12", "python3.12-devel", "python3.12-pip"),
    "el10": ("python3", "python3-devel", "python3-pip"),
    "fedora43": ("python3", "python3-devel", "python3-pip"),
    "freebsd15": ("python3", "databases/py-sqlite3", "devel/py-pip"),
}
UPDATES = {
    "debian13": ("unattended-upgrades",),
    "ubuntu24.04": ("unattended-upgrades",),
    "el9": ("dnf-automatic",),
    "el10": ("dnf-automatic",),
    "fedora42": ("dnf5-plugin-automatic",),
}


@pytest.mark.parametrize(
    ("name", "key", "packages"),
    [
        *[pytest.param("newest-python", key, packages, id=key) for key, packages in NEWEST_PYTHON.items()],
        *[pytest.param("automatic-updates", key, packages, id=f"updates {key}") for key, packages in UPDATES.items()],
        pytest.param("c-toolchain", "freebsd14", (), id="in the base system"),
        pytest.param("openjpeg-headers", "el10", ("openjpeg2-devel",), id="before the new name"),
        pytest.param("openjpeg-headers", "fedora42", ("openjpeg-devel",), id="renamed"),
    ],
)
def test_rows_that_differ_inside_a_family(name: str, key: str, packages: tuple[str, ...]) -> None:
    assert resolve([name], asked_system(key)).packages == packages


def test_what_a_system_cannot_give_is_an_error_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = Unavailable("nobody has made a package of it; build it yourself")
    monkeypatch.setitem(t.cast("dict[str, t.Any]", TABLES["freebsd"].rows), "automatic-updates", reason)
    with pytest.raises(BaselineError) as caught:
        resolve(["automatic-updates"], asked_system("freebsd14"))
    assert str(caught.value) == (
        "'automatic-updates' is not available on freebsd14: nobody has made a package of it; build it yourself; "
        "this task changed nothing"
    )


@pytest.mark.parametrize(
    ("key", "crb", "epel"),
    [
        pytest.param("rocky9", "dnf config-manager --set-enabled crb", "dnf install epel-release", id="rocky9"),
        pytest.param("el10", "dnf config-manager --set-enabled crb", "dnf install epel-release", id="el10"),
        pytest.param(
            "rhel10",
            "subscription-manager repos --enable codeready-builder-for-rhel-10-$(arch)-rpms",
            "install the package epel-release for release 10 from EPEL's own site, and enable crb",
            id="rhel10",
        ),
    ],
)
def test_repositories_are_enabled_in_each_system_s_own_way(key: str, crb: str, epel: str) -> None:
    system = asked_system(key)
    assert (enabling("crb", system), enabling("epel", system)) == (crb, epel)


def test_meaning_names_the_repositories_that_are_needed() -> None:
    assert meaning(["xmlsec-headers", "process-supervisor", "git"], asked_system("almalinux9")) == {
        "system": "almalinux9",
        "resolved": {
            "xmlsec-headers": ["xmlsec1-devel", "xmlsec1-openssl-devel", "libtool-ltdl-devel"],
            "process-supervisor": ["supervisor"],
            "git": ["git"],
        },
        "included": {},
        "repositories": {
            "crb": {
                "enable": "dnf config-manager --set-enabled crb",
                "packages": ["xmlsec1-devel", "xmlsec1-openssl-devel"],
            },
            "epel": {"enable": "dnf install epel-release", "packages": ["supervisor"]},
        },
    }


def test_meaning_says_why_nothing_is_needed() -> None:
    found = meaning(["xml-stack"], asked_system("freebsd14"))
    assert found["resolved"] == {"xml-stack": ["libxml2", "libxslt"]}
    assert found["included"] == {"zlib-headers": "part of FreeBSD's base system"}
    assert found["repositories"] == {}


@pytest.mark.parametrize("key", ["el8", "fedora41", "ubuntu25.10", "debian", "arch1", "el-9"])
def test_other_systems_are_not_guessed(key: str) -> None:
    with pytest.raises(
        BaselineError, match=rf"unknown system '{key}'.*the known systems are debian12, debian13, ubuntu22\.04"
    ):
        asked_system(key)


@pytest.mark.parametrize(
    ("name", "family", "fits"),
    [
        pytest.param("unixODBC", "freebsd", True, id="capitals"),
        pytest.param("devel/py-pip", "freebsd", True, id="the origin of a port"),
        pytest.param("devel/py-pip@py311", "freebsd", True, id="a flavour of a port"),
        pytest.param("p5-Socket6_x", "freebsd", True, id="underscore"),
        pytest.param("git=1", "freebsd", False, id="a version"),
        pytest.param("-f", "freebsd", False, id="an option"),
        pytest.param("py-*", "freebsd", False, id="a pattern"),
        pytest.param("/usr/local/git.pkg", "freebsd", False, id="a file"),
        pytest.param("devel/py-pip", "debian", False, id="no origin on Debian"),
        pytest.param("devel/py-pip", "", True, id="on a system that is not known yet"),
        pytest.param("git=1", "", False, id="a version, on a system that is not known yet"),
    ],
)
def test_what_can_be_a_name_depends_on_the_family(name: str, family: str, fits: bool) -> None:
    if fits:
        assert checked(name, family) == name
    else:
        with pytest.raises(BaselineError, match="is not the name of a package: "):
            checked(name, family)
