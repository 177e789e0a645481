"""Findings about the jails of a host: what is asked of it, and what is an error or a warning."""

from __future__ import annotations

import json
import os
import stat
import types
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import (
    JailFindings,
    SshdFacts,
    WatchedJail,
    journalctl_arguments,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import findings as host_findings
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.readings import Readings
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import JOURNALMATCH
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_log import SshdLog
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import JAIL, SOCKET, WORKS
from tests.unit.fake_host import NOW, Expected, FakeHost

SITE = Site({"recidive": {"logpath": "/var/log/fail2ban.log"}}, (), None, SOCKET, "/var/log/fail2ban.log")
PROBES = HostProbes(packet_filter="nftables")
RECENT = ["journalctl", "--quiet", "--no-pager", "--boot", "--output", "json", "--lines", "500"]
RECENT += journalctl_arguments(JOURNALMATCH.split(" + "))
NEWEST = ["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "short-unix"]
LOG = "/var/log/auth.log"


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_findings, "service_port", {"ssh": 22}.get)
    # A host without sshd, unless a test has one.
    monkeypatch.setattr(host_findings, "find_sshd", lambda _host, _main: None)


def entries(*numbers: int) -> str:
    return "".join(
        json.dumps(
            {
                "__CURSOR": f"c{number}",
                "__REALTIME_TIMESTAMP": str((NOW + number) * 1_000_000),
                "_COMM": "sshd",
                "_SYSTEMD_UNIT": "ssh.service",
                "MESSAGE": "Invalid user x from 192.0.2.9 port 40022",
            }
        )
        + "\n"
        for number in numbers
    )


def stream(name: str = "sshd", *, logs: t.Sequence[str] = (), actions: t.Sequence[str] = ("nftables",)) -> JailStream:
    """Return a jail whose filter has an expression."""
    expression = ("set", name, "addfailregex", "^refused <HOST>$")
    commands = [("set", name, "addlogpath", path, "head") for path in logs]
    return JailStream(
        name, "auto", (expression, *commands, *(("set", name, "addaction", action) for action in actions))
    )


def gather(
    host: FakeHost,
    jails: dict[str, t.Any],
    streams: dict[str, JailStream],
    probes: HostProbes = PROBES,
    *,
    site: Site = SITE,
) -> JailFindings:
    desired = JailsRequest(jails=jails, check_sshd=False)
    found = host_findings.gather_findings(t.cast(t.Any, host), desired, probes, site, streams)
    host.done()
    return found


def test_a_jail_that_works() -> None:
    found = gather(FakeHost({}, [WORKS], programs=["nft"]), {"sshd": {}}, {"sshd": JAIL})
    assert (found.errors, found.warnings) == ([], [])


@pytest.mark.parametrize(
    ("jails", "streams", "probes", "programs", "error"),
    [
        pytest.param({"sshd": {}}, {}, PROBES, ["nft"], "the jail sshd does not run according to the files", id="none"),
        pytest.param(
            {"sshd": {}}, {"sshd": JAIL}, HostProbes(), ["nft"], "no packet filter works on this host", id="no filter"
        ),
        pytest.param(
            {"sshd": {}},
            {"sshd": JAIL},
            PROBES,
            [],
            "the jail sshd bans with pyhost-nftables, but nft is not installed on this host; install the package "
            "nftables",
            id="no program",
        ),
        pytest.param(
            {"shop": {"logpath": "/x.log"}},
            {"shop": stream("shop", actions=("dummy",))},
            PROBES,
            ["nft"],
            "the jail shop has no log source: there is no /x.log",
            id="no log",
        ),
        pytest.param(
            {"shop": {}},
            {"shop": stream("shop", logs=["/x.log"], actions=("dummy",))},
            HostProbes("there is none", packet_filter="nftables"),
            ["nft"],
            "the jail shop has no log source: nothing writes to /x.log; the journal cannot be used: there is none",
            id="an empty log of jail.conf",
        ),
    ],
)
def test_errors(
    jails: dict[str, t.Any],
    streams: dict[str, JailStream],
    probes: HostProbes,
    programs: list[str],
    error: str,
) -> None:
    (found,) = gather(FakeHost({}, programs=programs), jails, streams, probes).errors
    assert found.startswith(error)


def test_an_empty_log_that_is_requested_is_a_warning() -> None:
    host = FakeHost({"/x.log": ""}, programs=[])
    jails = {"shop": {"logpath": "/x.log"}}
    found = gather(host, jails, {"shop": stream("shop", logs=["/x.log"], actions=("dummy",))})
    assert found.errors == []
    assert found.warnings[0] == "the jail shop reads /x.log, which is empty so far"


def test_a_pattern_that_matches_nothing_so_far_is_a_warning() -> None:
    host = FakeHost({"/my app/x.log": "x"}, programs=[])
    jails = {"shop": {"logpath": ["/my app/*.log", "/none/*.log tail", "/none.log"]}}
    found = gather(host, jails, {"shop": stream("shop", logs=["/my app/x.log"], actions=("dummy",))})
    assert found.errors == []
    assert found.warnings[0] == (
        "the jail shop does not read /none/*.log, /none.log, which matches no file: fail2ban looks for files when it "
        "loads a jail only; run again when there is one"
    )


@pytest.mark.parametrize(
    ("log", "is_error"),
    [
        # A file that the service itself writes is empty after each logrotate(8).
        ("/var/log/nginx/error.log", False),
        ("/var/log/exim4/mainlog", False),
        # One that syslogd would write is empty for ever where there is none.
        ("/var/log/auth.log", True),
        ("/var/log/mail.log", True),
    ],
)
def test_an_empty_log_of_jail_conf(log: str, is_error: bool) -> None:
    host = FakeHost({log: ""}, programs=[])
    found = gather(host, {"shop": {}}, {"shop": stream("shop", logs=[log], actions=("dummy",))})
    assert (found.errors == [f"the jail shop has no log source: nothing writes to {log}"]) is is_error
    assert (f"the jail shop reads {log}, which is empty so far" in found.warnings) is not is_error


def test_the_log_of_fail2ban_itself_may_be_empty() -> None:
    log = "/var/log/fail2ban.log"
    host = FakeHost({log: ""}, programs=[])
    assert gather(host, {"recidive": {}}, {"recidive": stream("recidive", logs=[log], actions=("dummy",))}).errors == []


def test_a_journal_match_that_selects_nothing() -> None:
    match = ("set", "shop", "addjournalmatch", "_SYSTEMD_UNIT=shop.service")
    jail = JailStream("shop", "systemd", (match, *stream("shop", actions=("dummy",)).commands))
    host = FakeHost({}, [Expected([*NEWEST, "_SYSTEMD_UNIT=shop.service"])], programs=[])
    found = gather(host, {"shop": {}}, {"shop": jail})
    assert found.warnings[-1].startswith("the jail shop may have no log source: its journal match (_SYSTEMD_UNIT=shop")


def without_expressions(jail: JailStream) -> JailStream:
    return replace(jail, commands=tuple(command for command in jail.commands if command[2] != "addfailregex"))


def test_a_jail_that_counts_nothing() -> None:
    host = FakeHost({}, [WORKS], programs=["nft"])
    found = gather(host, {"sshd": {}}, {"sshd": without_expressions(JAIL)})
    assert (found.errors, found.warnings) == ([], ["the jail sshd counts nothing: its filter has no failregex"])
    host = FakeHost({}, [WORKS], programs=["nft"])
    ignoring = replace(JAIL, expressions={"ignoreregex": [".*"]})
    assert gather(host, {"sshd": {}}, {"sshd": ignoring}).errors == [
        "the jail sshd counts nothing: its ignoreregex matches every line (.*)"
    ]


@pytest.mark.parametrize("jails", [{}, {"shop": {"enabled": False}}], ids=["of another file", "disabled"])
def test_a_jail_that_is_not_requested_may_count_nothing(jails: dict[str, t.Any]) -> None:
    shop = without_expressions(stream("shop", actions=("dummy",)))
    found = gather(FakeHost(programs=[]), {"sshd": {}, **jails}, {"sshd": stream(actions=("dummy",)), "shop": shop})
    assert [error for error in found.errors if "shop" in error] == []


@pytest.mark.parametrize(
    ("name", "jail", "log", "is_reported"),
    [
        pytest.param("recidive", {}, "/var/log/other.log", True, id="another file"),
        pytest.param("recidive", {}, "SYSTEMD-JOURNAL", True, id="the journal"),
        pytest.param("recidive", {}, "/var/log/fail2ban.log", False, id="the file that it reads"),
        pytest.param("again", {"filter": "recidive[_jailname=again]"}, "SYSLOG", True, id="a jail with its filter"),
        pytest.param("recidive", {"filter": "shop"}, "SYSLOG", False, id="another filter"),
    ],
)
def test_the_jail_recidive_reads_the_log_of_fail2ban(
    name: str, jail: dict[str, t.Any], log: str, is_reported: bool
) -> None:
    path = "/var/log/fail2ban.log"
    host = FakeHost({path: "x\n"}, programs=[])
    streams = {name: stream(name, logs=[path], actions=("dummy",))}
    found = gather(host, {name: jail}, streams, site=replace(SITE, log=log))
    assert found.errors == (
        [f"the jail {name} has no log source: it reads {path}, but fail2ban logs to {log} (logtarget)"]
        if is_reported
        else []
    )


@pytest.mark.parametrize(
    ("others", "named"),
    [
        pytest.param({"DEFAULT": {"enabled": "true"}}, "shop, postfix", id="none is enabled by name"),
        pytest.param({"DEFAULT": {"enabled": "true"}, "shop": {"enabled": "true"}}, "postfix", id="one by name"),
        pytest.param({"shop": {"enabled": "true"}, "postfix": {"enabled": "true"}}, "", id="all by name"),
    ],
)
def test_jails_that_nobody_has_asked_for_are_a_warning(others: dict[str, dict[str, str]], named: str) -> None:
    streams = {name: stream(name, logs=[LOG], actions=("dummy",)) for name in ("sshd", "shop", "postfix")}
    host = FakeHost({LOG: "sshd[1]: x\n"}, [Expected(RECENT)], programs=[])
    found = gather(host, {"sshd": {"logpath": LOG}}, streams, site=replace(SITE, others=others))
    unasked = [one for one in found.warnings if one.startswith("jails run that no file enables by name")]
    assert [f"has enabled = true: {named}; remove it" in one for one in unasked] == ([True] if named else [])
    assert [one for one in found.errors if "enabled" in one] == []


def test_an_unknown_service() -> None:
    pairs = [["actionstart", "nft … dport"], ["actionban", ""], ["port", "gopher"]]
    jail = stream("shop", logs=["/x.log"])
    jail = JailStream("shop", "auto", (*jail.commands, ("multi-set", "shop", "action", "nftables", pairs)))
    host = FakeHost({"/x.log": "x\n"}, [WORKS], programs=["nft"])
    (error,) = gather(host, {"shop": {}}, {"shop": jail}).errors
    assert "bans on the port gopher, a service that is not in /etc/services" in error


@pytest.mark.parametrize(
    ("ran", "problem"),
    [
        (WORKS, None),
        (
            Expected(WORKS.argv, rc=1, err="no"),
            "the jail x bans with nftables, but nft -t list ruleset answers: no (rc=1)",
        ),
    ],
)
def test_failing_filters(ran: Expected, problem: str | None) -> None:
    host: t.Any = FakeHost({}, [ran], programs=["nft"])
    assert list(host_findings.failing_filters(Readings(host), "x", ["nftables", "dummy", "ufw"])) == (
        [problem] if problem else []
    )
    host.done()


def test_jails_with_the_same_packet_filter_ask_it_once() -> None:
    host: t.Any = FakeHost({}, [WORKS, Expected(["ufw", "status"])], programs=["nft", "ufw"])
    readings = Readings(host)
    for name, actions in (("x", ["nftables"]), ("y", ["nftables-multiport", "ufw"]), ("z", ["ufw"])):
        assert list(host_findings.failing_filters(readings, name, actions)) == []
    host.done()


def test_ufw_that_is_inactive() -> None:
    host: t.Any = FakeHost({}, [Expected(["ufw", "status"], out="Status: inactive\n")])
    (problem,) = host_findings.failing_filters(Readings(host), "x", ["ufw"])
    assert problem.startswith("the jail x bans with ufw, but ufw status answers: ")


def check(host: FakeHost, jail: WatchedJail, *, log: SshdLog | None = None, sshd: bool = False) -> JailFindings:
    found = JailFindings()
    host_findings.check_environment(Readings(t.cast(t.Any, host)), jail, found, log=log or SshdLog(), sshd=sshd)
    host.done()
    return found


def test_a_match_that_misses_logins() -> None:
    jail = WatchedJail("sshd", "sshd", True, matches=("_COMM=other",), actions=("nftables",))
    selected = [*RECENT[:6], "--cursor", "c1", "_COMM=other"]
    host = FakeHost({}, [Expected(RECENT, out=entries(1, 2)), Expected(selected, out="")])
    assert "selects none of the last 2 logins" in check(host, jail).errors[0]
    host = FakeHost({}, [Expected(RECENT, out=entries(1, 2)), Expected(selected, out=entries(1, 2))])
    assert check(host, jail).errors == []
    assert check(FakeHost({}, [Expected(RECENT)]), jail).errors == [], "nobody has logged in so far"


@pytest.mark.parametrize(
    ("mtime", "text", "errors", "warnings"),
    [
        pytest.param(NOW + 2, "sshd[1]: x\n", 0, 0, id="it works"),
        pytest.param(NOW - 60, "sshd[1]: x\n", 1, 0, id="nobody writes it any more"),
        pytest.param(NOW + 2, "CRON[1]: x\n", 0, 1, id="nothing of sshd in it"),
        pytest.param(NOW + 2, "", 0, 0, id="empty"),
    ],
)
def test_a_log(mtime: int, text: str, errors: int, warnings: int) -> None:
    jail = WatchedJail("sshd", "sshd", False, paths=(LOG,), actions=("nftables",))
    host = FakeHost({LOG: text}, [Expected(RECENT, out=entries(1))], mtimes={LOG: mtime})
    found = check(host, jail)
    assert (len(found.errors), len(found.warnings)) == (errors, warnings)


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        (stat.S_IFDIR, "is a directory, which fail2ban cannot read; name the files in it (/x/*.log)"),
        (stat.S_IFIFO, "is not"),
    ],
)
def test_a_log_that_is_no_file(monkeypatch: pytest.MonkeyPatch, mode: int, problem: str) -> None:
    host = FakeHost()
    monkeypatch.setattr(host, "stat", lambda _path: os.stat_result((mode, 0, 0, 1, 0, 0, 0, 0, 0, 0)))
    (error,) = check(host, WatchedJail("x", "x", False, paths=("/x/",), actions=("nftables",))).errors
    assert problem in error


