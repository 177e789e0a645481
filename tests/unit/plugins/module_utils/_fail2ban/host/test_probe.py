"""Which packet filter fail2ban is given, over transcripts. Those of pf are written down from pfctl(8), not recorded."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import (
    FREEBSD,
    LINUX_WITHOUT_SYSTEMD,
    Platform,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.remembered import Remembered
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import no_packet_filter
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import probe as glue
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_log import SshdLog
from tests.unit.fake_fail2ban import sshd_log
from tests.unit.fake_host import Expected, FakeHost

INPUT = ["nft", "-c", "add table inet pyhost-baseline-trial"]
NFT = [
    "nft",
    "-c",
    "add table inet pyhost-baseline-trial; "
    "add chain inet pyhost-baseline-trial prerouting { type filter hook prerouting priority -301; }; "
    "add rule inet pyhost-baseline-trial prerouting reject",
]
IPTABLES = ["iptables", "-w", "-S", "INPUT"]
CONTAINER = "give this container the capability CAP_NET_ADMIN, or run fail2ban on the host that runs it"
INFO = ["pfctl", "-s", "info"]
RULES = ["pfctl", "-s", "rules"]
ENABLED = "Status: Enabled for 0 days 01:02:03           Debug: Urgent\n"


@pytest.mark.parametrize(
    ("programs", "commands", "found", "why"),
    [
        pytest.param(["nft"], [Expected(NFT)], "nftables", "", id="nftables"),
        pytest.param(
            ["nft"],
            [Expected(NFT, rc=1), Expected(INPUT, rc=1, err="Error: no table")],
            "",
            "nft answers: Error: no table (rc=1)",
            id="nftables that the kernel refuses",
        ),
        pytest.param([], [], "", "", id="nothing"),
        pytest.param(
            ["pfctl"], [Expected(INFO, out=ENABLED), Expected(RULES, out='anchor "f2b/*" all\n')], "pf", "", id="pf"
        ),
        pytest.param(
            ["pfctl"], [Expected(INFO, out=ENABLED), Expected(RULES)], "", "no anchor", id="pf without the anchor"
        ),
        pytest.param(
            ["pfctl"], [Expected(INFO, rc=1, err="pfctl: /dev/pf: No such file")], "", "No such file", id="no pf"
        ),
    ],
)
def test_usable_packet_filter(programs: list[str], commands: list[Expected], found: str, why: str) -> None:
    host = FakeHost({}, commands, programs=programs)
    answer, reason = glue.usable_packet_filter(t.cast(t.Any, host))
    assert answer == found
    assert why in reason
    assert bool(why) == bool(reason)
    host.done()


@pytest.mark.parametrize(
    "why", ["the rules of pf have no anchor for fail2ban", "nft answers: Error: no table (rc=1)", CONTAINER]
)
def test_why_no_packet_filter_works_is_said(why: str) -> None:
    assert no_packet_filter(JailsRequest(), HostProbes(no_filter=why)) == (
        f"no packet filter works on this host, so bans would not take effect; {why}"
    )


def refused(argv: list[str], err: str, *, rc: int = 1) -> Expected:
    return Expected(argv, rc=rc, err=f"{err}\n")


# What the programs say without the capability CAP_NET_ADMIN, and of a firewalld that does not run.
NFT_DENIED = "netlink: Error: cache initialization failed: Operation not permitted"
TABLES_DENIED = (
    "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)"
)
NOT_RUNNING = refused(["firewall-cmd", "--state"], "not running", rc=252)
DENIED = [refused(NFT, NFT_DENIED), refused(INPUT, NFT_DENIED)]


@pytest.mark.parametrize(
    ("programs", "commands", "why"),
    [
        pytest.param([], [], "", id="none is installed"),
        pytest.param(["ipset"], [], "", id="one that needs another"),
        pytest.param(["nft"], DENIED, f"nft answers: {NFT_DENIED} (rc=1); {CONTAINER}", id="a container with nft"),
        pytest.param(
            ["iptables"],
            [refused(IPTABLES, TABLES_DENIED, rc=4)],
            f"iptables answers: {TABLES_DENIED} (rc=4); {CONTAINER}",
            id="a container with iptables",
        ),
        pytest.param(
            ["nft", "iptables"],
            [*DENIED, refused(IPTABLES, "modprobe: not found", rc=3)],
            f"nft answers: {NFT_DENIED} (rc=1); iptables answers: modprobe: not found (rc=3); {CONTAINER}",
            id="each one is named",
        ),
        pytest.param(
            ["firewall-cmd"],
            [NOT_RUNNING],
            "firewall-cmd answers: not running (rc=252); install the package nftables",
            id="firewalld does not run",
        ),
        pytest.param(
            ["nft"],
            [refused(NFT, "the first"), refused(INPUT, "the second")],
            "nft answers: the second (rc=1)",
            id="the last trial of a program",
        ),
        pytest.param(["nft"], [Expected(NFT, rc=1), Expected(INPUT, rc=1)], "nft answers: no output (rc=1)", id="mute"),
    ],
)
def test_why_no_packet_filter_works(programs: list[str], commands: list[Expected], why: str) -> None:
    host = FakeHost({}, commands, programs=programs)
    assert glue.usable_packet_filter(t.cast(t.Any, host)) == ("", why)
    host.done()


@pytest.mark.parametrize(
    ("programs", "commands", "found"),
    [
        pytest.param(["nft"], [refused(NFT, NFT_DENIED), Expected(INPUT)], "nftables-input", id="another trial"),
        pytest.param(["nft", "firewall-cmd"], [*DENIED, Expected(NOT_RUNNING.argv)], "firewalld", id="another program"),
        pytest.param(
            ["nft", "pfctl"],
            [*DENIED, Expected(INFO, out=ENABLED), Expected(RULES, out='anchor "f2b/*" all\n')],
            "pf",
            id="pf",
        ),
    ],
)
def test_nothing_is_said_of_others_where_one_works(programs: list[str], commands: list[Expected], found: str) -> None:
    host = FakeHost({}, commands, programs=programs)
    assert glue.usable_packet_filter(t.cast(t.Any, host)) == (found, "")
    host.done()


def test_the_probes_have_why_no_packet_filter_works(monkeypatch: pytest.MonkeyPatch) -> None:
    found = probed(monkeypatch, FakeHost({}, [NOT_RUNNING], programs=["firewall-cmd"]), JailsRequest())
    assert (found.packet_filter, found.no_filter) == (
        "",
        "firewall-cmd answers: not running (rc=252); install the package nftables",
    )


ASKED = ["fail2ban-regex", "--config", "/etc/fail2ban", "--usedns=no", "--out", "ip", "/scratch/sshd.log"]
ASKED += ["/etc/fail2ban/filter.d/sshd.conf[mode=aggressive]"]


@pytest.mark.parametrize(
    ("programs", "commands", "wordings"),
    [
        pytest.param(["fail2ban-regex"], [Expected(ASKED, out="192.0.2.2\n")], ["connection from"], id="Debian 13"),
        pytest.param(
            ["fail2ban-regex"], [Expected(ASKED)], ["connection from", "authentication for <ADDR>"], id="Debian 12"
        ),
        pytest.param(["fail2ban-regex"], [Expected(ASKED, out="192.0.2.1\n192.0.2.2\n")], [], id="one that knows both"),
        pytest.param(["fail2ban-regex"], [Expected(ASKED, rc=255, err="no")], [], id="one that does not answer"),
        pytest.param([], [], [], id="none to ask"),
    ],
)
def test_messages_that_the_filter_does_not_match(
    programs: list[str], commands: list[Expected], wordings: list[str]
) -> None:
    host = FakeHost({}, commands, programs=programs)
    found = glue.find_missed_expressions(Remembered(t.cast(t.Any, host), "fail2ban"), "/etc/fail2ban")
    host.done()
    assert len(found) == len(wordings)
    assert all(words in expression for words, expression in zip(wordings, found, strict=True))


# What fail2ban can read.

JOURNAL_SOCKET = "/run/systemd/journal/socket"
SERVER = "/usr/bin/fail2ban-server"
SCRIPT = {JOURNAL_SOCKET: "", SERVER: "#!/usr/bin/python3 -I\nimport x\n"}
IMPORT = [
    *("/usr/bin/python3", "-I", "-c"),
    "import sys; sys.path = list(filter(None, sys.path)); import systemd.journal",
]
STORAGE = ["systemd-analyze", "cat-config", "systemd/journald.conf"]
ENTRIES = ["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "cat"]
SOME = Expected(ENTRIES, out="a line\n")


@pytest.mark.parametrize(
    ("files", "commands", "why"),
    [
        pytest.param(SCRIPT, [Expected(IMPORT), SOME], "", id="it can"),
        pytest.param({SERVER: SCRIPT[SERVER]}, [], "journald does not run on this host", id="no journald"),
        pytest.param({JOURNAL_SOCKET: ""}, [], "fail2ban-server is not a Python script", id="no fail2ban"),
        pytest.param(
            {**SCRIPT, SERVER: "\x7fELF\n"},
            [],
            "fail2ban-server is not a Python script",
            id="a program of another kind",
        ),
        pytest.param(
            SCRIPT,
            [Expected(IMPORT, rc=1, err="ModuleNotFoundError")],
            "/usr/bin/python3 -I cannot import systemd.journal; install the package python3-systemd",
            id="no module",
        ),
        pytest.param(SCRIPT, [Expected(IMPORT), Expected(ENTRIES)], "the journal has no entries", id="empty"),
    ],
)
def test_why_the_journal_cannot_be_read(files: dict[str, str], commands: list[Expected], why: str) -> None:
    host = FakeHost(files, commands)
    assert glue.why_no_journal(Remembered(t.cast(t.Any, host), "fail2ban"), {"Storage": "auto"}) == why
    host.done()


def test_a_journal_of_which_nothing_is_kept() -> None:
    host = FakeHost(SCRIPT, [Expected(IMPORT)])
    why = glue.why_no_journal(Remembered(t.cast(t.Any, host), "fail2ban"), {"Storage": "none"})
    assert why == "journald keeps no entries (Storage=none in journald.conf)"
    host.done()


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("", True),
        ("Storage=auto\n", True),
        ("Storage = none\n", False),
        ("Storage=none\nStorage=volatile\n", True),
        ("Storage=volatile\nStorage=none\n", False),
        ("#Storage=none\n", True),
        ("Storage=\n", True),
        ("MyStorage=none\n", True),
    ],
)
def test_the_last_setting_of_journald_counts(text: str, is_kept: bool) -> None:
    host = FakeHost({JOURNAL_SOCKET: ""}, [Expected(STORAGE, out=text), *([SOME] if is_kept else [])])
    journald = glue.journald_settings(t.cast(t.Any, host))
    assert (glue.why_no_entries(t.cast(t.Any, host), journald) == "") is is_kept
    host.done()


def test_without_journald_there_are_no_settings() -> None:
    assert glue.journald_settings(t.cast(t.Any, FakeHost())) == {}


# What becomes of the messages of sshd.

LIMITS = {"LogLevelMax": "-1", "LogNamespace": "", "LogRateLimitIntervalUSec": "0", "LogRateLimitBurst": "0"}
LISTENER = "sshd: /usr/sbin/sshd -D -E /var/log/sshd.log [listener] 0 of 10-100 startups"


def units(*blocks: str) -> Expected:
    """Return the answer of systemd about ssh.service, sshd.service and systemd-journald.service."""
    return Expected(sshd_log().argv, out="\n".join(blocks))


@pytest.mark.parametrize(
    ("answer", "files", "found"),
    [
        pytest.param(
            sshd_log(LogLevelMax="4"),
            {},
            SshdLog("ssh.service", {**LIMITS, "LogLevelMax": "4"}, {"Storage": "auto"}, (634, 217)),
            id="Debian",
        ),
        pytest.param(
            units(
                "Id=ssh.service\nLoadState=not-found\nMainPID=0\n",
                "Id=sshd.service\nLoadState=loaded\nMainPID=700\nLogNamespace=quiet\n",
                "LoadState=loaded\nMainPID=217\n",
            ),
            {"/proc/700/cmdline": "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\0"},
            SshdLog(
                "sshd.service",
                {"LogNamespace": "quiet"},
                {"Storage": "auto"},
                (700, 217),
                ("sshd:", "/usr/sbin/sshd", "-D", "[listener]", "0", "of", "10-100", "startups"),
            ),
            id="RHEL",
        ),
        pytest.param(
            sshd_log(),
            {"/proc/634/cmdline": "/usr/sbin/sshd\0-D\0-E\0/var/log/sshd.log\0"},
            SshdLog(
                "ssh.service",
                LIMITS,
                {"Storage": "auto"},
                (634, 217),
                ("/usr/sbin/sshd", "-D", "-E", "/var/log/sshd.log"),
            ),
            id="arguments without a title",
        ),
        pytest.param(
            sshd_log(sshd=0),
            {"/proc/0/cmdline": LISTENER},
            SshdLog("ssh.service", LIMITS, {"Storage": "auto"}, (0, 217)),
            id="a socket unit listens",
        ),
        pytest.param(
            units(*["LoadState=not-found\nMainPID=0\n"] * 3),
            {},
            SshdLog("ssh.service", {}, {"Storage": "auto"}, (0, 0)),
            id="no unit",
        ),
    ],
)
def test_what_systemd_does_with_the_messages_of_sshd(answer: Expected, files: dict[str, str], found: SshdLog) -> None:
    host = FakeHost(files, [answer])
    assert glue.sshd_log(t.cast(t.Any, host), {"Storage": "auto"}) == found
    host.done()


def test_the_title_of_sshd_has_its_arguments() -> None:
    host: t.Any = FakeHost({"/proc/634/cmdline": f"{LISTENER}\0\0\0"}, [sshd_log()])
    assert glue.sshd_log(host, {}).arguments == tuple(LISTENER.split())


@pytest.mark.parametrize("platform", [FREEBSD, LINUX_WITHOUT_SYSTEMD])
def test_without_systemd_nothing_is_known_about_the_messages(platform: Platform) -> None:
    assert glue.sshd_log(t.cast(t.Any, FakeHost(platform=platform)), {"Storage": "none"}) == SshdLog()


# The client of this run.


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        ("192.0.2.7 50000 192.0.2.1 22", "192.0.2.7"),
        # fail2ban knows no interface of an address.
        ("fe80::1%eth0 50000 fe80::2%eth0 22", "fe80::1"),
        ("", None),
    ],
)
def test_the_controller_is_the_client_of_this_session(
    monkeypatch: pytest.MonkeyPatch, connection: str, address: str | None
) -> None:
    monkeypatch.setattr(glue, "own_ssh_connection", lambda _host: connection)
    assert glue.controller(t.cast(t.Any, FakeHost())) == address


# How users log in.

ROOTS = [*("/usr/bin/sshd", "-T", "-f", "/etc/ssh/sshd_config", "-C"), "user=root,host=192.0.2.1,addr=192.0.2.1"]


@pytest.mark.parametrize(
    ("out", "rc", "takes"),
    [
        pytest.param("passwordauthentication no\nkbdinteractiveauthentication no\n", 0, False, id="keys"),
        pytest.param("passwordauthentication yes\nkbdinteractiveauthentication no\n", 0, True, id="passwords"),
        pytest.param("passwordauthentication no\nkbdinteractiveauthentication yes\n", 0, True, id="PAM's questions"),
        pytest.param("port 22\n", 0, False, id="neither is known"),
        pytest.param("passwordauthentication yes\n", 255, False, id="sshd rejects its files"),
    ],
)
def test_sshd_says_whether_it_takes_passwords(out: str, rc: int, takes: bool) -> None:
    host = FakeHost({}, [Expected(ROOTS, rc=rc, out=out)], programs=["sshd"])
    assert glue.takes_passwords(t.cast(t.Any, host), JailsRequest()) is takes
    host.done()


@pytest.mark.parametrize(("logins", "takes"), [("passwords", True), ("keys", False)])
def test_the_request_says_so_first(logins: str, takes: bool) -> None:
    assert glue.takes_passwords(t.cast(t.Any, FakeHost()), JailsRequest(sshd_logins=logins)) is takes


def test_without_sshd_there_are_no_passwords() -> None:
    assert glue.takes_passwords(t.cast(t.Any, FakeHost(programs=())), JailsRequest()) is False


# All of it.


class Entry(t.NamedTuple):
    pw_uid: int


def probed(
    monkeypatch: pytest.MonkeyPatch, host: FakeHost, request: JailsRequest, *, own: str | None = None
) -> HostProbes:
    monkeypatch.setattr(glue, "journald_settings", lambda _host: {"Storage": "auto"})
    monkeypatch.setattr(glue, "why_no_journal", lambda _host, journald: f"why: {journald['Storage']}")
    monkeypatch.setattr(glue, "sshd_log", lambda _host, journald: SshdLog(journald=journald))
    monkeypatch.setattr(glue, "takes_passwords", lambda _host, given: given is request)
    found = glue.probe(Remembered(t.cast(t.Any, host), "fail2ban"), request, own=own)
    host.done()
    return found


@pytest.mark.parametrize(
    ("request_", "is_probed"),
    [
        (JailsRequest(), True),
        (JailsRequest(banaction="ipset"), False),
        (JailsRequest(defaults={"banaction": "mine"}), False),
        (JailsRequest(defaults={"bantime": 1}), True),
    ],
)
def test_what_the_request_sets_is_not_probed(
    monkeypatch: pytest.MonkeyPatch, request_: JailsRequest, is_probed: bool
) -> None:
    host = FakeHost({}, [Expected(NFT)] if is_probed else [], programs=["nft"])
    found = probed(monkeypatch, host, request_)
    assert (found.packet_filter, found.no_filter) == ("nftables" if is_probed else "", "")
    assert (found.no_journal, found.passwords, found.session) == ("why: auto", True, False)
    assert found.sshd_log.journald == {"Storage": "auto"}


@pytest.mark.parametrize(
    ("ignore", "session", "own", "expected"),
    [
        (False, "192.0.2.7", None, None),
        (True, "192.0.2.7", "# The controller's address, kept in ignoreip: 192.0.2.9\n", "192.0.2.7"),
        (True, None, "# The controller's address, kept in ignoreip: 192.0.2.9\n", "192.0.2.9"),
        (True, None, "[DEFAULT]\n", None),
        (True, None, None, None),
    ],
)
def test_the_address_of_an_earlier_run_is_kept_by_a_local_one(
    monkeypatch: pytest.MonkeyPatch, ignore: bool, session: str | None, own: str | None, expected: str | None
) -> None:
    monkeypatch.setattr(glue, "controller", lambda _host: session)
    request = JailsRequest(banaction="ipset", ignore_controller=ignore)
    assert probed(monkeypatch, FakeHost(), request, own=own).controller == expected


@pytest.mark.parametrize(
    "path", ["/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session", "/usr/libexec/sshd-session"]
)
def test_the_program_of_a_session(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert probed(monkeypatch, FakeHost({path: ""}), JailsRequest(banaction="ipset")).session


@pytest.mark.parametrize(("name", "uids"), [("postfix", {"postfix": 108}), ("exim", {})])
def test_the_users_of_services(monkeypatch: pytest.MonkeyPatch, name: str, uids: dict[str, int]) -> None:
    monkeypatch.setattr(glue.pwd, "getpwnam", lambda asked: {name: Entry(108)}[asked])
    assert probed(monkeypatch, FakeHost(), JailsRequest(banaction="ipset")).uids == uids


@pytest.mark.parametrize(
    ("programs", "commands", "found"),
    [
        pytest.param(
            ["firewall-cmd", "nft", "ipset", "iptables", "pfctl"],
            [Expected(NFT)],
            "nftables",
            id="the first that works",
        ),
        pytest.param(
            ["firewall-cmd", "nft"],
            [Expected(NFT, rc=1), Expected(INPUT)],
            "nftables-input",
            id="a kernel that cannot refuse packets before it routes them",
        ),
        pytest.param(
            ["firewall-cmd", "iptables"],
            [Expected(["firewall-cmd", "--state"])],
            "firewalld",
            id="firewalld without nft",
        ),
        pytest.param(
            ["firewall-cmd", "iptables"],
            [Expected(["firewall-cmd", "--state"], rc=252), Expected(IPTABLES)],
            "iptables",
            id="firewalld does not run",
        ),
        pytest.param(["ipset"], [], "", id="ipset without iptables"),
        pytest.param(
            ["ipset", "iptables"],
            [Expected(["ipset", "list", "-name"]), Expected(IPTABLES)],
            "ipset",
            id="ipset",
        ),
        pytest.param(
            ["ipset", "iptables"],
            [Expected(["ipset", "list", "-name"], rc=1), Expected(IPTABLES)],
            "iptables",
            id="the kernel has no ipset",
        ),
    ],
)
def test_packet_filters_in_the_order_of_preference(programs: list[str], commands: list[Expected], found: str) -> None:
    host = FakeHost({}, commands, programs=programs)
    assert glue.usable_packet_filter(t.cast(t.Any, host)) == (found, "")
    host.done()


def test_what_the_filter_matches_is_asked_again_after_a_change_of_a_file() -> None:
    conf = "/etc/fail2ban/filter.d/sshd.conf"
    files = {conf: "[INCLUDES]\nbefore = /opt/common.conf\n", "/opt/common.conf": "[DEFAULT]\n"}

    def play(commands: list[Expected]) -> None:
        host = FakeHost(files, commands, programs=["fail2ban-regex"])
        remembered = Remembered(t.cast(t.Any, host), "fail2ban")
        glue.find_missed_expressions(remembered, "/etc/fail2ban")
        remembered.keep(["/x.py"])
        host.done()
        files.update(host.files)

    play([Expected(ASKED)])
    # The log is in a new folder each time.
    play([])
    for changed in (conf, "/opt/common.conf", "/etc/fail2ban/filter.d/sshd.local", "/etc/fail2ban/fail2ban.local"):
        files[changed] = files.get(changed, "") + "# x\n"
        play([Expected(ASKED)])
        play([])
