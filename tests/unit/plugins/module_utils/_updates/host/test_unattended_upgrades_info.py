"""The report of the policy in force, and the problems that it names."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.unattended_upgrades_info import gather_info
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.plugins.module_utils._updates.host.test_unattended_upgrades import (
    BARRED,
    DUMP,
    FIXTURES,
    IN_FORCE,
    NEVER,
    PIN,
    PREFERENCES,
    PRIORITIES,
    SHOW,
    STOCK,
    STOCK_TARGETS,
    STOCK_TIMERS,
    TARGETS,
)

UPGRADE = ["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"]


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
            Expected(
                ["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"],
                out=(FIXTURES / "apt-get-simulate-debian13").read_text(),
            ),
        ],
    )
    found = gather_info(t.cast("t.Any", host))
    host.done()
    assert found["problems"] == []
    assert found["reboot_required_by"] == ["libc6", "linux-image-amd64"]
    assert (found["installed"], found["reboot_required"], len(found["pending"])) == (True, True, 3)
    assert [len(row["archives"]) for row in found["origins"]] == [1, 0, 1]
    assert found["last_run"]["upgraded"] == ["pyhost-wanted"]


def test_a_report_names_an_origin_whose_archives_are_pinned_down() -> None:
    host = FakeHost(
        {**STOCK, f"{PREFERENCES}/x": PIN},
        [
            Expected(DUMP, out=(FIXTURES / "apt-config-dump-with-policy-debian13").read_text()),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(PRIORITIES, out=NEVER),
            Expected(["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"]),
        ],
    )
    found = gather_info(t.cast("t.Any", host))
    host.done()
    assert found["problems"] == [f"{BARRED}; see the pins in /etc/apt/preferences.d/x and apt_preferences(5)"]


def test_a_report_names_an_origin_that_matches_nothing_and_a_silent_timer() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, out=IN_FORCE.replace("Debian,", "Debain,")),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS.replace("UnitFileState=enabled", "UnitFileState=disabled")),
            Expected(["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"]),
        ],
        programs=["apt-config"],
    )
    assert gather_info(t.cast("t.Any", host))["problems"] == [
        "APT::Periodic::Update-Package-Lists is 0: no update is ever seen",
        "APT::Periodic::Unattended-Upgrade is 0: nothing is upgraded automatically",
        "the origin origin=Debain,codename=trixie-security,label=Debian-Security matches no archive that apt is "
        "configured for",
        "apt-daily.timer will not fire: it is disabled, active",
        "apt-daily-upgrade.timer will not fire: it is disabled, active",
        "the package unattended-upgrades is not installed: nothing is upgraded automatically",
    ]


def test_pending_upgrades_that_cannot_be_listed_are_an_error() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(UPGRADE, rc=100, err="E: dpkg was interrupted\n"),
        ],
    )
    with pytest.raises(BaselineError, match="apt-get cannot list the pending upgrades: E: dpkg was interrupted"):
        gather_info(t.cast("t.Any", host))