def sshd_of(monkeypatch: pytest.MonkeyPatch, settings: t.Any, listens: t.Any = None) -> None:
    """Play sshd: its effective settings (an error raises), and the addresses of its socket unit."""

    def effective(_connection: t.Any) -> t.Any:
        if isinstance(settings, BaselineError):
            raise settings
        return settings

    sshd = None if settings is None else types.SimpleNamespace(effective=effective)
    held = listens and types.SimpleNamespace(active=True, loaded=types.SimpleNamespace(listens=listens))
    monkeypatch.setattr(host_findings, "find_sshd", lambda _host, _main: sshd)
    monkeypatch.setattr(host_findings, "incoming_connection", lambda _host: None)
    monkeypatch.setattr(host_findings, "find_daemon", lambda _host, _pidfile: types.SimpleNamespace(socket_unit=held))


SETTINGS = {
    "port": ("22", "2222"),
    "listenaddress": ("[::]:22", "192.0.2.1:2222"),
    "loglevel": ("INFO",),
    "syslogfacility": ("AUTH",),
    "pidfile": ("/run/sshd.pid",),
}


@pytest.mark.parametrize(
    ("settings", "listens", "facts"),
    [
        (None, None, None),
        (BaselineError("no"), None, None),
        (
            SETTINGS,
            None,
            SshdFacts(frozenset([22, 2222]), "INFO", "AUTH", frozenset([("::", 22), ("192.0.2.1", 2222)])),
        ),
        (SETTINGS, [("0.0.0.0", 24)], SshdFacts(frozenset([24]), "INFO", "AUTH", frozenset([("0.0.0.0", 24)]))),
        ({}, None, SshdFacts(frozenset(), "", "")),
    ],
    ids=["no sshd", "a rejected configuration", "its ports", "the ports of its socket unit", "no answer"],
)
def test_sshd_facts(monkeypatch: pytest.MonkeyPatch, settings: t.Any, listens: t.Any, facts: SshdFacts | None) -> None:
    sshd_of(monkeypatch, settings, listens)
    assert host_findings.sshd_facts(t.cast(t.Any, FakeHost())) == facts


