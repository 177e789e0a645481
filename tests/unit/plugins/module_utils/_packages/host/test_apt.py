"""Transcripts of packages by apt-get: which commands run, in which order, and none where none is needed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import locks as host_locks
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.locks import LockHolder, find_lock_holder
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import apt as host_apt
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host.apt import (
    LEAVE_NO_CACHE,
    STATUS,
    Apt,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import (
    UNKNOWN_VERSION,
    PackagesRequest,
    PackagesResult,
)
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "packages"
PINNED = (FIXTURES / "apt-cache-policy-pinned-debian12").read_text()
OUTDATED = (FIXTURES / "outdated-debian12").read_text()
INDEX = {"/var/lib/apt/lists/deb.example.org_debian_dists_trixie_main_binary-amd64_Packages": ""}
FRESH = {"/var/lib/apt/lists": NOW - 3600, "/etc/apt/sources.list": NOW - 9_000_000}
STALE = {"/var/lib/apt/lists": NOW - 90_000, "/etc/apt/sources.list": NOW - 9_000_000}
HOLDER = LockHolder(812, "/usr/bin/python3 /usr/bin/unattended-upgrade", "/var/lib/dpkg/lock-frontend")
KEEP = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
UPDATE = ["apt-get", "-q", "update"]
CONFIGURE = ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"]
FIX = ["apt-get", "-q", "-y", *KEEP, "--no-remove", "--fix-broken", "install"]
# Nobody is there to answer, so that no program may ask: exactly this is safe.
SILENT = {
    "APT_LISTBUGS_FRONTEND": "none",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "NEEDRESTART_MODE": "l",
    "UCF_FORCE_CONFFOLD": "1",
}
SUDO_PLANNED = "Inst sudo (1.9 Debian:13.7/stable [amd64])\nConf sudo (1.9 Debian:13.7/stable [amd64])\n"
NO_SUDO = "E: Unable to locate package sudo\n"
BROKEN = "E: Unable to correct problems, you have held broken packages.\n"
REMOVES = "E: Packages need to be removed but remove is disabled.\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(host_apt, "time", clock)
    monkeypatch.setattr(host_locks, "time", clock)
    return clock


def status(*, unfinished: str = "", held: str = "", **versions: str) -> str:
    """The text of a status file with dpkg 1.22 and ``versions``."""
    records = {"dpkg": "1.22", **versions}
    states = dict.fromkeys(records, "install ok installed")
    if unfinished:
        records[unfinished], states[unfinished] = "1", "install ok half-configured"
    if held:
        states[held] = "hold ok installed"
    return "".join(
        f"Package: {name}\nStatus: {states[name]}\nArchitecture: amd64\nVersion: {version}\n\n"
        for name, version in records.items()
    )


def silent(argv: list[str], **answer: t.Any) -> Expected:
    """A command of apt-get or dpkg, which may not ask anybody anything."""
    return Expected(argv, env=SILENT, **answer)


def simulate(*words: str, check: bool = False) -> list[str]:
    return ["apt-get", "-q", "-y", "--simulate", *(LEAVE_NO_CACHE if check else []), *words]


def install(*names: str) -> list[str]:
    return ["install", "--no-install-recommends", *names]


def transact(*names: str) -> list[str]:
    return ["apt-get", "-q", "-y", *KEEP, "--no-remove", *install(*names)]


def play(host: FakeHost, desired: PackagesRequest, *, holders: t.Sequence[LockHolder | None] = ()) -> PackagesResult:
    """Ensure ``desired``; ``holders`` hold the locks, one at each check, and the locks are free after that."""
    checks = list(holders)
    stand_in: t.Any = host
    found = Apt(stand_in, find_holder=lambda: checks.pop(0) if checks else None).ensure(desired)
    host.done()
    return found


def refused(host: FakeHost, desired: PackagesRequest, *, holders: t.Sequence[LockHolder | None] = ()) -> str:
    with pytest.raises(BaselineError) as caught:
        play(host, desired, holders=holders)
    host.done()
    return str(caught.value)


@pytest.mark.parametrize(
    ("desired", "check_mode"),
    [
        pytest.param(PackagesRequest(("sudo",)), False, id="present"),
        pytest.param(PackagesRequest(("sudo",)), True, id="present, check mode"),
        pytest.param(PackagesRequest(()), False, id="no name"),
        pytest.param(PackagesRequest(("git",), "absent"), False, id="absent"),
    ],
)
def test_nothing_to_do_runs_no_command(desired: PackagesRequest, check_mode: bool) -> None:
    host = FakeHost({STATUS: status(sudo="1.9")}, check_mode=check_mode)

    found = play(host, desired, holders=[HOLDER])

    assert (found.changed, found.cache_updated, found.warnings) == (False, False, ())


def test_one_transaction_for_what_is_missing_from_a_fresh_index() -> None:
    host = FakeHost(
        {STATUS: status(git="2"), **INDEX},
        [
            silent(transact("sudo"), writes={STATUS: status(git="2", sudo="1.9")}),
        ],
        mtimes=FRESH,
    )

    found = play(host, PackagesRequest(("git", "sudo")))

    assert found.changed
    assert found.after == {**found.before, "sudo": "1.9"}
    assert (found.cache_updated, found.warnings) == (False, ())


def test_recommended_packages_on_request() -> None:
    words = ["install", "--install-recommends", "sudo"]
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(["apt-get", "-q", "-y", *KEEP, "--no-remove", *words], writes={STATUS: status(sudo="1.9")}),
        ],
        mtimes=FRESH,
    )

    assert play(host, PackagesRequest(("sudo",), recommends=True)).changed


@pytest.mark.parametrize(
    ("index", "mtimes"),
    [
        pytest.param({}, FRESH, id="empty"),
        pytest.param(INDEX, STALE, id="older than cache_valid_time"),
        pytest.param(INDEX, {**FRESH, "/etc/apt/sources.list.d": NOW - 60}, id="older than apt's sources"),
    ],
)
def test_the_index_is_read_anew_where_it_must_be(index: dict[str, str], mtimes: dict[str, int]) -> None:
    host = FakeHost(
        {STATUS: status(), **index},
        [
            silent(UPDATE, writes=dict(INDEX)),
            silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
        ],
        mtimes=mtimes,
    )

    assert play(host, PackagesRequest(("sudo",))).cache_updated


def test_a_package_that_a_fresh_index_does_not_have_is_looked_for_in_a_new_one() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(transact("sudo"), rc=100, err=NO_SUDO),
            silent(UPDATE),
            silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
        ],
        mtimes=FRESH,
    )

    assert play(host, PackagesRequest(("sudo",))).changed


def test_a_file_that_the_archive_replaced_is_fetched_by_a_new_index() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(transact("sudo"), rc=100, err=OUTDATED),
            silent(UPDATE),
            silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
        ],
        mtimes=FRESH,
    )

    found = play(host, PackagesRequest(("sudo",)))

    assert (found.changed, found.cache_updated, found.warnings) == (True, True, ())


def test_unknown_packages_are_named_before_anything_is_installed() -> None:
    said = "Package mta is a virtual package provided by:\n  ssmtp 2.64-11\n  postfix 3.7.11\n\n"
    missing = "E: Unable to locate package libpq-devel\nE: Package 'mta' has no installation candidate\n"
    names = ("libpq-devel", "sudo", "mta")
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(UPDATE),
            silent(transact(*names), rc=100, out=said, err=missing),
            silent(simulate(*install(*names)), rc=100, out=said, err=missing),
            Expected(["apt-cache", "policy", "libpq-devel"]),
            Expected(["apt-cache", "pkgnames", "libp"], out="libpng-dev\nlibpq-dev\nlibpod-parser-perl\n"),
        ],
        mtimes=STALE,
    )

    assert refused(host, PackagesRequest(names)) == (
        "unknown package 'libpq-devel'; did you mean 'libpq-dev' or 'libpng-dev'? (neither a logical name nor in the "
        "package index); 'mta' is a virtual package, so name one that provides it (ssmtp, postfix); "
        "this task updated the package index, and changed nothing else"
    )


def test_an_index_that_may_not_be_read_anew_is_not() -> None:
    host = FakeHost(
        {STATUS: status()},
        [
            silent(transact("sudo"), rc=100, err=NO_SUDO),
            silent(simulate(*install("sudo")), rc=100, err=NO_SUDO),
            Expected(["apt-cache", "policy", "sudo"]),
            Expected(["apt-cache", "pkgnames", "sudo"]),
        ],
    )

    assert refused(host, PackagesRequest(("sudo",), update_cache=False)) == (
        "unknown package 'sudo' (neither a logical name nor in the package index); this task changed nothing"
    )


def test_an_index_that_cannot_be_read_at_all() -> None:
    words = "W: Failed to fetch http://a/InRelease  Could not connect to a:80 (192.0.2.1)."
    host = FakeHost({STATUS: status()}, [silent(UPDATE, err=words + "\n")])

    assert (
        refused(host, PackagesRequest(("sudo",)))
        == f"apt-get update fetched no package index: {words}; this task changed nothing"
    )


def test_an_index_that_cannot_be_read_in_full_is_a_warning_where_it_suffices() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(UPDATE, rc=100, err="E: The repository 'http://b x Release' does not have a Release file.\n"),
            silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
        ],
        mtimes=STALE,
    )

    assert play(host, PackagesRequest(("sudo",))).warnings == (
        "the package index could not be updated completely: "
        "E: The repository 'http://b x Release' does not have a Release file.",
    )


def test_nothing_else_is_removed_for_an_installation() -> None:
    host = FakeHost(
        {STATUS: status(**{"libmariadb-dev": "1"}), **INDEX},
        [
            silent(transact("libmysqlclient-dev"), rc=100, err=REMOVES),
            silent(
                simulate(*install("libmysqlclient-dev")), out="Remv libmariadb-dev [1]\nInst libmysqlclient-dev (8 x)\n"
            ),
        ],
        mtimes=FRESH,
    )

    assert refused(host, PackagesRequest(("libmysqlclient-dev",))) == (
        "to install libmysqlclient-dev, apt-get would have to remove libmariadb-dev; this task changed nothing; "
        "remove the conflicting packages first (state: absent) if you do not need them"
    )


def test_a_plan_that_cannot_be_made() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [silent(transact("sudo"), rc=100, err=BROKEN), silent(simulate(*install("sudo")), rc=100, err=BROKEN)],
        mtimes=FRESH,
    )

    assert refused(host, PackagesRequest(("sudo",))) == (
        "apt-get cannot plan this: E: Unable to correct problems, you have held broken packages.; this task "
        "changed nothing"
    )


def test_a_package_that_is_pinned_down_is_not_unknown() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(transact("libnew"), rc=100, err="E: Package 'libnew' has no installation candidate\n"),
            silent(UPDATE),
            silent(transact("libnew"), rc=100, err="E: Package 'libnew' has no installation candidate\n"),
            silent(simulate(*install("libnew")), rc=100, err="E: Package 'libnew' has no installation candidate\n"),
            Expected(
                ["apt-cache", "policy", "libnew"], out=(FIXTURES / "apt-cache-policy-pinned-debian12").read_text()
            ),
        ],
        mtimes=FRESH,
    )

    assert refused(host, PackagesRequest(("libnew",))) == (
        "'libnew' is in the package index, but apt's preferences bar it (its priority is -1); `apt-cache policy "
        "libnew` shows it, and the pin is in /etc/apt/preferences or /etc/apt/preferences.d; this task updated the "
        "package index, and changed nothing else"
    )


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_name_that_apt_reads_as_a_command(check_mode: bool) -> None:
    """`apt-get install nginx+` installs nginx; g++ is a package."""
    cache = LEAVE_NO_CACHE if check_mode else []
    asked = [
        Expected(["apt-cache", *cache, "--all-names", "pkgnames", "g++"], out="g++\ng++-14\n"),
        Expected(["apt-cache", *cache, "--all-names", "pkgnames", "nginx+"]),
        silent(simulate(*install("g++"), check=check_mode), out="Inst g++ (4:14 x)\n"),
    ]
    refusal = [Expected(["apt-cache", *cache, "policy", "nginx+"])]
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [*asked, *([] if check_mode else [silent(UPDATE), *asked]), *refusal],
        mtimes=FRESH,
        check_mode=check_mode,
    )

    assert refused(host, PackagesRequest(("g++", "nginx+"))).startswith(
        "unknown package 'nginx+'; apt-get would read the last '+' as a command and install 'nginx'; this task "
    )


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_package_that_is_held_before_it_is_installed(check_mode: bool) -> None:
    held = "Package: docker.io\nStatus: hold ok not-installed\nArchitecture: amd64\n\n"
    host = FakeHost({STATUS: status() + held, **INDEX}, mtimes=FRESH, check_mode=check_mode)

    assert refused(host, PackagesRequest(("docker.io",))) == (
        "apt-get does not install docker.io, because a hold is set; this task changed nothing; "
        "run `apt-mark unhold docker.io` on the host"
    )


def test_a_plan_that_a_hold_prevents_names_it() -> None:
    host = FakeHost(
        {STATUS: status(libc6="2.36", held="libc6"), **INDEX},
        [silent(transact("sudo"), rc=100, err=BROKEN), silent(simulate(*install("sudo")), rc=100, err=BROKEN)],
        mtimes=FRESH,
    )

    assert refused(host, PackagesRequest(("sudo",))).endswith(
        "held packages are libc6; `apt-mark unhold NAME` lets apt-get change them"
    )


def test_what_is_not_installed_afterwards_fails_with_the_words_of_apt() -> None:
    host = FakeHost(
        {STATUS: status(), **INDEX},
        [
            silent(transact("sudo"), rc=100, err="E: Sub-process /usr/bin/dpkg returned an error code (1)\n"),
            silent(simulate(*install("sudo")), out=SUDO_PLANNED),
        ],
        mtimes=FRESH,
    )

    assert refused(host, PackagesRequest(("sudo",))) == (
        "sudo is not installed after apt-get: E: Sub-process /usr/bin/dpkg returned an error code (1); no "
        "package was changed"
    )


def test_a_transaction_that_broke_off_is_not_simulated() -> None:
    """The simulation would only say that something is unfinished."""
    words = "E: Sub-process /usr/bin/dpkg returned an error code (1)\n"
    broken = {STATUS: status(unfinished="sudo")}
    host = FakeHost(
        {STATUS: status(), **INDEX}, [silent(transact("sudo"), rc=100, err=words, writes=broken)], mtimes=FRESH
    )

    assert refused(host, PackagesRequest(("sudo",))).startswith(f"sudo is not installed after apt-get: {words.strip()}")


class TestLatest:
    def test_an_upgrade(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.8"), **INDEX},
            [
                silent(simulate(*install("sudo")), out="Inst sudo [1.8] (1.9 Debian:13.7/stable [amd64])\n"),
                silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
            ],
            mtimes=FRESH,
        )

        found = play(host, PackagesRequest(("sudo",), "latest"))

        assert (found.before["sudo"], found.after["sudo"], found.changed) == ("1.8", "1.9", True)

    def test_nothing_newer(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.9"), **INDEX},
            [silent(UPDATE), silent(simulate(*install("sudo")), out="sudo is already the newest version (1.9).\n")],
            mtimes=STALE,
        )

        found = play(host, PackagesRequest(("sudo",), "latest"))

        assert (found.changed, found.cache_updated) == (False, True)

    def test_held_packages_stay(self) -> None:
        host = FakeHost({STATUS: status(sudo="1.8", held="sudo"), **INDEX}, mtimes=FRESH)

        found = play(host, PackagesRequest(("sudo",), "latest"))

        assert found.warnings == ("held packages stay at their version (apt-mark unhold): sudo",)


class TestAbsent:
    def test_only_what_is_installed_is_removed(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.9")},
            [
                silent(simulate("remove", "sudo"), out="Remv sudo [1.9]\n"),
                silent(["apt-get", "-q", "-y", *KEEP, "remove", "sudo"], writes={STATUS: status()}),
            ],
        )

        found = play(host, PackagesRequest(("sudo", "git"), "absent"))

        assert (found.after, found.changed) == ({"dpkg": "1.22"}, True)

    def test_what_is_still_there_afterwards(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.9")},
            [
                silent(simulate("remove", "sudo"), out="Remv sudo [1.9]\n"),
                silent(["apt-get", "-q", "-y", *KEEP, "remove", "sudo"], rc=100, err="E: prerm failed\n"),
            ],
        )

        assert (
            refused(host, PackagesRequest(("sudo",), "absent"))
            == "sudo is still installed after apt-get: E: prerm failed; no package was changed"
        )


class TestCheckMode:
    def test_the_same_plan_without_the_transaction_and_without_a_cache(self) -> None:
        host = FakeHost(
            {STATUS: status(), **INDEX},
            [silent(simulate(*install("sudo"), check=True), out=SUDO_PLANNED)],
            mtimes=FRESH,
            check_mode=True,
        )

        found = play(host, PackagesRequest(("sudo",)))

        assert (found.after, found.changed, found.warnings) == ({"dpkg": "1.22", "sudo": "1.9"}, True, ())

    def test_a_virgin_host_without_any_index(self) -> None:
        host = FakeHost({STATUS: status(git="2")}, check_mode=True)

        found = play(host, PackagesRequest(("git", "sudo")))

        assert found.after == {**found.before, "sudo": UNKNOWN_VERSION}
        assert host.known_after_apply == ["the package index is empty, so it is not known yet whether it has sudo"]

    def test_a_package_that_an_outdated_index_does_not_have(self) -> None:
        host = FakeHost(
            {STATUS: status(), **INDEX},
            [silent(simulate(*install("sudo"), check=True), rc=100, err=NO_SUDO)],
            mtimes=STALE,
            check_mode=True,
        )

        found = play(host, PackagesRequest(("sudo",)))

        assert found.after["sudo"] == UNKNOWN_VERSION
        assert host.known_after_apply == ["the package index is out of date and does not have sudo"]

    def test_a_package_that_a_fresh_index_does_not_have(self) -> None:
        host = FakeHost(
            {STATUS: status(), **INDEX},
            [
                silent(simulate(*install("gitt"), check=True), rc=100, err="E: Unable to locate package gitt\n"),
                Expected(["apt-cache", *LEAVE_NO_CACHE, "policy", "gitt"]),
                Expected(["apt-cache", *LEAVE_NO_CACHE, "pkgnames", "gitt"]),
            ],
            mtimes=FRESH,
            check_mode=True,
        )

        assert refused(host, PackagesRequest(("gitt",))) == (
            "unknown package 'gitt'; did you mean 'git'? (neither a logical name nor in the package index); "
            "this task changed nothing"
        )

    def test_an_interrupted_dpkg_is_a_change(self) -> None:
        host = FakeHost({STATUS: status(sudo="1.9", unfinished="perl")}, check_mode=True)

        found = play(host, PackagesRequest(("sudo",)))

        assert found.changed
        assert found.warnings == ("dpkg was interrupted; `dpkg --configure -a` would be run first",)


class TestInterruptedDpkg:
    def test_its_work_is_finished_although_nothing_else_is_requested(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.9", unfinished="perl")},
            [silent(CONFIGURE, writes={STATUS: status(sudo="1.9", perl="1")})],
        )

        found = play(host, PackagesRequest(("sudo",)))

        assert (found.after, found.changed) == ({"dpkg": "1.22", "sudo": "1.9", "perl": "1"}, True)

    def test_a_journal_that_was_not_merged_is_found(self) -> None:
        journal = "/var/lib/dpkg/updates/0007"
        host = FakeHost(
            {STATUS: status(sudo="1.9"), journal: ""},
            [silent(CONFIGURE, writes={STATUS: status(sudo="1.9", perl="1"), journal: None})],
        )

        assert play(host, PackagesRequest(("sudo",))).changed

    def test_what_only_an_installation_repairs_is_left_to_apt(self) -> None:
        host = FakeHost(
            {STATUS: status(unfinished="gcc-12"), **INDEX},
            [
                silent(CONFIGURE, rc=1, err="dpkg: error processing package gcc-12"),
                silent(FIX, writes={STATUS: status(**{"gcc-12": "1"})}),
                silent(transact("sudo"), writes={STATUS: status(**{"gcc-12": "1", "sudo": "1.9"})}),
            ],
            mtimes=FRESH,
        )

        assert play(host, PackagesRequest(("sudo",))).after == {"dpkg": "1.22", "gcc-12": "1", "sudo": "1.9"}

    def test_somebody_elses_broken_package_is_a_warning_and_no_change(self) -> None:
        host = FakeHost(
            {STATUS: status(sudo="1.9", unfinished="broken")},
            [silent(CONFIGURE, rc=1), silent(FIX, rc=100)],
        )

        found = play(host, PackagesRequest(("sudo",)))

        assert not found.changed
        assert found.warnings == ("dpkg cannot finish broken; run `dpkg --configure -a` on the host to see why",)

    def test_a_dpkg_that_still_runs_was_not_interrupted(self) -> None:
        host = FakeHost({STATUS: status(sudo="1.9", unfinished="perl")})

        assert not play(host, PackagesRequest(("sudo",)), holders=[HOLDER]).changed


class TestLocks:
    def test_a_lock_is_waited_for_and_the_database_read_again(self) -> None:
        host = FakeHost({STATUS: status(), **INDEX}, mtimes=FRESH)

        def look() -> LockHolder | None:
            if STATUS not in host.written:
                host.write(STATUS, status(sudo="1.9"))
                return HOLDER
            return None

        stand_in: t.Any = host
        found = Apt(stand_in, find_holder=look).ensure(PackagesRequest(("sudo",)))

        assert (found.changed, host.commands) == (False, [])

    def test_who_does_not_let_go_is_named(self) -> None:
        message = refused(
            FakeHost({STATUS: status()}), PackagesRequest(("sudo",), lock_timeout=5), holders=[HOLDER] * 20
        )

        assert message == (
            "process 812 (/usr/bin/python3 /usr/bin/unattended-upgrade) holds /var/lib/dpkg/lock-frontend, still after "
            "5 seconds; this task changed nothing; run again when it has ended or raise lock_timeout"
        )

    def test_somebody_was_quicker(self, clock: Clock) -> None:
        lost = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 411 (apt-get)\n"
        host = FakeHost(
            {STATUS: status(), **INDEX},
            [
                silent(transact("sudo"), rc=100, err=lost),
                silent(transact("sudo"), writes={STATUS: status(sudo="1.9")}),
            ],
            mtimes=FRESH,
        )

        assert play(host, PackagesRequest(("sudo",))).changed
        assert clock.now == 1

    def test_the_kernel_is_asked_who_holds_a_lock(self, tmp_path: Path) -> None:
        free, held = tmp_path / "free", tmp_path / "held"
        free.touch()
        held.touch()
        script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, 2); print(flush=True); input()"
        argv = [sys.executable, "-c", script, str(held)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            holder = find_lock_holder([str(tmp_path / "absent"), str(free), str(held)])
            process.communicate("\n")

        assert holder == LockHolder(process.pid, " ".join(argv), str(held))
        assert find_lock_holder([str(held)]) is None

    def test_looking_does_not_lock(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.touch()
        find_lock_holder([str(path)])
        fd = os.open(path, os.O_RDWR)
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)


def test_a_host_without_dpkg() -> None:
    assert refused(FakeHost(), PackagesRequest(("sudo",))) == (
        "/var/lib/dpkg/status is missing, so dpkg does not manage this host; this task changed nothing"
    )
