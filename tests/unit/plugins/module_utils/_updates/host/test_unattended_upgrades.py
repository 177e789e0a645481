from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.timers import DROP_IN, PROPERTIES
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import quote, render
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.apt_state import PARTS
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.unattended_upgrades import (
    PATH,
    TIMERS,
    UpgradesRequest,
    ensure,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.unattended_upgrades import LISTS, UpgradePolicy
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).parents[4] / "fixtures" / "unattended_upgrades"
SECURITY = "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"
ARCHIVE = (
    "origin=Debian,codename=trixie-security,archive=stable-security,label=Debian-Security,component=main,"
    "site=security.example.org"
)
PREFERENCES = "/etc/apt/preferences.d"
PIN = "Package: *\nPin: release l=Debian-Security\nPin-Priority: -1\n"
PIN_BASH = "Package: bash\nPin: release n=trixie\nPin-Priority: 990\n"
NEVER = (FIXTURES / "apt-cache-policy-security-never-debian13").read_text()
BARRED = (
    f"every archive that {SECURITY.replace('${distro_codename}', 'trixie')} matches has a priority below 100, "
    f"so apt upgrades no installed package from there ({ARCHIVE} has -1)"
)
CHANGE_PIN = "change the pin there, see apt_preferences(5)"
HALF_INSTALLED = (
    "Apt returned an error, exiting\nerror message: E:The package half needs to be reinstalled, but I can't find an "
    "archive for it.\n"
)
GONE = "E: The value 'buster' is invalid for APT::Default-Release as such a release is not available in the sources\n"
UPGRADE = "apt-daily-upgrade.timer"
KEY = LISTS["origins"]
DESIRED = UpgradePolicy({KEY: (SECURITY,)}, {"Unattended-Upgrade::Automatic-Reboot": "false"})
TEXT = render("ours", DESIRED.lists, DESIRED.values)
STOCK = {
    "/etc/os-release": (FIXTURES / "os-release-debian13").read_text(),
    f"{PARTS}/50unattended-upgrades": (FIXTURES / "50unattended-upgrades-debian13").read_text(),
}
NO_DROP_INS = {name: None for name in TIMERS.values()}
SCHEDULE = "[Timer]\nOnCalendar=\nOnCalendar=4:00\nRandomizedDelaySec=10m\n"
IN_FORCE = f'{KEY}:: "{SECURITY}";\nUnattended-Upgrade::Automatic-Reboot "false";\n'
STOCK_TIMERS = (FIXTURES / "systemctl-show-timers-debian13").read_text()
STOCK_TARGETS = (FIXTURES / "apt-get-indextargets-debian13").read_text()
ALLOWED = "Allowed origins are: origin=Debian,codename=trixie-security,label=Debian-Security\n"

DUMP = ["apt-config", "dump"]
TARGETS = ["apt-get", "indextargets"]
URIS = ["apt-get", "--print-uris", "update"]
UPDATE = ["apt-get", "-qq", "update"]
SERVICES = ["apt-daily.service", "apt-daily-upgrade.service"]
SHOW = [
    *["systemctl", "show", "--property", PROPERTIES, "--"],
    *["apt-daily.timer", SERVICES[0], UPGRADE, SERVICES[1]],
]
PRIORITIES = ["apt-cache", "policy"]
STOCK_RANKED = (FIXTURES / "apt-cache-policy-debian13").read_text()
RANKED = Expected(PRIORITIES, out=STOCK_RANKED)
# What a run without the dry run asks: whether the updater starts, and the state of the packages.
STARTS = [
    Expected(["unattended-upgrade", "--help"]),
    Expected(["apt-get", "-q", "-o", "Debug::NoLocking=true", "check"]),
]
# Without it apt reads its own configuration instead of the staged one, and the check sees nothing.
STAGED = {"APT_CONFIG": "/scratch/apt.conf"}
DRY_RUN = ["unattended-upgrade", "--dry-run", "--debug"]


def run(host: FakeHost, policy: UpgradePolicy = DESIRED, **options: t.Any) -> PolicyResult:
    request = UpgradesRequest(**{"policy": policy, "text": TEXT, "drop_ins": NO_DROP_INS, "must_fire": True, **options})
    # A host that was set up just now.
    host.mtimes.setdefault("/etc/machine-id", int(time.time()))
    found = ensure(t.cast("t.Any", host), request)
    host.done()
    return found


