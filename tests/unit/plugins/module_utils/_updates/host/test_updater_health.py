"""The health of the updater over files with times, and over what broken hosts printed."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import parse_dump
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import apt_state, updater_health
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import Archive
from tests.unit.fake_host import NOW, Expected, FakeHost
from tests.unit.plugins.module_utils._updates.test_freshness import RELEASE, SECURITY

HELP = ["unattended-upgrade", "--help"]
CHECK = ["apt-get", "-q", "-o", "Debug::NoLocking=true", "check"]
HOUR = 3600
SUCCESS = "/var/lib/apt/periodic/upgrade-stamp"
FETCHED = "/var/lib/apt/periodic/update-success-stamp"
TRIED = "/var/lib/apt/periodic/update-stamp"
LOG = "/var/log/unattended-upgrades/unattended-upgrades.log"
DAILY = 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        pytest.param([Expected(HELP), Expected(CHECK)], [], id="healthy"),
        pytest.param(
            [
                Expected(
                    HELP,
                    rc=1,
                    err="Traceback (most recent call last):\n"
                    '  File "/usr/bin/unattended-upgrade", line 60, in <module>\n    import apt_pkg\n'
                    "ModuleNotFoundError: No module named 'apt_pkg'\n",
                ),
                Expected(CHECK),
            ],
            ["unattended-upgrade cannot start: ModuleNotFoundError: No module named 'apt_pkg'"],
            id="apt_pkg is missing",
        ),
        pytest.param(
            [Expected(HELP, rc=127), Expected(CHECK)], ["unattended-upgrade cannot start: rc=127"], id="silent"
        ),
        pytest.param(
            [
                Expected(HELP),
                Expected(
                    CHECK,
                    rc=100,
                    err="E: The package half needs to be reinstalled, but I can't find an archive for it.\n",
                ),
            ],
            [
                "unattended-upgrade stops at the state of the packages: E: The package half needs to be reinstalled, "
                "but I can't find an archive for it. (rc=100)"
            ],
            id="a package is half installed",
        ),
    ],
)
def test_obstacles(commands: list[Expected], expected: list[str]) -> None:
    host = FakeHost(commands=commands)
    assert updater_health.find_obstacles(t.cast("t.Any", host), parse_dump(DAILY)) == expected
    host.done()


SCRIPT, STATUS = "/usr/bin/unattended-upgrade", "/var/lib/dpkg/status"
START = Expected(["/usr/bin/python3", "-c", updater_health._CODE, SCRIPT], out='["/usr/lib/python3/dist-packages/apt"]')


def test_what_cannot_have_changed_is_not_asked_again() -> None:
    files = {SCRIPT: "#!/usr/bin/python3\n", STATUS: "Package: apt\n", f"{apt_state.LISTS}/a_Release": "x"}
    mtimes = {path: 1 for path in [*files, "/usr/lib/python3/dist-packages/apt"]}

    def find(commands: list[Expected], config: str = DAILY) -> list[str]:
        host = FakeHost(files, commands, programs={"unattended-upgrade": SCRIPT}, mtimes=mtimes)
        found = updater_health.find_obstacles(t.cast("t.Any", host), parse_dump(config))
        host.done()
        files.update(host.files)
        return found

    assert find([START, Expected(CHECK)]) == []
    assert find([]) == []
    # Another configuration, another state of the packages, other code.
    assert find([START, Expected(CHECK)], config=DAILY + 'APT::Architecture "arm64";\n') == []
    assert find([START, Expected(CHECK)]) == []
    files[STATUS] += "Package: vim\n"
    assert find([Expected(CHECK)]) == []
    files[f"{apt_state.LISTS}/a_Release"] += "y"
    assert find([Expected(CHECK, rc=100, err="E: broken")])[0].endswith("E: broken (rc=100)")
    files["/usr/lib/python3/dist-packages/apt"] = "changed"
    assert find([START, Expected(CHECK)]) == []
    # A failure is asked for again, each time.
    failed = Expected(START.argv, rc=1, err="ModuleNotFoundError: No module named 'apt_pkg'\n")
    files[SCRIPT] += "import apt_pkg\n"
    for _run in range(2):
        assert len(find([failed])) == 1


def ages(
    hours: dict[str, float], files: dict[str, str] | None = None, config: str = DAILY, allowed: t.Sequence[Archive] = ()
) -> updater_health.UpdateAges:
    host = FakeHost(files or {}, mtimes={path: int(NOW - age * HOUR) for path, age in hours.items()})
    return updater_health.gather_ages(t.cast("t.Any", host), parse_dump(config), allowed, 48)


@pytest.mark.parametrize(
    ("hours", "lists", "success", "problems"),
    [
        pytest.param({FETCHED: 3, SUCCESS: 2}, 3, 2, 0, id="healthy"),
        pytest.param({FETCHED: 3, apt_state.LISTS: 1, SUCCESS: 2}, 1, 2, 0, id="fetched by an admin"),
        pytest.param({apt_state.LISTS: 900, TRIED: 5, SUCCESS: 2}, 5, 2, 0, id="nothing tells a fetch from an attempt"),
        pytest.param({FETCHED: 2160, TRIED: 5, SUCCESS: 2}, 2160, 2, 1, id="attempts that fetched nothing"),
        pytest.param({FETCHED: 3, SUCCESS: 900}, 3, 900, 1, id="no success"),
        pytest.param({FETCHED: 900, SUCCESS: 900, "/etc/machine-id": 1}, 900, 900, 0, id="a new host of an old image"),
        pytest.param({FETCHED: 900, SUCCESS: 900, apt_state.POLICY: 1}, 900, 900, 0, id="a new policy"),
        pytest.param({"/etc/machine-id": 1}, None, None, 0, id="a new host"),
        pytest.param({"/etc/machine-id": 99}, None, None, 2, id="a host on which nothing ever worked"),
    ],
)
def test_ages(hours: dict[str, float], lists: int | None, success: int | None, problems: int) -> None:
    found = ages(hours)
    assert (found.lists, found.success, len(found.problems)) == (lists, success, problems)


def test_longer_intervals_have_longer_limits() -> None:
    weekly = DAILY.replace('"1"', '"7"')
    assert ages({FETCHED: 160, SUCCESS: 160}, config=weekly).problems == ()
    assert len(ages({FETCHED: 160, SUCCESS: 160}).problems) == 2
    assert len(ages({FETCHED: 160, SUCCESS: 160}, config=weekly.replace('"7"', '"always"')).problems) == 2


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (DAILY.replace('Upgrade "1"', 'Upgrade "0"'), ["the package lists were"]),
        (DAILY.replace('Lists "1"', 'Lists "0"'), ["unattended-upgrade"]),
        (f'{DAILY}APT::Periodic::Enable "0";\n', []),
    ],
)
def test_what_the_policy_turns_off_cannot_be_late(config: str, expected: list[str]) -> None:
    found = ages({FETCHED: 900, SUCCESS: 900}, config=config)
    assert [sentence.partition(" was ")[0].split(" last")[0] for sentence in found.problems] == expected


def test_a_run_by_hand_counts_if_it_succeeded() -> None:
    start = "2027-01-15 05:00:00,000 INFO Starting unattended upgrades script\n"
    end = "2027-01-15 06:00:00,000 INFO All upgrades installed\n"
    assert ages({FETCHED: 1, SUCCESS: 900}, {LOG: start + end}).success == 2
    assert ages({FETCHED: 1, SUCCESS: 900}, {LOG: start}).success == 900


@pytest.mark.parametrize(
    ("config", "expected"),
    [(DAILY, 1), (f'{DAILY}Acquire::Check-Valid-Until "false";\n', 0)],
)
def test_expired_lists_of_an_allowed_archive(config: str, expected: int) -> None:
    old = RELEASE.replace("21 Jan 2027", "11 Jan 2027")
    files = {f"{apt_state.LISTS}/security.example.org_dists_trixie-security_InRelease": old}
    found = ages({FETCHED: 1, SUCCESS: 1}, files, config, [SECURITY])
    assert len(found.problems) == expected
