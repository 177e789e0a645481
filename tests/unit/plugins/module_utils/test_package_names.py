"""Logical names, sets and plain names; that the archives have them all is asked of real hosts (tests/acceptance)."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._package_names import (
    PACKAGES,
    SETS,
    logical_names,
    resolve,
)

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
        pytest.param(["curl", "python-headers"], ("curl", "python3-dev"), id="order of the wish"),
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
            "'git=1:2.39' is not the name of a package: versions and releases are chosen in apt's preferences "
            "(apt_preferences(5)), not here; nothing was changed",
            id="version",
        ),
        pytest.param(
            "git/bookworm-backports",
            "'git/bookworm-backports' is not the name of a package: versions and releases are chosen in apt's "
            "preferences (apt_preferences(5)), not here; nothing was changed",
            id="release",
        ),
        pytest.param(
            "python3-*",
            "'python3-*' is not the name of a package: patterns are not expanded; list the packages; "
            "nothing was changed",
            id="pattern",
        ),
        pytest.param(
            "Python-Headers",
            "'Python-Headers' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; nothing was changed",
            id="capitals",
        ),
        pytest.param(
            "sudo-",
            "'sudo-' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; nothing was changed",
            id="apt-get would remove it",
        ),
        pytest.param(
            "--reinstall",
            "'--reinstall' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; nothing was changed",
            id="option",
        ),
        pytest.param(
            "git\n",
            "'git\\n' is not the name of a package: a name has lower-case letters, digits and '+', '-', '.', "
            "and may end in ':architecture'; nothing was changed",
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
    assert str(caught.value) == "the logical name 'git' has no packages for Gentoo Linux yet; nothing was changed"


def test_every_set_holds_logical_names_and_no_name_is_both() -> None:
    assert {part for parts in SETS.values() for part in parts} <= set(PACKAGES)
    assert not set(SETS) & set(PACKAGES)
    assert logical_names() == sorted({*SETS, *PACKAGES})


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_every_row_has_the_debian_family(name: str) -> None:
    assert PACKAGES[name]["debian"]
