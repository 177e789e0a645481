"""Which package manager is asked on which system, and what all of them share."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.manager import (
    gather_system,
    open_package_manager,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    PackagesRequest,
    PackagesResult,
)
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "packages"
DPKG = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22\n\n"


def host(os_release: str) -> t.Any:
    return FakeHost({"/etc/os-release": os_release, "/var/lib/dpkg/status": DPKG})


def ensure(there: t.Any, request: PackagesRequest) -> PackagesResult:
    return open_package_manager(there, gather_system(there)).ensure(request)


@pytest.mark.parametrize("name", ["debian12", "debian13", "ubuntu24.04"])
def test_the_debian_family_is_managed_by_dpkg(name: str) -> None:
    there = host((FIXTURES / f"os-release-{name}").read_text())

    assert ensure(there, PackagesRequest(())) == PackagesResult({"dpkg": "1.22"}, {"dpkg": "1.22"}, False, False, ())


def test_the_red_hat_family_is_managed_by_rpm() -> None:
    there: t.Any = FakeHost(
        {"/etc/os-release": (FIXTURES / "os-release-rocky9").read_text()},
        [Expected(["rpm", "-q", "--whatprovides", "--qf", "", "git"])],
    )
    assert ensure(there, PackagesRequest(("git",))) == PackagesResult({}, {}, False, False, ())
    there.done()


def test_freebsd_is_managed_by_pkg() -> None:
    there: t.Any = FakeHost(
        {"/etc/os-release": (FIXTURES / "os-release-freebsd14").read_text()},
        [Expected(["pkg", "query", "-a", "%n %v %o %k"], out="pkg 2.2.2 ports-mgmt/pkg 0\n")],
    )
    assert ensure(there, PackagesRequest(("pkg",))) == PackagesResult(
        {"pkg": "2.2.2"}, {"pkg": "2.2.2"}, False, False, ()
    )
    there.done()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param('ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n', "Alpine Linux v3.22", id="alpine"),
        pytest.param("", "linux", id="no os-release"),
    ],
)
def test_other_systems_are_refused(text: str, title: str) -> None:
    there = host(text)
    with pytest.raises(BaselineError) as caught:
        ensure(there, PackagesRequest(("git",)))
    assert str(caught.value) == (
        f"{title} is not supported: pyhost.baseline.packages manages the Debian family "
        "(Debian 12 and 13, Ubuntu 22.04 and later), the RHEL family (9 and 10), Fedora and FreeBSD (14 and 15); "
        "this task changed nothing"
    )
