"""The report of the policy in force, and the problems that it names."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freshness import LIMIT
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.unattended_upgrades_info import gather_info
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.pending import LEAVE_OUT_PINS
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.plugins.module_utils._updates.host.test_unattended_upgrades import (
    BARRED,
    CHANGE_PIN,
    DUMP,
    FIXTURES,
    GONE,
    IN_FORCE,
    NEVER,
    PARTS,
    PIN,
    PREFERENCES,
    PRIORITIES,
    RANKED,
    SHOW,
    STARTS,
    STOCK,
    STOCK_TARGETS,
    STOCK_TIMERS,
    TARGETS,
)

SIMULATE = ["apt-get", "--simulate", "--quiet"]
UPGRADE = [*SIMULATE, "upgrade", "--with-new-pkgs"]
BY_POLICY = [*SIMULATE, "-o", "Dir::Etc::preferences=/scratch/preferences", "upgrade", "--with-new-pkgs"]
BY_ARCHIVES = [*SIMULATE, "--ignore-hold", *LEAVE_OUT_PINS, "dist-upgrade"]
SIMULATED = (FIXTURES / "apt-get-simulate-debian13").read_text()
DAILY = f'{IN_FORCE}APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
NOTHING = [Expected(UPGRADE), Expected(BY_POLICY), Expected(BY_ARCHIVES)]


def info(host: FakeHost) -> dict[str, t.Any]:
    # A host that was set up just now.
    host.mtimes.setdefault("/etc/machine-id", int(time.time()))
    return gather_info(t.cast("t.Any", host), LIMIT)


def test_a_report_of_stock_debian() -> None:
    host = FakeHost(
        {
            **STOCK,
            "/var/log/unattended-upgrades/unattended-upgrades.log": (
                FIXTURES / "unattended-upgrades.log-debian13"
            ).read_text(),
            "/var/run/reboot-required": "",
            "/var/run/reboot-required.pkgs": "linux-image-amd64\nlibc6\nlibc6\n",
        },
        [
            Expected(DUMP, out=(FIXTURES / "apt-config-dump-debian13").read_text()),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            RANKED,
            Expected(UPGRADE, out=SIMULATED),
            Expected(BY_POLICY, out=SIMULATED.replace("Inst pyhost-foreign", "Kept pyhost-foreign")),
            Expected(BY_ARCHIVES, out=SIMULATED),
            *STARTS,
        ],
    )
    found = info(host)
    host.done()
    assert found["problems"] == []
    assert found["reboot_required_by"] == ["libc6", "linux-image-amd64"]
    assert (found["installed"], found["reboot_required"], len(found["pending"])) == (True, True, 3)
    assert [len(row["archives"]) for row in found["origins"]] == [1, 0, 1]
    assert found["last_run"]["upgraded"] == ["pyhost-wanted"]
    assert {row["name"]: row["automatic"] for row in found["pending"]} == {
        "pyhost-blocked": True,
        "pyhost-foreign": False,
        "pyhost-wanted": True,
    }
    assert (found["kept_back"], found["lists_age"]) == ([], None)
    # What the policy does not allow is pinned below everything, and the first pin counts.
    assert host.laid_out["/scratch/preferences"].startswith(
        "Package: *\nPin: release a=stable-updates,n=trixie-updates,o=Debian,l=Debian,c=main\nPin-Priority: -32768\n"
    )


def test_a_report_names_an_origin_whose_archives_are_pinned_down() -> None:
    host = FakeHost(
        {**STOCK, f"{PREFERENCES}/x": PIN},
        [
            Expected(DUMP, out=(FIXTURES / "apt-config-dump-with-policy-debian13").read_text()),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(PRIORITIES, out=NEVER),
            *NOTHING,
            *STARTS,
        ],
    )
    found = info(host)
    host.done()
    assert found["problems"] == [f"origins: /etc/apt/preferences.d/x:3: {BARRED}; {CHANGE_PIN}"]


def test_a_report_names_an_origin_that_matches_nothing_and_a_silent_timer() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, out=IN_FORCE.replace("Debian,", "Debain,")),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS.replace("UnitFileState=enabled", "UnitFileState=disabled")),
            RANKED,
            *NOTHING,
        ],
        programs=["apt-config"],
    )
    assert info(host)["problems"] == [
        "APT::Periodic::Update-Package-Lists is 0: no update is ever seen",
        "APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically",
        "the origin origin=Debain,codename=trixie-security,label=Debian-Security matches no archive that apt is "
        "configured for",
        "apt-daily.timer will not fire: it is disabled, active",
        "apt-daily-upgrade.timer will not fire: it is disabled, active",
        "the package unattended-upgrades is not installed: nothing is upgraded automatically",
    ]


def test_pending_upgrades_that_cannot_be_listed_are_a_problem() -> None:
    """A package that is half installed stops apt-get's simulation, and unattended-upgrade too."""
    err = "E: The package half needs to be reinstalled, but I can't find an archive for it.\n"
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, out=DAILY),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            RANKED,
            Expected(UPGRADE, rc=100, err=err),
            STARTS[0],
            Expected(STARTS[1].argv, rc=100, err=err),
        ],
    )
    assert info(host)["problems"] == [
        f"unattended-upgrade stops at the state of the packages: {err.strip()} (rc=100)",
        f"apt-get cannot list the pending upgrades: {err.strip()} (rc=100)",
    ]


def test_preferences_that_apt_rejects_are_a_problem() -> None:
    """APT::Default-Release of a release that is gone: apt-get refuses each installation."""
    host = FakeHost(
        {**STOCK, f"{PARTS}/99default": 'APT::Default-Release "buster";\n'},
        [
            Expected(DUMP, out=DAILY),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(PRIORITIES, rc=100, err=GONE),
            Expected(UPGRADE, rc=100, err=GONE),
            *STARTS,
        ],
    )
    assert info(host)["problems"] == [
        f"{PARTS}/99default:1: apt rejects its preferences: {GONE.strip()} (rc=100); correct that file first",
        f"apt-get cannot list the pending upgrades: {GONE.strip()} (rc=100)",
    ]


def test_a_report_of_a_host_whose_updates_have_stopped() -> None:
    lines = ("INFO Starting unattended upgrades script", "ERROR No space left")
    log = "".join(f"2026-11-22 06:00:01,000 {line}\n" for line in lines)
    old = int(time.time()) - 900 * 3600
    host = FakeHost(
        {**STOCK, "/var/log/unattended-upgrades/unattended-upgrades.log": log},
        [
            Expected(DUMP, out=DAILY),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            RANKED,
            Expected(UPGRADE, out="Inst openssl [1] (2 Debian-Security:13/stable-security [amd64])\n"),
            Expected(BY_POLICY),
            Expected(BY_ARCHIVES, out="Inst openssl [1] (2 Debian-Security:13/stable-security [amd64])\n"),
            *STARTS,
        ],
        mtimes={
            "/etc/machine-id": old,
            "/var/lib/apt/periodic/update-success-stamp": old,
            "/var/lib/apt/periodic/upgrade-stamp": old,
        },
    )
    found = info(host)
    assert (found["lists_age"], found["success_age"]) == (900, 900)
    assert [sentence.partition(" (")[0] for sentence in found["problems"]] == [
        "the package lists were last fetched 900 hours ago",
        "unattended-upgrade last succeeded 900 hours ago",
        "the last run of unattended-upgrade failed: No space left",
        "updates from allowed origins are kept back: openssl 2",
    ]
    assert found["kept_back"][0]["reason"] == "dependencies"