JOURNAL = WatchedJail(
    "sshd", "sshd", True, matches=tuple(JOURNALMATCH.split(" + ")), actions=("nftables",), ports=("ssh",)
)


def test_a_jail_compared_with_sshd(monkeypatch: pytest.MonkeyPatch) -> None:
    sshd_of(monkeypatch, {**SETTINGS, "loglevel": ("QUIET",)})
    quiet, ports = check(FakeHost(), JOURNAL, sshd=True).errors
    assert "sshd's LogLevel is QUIET" in quiet
    assert "set the port of the jail to 22,2222" in ports


def test_the_log_level_of_an_sshd_whose_ports_are_not_final(monkeypatch: pytest.MonkeyPatch) -> None:
    sshd_of(monkeypatch, {**SETTINGS, "loglevel": ("ERROR",)})
    (quiet,) = check(FakeHost(), JOURNAL).errors
    assert "sshd's LogLevel is ERROR" in quiet


LOSING = SshdLog("ssh.service", {"LogLevelMax": "4", "LogRateLimitBurst": "30"})
LEVEL = "the jail sshd misses logins: ssh.service has LogLevelMax=warning"
RATE = "journald keeps about 30 messages of sshd in 30 seconds (LogRateLimitBurst of ssh.service)"


@pytest.mark.parametrize(
    ("jail", "errors", "warnings"),
    [
        pytest.param(JOURNAL, [LEVEL], [f"the jail sshd: {RATE}: during an attack it loses others"], id="the journal"),
        pytest.param(
            replace(JOURNAL, maxretry=46),
            [LEVEL, f"the jail sshd misses logins: {RATE}"],
            [],
            id="the failures before a ban are lost",
        ),
        pytest.param(replace(JOURNAL, journal=False, matches=(), paths=(LOG,)), [], [], id="a file"),
        pytest.param(replace(JOURNAL, filter="postfix"), [], [], id="another filter"),
    ],
)
def test_messages_of_sshd_that_are_lost(jail: WatchedJail, errors: list[str], warnings: list[str]) -> None:
    host = FakeHost({LOG: ""}, [] if jail.journal else [Expected(RECENT)])
    found = check(host, jail, log=LOSING)
    # Up to the first comma.
    assert [one.partition(",")[0] for one in found.errors] == errors
    assert [one.partition(",")[0] for one in found.warnings] == warnings