def test_a_run_that_changes_nothing() -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
        ],
    )
    found = run(host)
    assert (found.changed, found.diff, found.warnings, host.written) == (False, [], [], [])
    assert found.result["origins"] == [{"pattern": SECURITY, "archives": [ARCHIVE]}]
    assert found.result["effective"]["origins"] == [SECURITY]
    assert [timer["next"] for timer in found.result["timers"]] == [
        line.partition("=")[2] for line in STOCK_TIMERS.splitlines() if line.startswith("NextElapse")
    ]


def test_the_first_run_checks_a_staged_copy_and_runs_dry_before_it_writes() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DRY_RUN, env=STAGED, out=ALLOWED),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DUMP, out=IN_FORCE),
        ],
    )
    found = run(host)
    assert found.diff == [{"before_header": PATH, "after_header": PATH, "before": "", "after": TEXT}]
    assert host.files[PATH] == TEXT
    assert host.laid_out == {
        "/scratch/apt.conf.d/50unattended-upgrades": STOCK[f"{PARTS}/50unattended-upgrades"],
        "/scratch/apt.conf.d/90pyhost-unattended-upgrades": TEXT,
        "/scratch/apt.conf": f"Dir::Etc::parts {quote('/scratch/apt.conf.d')};\n"
        f"Unattended-Upgrade::LogDir {quote('/scratch')};\n",
    }


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_origin_whose_archives_are_pinned_down_is_refused(check_mode: bool) -> None:
    host = FakeHost(
        {**STOCK, "/etc/apt/preferences": "", f"{PREFERENCES}/x": PIN, f"{PREFERENCES}/x.bak": ""},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, out=NEVER),
        ],
        check_mode=check_mode,
    )
    with pytest.raises(BaselineError) as error:
        run(host)
    host.done()
    assert str(error.value) == (
        f"origins: /etc/apt/preferences.d/x:3: {BARRED}; this task changed nothing; {CHANGE_PIN}"
    )
    assert host.written == []


@pytest.mark.parametrize(
    ("preferences", "policy", "warnings"),
    [
        pytest.param(PIN_BASH, "apt-cache-policy-one-package-debian13", [], id="another package is pinned"),
        pytest.param(
            f"{PIN}\n{PIN_BASH}",
            "apt-cache-policy-security-never-debian13",
            [f"origins: /etc/apt/preferences.d/x:3: {BARRED}, except perhaps packages that are pinned by name"],
            id="packages are pinned by name",
        ),
    ],
)
def test_pins_that_leave_something_to_upgrade(preferences: str, policy: str, warnings: list[str]) -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT, f"{PREFERENCES}/x": preferences},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, out=(FIXTURES / policy).read_text()),
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
        ],
    )
    found = run(host)
    assert (found.changed, found.warnings, host.written) == (False, warnings, [])


def test_an_allowlist_does_not_outweigh_the_pin_of_an_archive() -> None:
    allowlist = LISTS["allowlist"]
    host = FakeHost(
        {**STOCK, PATH: TEXT, f"{PREFERENCES}/x": PIN},
        [
            Expected(DUMP, out=f'{IN_FORCE}{allowlist}:: "openssl";\n'),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, out=NEVER),
        ],
    )
    with pytest.raises(BaselineError, match="has a priority below 100, so apt upgrades"):
        run(host, UpgradePolicy({KEY: (SECURITY,), allowlist: ("openssl",)}, {}))


def test_preferences_that_apt_rejects() -> None:
    words = "E: Unable to parse package file /etc/apt/preferences.d/x (1)"
    host = FakeHost(
        {**STOCK, f"{PREFERENCES}/x": "garbage\n"},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, rc=100, out=NEVER, err=f"{words}\n"),
        ],
    )
    with pytest.raises(BaselineError) as error:
        run(host)
    assert str(error.value) == (
        f"apt rejects its preferences: {words} (rc=100); this task changed nothing; correct that file first"
    )


