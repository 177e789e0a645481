"""Disabled repositories: how each is enabled, that this is verified, and what an error says has been changed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import CommandResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.dnf_repositories import DnfRepositories
from tests.unit.fake_host import Expected, FakeHost

ROCKY = System("rocky", "9.6", ("rhel",), "Rocky Linux 9.6")
RHEL = System("rhel", "9.6", ("fedora",), "Red Hat Enterprise Linux 9.6")
FILE = "/etc/yum.repos.d/rocky.repo"
CRB_OFF = "[baseos]\nenabled=1\n\n[crb]\nname=CRB\nenabled=0\n"
OVERRIDE = "/etc/dnf/repos.override.d/99-config_manager.repo"
RED_HAT_CRB = "codeready-builder-for-rhel-9-x86_64-rpms"


class Repositories:
    """The repositories of a host, its progress, and the packages that were installed to configure them."""

    def __init__(self, host: FakeHost, *, system: System = ROCKY, generation: int = 4) -> None:
        self.host = host
        self.progress = Progress()
        self.installed: list[list[str]] = []
        stand_in: t.Any = host
        self.dnf = DnfRepositories(stand_in, system, generation, self.progress)

    def enable(self, name: str, *, rc: int = 0, writes: t.Mapping[str, str] | None = None, err: str = "") -> str:
        def install(packages: t.Sequence[str]) -> CommandResult:
            self.installed.append(list(packages))
            self.host.files.update(writes or {})
            return CommandResult((), rc, "", err)

        with self.progress.in_errors():
            found = self.dnf.enable(name, install=install)
        self.host.done()
        return found


@pytest.mark.parametrize(
    ("packages", "missing", "disabled"),
    [
        pytest.param({"crb": ["a"]}, ["a"], ["crb"], id="one"),
        pytest.param({"crb": ["a"]}, ["b"], [], id="another package"),
        pytest.param({}, ["a"], [], id="no repository"),
        pytest.param({"epel": ["a"]}, ["a"], ["crb", "epel"], id="EPEL needs CRB"),
    ],
)
def test_disabled_repositories(packages: dict[str, list[str]], missing: list[str], disabled: list[str]) -> None:
    assert Repositories(FakeHost({FILE: CRB_OFF})).dnf.find_disabled(packages, missing) == disabled


def test_an_override_of_dnf_5_counts_for_dnf_5() -> None:
    files = {FILE: CRB_OFF, OVERRIDE: "[crb]\nenabled=1\n"}
    assert Repositories(FakeHost(files), generation=5).dnf.find_disabled({"crb": ["a"]}, ["a"]) == []
    assert Repositories(FakeHost(files), generation=4).dnf.find_disabled({"crb": ["a"]}, ["a"]) == ["crb"]


def test_a_repository_goes_by_the_id_of_the_host() -> None:
    host = FakeHost({"/etc/yum.repos.d/redhat.repo": f"[{RED_HAT_CRB}]\nenabled = 0\n"})
    assert Repositories(host, system=RHEL).dnf.ids(["crb", "epel"]) == [RED_HAT_CRB, "epel"]


def test_dnf_4_has_it_enabled_in_its_file() -> None:
    repositories = Repositories(FakeHost({FILE: CRB_OFF}))

    assert repositories.enable("crb") == "crb"

    assert repositories.host.files == {FILE: CRB_OFF.replace("enabled=0", "enabled=1")}
    assert repositories.host.modes[FILE] == 0o644
    assert repositories.installed == []
    assert repositories.progress.describe() == (
        f"this task wrote {FILE}, enabled the repository crb, and changed nothing else"
    )


def test_dnf_5_enables_it_by_a_command() -> None:
    argv = ["dnf", "config-manager", "setopt", "--create-missing-dir", "crb.enabled=1"]
    host = FakeHost({FILE: CRB_OFF}, [Expected(argv, writes={OVERRIDE: "[crb]\nenabled=1\n"})])

    assert Repositories(host, generation=5).enable("crb") == "crb"

    assert host.written == []


def test_the_file_of_red_hat_belongs_to_subscription_manager() -> None:
    path, text = "/etc/yum.repos.d/redhat.repo", f"[{RED_HAT_CRB}]\nenabled = 0\n"
    argv = ["subscription-manager", "repos", "--enable", RED_HAT_CRB]
    host = FakeHost({path: text}, [Expected(argv, writes={path: text.replace("0", "1")})])

    assert Repositories(host, system=RHEL).enable("crb") == RED_HAT_CRB

    assert host.written == []


@pytest.mark.parametrize(
    ("system", "package"),
    [
        (ROCKY, "epel-release"),
        (RHEL, "https://dl.fedoraproject.org/pub/epel/epel-release-latest-9.noarch.rpm"),
    ],
)
def test_epel_is_configured_by_its_release_package(system: System, package: str) -> None:
    repositories = Repositories(FakeHost({FILE: CRB_OFF}), system=system)

    assert repositories.enable("epel", writes={"/etc/yum.repos.d/epel.repo": "[epel]\nenabled=1\n"}) == "epel"

    assert repositories.installed == [[package]]


@pytest.mark.parametrize(
    ("rc", "err", "problem", "state", "hint"),
    [
        pytest.param(
            1,
            "Error: Unable to find a match: epel-release\n",
            "the repository epel cannot be enabled: Error: Unable to find a match: epel-release",
            "this task changed nothing",
            "enable it on the host: dnf install epel-release",
            id="its package is not there",
        ),
        pytest.param(
            0,
            "",
            "the repository epel cannot be enabled: it is still disabled",
            "this task installed epel-release, and changed nothing else",
            "enable it on the host: dnf install epel-release",
            id="its package does not configure it",
        ),
        pytest.param(
            1,
            "Error: GPG check FAILED\n",
            "the repository epel cannot be enabled: Error: GPG check FAILED",
            "this task changed nothing",
            "name the signer's key in the repository's gpgkey or import it with 'rpm --import'; a package whose "
            "signature cannot be checked is not installed; enable it on the host: dnf install epel-release",
            id="a known error",
        ),
    ],
)
def test_one_that_stays_disabled_is_an_error(rc: int, err: str, problem: str, state: str, hint: str) -> None:
    with pytest.raises(BaselineError) as caught:
        Repositories(FakeHost({FILE: CRB_OFF})).enable("epel", rc=rc, err=err)
    assert (caught.value.problem, caught.value.state, caught.value.hint) == (problem, state, hint)


def test_a_command_that_enables_nothing_is_an_error() -> None:
    argv = ["dnf", "config-manager", "setopt", "--create-missing-dir", "crb.enabled=1"]
    host = FakeHost({FILE: CRB_OFF}, [Expected(argv, rc=2, err="No matching repo to modify: crb.\n")])
    with pytest.raises(BaselineError) as caught:
        Repositories(host, generation=5).enable("crb")
    assert caught.value.problem == ("the repository crb cannot be enabled: No matching repo to modify: crb. (rc=2)")
    assert caught.value.hint == "enable it on the host: dnf config-manager --set-enabled crb"
