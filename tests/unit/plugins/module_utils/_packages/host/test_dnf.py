"""Transcripts of packages by dnf: which commands run, in which order, and that dnf is not started without need."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import locks as host_locks
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.locks import LockHolder, find_pid_file_holder
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._core.progress import Progress
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.dnf import DnfCommand, unreadable_repositories
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
    # As the module prints them.
    return replace(found, warnings=(*host.known_after_apply, *found.warnings))


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


# How old the index is.

STALE = {next(iter(INDEX)): NOW - 100_000}
CONFIGURED = "/etc/yum.repos.d/rocky.repo"


@pytest.mark.parametrize(
    ("mtimes", "update_cache", "is_fresh"),
    [
        pytest.param(FRESH, True, True, id="read a minute ago"),
        pytest.param({next(iter(INDEX)): NOW - 86_400}, True, False, id="a day old to the second"),
        pytest.param({next(iter(INDEX)): NOW - 86_399}, True, True, id="almost a day old"),
        pytest.param(STALE, True, False, id="older than a day"),
        pytest.param({**FRESH, CONFIGURED: NOW - 30}, True, False, id="a repository is newer"),
        pytest.param({**FRESH, CONFIGURED: NOW - 60}, True, True, id="a repository is as old"),
        pytest.param({**FRESH, "/etc/dnf/dnf.conf": NOW - 30}, True, False, id="the configuration is newer"),
        pytest.param({**FRESH, "/etc/yum.repos.d": NOW - 30}, True, False, id="a repository came or went"),
        pytest.param(STALE, False, True, id="the index may not be updated"),
    ],
)
def test_check_mode_believes_a_fresh_index_alone(mtimes: dict[str, int], update_cache: bool, is_fresh: bool) -> None:
    ask = [
        *absent("gti"),
        everything(),
        Expected(simulate("gti"), rc=1, err=NO_GIT.replace("git", "gti")),
        Expected(simulate("gti", whole=True), rc=1, err=NO_GIT.replace("git", "gti")),
    ]
    more = [Expected(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", "gti*"])] if is_fresh else absent("gti")
    host = FakeHost({**INDEX, CONFIGURED: ""}, [*ask, *more], check_mode=True, mtimes=mtimes)
    desired = PackagesRequest(("gti",), update_cache=update_cache)
    if is_fresh:
        assert refused(host, desired).startswith("unknown package 'gti'")
        return
    found = play(host, desired)
    assert found.after == {"gti": UNKNOWN_VERSION}
    assert found.warnings == ("the package index is out of date, so it is not known yet whether it has gti",)


def test_check_mode_with_an_index_that_lacks_a_repository_says_so() -> None:
    uncached = Expected(simulate("git"), rc=1, err='Cache-only enabled but no cache for repository "a"\n')
    host = FakeHost(INDEX, [*absent("git"), everything(), uncached, *absent("git")], check_mode=True, mtimes=FRESH)
    assert play(host, PackagesRequest(("git",))).warnings == (
        "the package index is incomplete, so it is not known yet whether it has git",
    )


def test_a_plan_that_dnf_cannot_make_is_an_error() -> None:
    failed = Expected(simulate("git"), rc=1, err="Error: \n Problem: conflicting requests\n")
    host = FakeHost(INDEX, [*absent("git"), everything(), failed], check_mode=True, mtimes=FRESH)
    assert refused(host, PackagesRequest(("git",))) == (
        "dnf cannot plan this: Error: Problem: conflicting requests; this task changed nothing; remove the conflicting "
        "packages first (state: absent) if you do not need them"
    )


def test_a_removal_is_simulated_without_an_index() -> None:
    removal = DnfCommand(4, "remove", ("git",), expire=86400).simulation()
    table = "Removing:\n git   x86_64   2.43-1.el9   @appstream   50 k\n\nTransaction Summary\n"
    host = FakeHost(
        {},
        [
            asked("git", real=True),
            everything("bash:5", "git:2.43-1.el9"),
            Expected(removal, rc=1, out=table, err="Operation aborted.\n"),
        ],
        check_mode=True,
    )
    found = play(host, PackagesRequest(("git",), "absent"))
    assert (found.before, found.after) == ({"bash": "5", "git": "2.43-1.el9"}, {"bash": "5"})


# What is noticed after the transaction.


def installed(ran: Expected, *, after: Expected | None = None) -> FakeHost:
    """A host on which git is installed by ``ran``."""
    before = [*absent("git"), everything(), *absent("git")]
    return FakeHost(INDEX, [*before, ran, after or everything("git:1-1"), asked("git")])


@pytest.mark.parametrize(
    ("rc", "err", "warnings"),
    [
        pytest.param(0, "", (), id="nothing"),
        pytest.param(
            1,
            "Error: something odd\n",
            ("the packages are in the desired state, but dnf failed: Error: something odd",),
            id="dnf failed",
        ),
        pytest.param(
            1,
            ">>> Error in %post(git-1-1.x86_64) scriptlet failed, exit status 1\n",
            ("the packages are in the desired state, but a script of git-1-1.x86_64 failed",),
            id="a script failed",
        ),
    ],
)
def test_a_package_that_is_there_is_a_success(rc: int, err: str, warnings: tuple[str, ...]) -> None:
    host = installed(Expected(install("git"), rc=rc, err=err))
    found = play(host, PackagesRequest(("git",)))
    assert found.changed and found.warnings == warnings


def test_a_repository_that_cannot_be_read_is_warned_of() -> None:
    recorded = said(DNF4, "ignored")
    host = installed(Expected(install("git"), out=recorded.out, err=recorded.err))
    (warning,) = play(host, PackagesRequest(("git",))).warnings
    assert warning == f"a repository could not be read: {unreadable_repositories(recorded.out + recorded.err)}"


def test_a_package_in_two_versions_is_warned_of_once() -> None:
    twice = everything("git:1-1", "git:2-1")
    host = installed(Expected(install("git")), after=twice)
    assert play(host, PackagesRequest(("git",))).warnings == (
        "an earlier transaction was interrupted: git.x86_64 is installed in two versions; "
        "run 'dnf check --duplicates' to list them",
    )


@pytest.mark.parametrize("update_cache", [True, False])
def test_an_outdated_index_is_read_again_where_it_may_be(update_cache: bool) -> None:
    outdated = "Error: Error downloading packages:\n  Status code: 404 for https://example.org/git.rpm\n"
    command = DnfCommand(4, "install", ("git",), expire=86400 if update_cache else -1)
    ran = [Expected(command.transaction(), rc=1, err=outdated)]
    if update_cache:
        ran.append(Expected(command.transaction(refresh=True)))
    host = FakeHost(
        INDEX, [*absent("git"), everything(), *absent("git"), *ran, everything("git:1-1"), asked("git")], mtimes=STALE
    )
    found = play(host, PackagesRequest(("git",), update_cache=update_cache))
    assert bool(found.warnings) is not update_cache


def test_an_index_that_dnf_has_just_read_is_not_read_again() -> None:
    missing = Expected(install("gti"), rc=1, err=NO_GIT.replace("git", "gti"), touches={next(iter(INDEX)): NOW})
    similar = Expected(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", "gti*"])
    host = FakeHost(INDEX, [*absent("gti"), everything(), *absent("gti"), missing, similar], mtimes=STALE)
    assert refused(host, PackagesRequest(("gti",))).startswith("unknown package 'gti'")


def test_whether_the_index_was_read_is_reported() -> None:
    ran = Expected(install("git"), touches={next(iter(INDEX)): NOW})
    host = installed(ran)
    host.mtimes.update(STALE)
    assert play(host, PackagesRequest(("git",))).cache_updated
    host = installed(Expected(install("git")))
    host.mtimes.update(STALE)
    assert not play(host, PackagesRequest(("git",))).cache_updated


def test_a_package_that_is_hidden_is_no_unknown_one() -> None:
    hidden = (
        "All matches were filtered out by modular filtering for argument: git\nError: Unable to find a match: git\n"
    )
    host = FakeHost(
        INDEX,
        [
            *absent("git"),
            everything(),
            *absent("git"),
            Expected(install("git"), rc=1, err=hidden),
            Expected(install("git", refresh=True), rc=1, err=hidden),
        ],
    )
    assert refused(host, PackagesRequest(("git",))) == (
        "'git' is in a repository, but hidden by modular filtering by the configuration of dnf or a module stream; "
        "this task changed nothing"
    )


def test_a_package_may_be_missing_because_a_repository_cannot_be_read() -> None:
    recorded = said(DNF4, "ignored")
    text = NO_GIT.replace("git", "+x") + recorded.out + recorded.err
    host = FakeHost(
        INDEX,
        [
            *absent("+x"),
            everything(),
            *absent("+x"),
            Expected(install("+x"), rc=1, err=text),
            # Names that look like it are not asked for: dnf would take "+x*" for another argument.
            Expected(install("+x", refresh=True), rc=1, err=text),
        ],
    )
    message = refused(host, PackagesRequest(("+x",)))
    assert message.startswith("unknown package '+x'") and "; a repository could not be read: " in message


def test_a_package_of_a_repository_says_where_it_should_be() -> None:
    desired = PackagesRequest(("libyaml-devel",), repositories={"crb": ["libyaml-devel"]})
    on = {"/etc/yum.repos.d/rocky-devel.repo": ROCKY.replace("enabled=0", "enabled=1", 1)}
    host = FakeHost(
        {**INDEX, **on},
        [
            *absent("libyaml-devel"),
            everything(),
            *absent("libyaml-devel"),
            Expected(install("libyaml-devel"), rc=1, err=NO_YAML),
            Expected(install("libyaml-devel", refresh=True), rc=1, err=NO_YAML),
            Expected(["dnf", "-q", "-C", "repoquery", "--qf", r"%{name}\n", "liby*"]),
        ],
    )
    assert refused(host, desired).endswith(
        "; this task changed nothing; it should be in crb (dnf config-manager --set-enabled crb)"
    )


@pytest.mark.parametrize(("names", "still"), [(("git",), "git is"), (("curl", "git"), "curl, git are")])
def test_packages_that_are_still_there_are_an_error(names: tuple[str, ...], still: str) -> None:
    removal = DnfCommand(4, "remove", names, expire=86400).transaction()
    there = [asked(*names, real=True), everything(*(f"{name}:1" for name in names)), asked(*names, real=True)]
    host = FakeHost(INDEX, [*there, Expected(removal), *there[1:]])
    host.commands[-1] = asked(*names, real=True)
    assert refused(host, PackagesRequest(names, "absent")).startswith(f"{still} still installed after dnf")


# The host itself.


@pytest.mark.parametrize(
    ("links", "generation"),
    [
        ({"/usr/bin/dnf": "/usr/bin/dnf-3"}, 4),
        ({"/usr/bin/dnf": "/usr/bin/dnf5"}, 5),
        ({"/bin/dnf": "/usr/bin/dnf5"}, 5),
        ({}, 4),
        ({"/usr/bin/dnf": "/opt/dnf5/dnf-3"}, 4),
    ],
)
def test_the_generation_of_dnf(monkeypatch: pytest.MonkeyPatch, links: dict[str, str], generation: int) -> None:
    monkeypatch.setattr(host_dnf.os.path, "realpath", lambda path: links.get(path, path))
    assert host_dnf.read_generation() == generation
    stand_in: t.Any = FakeHost()
    assert Dnf(stand_in, EL9)._generation == generation
    assert Dnf(stand_in, EL9, generation=4)._generation == 4


def test_all_locks_are_looked_at_and_rpm_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_: list[t.Any] = []
    of_kernel: list[LockHolder | None] = [None, HOLDER]

    def find_lock_holder(paths: list[str]) -> LockHolder | None:
        asked_.append(paths)
        return of_kernel.pop(0)

    def find_pid_files(paths: tuple[str, ...]) -> None:
        asked_.append(paths)

    monkeypatch.setattr(host_dnf, "find_lock_holder", find_lock_holder)
    monkeypatch.setattr(host_dnf, "find_pid_file_holder", find_pid_files)
    host = FakeHost({}, [Expected(["rpm", "-E", "%{_rpmlock_path}"], out="/usr/lib/sysimage/rpm/.rpm.lock\n")])
    stand_in: t.Any = host
    locks = host_dnf._LockFiles(stand_in)
    assert (locks.find_holder(), locks.find_holder()) == (None, HOLDER)
    host.done()
    kernel = ["/usr/lib/sysimage/rpm/.rpm.lock", "/run/dnf/rpmtransaction.lock", "/var/lib/dnf/system-repo.lock"]
    assert asked_ == [
        kernel,
        (
            "/var/lib/dnf/rpmdb_lock.pid",
            "/var/cache/dnf/metadata_lock.pid",
            "/var/cache/dnf/download_lock.pid",
        ),
        kernel,
    ]
