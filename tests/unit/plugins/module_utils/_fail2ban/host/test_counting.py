"""The refused login at sshd, over transcripts of ssh(1) and the log of fail2ban."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD, LINUX, Platform
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import SshdFacts, WatchedJail
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.counting import Counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import JOURNALMATCH
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_log import SshdLog
from tests.unit.fake_fail2ban import FOUND, LOG, SOURCE, STARTED, UNIT, USER, FakeServer, login
from tests.unit.fake_host import NOW, Clock, Expected, FakeHost

JAIL = WatchedJail("sshd", "sshd", True, matches=tuple(JOURNALMATCH.split(" + ")))
FACTS = SshdFacts(frozenset([22]), "INFO", "AUTH", frozenset([("0.0.0.0", 22)]))
BOTH = replace(FACTS, listens=frozenset([("0.0.0.0", 22), ("::", 22)]))
IPV6 = replace(FACTS, listens=frozenset([("::1", 22)]))
IGNORED = FOUND.replace(f"Found {SOURCE} - 2026-11-22 10:48:45", f"Ignore {SOURCE} by ip")
FOUND_IPV6 = FOUND.replace(SOURCE, "::1")
UNBAN, UNBAN_IPV6 = f"set sshd unbanip {SOURCE}", "set sshd unbanip ::1"
JOURNAL = ["journalctl", "--quiet", "--no-pager", "--since", f"@{NOW - 1}", "--output", "json"]
TAIL = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", "200", "--unit", UNIT]
MESSAGE = f"Invalid user {USER} from {SOURCE} port 40022"
ENTRY = {"MESSAGE": MESSAGE, "SYSLOG_IDENTIFIER": "sshd-session", "_UID": "0", "_TRANSPORT": "syslog"}


class Passwd:
    """Stands in for the module ``pwd`` of a host that has ``users``."""

    def __init__(self, *users: str) -> None:
        self.users = users

    def getpwnam(self, name: str) -> str:
        if name not in self.users:
            raise KeyError(name)
        return name


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(counting, "time", clock)
    monkeypatch.setattr(counting, "pwd", Passwd())
    monkeypatch.setattr(counting, "random_source", lambda: SOURCE)
    monkeypatch.setattr(counting, "random_user", lambda: USER)
    return clock


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def prove(
    host: FakeHost,
    server: FakeServer,
    *,
    jail: WatchedJail = JAIL,
    facts: SshdFacts | None = FACTS,
    log: SshdLog | None = None,
) -> Counting:
    found = counting.prove_counting(t.cast(t.Any, host), server, jail, facts, log or SshdLog())
    host.done()
    return found


def entries(*found: dict[str, t.Any]) -> Expected:
    """Return what the journal has since the login."""
    return Expected(JOURNAL, out="".join(json.dumps(entry) + "\n" for entry in found))


# Counted.


@pytest.mark.parametrize("log", [FOUND, IGNORED], ids=["found", "an ignored address"])
def test_a_login_that_is_counted(server: FakeServer, clock: Clock, log: str) -> None:
    assert prove(FakeHost({LOG: "x\n"}, [login(log=log)]), server) == Counting(True)
    assert server.commands == [UNBAN], "also a ban after the first failure does not stay"
    assert clock.now == 0.0


class Late(FakeHost):
    """A host whose fail2ban logs ``late`` after so many seconds."""

    clock: Clock
    seconds: float
    late: str

    def read(self, path: str, *, last: int | None = None) -> str | None:
        assert (path, last) == (LOG, 1 << 18)
        return super().read(path) if self.clock.now < self.seconds else self.late


def late(clock: Clock, seconds: float, log: str = FOUND, commands: t.Sequence[Expected] = ()) -> Late:
    host = Late({LOG: STARTED}, [login(), *commands])
    host.clock, host.seconds, host.late = clock, seconds, log
    return host


@pytest.mark.parametrize("seconds", [0.1, 3.0, 19.5])
def test_a_failure_is_waited_for(server: FakeServer, clock: Clock, seconds: float) -> None:
    assert prove(late(clock, seconds), server) == Counting(True)
    assert seconds <= clock.now <= seconds + 0.3


def test_the_wait_ends(server: FakeServer, clock: Clock) -> None:
    found = prove(late(clock, 21.0, commands=[entries()]), server)
    assert found == Counting(False, "the journal has no message of sshd about it")
    assert 20.0 <= clock.now <= 20.3
    assert server.commands == [UNBAN], "the jail may have banned the address without a message"


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(FOUND.replace("[sshd]", "[other]"), id="another jail"),
        pytest.param(FOUND.replace(SOURCE, f"{SOURCE}1"), id="a longer address"),
        pytest.param(FOUND.replace("Found", "Ban"), id="another message"),
    ],
)
def test_what_is_not_the_failure(server: FakeServer, log: str) -> None:
    assert prove(FakeHost({LOG: STARTED}, [login(log=log), entries()]), server).counted is False


@pytest.mark.parametrize(("more", "counted"), [(FOUND_IPV6, True), ("", False), (FOUND, False)])
def test_earlier_failures_of_the_address_are_not_this_one(server: FakeServer, more: str, counted: bool) -> None:
    """IPv6 has one loopback address, from which others may have tried to log in."""
    earlier = FOUND_IPV6 * 2
    ran = login("::1", source="", log=earlier + more)
    host = FakeHost({LOG: earlier}, [ran, *([] if counted else [entries()])])
    assert prove(host, server, facts=IPV6).counted is counted
    assert server.commands == [UNBAN_IPV6]


def test_a_log_of_fail2ban_in_the_journal(server: FakeServer) -> None:
    server.answers["get", "logtarget"] = "SYSTEMD-JOURNAL"
    # Whether it can be read, what it has before the login, and what it has afterwards.
    before = [Expected(TAIL, out="x\n"), Expected(TAIL, out="x\n"), login()]
    host = FakeHost({}, [*before, Expected(TAIL, out="x\n"), Expected(TAIL, out=FOUND)])
    assert prove(host, server) == Counting(True)


def test_nobody_has_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    names = iter(["pyhost-baseline-1", "pyhost-baseline-2", USER])
    monkeypatch.setattr(counting, "random_user", lambda: next(names))
    monkeypatch.setattr(counting, "pwd", Passwd("pyhost-baseline-1", "pyhost-baseline-2"))
    assert prove(FakeHost({LOG: STARTED}, [login(log=FOUND)]), server) == Counting(True)


# The ban that a login leads to.


class Banning(FakeServer):
    """A server that bans the source of the login ``seconds`` after it has logged the failure."""

    clock: Clock
    seconds = 0.0

    def ask(self, *words: str) -> t.Any:
        if words == ("get", "sshd", "banip"):
            return [SOURCE] if self.clock.now >= self.seconds else []
        if words == ("set", "sshd", "unbanip", SOURCE):
            self.commands.append(f"after {self.clock.now:.1f} seconds")
        return super().ask(*words)


def banning(clock: Clock, seconds: float) -> Banning:
    server = Banning()
    server.clock, server.seconds = clock, seconds
    return server


@pytest.mark.parametrize(
    ("maxretry", "seconds", "removed"),
    [
        pytest.param(1, 0.0, 0.0, id="at once"),
        pytest.param(1, 0.5, 0.5, id="a moment later"),
        pytest.param(2, 2.7, 2.7, id="after the second message of a login"),
        pytest.param(1, 60.0, 3.0, id="never, because the address is ignored"),
        pytest.param(3, 60.0, 0.0, id="one login is too few"),
        pytest.param(5, 0.0, 0.0, id="together with earlier failures"),
    ],
)
@pytest.mark.parametrize("log", [FOUND, STARTED], ids=["counted", "not counted"])
def test_a_late_ban_is_waited_for_and_removed(
    clock: Clock, maxretry: int, seconds: float, removed: float, log: str
) -> None:
    is_counted = log == FOUND
    # Up to here a failure was waited for, which is 20 seconds without one.
    begin = 0.0 if is_counted else 20.0
    server = banning(clock, begin + seconds)
    host = FakeHost({LOG: STARTED}, [login(log=log), *([] if is_counted else [entries()])])
    assert prove(host, server, jail=replace(JAIL, maxretry=maxretry)).counted is is_counted
    when, unban = server.commands
    assert unban == UNBAN
    assert begin + removed <= float(when.split()[1]) <= begin + removed + 0.5


def test_the_action_of_ours_that_reports_bans_does_not_keep_from_the_login(server: FakeServer) -> None:
    jail = replace(JAIL, actions=("nftables", "pyhost-baseline-notify"), maxretry=1)
    assert prove(FakeHost({LOG: STARTED}, [login(log=STARTED + FOUND)]), server, jail=jail).counted is True


@pytest.mark.parametrize(
    ("actions", "maxretry", "others"),
    [
        pytest.param(("nftables", "mail-whois"), 1, "mail-whois", id="the first failure is enough"),
        pytest.param(("nftables", "mail-whois"), 2, "mail-whois", id="a login may be two failures"),
        pytest.param(("sendmail", "nftables", "abuseipdb"), 2, "sendmail, abuseipdb", id="each one is named"),
    ],
)
def test_a_login_that_would_run_other_actions_is_not_made(
    server: FakeServer, actions: tuple[str, ...], maxretry: int, others: str
) -> None:
    found = prove(FakeHost({LOG: STARTED}), server, jail=replace(JAIL, actions=actions, maxretry=maxretry))
    assert found == Counting(None, f"it may lead to a ban, which would also run {others}")
    assert server.commands == []


@pytest.mark.parametrize(
    ("actions", "maxretry"),
    [
        pytest.param(("nftables", "mail-whois"), 3, id="more failures are needed"),
        pytest.param(("nftables", "iptables-multiport[name=x]"), 1, id="packet filters only"),
        pytest.param((), 1, id="no action"),
    ],
)
def test_a_login_that_runs_no_other_action(server: FakeServer, actions: tuple[str, ...], maxretry: int) -> None:
    jail = replace(JAIL, actions=actions, maxretry=maxretry)
    assert prove(FakeHost({LOG: STARTED}, [login(log=FOUND)]), server, jail=jail) == Counting(True)


# The log of fail2ban.


@pytest.mark.parametrize(
    ("target", "files", "commands"),
    [
        pytest.param(LOG, {LOG: ""}, [], id="an empty file"),
        pytest.param(LOG, {}, [Expected(TAIL)], id="no file"),
        pytest.param("SYSLOG", {}, [Expected(TAIL)], id="nothing in the journal"),
        pytest.param("SYSTEMD-JOURNAL", {}, [Expected(TAIL, rc=1, err="no")], id="a journal that cannot be read"),
    ],
)
def test_without_a_log_of_fail2ban_nothing_is_known(
    server: FakeServer, target: str, files: dict[str, str], commands: list[Expected]
) -> None:
    server.answers["get", "logtarget"] = target
    found = prove(FakeHost(files, commands), server)
    assert found == Counting(None, "the log of fail2ban cannot be read, or is empty")
    assert server.commands == []


# The log level of fail2ban.


@pytest.mark.parametrize("level", ["INFO", "info", "DEBUG", "TRACEDEBUG", "HEAVYDEBUG", "MSG"])
def test_a_log_level_that_shows_failures_stays(server: FakeServer, level: str) -> None:
    server.answers["get", "loglevel"] = level
    prove(FakeHost({LOG: STARTED}, [login(log=FOUND)]), server)
    assert server.commands == [UNBAN]


class Ordered(FakeHost):
    """A host on which the login comes while fail2ban logs failures."""

    server: FakeServer

    def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
        assert argv[0] != "ssh" or self.server.commands[-1:] == ["set loglevel INFO"]
        return super().run(argv, **options)


@pytest.mark.parametrize("level", ["NOTICE", "WARNING", "ERROR", "CRITICAL", "30"])
def test_a_log_level_that_hides_failures_is_raised_meanwhile(server: FakeServer, level: str) -> None:
    server.answers["get", "loglevel"] = level
    host = Ordered({LOG: STARTED}, [login(log=FOUND)])
    host.server = server
    assert prove(host, server) == Counting(True)
    assert server.commands == ["set loglevel INFO", UNBAN, f"set loglevel {level}"]


@pytest.mark.parametrize("error", [BaselineError("no"), SystemExit()], ids=["an error", "an end"])
def test_the_log_level_is_restored_after_an_exception(
    monkeypatch: pytest.MonkeyPatch, server: FakeServer, error: BaseException
) -> None:
    def run(_argv: t.Sequence[str], **_options: t.Any) -> t.NoReturn:
        raise error

    server.answers["get", "loglevel"] = "ERROR"
    host = FakeHost({LOG: STARTED})
    monkeypatch.setattr(host, "run", run)
    with pytest.raises(type(error)) as raised:
        prove(host, server)
    assert raised.value is error
    assert server.commands == ["set loglevel INFO", "set loglevel ERROR"]


def test_the_log_level_is_restored_without_a_refused_login(server: FakeServer) -> None:
    server.answers["get", "loglevel"] = "ERROR"
    assert prove(FakeHost({LOG: STARTED}, [login(refused=False)]), server).counted is None
    assert server.commands == ["set loglevel INFO", "set loglevel ERROR"]


# Where sshd does not refuse a login.


def test_the_next_address_is_tried(server: FakeServer) -> None:
    commands = [login(refused=False), login("::1", source="", log=FOUND_IPV6)]
    assert prove(FakeHost({LOG: STARTED}, commands), server, facts=BOTH) == Counting(True)
    assert server.commands == [UNBAN_IPV6]


def test_a_login_that_is_not_counted_is_not_tried_at_the_next_address(server: FakeServer) -> None:
    assert prove(FakeHost({LOG: STARTED}, [login(), entries()]), server, facts=BOTH).counted is False


def test_an_address_of_an_interface_is_its_own_source(server: FakeServer) -> None:
    facts = replace(FACTS, listens=frozenset([("192.0.2.1", 2222)]))
    ran = login("192.0.2.1", port=2222, source="", log=IGNORED.replace(SOURCE, "192.0.2.1"))
    assert prove(FakeHost({LOG: STARTED}, [ran]), server, facts=facts) == Counting(True)
    assert server.commands == ["set sshd unbanip 192.0.2.1"]


LOOPBACK = FOUND.replace(SOURCE, "127.0.0.1")


@pytest.mark.parametrize(
    ("platform", "source", "log", "counted"),
    [
        pytest.param(LINUX, SOURCE, FOUND, True, id="Linux"),
        pytest.param(LINUX, SOURCE, LOOPBACK, False, id="Linux, the failure of another"),
        pytest.param(FREEBSD, "", LOOPBACK, True, id="FreeBSD"),
        pytest.param(FREEBSD, "", FOUND, False, id="FreeBSD, the failure of another"),
    ],
)
def test_the_loopback_interface_of_freebsd_has_a_single_address(
    server: FakeServer, platform: Platform, source: str, log: str, counted: bool
) -> None:
    host = FakeHost({LOG: STARTED}, [login(source=source, log=log)], programs=["ssh"], platform=platform)
    assert prove(host, server).counted is counted
    assert server.commands == [f"set sshd unbanip {source or '127.0.0.1'}"]


def test_no_address_on_which_sshd_refuses_the_login(server: FakeServer) -> None:
    host = FakeHost({LOG: STARTED}, [login(refused=False), login("::1", source="", refused=False)])
    assert prove(host, server, facts=BOTH) == Counting(
        None,
        "the login at sshd did not come as far as a user name: ssh: connect to host ::1 port 22: Connection refused "
        "(rc=255)",
    )
    assert server.commands == [], "nothing can have been banned"


@pytest.mark.parametrize(
    ("facts", "programs", "reason"),
    [
        pytest.param(None, ["ssh"], "sshd does not listen, or rejects its configuration", id="no facts"),
        pytest.param(
            replace(FACTS, listens=frozenset()),
            ["ssh"],
            "sshd does not listen, or rejects its configuration",
            id="no address",
        ),
        pytest.param(
            FACTS,
            ["sshd"],
            "the program ssh is not installed on this host (package openssh-client, openssh-clients)",
            id="no ssh",
        ),
    ],
)
def test_no_login_is_made(server: FakeServer, facts: SshdFacts | None, programs: list[str], reason: str) -> None:
    server.answers["get", "loglevel"] = "ERROR"
    assert prove(FakeHost(programs=programs), server, facts=facts) == Counting(None, reason)
    assert server.commands == []


# Why a login was not counted.

NOTHING = "the journal has no message of sshd about it"
QUIET = (
    "the jail sshd has no log source: sshd's LogLevel is QUIET, which excludes failed logins; set it to INFO or VERBOSE"
)
MISSED = f"its filter does not find a failure in what sshd logs ('{MESSAGE}')"


@pytest.mark.parametrize(
    ("found", "facts", "log", "reason"),
    [
        pytest.param([], FACTS, SshdLog(), NOTHING, id="nothing"),
        pytest.param([ENTRY], FACTS, SshdLog(), MISSED, id="the filter"),
        pytest.param(
            [{"MESSAGE": "of another"}, {**ENTRY, "_UID": "100"}],
            FACTS,
            SshdLog(),
            f"its journal match ({JOURNALMATCH}) does not select what sshd logs (SYSLOG_IDENTIFIER=sshd-session, "
            "_UID=100, _TRANSPORT=syslog)",
            id="the journal match",
        ),
        pytest.param([], replace(FACTS, level="QUIET"), SshdLog(), f"{NOTHING}: {QUIET}", id="the log level of sshd"),
        pytest.param(
            [],
            FACTS,
            SshdLog(arguments=("/usr/sbin/sshd", "-q")),
            f"{NOTHING}: sshd runs with -q, so it logs nothing",
            id="an argument of sshd",
        ),
        pytest.param(
            [],
            FACTS,
            SshdLog("ssh.service", {"LogLevelMax": "3"}),
            f"{NOTHING}: ssh.service has LogLevelMax=err, which excludes failed logins (level info)",
            id="the unit of sshd",
        ),
        pytest.param(
            [],
            replace(FACTS, level="QUIET"),
            SshdLog("ssh.service", {"LogNamespace": "x"}, arguments=("/usr/sbin/sshd", "-E", "/x.log")),
            f"{NOTHING}: {QUIET}; sshd runs with -E /x.log, so it logs to that file only; ssh.service logs to the "
            "journal namespace x (LogNamespace), which fail2ban does not read",
            id="several causes",
        ),
    ],
)
def test_why_a_jail_with_the_journal_did_not_count(
    server: FakeServer, found: list[dict[str, t.Any]], facts: SshdFacts, log: SshdLog, reason: str
) -> None:
    host = FakeHost({LOG: STARTED}, [login(), entries(*found)])
    assert prove(host, server, facts=facts, log=log) == Counting(False, reason)


@pytest.mark.parametrize(("maxretry", "is_cause"), [(45, False), (46, True)])
def test_a_rate_is_compared_with_the_failures_before_a_ban(server: FakeServer, maxretry: int, is_cause: bool) -> None:
    log = SshdLog("ssh.service", {"LogRateLimitBurst": "30"})
    host = FakeHost({LOG: STARTED}, [login(), entries()])
    reason = prove(host, server, jail=replace(JAIL, maxretry=maxretry), log=log).reason
    assert ("journald keeps about 30 messages of sshd" in reason) is is_cause


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({"/var/log/auth.log": f"x\n{MESSAGE}\n"}, MISSED, id="the filter"),
        pytest.param({"/var/log/secure": f"{MESSAGE}"}, MISSED, id="the filter, in the second file"),
        pytest.param(
            {"/var/log/auth.log": "x\n"},
            "/var/log/auth.log, /var/log/secure has no message of sshd about it",
            id="nothing",
        ),
        pytest.param({}, "/var/log/auth.log, /var/log/secure has no message of sshd about it", id="no files"),
    ],
)
@pytest.mark.parametrize("programs", [["ssh"], ["ssh", "journalctl"]], ids=["no journal", "a journal"])
def test_why_a_jail_with_files_did_not_count(
    server: FakeServer, files: dict[str, str], reason: str, programs: list[str]
) -> None:
    jail = replace(JAIL, journal=False, matches=(), paths=("/var/log/auth.log", "/var/log/secure"))
    asked = [entries({**ENTRY, "_UID": "100"})] if "journalctl" in programs else []
    host = FakeHost({LOG: STARTED, **files}, [login(), *asked], programs=programs)
    assert prove(host, server, jail=jail) == Counting(False, reason)


def test_a_journal_that_cannot_be_read_has_no_entries(server: FakeServer) -> None:
    host = FakeHost({LOG: STARTED}, [login(), Expected(JOURNAL, rc=1, err="Failed to open the journal")])
    assert prove(host, server) == Counting(False, NOTHING)