def test_check_mode_on_a_virgin_host_warns_of_what_it_cannot_know() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS),
            Expected(URIS, out="'http://deb.example.org/debian/dists/trixie/InRelease' deb_trixie_InRelease 0 \n"),
            Expected(SHOW, out=STOCK_TIMERS),
        ],
        programs=["apt-config"],
        check_mode=True,
    )
    found = run(host)
    assert found.changed
    assert host.written == []
    assert host.known_after_apply == [
        "the package unattended-upgrades is not installed yet, so it could not be asked whether it takes the policy",
        f"whether {SECURITY} matches an archive is not known yet: the index of "
        "http://deb.example.org/debian/dists/trixie is missing",
    ]


def test_missing_package_lists_are_fetched_when_their_lock_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS),
            Expected(URIS, out=(FIXTURES / "apt-get-print-uris-debian13").read_text()),
            Expected(UPDATE, rc=100, err="E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7\n"),
            Expected(UPDATE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
        ],
    )
    found = run(host)
    assert (found.changed, found.result["lists_updated"], waits) == (False, True, [2])


def test_package_lists_that_cannot_be_fetched() -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS),
            Expected(URIS, out=(FIXTURES / "apt-get-print-uris-debian13").read_text()),
            Expected(UPDATE, err="W: Failed to fetch http://deb.example.org/debian/dists/trixie/InRelease\n"),
            Expected(TARGETS),
            Expected(URIS, out="'http://deb.example.org/debian/dists/trixie/InRelease' deb_trixie_InRelease 0 \n"),
        ],
    )
    with pytest.raises(BaselineError) as error:
        run(host)
    assert str(error.value) == (
        f"origins: whether {SECURITY} matches an archive is not known, because the lists of "
        "http://deb.example.org/debian/dists/trixie cannot be fetched: "
        "W: Failed to fetch http://deb.example.org/debian/dists/trixie/InRelease; this task updated the package "
        "lists that could be fetched, and changed nothing else"
    )
    assert host.written == []


def test_reports_that_cannot_be_sent() -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE + 'Unattended-Upgrade::Mail "ops@example.org";\n'),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
        ],
        programs=["apt-config", "unattended-upgrade"],
    )
    assert run(host).warnings == ["no report will reach ops@example.org: the host has neither mail nor sendmail"]


def names(*paths: str) -> dict[str, str]:
    return {f"/var/lib/apt/lists/{name}": "" for path in paths for name in path.split()}


