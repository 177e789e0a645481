"""What systemd and journald do with the messages of sshd: which settings lose failed logins, and which do not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import sshd_log
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_log import SshdLog

# What systemctl shows of a unit without such settings.
UNSET = {"LogLevelMax": "-1", "LogNamespace": "", "LogRateLimitIntervalUSec": "0", "LogRateLimitBurst": "0"}


def log(*, journald: t.Mapping[str, str] | None = None, **properties: str) -> SshdLog:
    return SshdLog("ssh.service", {**UNSET, **properties}, journald or {})


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param("", {}, id="no file"),
        pytest.param(
            "# /etc/systemd/journald.conf\n[Journal]\nStorage=none\n#RateLimitBurst=1\n; MaxLevelStore=err\n",
            {"Storage": "none"},
            id="comments",
        ),
        pytest.param(" RateLimitBurst =\t50  \n", {"RateLimitBurst": "50"}, id="blanks"),
        pytest.param("RateLimitIntervalSec=1min 30s\n", {"RateLimitIntervalSec": "1min 30s"}, id="two words"),
        pytest.param(
            "[Journal]\nMaxLevelStore=err\n\n# /etc/systemd/journald.conf.d/x.conf\n[Journal]\nMaxLevelStore=debug\n",
            {"MaxLevelStore": "debug"},
            id="a drop-in overrides",
        ),
        pytest.param(
            "MaxLevelStore=err\nMaxLevelStore=\nStorage=auto", {"MaxLevelStore": "", "Storage": "auto"}, id="reset"
        ),
    ],
)
def test_the_settings_of_journald(text: str, settings: dict[str, str]) -> None:
    assert sshd_log.journal_settings(text) == settings


def level_errors(level: str) -> tuple[list[str], list[str]]:
    """Return the errors where the unit of sshd has this level, and where journald has it."""
    return sshd_log.log_errors(log(LogLevelMax=level), 5), sshd_log.log_errors(
        log(journald={"MaxLevelStore": level}), 5
    )


@pytest.mark.parametrize(
    ("level", "name"),
    [
        ("0", "emerg"),
        ("3", "err"),
        ("4", "warning"),
        ("5", "notice"),
        ("emerg", "emerg"),
        ("alert", "alert"),
        ("crit", "crit"),
        ("err", "err"),
        ("warning", "warning"),
        ("notice", "notice"),
    ],
)
def test_levels_that_exclude_failed_logins(level: str, name: str) -> None:
    assert level_errors(level) == (
        [f"ssh.service has LogLevelMax={name}, which excludes failed logins (level info)"],
        [f"journald.conf has MaxLevelStore={name}, which excludes failed logins (level info)"],
    )


@pytest.mark.parametrize("level", ["6", "7", "8", "info", "debug", "-1", "", "warn", "99999999999999999999"])
def test_levels_that_keep_failed_logins(level: str) -> None:
    assert level_errors(level) == ([], [])


def test_a_namespace_of_the_journal() -> None:
    assert sshd_log.log_errors(log(LogNamespace="quiet"), 5) == [
        "ssh.service logs to the journal namespace quiet (LogNamespace), which fail2ban does not read"
    ]


def test_each_error_is_reported() -> None:
    found = sshd_log.log_errors(
        log(
            LogNamespace="x",
            LogLevelMax="3",
            LogRateLimitBurst="1",
            journald={"MaxLevelStore": "err"},
        ),
        5,
    )
    assert [one.split()[1] for one in found] == ["logs", "has", "has", "keeps"]


@pytest.mark.parametrize("one", [SshdLog(), log()], ids=["no systemd", "defaults"])
def test_defaults_lose_nothing(one: SshdLog) -> None:
    assert (sshd_log.log_errors(one, 5), sshd_log.log_warnings(one, 5)) == ([], [])
    # Up to 60000 messages are 15000 failed logins.
    assert sshd_log.log_errors(one, 15000) == []


UNIT, CONF = "LogRateLimitBurst of ssh.service", "RateLimitBurst of journald.conf"


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        pytest.param(log(LogRateLimitBurst="100"), f"100 messages of sshd in 30 seconds ({UNIT})", id="the unit"),
        pytest.param(
            log(LogRateLimitBurst="100", LogRateLimitIntervalUSec="1min 30s"),
            f"100 messages of sshd in 90 seconds ({UNIT})",
            id="both in the unit",
        ),
        pytest.param(
            log(LogRateLimitBurst="100", journald={"RateLimitIntervalSec": "500ms"}),
            f"100 messages of sshd in 0.5 seconds ({UNIT})",
            id="the unit has the burst, and journald the interval",
        ),
        pytest.param(
            log(journald={"RateLimitBurst": "50"}), f"50 messages of sshd in 30 seconds ({CONF})", id="journald"
        ),
        pytest.param(
            log(journald={"RateLimitBurst": "50", "RateLimitIntervalSec": "1min"}),
            f"50 messages of sshd in 60 seconds ({CONF})",
            id="both in journald",
        ),
        pytest.param(
            log(journald={"RateLimitBurst": "50", "RateLimitInterval": "10s"}),
            f"50 messages of sshd in 10 seconds ({CONF})",
            id="the old name of the interval",
        ),
        pytest.param(
            log(journald={"RateLimitBurst": "50", "RateLimitInterval": "10s", "RateLimitIntervalSec": "20"}),
            f"50 messages of sshd in 20 seconds ({CONF})",
            id="both names of the interval",
        ),
        pytest.param(
            log(LogRateLimitIntervalUSec="10s", journald={"RateLimitBurst": "50", "RateLimitIntervalSec": "0"}),
            f"50 messages of sshd in 10 seconds ({CONF})",
            id="the unit has an interval, and journald has none",
        ),
        pytest.param(
            log(LogRateLimitBurst="100", journald={"RateLimitBurst": "50"}),
            f"100 messages of sshd in 30 seconds ({UNIT})",
            id="the unit overrides",
        ),
        pytest.param(
            log(journald={"RateLimitBurst": "50", "RateLimitIntervalSec": "often"}),
            f"50 messages of sshd in 30 seconds ({CONF})",
            id="no interval that systemd reads",
        ),
    ],
)
def test_a_rate_that_loses_messages_in_an_attack(one: SshdLog, kept: str) -> None:
    assert sshd_log.log_warnings(one, 5) == [
        f"journald keeps about {kept}: during an attack it loses others, and fail2ban does not count them; set it to "
        "1000 or more"
    ]
    assert sshd_log.log_errors(one, 5) == []
    # The same rate is an error where as many failures as lead to a ban are more messages, also on a disk with much
    # free space.
    assert sshd_log.log_warnings(one, 200) == []
    assert sshd_log.log_errors(one, 200) == [
        f"journald keeps about {kept}, and loses others: 200 failed logins (maxretry) are up to 800 messages"
    ]


@pytest.mark.parametrize(
    ("burst", "maxretry", "errors", "warnings"),
    [
        # Five failed logins are 20 messages, and journald keeps up to six times its burst.
        pytest.param("3", 5, 1, 0, id="18 of 20 messages"),
        pytest.param("4", 5, 0, 1, id="24 of 20 messages"),
        pytest.param("2", 3, 0, 1, id="12 of 12 messages"),
        pytest.param("19", 5, 0, 1, id="the burst alone is too few"),
        pytest.param("999", 5, 0, 1, id="few"),
        pytest.param("1000", 5, 0, 0, id="enough"),
        pytest.param("1000", 1500, 0, 0, id="enough for each of many failures"),
        pytest.param("1000", 1501, 1, 0, id="too few for more failures"),
        pytest.param("many", 5, 0, 0, id="no number"),
        pytest.param("", 5, 0, 0, id="empty"),
    ],
)
def test_the_bounds_of_a_rate(burst: str, maxretry: int, errors: int, warnings: int) -> None:
    one = log(journald={"RateLimitBurst": burst})
    assert (len(sshd_log.log_errors(one, maxretry)), len(sshd_log.log_warnings(one, maxretry))) == (errors, warnings)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(log(journald={"RateLimitBurst": "0"}), id="burst of journald"),
        pytest.param(log(journald={"RateLimitBurst": "1", "RateLimitIntervalSec": "0"}), id="interval of journald"),
        pytest.param(log(journald={"RateLimitBurst": "1", "RateLimitIntervalSec": "0min"}), id="with a unit of time"),
        pytest.param(
            log(LogRateLimitBurst="1", journald={"RateLimitIntervalSec": "0s"}), id="interval, with a burst of the unit"
        ),
        pytest.param(log(journald={"RateLimitIntervalSec": "0"}), id="the burst is not set"),
    ],
)
def test_a_rate_limit_that_is_off(one: SshdLog) -> None:
    assert (sshd_log.log_errors(one, 5), sshd_log.log_warnings(one, 5)) == ([], [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("30", 30.0),
        ("0", 0.0),
        ("30 s", 30.0),
        ("1min 30s", 90.0),
        ("1min30s", 90.0),
        ("2m", 120.0),
        ("1h 2sec", 3602.0),
        ("1hr", 3600.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("20us", pytest.approx(2e-5)),
        ("20usec", pytest.approx(2e-5)),
        ("250msec", 0.25),
        ("1second", 1.0),
        ("30seconds", 30.0),
        ("2min", 120.0),
        ("1minute", 60.0),
        ("2 minutes", 120.0),
        ("3h", 10800.0),
        ("1hour", 3600.0),
        ("2hours 5", 7205.0),
        ("1d", 86400.0),
        ("1day", 86400.0),
        ("2days", 172800.0),
        ("1w", 604800.0),
        ("1week", 604800.0),
        ("2 weeks 1d", 1296000.0),
        ("", None),
        ("often", None),
        ("infinity", None),
        ("-5s", None),
        ("5 parsecs", None),
        ("1.2.3s", None),
        ("30s, 20s", None),
    ],
)
def test_spans_of_time(text: str, seconds: float | None) -> None:
    assert sshd_log.span_seconds(text) == seconds


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ("", ""),
        ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", ""),
        ("/usr/sbin/sshd -D -q", "sshd runs with -q, so it logs nothing"),
        ("/usr/sbin/sshd -q -E /x", "sshd runs with -q, so it logs nothing"),
        ("/usr/sbin/sshd -D -E /x.log", "sshd runs with -E /x.log, so it logs to that file only"),
        ("/usr/sbin/sshd -E/x.log -D", "sshd runs with -E /x.log, so it logs to that file only"),
        ("/usr/sbin/sshd -e -D", ""),
        ("/usr/sbin/sshd -D -- -q -E /x.log", ""),
        ("/usr/sbin/sshd -Dq", "sshd runs with -q, so it logs nothing"),
        ("/usr/sbin/sshd -qD", "sshd runs with -q, so it logs nothing"),
        ("/usr/sbin/sshd -46Dq", "sshd runs with -q, so it logs nothing"),
        ("/usr/sbin/sshd -q4", "sshd runs with -q, so it logs nothing"),
        ("sshd: /usr/sbin/sshd -Dq [listener] 0 of 10-100 startups", "sshd runs with -q, so it logs nothing"),
        # The rest of these words is a value.
        ("/usr/sbin/sshd -fseq -D", ""),
        ("/usr/sbin/sshd -hq", ""),
        ("/usr/sbin/sshd -oBanner=q", ""),
        ("/usr/sbin/sshd -Cuser=q", ""),
        ("/usr/sbin/sshd -Eq", "sshd runs with -E q, so it logs to that file only"),
        ("/usr/sbin/sshd -D --quiet", ""),
        ("/usr/sbin/sshd -D q", ""),
        ("/usr/sbin/sshd -DE /x.log", "sshd runs with -E /x.log, so it logs to that file only"),
        ("/usr/sbin/sshd -f -q", ""),
        ("/usr/sbin/sshd -Dfq", ""),
        ("/usr/sbin/sshd -D -o LogLevel=QUIET", "sshd runs with -o LogLevel=QUIET"),
    ],
)
def test_arguments_of_sshd(arguments: str, cause: str) -> None:
    assert sshd_log.argument_cause(arguments.split()) == cause