def test_the_jail_is_checked_with_the_log_of_sshd_that_was_probed() -> None:
    probes = HostProbes(packet_filter="nftables", sshd_log=LOSING)
    found = gather(FakeHost({}, [WORKS], programs=["nft"]), {"sshd": {}}, {"sshd": JAIL}, probes)
    assert ["LogLevelMax" in one for one in found.errors] == [True]
    assert ["about 30 messages" in one for one in found.warnings] == [True]


@pytest.mark.parametrize(
    ("commands", "maxretry"),
    [
        pytest.param([], 5, id="the default"),
        pytest.param([("set", "sshd", "maxretry", 3)], 3, id="a number"),
        pytest.param([("set", "sshd", "maxretry", 3), ("set", "sshd", "maxretry", "2")], 2, id="the last one"),
    ],
)
def test_the_failures_before_a_ban(commands: list[tuple[t.Any, ...]], maxretry: int) -> None:
    assert host_findings.watched_jail(JailStream("sshd", "auto", tuple(commands)), "sshd").maxretry == maxretry


def test_the_last_entry() -> None:
    host: t.Any = FakeHost({LOG: "x\n", "/empty": ""}, mtimes={LOG: 7, "/empty": 9})
    assert host_findings.last_entry(host, WatchedJail("x", "x", False, paths=(LOG, "/empty", "/none"))) == 7
    host.commands = [Expected([*NEWEST, "_COMM=x"], out="1800000000.5 host x[1]: y\n")]
    assert host_findings.last_entry(host, WatchedJail("x", "x", True, matches=("_COMM=x",))) == 1800000000.5