FAILURES = [
    pytest.param(
        {},
        [
            Expected(
                DUMP, env=STAGED, rc=100, err="E: Syntax error /scratch/apt.conf.d/99x:2: Extra junk at end of file\n"
            )
        ],
        "apt rejects its configuration: E: Syntax error /etc/apt/apt.conf.d/99x:2: Extra junk at end of file (rc=100); "
        "this task changed nothing; correct that file first",
        id="another file is broken",
    ),
    pytest.param(
        {f"{PARTS}/99local": 'Unattended-Upgrade::Automatic-Reboot "true";\n'},
        [Expected(DUMP, env=STAGED, out=IN_FORCE.replace('"false"', '"true"'))],
        "the requested policy is not in force: Unattended-Upgrade::Automatic-Reboot is 'true' (requested: "
        "'false') because of /etc/apt/apt.conf.d/99local:1; this task changed nothing; these files are read after "
        f"{PATH} and "
        "take precedence; remove those lines or request the same values",
        id="a later file wins",
    ),
    pytest.param(
        {"/etc/apt/apt.conf": f'\n{KEY}:: "origin=*";\n'},
        [Expected(DUMP, env=STAGED, out=IN_FORCE + f'{KEY}:: "origin=*";\n')],
        f"the requested policy is not in force: {KEY} is [{SECURITY}, origin=*] (requested: [{SECURITY}]) because of "
        f"/etc/apt/apt.conf:2; this task changed nothing; these files are read after {PATH} and take precedence; "
        "remove those lines or request the same values",
        id="the main file adds an origin",
    ),
    pytest.param(
        names((FIXTURES / "lists-debian13").read_text()),
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS.replace("trixie-security", "sid")),
            Expected(URIS, out=(FIXTURES / "apt-get-print-uris-debian13").read_text()),
        ],
        "origins: origin=Debian,codename=trixie-security,label=Debian-Security matches no archive that apt is "
        "configured for, so it would never install anything; this task changed nothing; add it with `printf '%s\\n' "
        "'Types: deb' 'URIs: http://security.debian.org/debian-security' 'Suites: trixie-security' 'Components: main' "
        "'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >/etc/apt/sources.list.d/debian-security.sources"
        "`; the archives are: ",
        id="an origin that matches nothing",
    ),
    pytest.param(
        {},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DRY_RUN, env=STAGED, rc=1, out=ALLOWED, err=HALF_INSTALLED),
        ],
        "unattended-upgrade accepts the policy, but fails on this host (rc=1): Allowed origins are: origin=Debian,"
        "codename=trixie-security,label=Debian-Security; Apt returned an error, exiting; error message: E:The package "
        "half needs to be reinstalled, but I can't find an archive for it.; this task changed nothing; "
        "`unattended-upgrade --dry-run --debug` on the host shows the whole output",
        id="the policy is right, and every run would fail",
    ),
    pytest.param(
        {f"{PARTS}/99default": 'APT::Default-Release "trixie";\n'},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, out=STOCK_RANKED.replace(" 500 http://deb.example.org/debian trixie/", " 990 x x/")),
        ],
        "origins: /etc/apt/apt.conf.d/99default:1: apt prefers another archive to one that is allowed, so it does not "
        "upgrade what both have: origin=Debian,codename=trixie,archive=stable,label=Debian,component=main,"
        f"site=deb.example.org has 990, {ARCHIVE} has 500; this task changed nothing; remove APT::Default-Release "
        'there, or let it match all archives of the release: "/^trixie(|-security|-updates)$/"',
        id="APT::Default-Release",
    ),
    pytest.param(
        {f"{PARTS}/99default": 'APT::Default-Release "buster";\n'},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, rc=100, err=GONE),
        ],
        f"/etc/apt/apt.conf.d/99default:1: apt rejects its preferences: {GONE.strip()} (rc=100); this task changed "
        "nothing; correct that file first",
        id="APT::Default-Release of the release before the upgrade",
    ),
    pytest.param(
        {},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            Expected(PRIORITIES, out=STOCK_RANKED.replace(" 500 http://security", "   1 http://security")),
        ],
        f"origins: {BARRED.replace('-1', '1')}; this task changed nothing; its Release file says NotAutomatic; pin it "
        "to 500 in a file of /etc/apt/preferences.d, or leave the origin out",
        id="an archive that is NotAutomatic",
    ),
    pytest.param(
        {},
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DRY_RUN, env=STAGED, rc=1, err="An error occurred: Unable to parse\n"),
        ],
        "unattended-upgrade does not accept the policy (rc=1): An error occurred: Unable to parse; "
        "this task changed nothing",
        id="the dry run fails",
    ),
]


@pytest.mark.parametrize(("extra", "commands", "message"), FAILURES)
def test_a_refused_policy_leaves_the_host_as_it_was(
    extra: dict[str, str], commands: list[Expected], message: str
) -> None:
    host = FakeHost({**STOCK, **extra}, commands)
    with pytest.raises(BaselineError) as error:
        run(host)
    host.done()
    assert str(error.value).startswith(message)
    assert str(error.value) == message or message.endswith("the archives are: ")
    assert host.written == []


def test_the_package_is_missing() -> None:
    host = FakeHost(STOCK, [Expected(DUMP, env=STAGED, out=IN_FORCE)], programs=["apt-config"])
    with pytest.raises(BaselineError) as error:
        run(host)
    assert (
        str(error.value)
        == "the package unattended-upgrades is not installed; this task changed nothing; install it first"
    )


def test_masked_and_stopped_timers_are_healed() -> None:
    masked = STOCK_TIMERS.replace("UnitFileState=enabled", "UnitFileState=masked").replace(
        "ActiveState=active", "ActiveState=failed"
    )
    both = ["apt-daily.timer", UPGRADE]
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=masked),
            Expected(["systemctl", "unmask", "--", *both]),
            Expected(["systemctl", "daemon-reload", "--"]),
            Expected(["systemctl", "enable", "--", *both]),
            Expected(["systemctl", "restart", "--", *both]),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DUMP, out=IN_FORCE),
        ],
    )
    found = run(host)
    assert [entry["before_header"] for entry in found.diff] == [UPGRADE, "apt-daily.timer"]
    assert (found.diff[0]["before"], found.diff[0]["after"]) == ("masked, failed\n", "enabled, active\n")
    assert host.written == []


