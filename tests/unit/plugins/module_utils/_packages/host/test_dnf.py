"""Transcripts of packages by dnf: which commands run, in which order, and that dnf is not started without need."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import locks as host_locks
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.locks import LockHolder, find_pid_file_holder
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.dnf import DnfCommand
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import dnf as host_dnf
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import rpm as host_rpm
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.dnf import Dnf
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.dnf_repositories import DnfRepositories
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    UNKNOWN_VERSION,
    PackagesRequest,
    PackagesResult,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rpm import ALL
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost
from tests.unit.plugins.module_utils._packages.test_dnf import DNF4, said
from tests.unit.plugins.module_utils._packages.test_dnf_repositories import ROCKY

EL9 = System("rocky", "9.6", ("rhel",), "Rocky Linux 9.6")
RHEL = System("rhel", "9.6", ("fedora",), "Red Hat Enterprise Linux 9.6")
INDEX = {"/var/cache/dnf/baseos-1a2b/repodata/repomd.xml": ""}
FRESH = {next(iter(INDEX)): NOW - 60}
HOLDER = LockHolder(812, "/usr/bin/python3 /usr/bin/dnf makecache", "/var/cache/dnf/metadata_lock.pid")
PLAN = "Installing:\n git   x86_64   2.43-1.el9   appstream   50 k\n\nTransaction Summary\n"
NO_GIT = "No match for argument: git\nError: Unable to find a match: git\n"
NO_YAML = "No match for argument: libyaml-devel\nError: Unable to find a match: libyaml-devel\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(host_dnf, "time", clock)
    monkeypatch.setattr(host_locks, "time", clock)
    monkeypatch.setattr(host_rpm, "NATIVE", "x86_64")
    return clock


def asked(*names: str, missing: t.Sequence[str] = (), real: bool = False) -> Expected:
    """rpm is asked for ``names``; what is ``missing`` nothing provides, or with ``real`` is no package by itself."""
    words = "package {} is not installed" if real else "no package provides {}"
    return Expected(
        ["rpm", "-q", *([] if real else ["--whatprovides"]), "--qf", "", *names],
        rc=len(missing),
        out="".join(f"{words.format(name)}\n" for name in missing),
    )


def absent(*names: str) -> list[Expected]:
    return [asked(*names, missing=names), asked(*names, missing=names, real=True)]


def everything(*packages: str) -> Expected:
    lines = (f"{name}\t{version}\tx86_64\n" for name, _colon, version in (one.partition(":") for one in packages))
    return Expected(["rpm", "-qa", "--qf", ALL], out="".join(lines))


def install(*names: str, of: int = 4, refresh: bool = False, **options: t.Any) -> list[str]:
    return DnfCommand(of, "install", names, expire=86400, **options).transaction(refresh=refresh)


def simulate(*names: str, whole: bool = False) -> list[str]:
    return DnfCommand(4, "install", names).simulation(whole=whole)


def play(
    host: FakeHost,
    desired: PackagesRequest,
    *,
    system: System = EL9,
    of: int = 4,
    holders: t.Sequence[LockHolder | None] = (),
) -> PackagesResult:
    """Ensure ``desired``; ``holders`` hold the locks, one at each check, and the locks are free after that."""
    checks = list(holders)
    stand_in: t.Any = host
    manager = Dnf(stand_in, system, generation=of, find_holder=lambda: checks.pop(0) if checks else None)
    found = manager.ensure(desired)
    host.done()
    return found


def refused(host: FakeHost, desired: PackagesRequest, **how: t.Any) -> str:
    with pytest.raises(BaselineError) as caught:
        play(host, desired, **how)
    host.done()
    return str(caught.value)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("desired", "commands"),
    [
        pytest.param(PackagesRequest(("git", "/usr/bin/curl")), [asked("git", "/usr/bin/curl")], id="present"),
        pytest.param(
            PackagesRequest(("glibc.i686",)),
            [asked("glibc.i686", missing=["glibc.i686"]), asked("glibc.i686", real=True)],
            id="present by its architecture",
        ),
        pytest.param(PackagesRequest(("git",), "absent"), [asked("git", missing=["git"], real=True)], id="absent"),
        pytest.param(PackagesRequest(()), [], id="no name"),
        pytest.param(PackagesRequest((), "latest"), [], id="no name to upgrade"),
    ],
)
def test_nothing_to_do_does_not_start_dnf(desired: PackagesRequest, commands: list[Expected], check_mode: bool) -> None:
    host = FakeHost({}, list(commands), check_mode=check_mode, programs=["rpm"])

    assert play(host, desired, holders=[HOLDER]) == PackagesResult({}, {}, False, False, ())


def test_what_is_missing_is_installed_in_one_transaction() -> None:
    host = FakeHost(
        INDEX,
        [
            *absent("git"),
            everything("bash:5.1-9.el9"),
            *absent("git"),
            Expected(install("git")),
            everything("bash:5.1-9.el9", "git:2.43-1.el9", "perl-Git:2.43-1.el9"),
            asked("git"),
        ],
    )

    found = play(host, PackagesRequest(("git",)))

    assert found.changed
    assert found.after.keys() - found.before.keys() == {"git", "perl-Git"}


def test_whoever_held_the_lock_did_the_work(clock: Clock) -> None:
    host = FakeHost(
        INDEX,
        [*absent("git"), everything("git:1-1"), asked("git"), everything("git:1-1"), asked("git")],
    )

    assert not play(host, PackagesRequest(("git",)), holders=[HOLDER, HOLDER]).changed
    assert clock.now == 1.0


def test_who_does_not_let_go_is_named() -> None:
    message = refused(FakeHost(INDEX, absent("git")), PackagesRequest(("git",), lock_timeout=5), holders=[HOLDER] * 20)

    assert message == (
        "process 812 (/usr/bin/python3 /usr/bin/dnf makecache) holds /var/cache/dnf/metadata_lock.pid, still after "
        "5 seconds; this task changed nothing; run again when it has ended or raise lock_timeout"
    )


def test_somebody_was_quicker() -> None:
    lost = said(DNF4, "locked")
    host = FakeHost(
        INDEX,
        [
            *absent("git"),
            everything(),
            *absent("git"),
            Expected(install("git"), rc=200, err=lost.err),
            Expected(install("git")),
            everything("git:1-1"),
            asked("git"),
        ],
    )
    assert play(host, PackagesRequest(("git",))).changed


def test_dnf_4_writes_who_holds_its_lock_into_a_file(tmp_path: t.Any) -> None:
    (tmp_path / "free.pid").write_text("999999999")
    (tmp_path / "odd.pid").write_text("nonsense")
    # To kill(2) these are groups of processes, which there always are.
    (tmp_path / "all.pid").write_text("-1")
    (tmp_path / "group.pid").write_text("0")
    (tmp_path / "open.pid").write_text("1")
    (tmp_path / "open.pid").chmod(0o666)
    os.mkfifo(tmp_path / "pipe.pid")
    (tmp_path / "held.pid").write_text("1")

    names = ("absent", "free", "odd", "all", "group", "open", "pipe", "held")
    found = find_pid_file_holder([str(tmp_path / f"{name}.pid") for name in names])

    assert found is not None
    assert (found.pid, found.path) == (1, str(tmp_path / "held.pid"))


def test_check_mode_predicts_by_simulation() -> None:
    host = FakeHost(
        INDEX,
        [*absent("git"), everything("bash:5"), Expected(simulate("git"), rc=1, out=PLAN, err="Operation aborted.\n")],
        check_mode=True,
        mtimes=FRESH,
    )
    assert play(host, PackagesRequest(("git",))).after == {"bash": "5", "git": "2.43-1.el9"}


def test_check_mode_without_an_index_says_so() -> None:
    host = FakeHost({}, [*absent("git"), everything(), *absent("git")], check_mode=True)

    found = play(host, PackagesRequest(("git",)))

    assert found.after == {"git": UNKNOWN_VERSION}
    assert found.warnings == ("the package index is empty, so it is not known yet whether it has git",)


def test_check_mode_with_half_an_index_says_so() -> None:
    host = FakeHost(
        INDEX,
        [
            *absent("/usr/bin/git"),
            everything(),
            Expected(simulate("/usr/bin/git"), rc=1, err="No match for argument: /usr/bin/git\n"),
            Expected(
                simulate("/usr/bin/git", whole=True), rc=1, err='Cache-only enabled but no cache for repository "a"\n'
            ),
            *absent("/usr/bin/git"),
        ],
        check_mode=True,
        mtimes=FRESH,
    )
    assert play(host, PackagesRequest(("/usr/bin/git",))).warnings == (
        "the package index is incomplete, so it is not known yet whether it has /usr/bin/git",
    )


def test_an_unknown_package_is_looked_for_in_a_newer_index_before_it_is_an_error() -> None:
    host = FakeHost(
        INDEX,
        [
            *absent("gti"),
            everything(),
            *absent("gti"),
            Expected(install("gti"), rc=1, err=NO_GIT.replace("git", "gti")),
            Expected(install("gti", refresh=True), rc=1, err=NO_GIT.replace("git", "gti")),
            Expected(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", "gti*"], out="gtik\n"),
        ],
    )
    assert refused(host, PackagesRequest(("gti",))) == (
        "unknown package 'gti'; did you mean 'gtik' or 'git'? (neither a logical name nor in the package index); "
        "this task changed nothing"
    )


def test_dnf_says_0_and_the_package_is_not_there() -> None:
    host = FakeHost(
        INDEX,
        [
            *absent("git"),
            everything(),
            *absent("git"),
            Expected(install("git", of=5), out="Nothing to do.\n"),
            everything(),
            *absent("git"),
        ],
    )
    assert refused(host, PackagesRequest(("git",)), of=5) == (
        "git is not installed after dnf: it reported no error; no package was changed"
    )


def test_packages_that_were_changed_nevertheless_are_named() -> None:
    host = FakeHost(
        INDEX,
        [
            *absent("git"),
            everything(),
            *absent("git"),
            Expected(install("git", of=5), rc=1, err="Transaction failed: Rpm transaction failed.\n"),
            everything("perl:5-1"),
            *absent("git"),
        ],
    )
    assert refused(host, PackagesRequest(("git",)), of=5).endswith(
        "Rpm transaction failed; these packages were changed nevertheless: perl"
    )


def test_latest_asks_for_the_package_that_provides_the_requested_name() -> None:
    name = "/usr/bin/curl"
    host = FakeHost(
        INDEX,
        [
            asked("git", name),
            asked("git", name, missing=[name], real=True),
            Expected(["rpm", "-q", "--whatprovides", "--qf", r"%{NAME}\n", name], out="curl-minimal\n"),
            Expected(["rpm", "-q", "--whatprovides", "--qf", r"%{NAME}\n", name], out="curl-minimal\n"),
        ],
    )
    stand_in: t.Any = host
    progress = Progress()
    repositories = DnfRepositories(stand_in, EL9, 4, progress)
    desired = PackagesRequest(("git", name), "latest")
    # The selection is the whole of the test; dnf itself runs on the stand-ins.
    found = host_dnf._DnfRun(stand_in, desired, repositories, progress, lambda: None).select()

    assert found == ["curl-minimal", "git"]


def test_a_failed_upgrade_is_an_error_although_the_package_is_there() -> None:
    host = FakeHost(
        INDEX,
        [
            *(asked("git"), asked("git", real=True)),
            everything("git:1-1"),
            *(asked("git"), asked("git", real=True)),
            Expected(install("git", latest=True), rc=1, err="Error: Transaction test error:\n"),
            everything("git:1-1"),
            asked("git"),
        ],
    )
    assert refused(host, PackagesRequest(("git",), "latest")) == (
        "the packages were not upgraded after dnf: Error: Transaction test error:; no package was changed"
    )


def test_a_damaged_database_stops_everything() -> None:
    broken = said(DNF4, "damaged")
    host = FakeHost(
        INDEX,
        [
            Expected(
                ["rpm", "-q", "--whatprovides", "--qf", "", "plain"], rc=broken.rc, out=broken.out, err=broken.err
            ),
        ],
    )
    assert refused(host, PackagesRequest(("plain",))) == (
        "rpm cannot read its database: error: SELECT hnum, idx FROM 'Name' WHERE key=?: 11: database disk image is "
        "malformed; error: SELECT hnum, blob FROM 'Packages' WHERE hnum=?: 11: database disk image is malformed; "
        "this task changed nothing; if it is damaged, save a copy of it and run 'rpm --rebuilddb' on the host"
    )


def test_a_host_without_dnf() -> None:
    host = FakeHost({}, absent("git"), programs=["rpm"])
    assert refused(host, PackagesRequest(("git",))) == (
        "git: cannot be installed or removed, because this Rocky Linux 9.6 has no dnf; this task changed nothing; "
        "install dnf first (microdnf install dnf)"
    )


class TestRepositoriesThatAreOff:
    DESIRED = PackagesRequest(("libyaml-devel",), repositories={"crb": ["libyaml-devel"], "epel": []})
    FILES: t.ClassVar[dict[str, str]] = {**INDEX, "/etc/yum.repos.d/rocky-devel.repo": ROCKY}
    BEFORE: t.ClassVar[list[Expected]] = [*absent("libyaml-devel"), everything(), *absent("libyaml-devel")]
    AFTER: t.ClassVar[list[Expected]] = [
        Expected(install("libyaml-devel")),
        everything("libyaml-devel:0.2-7.el9"),
        asked("libyaml-devel"),
    ]

    def test_one_is_enabled_where_no_other_has_the_package(self) -> None:
        refusal = Expected(install("libyaml-devel"), rc=1, err=NO_YAML)
        host = FakeHost(self.FILES, [*self.BEFORE, refusal, *self.AFTER])

        found = play(host, self.DESIRED)

        assert found.repositories_enabled == ("crb",)
        assert host.files["/etc/yum.repos.d/rocky-devel.repo"] == ROCKY.replace("enabled=0", "enabled=1", 1)

    def test_none_is_enabled_where_another_has_the_package(self) -> None:
        host = FakeHost(self.FILES, [*self.BEFORE, *self.AFTER])

        assert play(host, self.DESIRED).repositories_enabled == ()
        assert host.written == []

    def test_red_hat_s_own_is_enabled_by_its_manager(self) -> None:
        name, path = "codeready-builder-for-rhel-9-x86_64-rpms", "/etc/yum.repos.d/redhat.repo"
        text = f"[{name}]\nenabled = 0\n"
        host = FakeHost(
            {**INDEX, path: text},
            [
                *self.BEFORE,
                Expected(install("libyaml-devel"), rc=1, err=NO_YAML),
                Expected(
                    ["subscription-manager", "repos", "--enable", name], writes={path: text.replace("= 0", "= 1")}
                ),
                *self.AFTER,
            ],
        )
        assert play(host, self.DESIRED, system=RHEL).repositories_enabled == (name,)

    def test_dnf_5_is_asked_to_enable_one(self) -> None:
        option = ["dnf", "config-manager", "setopt", "--create-missing-dir", "crb.enabled=1"]
        override = {"/etc/dnf/repos.override.d/99-config_manager.repo": "[crb]\nenabled=1\n"}
        host = FakeHost(
            self.FILES,
            [
                *self.BEFORE,
                Expected(install("libyaml-devel", of=5), rc=1, err="No match for argument: libyaml-devel\n"),
                Expected(option, writes=dict(override)),
                Expected(install("libyaml-devel", of=5)),
                *self.AFTER[1:],
            ],
        )
        assert play(host, self.DESIRED, of=5).repositories_enabled == ("crb",)

    def test_epel_comes_by_its_release_package(self) -> None:
        desired = PackagesRequest(("supervisor",), repositories={"epel": ["supervisor"]})
        host = FakeHost(
            INDEX,
            [
                *absent("supervisor"),
                everything(),
                *absent("supervisor"),
                Expected(install("supervisor"), rc=1, err=NO_GIT.replace("git", "supervisor")),
                Expected(install("epel-release"), writes={"/etc/yum.repos.d/epel.repo": "[epel]\nenabled=1\n"}),
                Expected(install("supervisor")),
                everything("epel-release:9-9", "supervisor:4-1"),
                asked("supervisor"),
            ],
        )
        assert play(host, desired).repositories_enabled == ("epel",)

    def test_one_that_stays_off_is_an_error(self) -> None:
        desired = PackagesRequest(("supervisor",), repositories={"epel": ["supervisor"]})
        host = FakeHost(
            INDEX,
            [
                *absent("supervisor"),
                everything(),
                *absent("supervisor"),
                Expected(install("supervisor"), rc=1, err=NO_GIT.replace("git", "supervisor")),
                Expected(install("epel-release"), rc=1, err="Error: Unable to find a match: epel-release\n"),
            ],
        )
        assert refused(host, desired) == (
            "the repository epel cannot be enabled: Error: Unable to find a match: epel-release; this task changed "
            "nothing; enable it on the host: dnf install epel-release"
        )

    def test_nobody_allowed_it(self) -> None:
        desired = PackagesRequest(("libyaml-devel",), repositories=self.DESIRED.repositories, enable_repositories=False)
        host = FakeHost(self.FILES, [*self.BEFORE, Expected(install("libyaml-devel"), rc=1, err=NO_YAML)])

        assert refused(host, desired) == (
            "libyaml-devel: needs the disabled repository crb; this task changed nothing; enable it on the host "
            "(crb: dnf config-manager --set-enabled crb) or set enable_repositories: true"
        )

    def test_check_mode_enables_none(self) -> None:
        host = FakeHost(
            self.FILES,
            [
                *absent("libyaml-devel"),
                everything(),
                Expected(simulate("libyaml-devel"), rc=1, err=NO_YAML),
                Expected(simulate("libyaml-devel", whole=True), rc=1, err=NO_YAML),
                *absent("libyaml-devel"),
            ],
            check_mode=True,
            mtimes=FRESH,
        )

        found = play(host, self.DESIRED)

        assert (found.changed, found.repositories_enabled) == (True, ("crb",))
        assert found.after == {"libyaml-devel": UNKNOWN_VERSION}