def test_a_masked_service_is_healed() -> None:
    """Its timer fires on, and nothing happens."""
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS + "\nId=apt-daily-upgrade.service\nLoadState=masked\n"),
            Expected(["systemctl", "unmask", "--", SERVICES[1]]),
            Expected(["systemctl", "daemon-reload", "--"]),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DUMP, out=IN_FORCE),
        ],
    )
    found = run(host)
    assert [entry["before"] for entry in found.diff] == ["enabled, active, and apt-daily-upgrade.service is masked\n"]
    assert host.written == []


def test_a_timer_that_stays_silent_is_an_error() -> None:
    stopped = STOCK_TIMERS.replace("ActiveState=active", "ActiveState=inactive")
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=stopped),
            Expected(["systemctl", "restart", "--", "apt-daily.timer", UPGRADE]),
            Expected(SHOW, out=stopped),
        ],
    )
    with pytest.raises(BaselineError, match="apt-daily.timer will not fire: it is enabled, inactive"):
        run(host)


@pytest.mark.parametrize(
    ("before", "known", "marked"),
    [
        pytest.param(None, False, [], id="new"),
        pytest.param("[Timer]\nOnCalendar=\nOnCalendar=5:00\n", True, [], id="another time before"),
        pytest.param(SCHEDULE, False, [UPGRADE], id="written earlier and never loaded"),
    ],
)
def test_a_schedule(before: str | None, known: bool, marked: list[str]) -> None:
    path = DROP_IN.format(UPGRADE)
    loaded = STOCK_TIMERS.replace("*-*-* 06:00:00", "*-*-* 04:00:00").replace("=1h", "=10min").split("\n\n")
    loaded[1] = loaded[1].replace("DropInPaths=", f"DropInPaths={path}")
    host = FakeHost(
        {**STOCK, PATH: TEXT, **({path: before} if before else {})},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out="\n\n".join(loaded) if known else STOCK_TIMERS),
            Expected(["systemd-analyze", "calendar", "--", "4:00"], out="Normalized form: *-*-* 04:00:00\n"),
            Expected(["systemd-analyze", "timespan", "--", "10m"], out="   Human: 10min\n"),
            Expected(["systemctl", "daemon-reload", "--"]),
            Expected(SHOW, out="\n\n".join(loaded)),
            Expected(DUMP, out=IN_FORCE),
        ],
    )
    found = run(host, drop_ins={**NO_DROP_INS, UPGRADE: SCHEDULE})
    assert found.changed
    assert host.files[path] == SCHEDULE
    assert host.written == ([] if before == SCHEDULE else [path])
    assert [entry["before_header"] for entry in found.diff if "older" in entry["before"]] == marked
    assert found.result["timers"][1]["calendar"] == ["*-*-* 04:00:00"]


def test_a_wrong_time_is_refused_before_anything_is_written() -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(["systemd-analyze", "calendar", "--", "teatime"], rc=1),
        ],
    )
    with pytest.raises(BaselineError) as error:
        run(host, drop_ins={**NO_DROP_INS, UPGRADE: "[Timer]\nOnCalendar=\nOnCalendar=teatime\n"})
    assert str(error.value) == (
        "schedule: 'teatime' is not a calendar time of systemd.time(7), such as *-*-* 04:00; this task changed nothing"
    )
    assert host.written == []


def test_absent_removes_our_files() -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, env=STAGED),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DUMP),
        ],
    )
    found = run(host, UpgradePolicy({}, {}), text=None, must_fire=False)
    assert found.changed
    assert PATH not in host.files


GONE_FROM_THE_ARCHIVE = f"{ALLOWED}The URI http://deb.example.org/x_1_all.deb failed to download, aborting\n"


@pytest.mark.parametrize("second", [0, 1])
def test_lists_that_are_older_than_the_archive_are_fetched_again(second: int) -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DRY_RUN, env=STAGED, rc=1, out=GONE_FROM_THE_ARCHIVE),
            Expected(UPDATE),
            Expected(DRY_RUN, env=STAGED, rc=second, out=GONE_FROM_THE_ARCHIVE if second else ALLOWED),
            *([] if second else [Expected(SHOW, out=STOCK_TIMERS), Expected(DUMP, out=IN_FORCE)]),
        ],
    )
    if not second:
        assert run(host).changed
        return
    with pytest.raises(BaselineError, match="failed to download, aborting; this task updated the package lists, and "):
        run(host)
    assert host.written == []


@pytest.mark.parametrize("message", ["Lock could not be acquired", "Lock file is already taken, exiting"])
def test_a_dry_run_that_has_to_wait_for_another_one_is_left_out(message: str) -> None:
    host = FakeHost(
        STOCK,
        [
            Expected(DUMP, env=STAGED, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DRY_RUN, env=STAGED, rc=1, out=f"{message}\n"),
            Expected(SHOW, out=STOCK_TIMERS),
            Expected(DUMP, out=IN_FORCE),
        ],
    )
    assert run(host).warnings == ["the dry run of unattended-upgrade was skipped: another package manager is running"]


NO_APT_PKG = Expected(STARTS[0].argv, rc=1, err="ModuleNotFoundError: No module named 'apt_pkg'\n")


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_updater_that_cannot_start(check_mode: bool) -> None:
    """Files, timers and origins are right. In check mode another task may be about to repair it."""
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=IN_FORCE),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            NO_APT_PKG,
            STARTS[1],
            *([Expected(SHOW, out=STOCK_TIMERS)] if check_mode else []),
        ],
        check_mode=check_mode,
    )
    sentence = "unattended-upgrade cannot start: ModuleNotFoundError: No module named 'apt_pkg'"
    if check_mode:
        assert run(host).warnings == [] and host.known_after_apply == [sentence]
        return
    with pytest.raises(BaselineError) as error:
        run(host)
    assert str(error.value) == (
        f"{sentence}; this task changed nothing; nothing is installed automatically until this is repaired"
    )


def test_a_policy_that_installs_nothing_does_not_ask_whether_the_updater_starts() -> None:
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [Expected(DUMP, out=IN_FORCE), Expected(TARGETS, out=STOCK_TARGETS), RANKED, Expected(SHOW, out=STOCK_TIMERS)],
    )
    assert run(host, must_fire=False).warnings == []


def test_a_success_that_is_too_old_is_a_warning() -> None:
    now = int(time.time())
    host = FakeHost(
        {**STOCK, PATH: TEXT},
        [
            Expected(DUMP, out=f'{IN_FORCE}APT::Periodic::Unattended-Upgrade "1";\n'),
            Expected(TARGETS, out=STOCK_TARGETS),
            RANKED,
            *STARTS,
            Expected(SHOW, out=STOCK_TIMERS),
        ],
        mtimes={
            "/etc/machine-id": now - 900 * 3600,
            "/var/lib/apt/lists": now,
            "/var/lib/apt/periodic/upgrade-stamp": now - 250 * 3600,
        },
    )
    (warning,) = run(host).warnings
    assert warning.startswith("unattended-upgrade last succeeded 250 hours ago")


def test_an_origin_that_the_distribution_allows_may_match_nothing() -> None:
    """Ubuntu's ESM without a subscription; no package list is fetched for it."""
    esm = "origin=UbuntuESM,archive=${distro_codename}-infra-security"
    dump = IN_FORCE.replace(f'{KEY}:: "{SECURITY}";', f'{KEY}:: "{SECURITY}";\n{KEY}:: "{esm}";')
    commands = [
        Expected(DUMP, out=dump),
        Expected(TARGETS, out=STOCK_TARGETS),
        RANKED,
        *STARTS,
        Expected(SHOW, out=STOCK_TIMERS),
    ]
    desired = UpgradePolicy({KEY: (SECURITY, esm)}, DESIRED.values)
    found = run(FakeHost({**STOCK, PATH: TEXT}, commands), desired, optional=frozenset([esm]))
    assert found.result["origins"][1] == {"pattern": esm, "archives": []}
