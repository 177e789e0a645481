"""fail2ban on FreeBSD: the glue over transcripts of service(8) and pfctl(8), written from sources (fixtures/freebsd).

What the files mean was asked of a real fail2ban 1.1.0, given FreeBSD's layout on another system.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import PROCESSES
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban import BanRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import daemon as host_daemon
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ensure as host_fail2ban_ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import findings as host_findings
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import info as host_fail2ban_info
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof as host_fail2ban_proof
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof_record
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ban import ensure_with
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.counting import Counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.loading import _PROGRAM, _commands
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.probe import controller
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import expected, parse_stream, questions
from tests.unit.fake_host import Expected
from tests.unit.fake_host import FreeBsdHost as FakeHost

FIXTURES = Path(__file__).parents[4] / "fixtures" / "fail2ban"
# Recorded before our file said that no name is looked up.
STREAM = "".join(
    line.replace("'usedns', 'warn'", "'usedns', 'no'") + "\n"
    for line in (FIXTURES / "stream-freebsd-layout.txt").read_text().splitlines()
    if "'recidive'" not in line
)
JAIL = parse_stream(STREAM)["sshd"]
ROOT = "/usr/local/etc/fail2ban"
OWN = f"{ROOT}/jail.d/zz-pyhost-baseline.local"
PYTHON = "/usr/local/bin/python3.11"
FILES = {
    f"{ROOT}/jail.conf": (FIXTURES / "jail-debian13.conf").read_text().replace("paths-debian", "paths-freebsd"),
    f"{ROOT}/filter.d/sshd.conf": (FIXTURES / "filter-sshd-fail2ban1.1.0.conf").read_text(),
    "/usr/bin/fail2ban-server": f"#!{PYTHON}\n",
    "/usr/libexec/sshd-session": "",
    "/var/log/auth.log": "Nov 22 17:00:01 www sshd-session[1234]: Invalid user admin from 192.0.2.9 port 40022\n",
}
TEXT = """\
# Managed by the module pyhost.baseline.fail2ban_jails, which replaces this file as a whole.

[DEFAULT]
usedns = no
banaction = pf
banaction_allports = pf[actiontype=<allports>]

[sshd]
mode = aggressive
enabled = true
backend = auto
filter = sshd[mode=%(mode)s, _daemon="sshd(?:-session|-auth)?", PARAMETERS]
"""
# Of a host without a journal, in every run.
FORGEABLE = (
    "any local user can have others banned by the jail sshd: it reads /var/log/auth.log, where any user can write "
    "under any name through syslogd (logger(1)); if the host has a journal, let the jail read it (backend systemd, "
    "package python3-systemd)"
)
DESIRED = JailsRequest(jails={"sshd": {}}, sshd_logins="keys", check_sshd=False)
PROGRAMS = ["fail2ban-client", "fail2ban-server", "pfctl"]
ADDRESSES = ["192.0.2.1", "2001:db8::1"]

INFO = Expected(["pfctl", "-s", "info"], out="Status: Enabled for 0 days 00:18:25           Debug: Urgent\n")
OFF = Expected(["pfctl", "-s", "info"], out="Status: Disabled                              Debug: Urgent\n")
RULES = Expected(["pfctl", "-s", "rules"], out='anchor "f2b/*" all\n')
TABLE = ["pfctl", "-a", "f2b/sshd", "-t", "f2b-sshd", "-T", "show"]
RULE = Expected(
    ["pfctl", "-a", "f2b/sshd", "-s", "rules"],
    out="block drop quick proto tcp from <f2b-sshd> to any port = ssh\n",
)
BANNED = [Expected(TABLE, out="".join(f"   {address}\n" for address in ADDRESSES)), RULE]
FREE = [Expected(TABLE), RULE]
FLUSHED = [Expected(TABLE, rc=1, err="pfctl: Table does not exist.\n"), Expected(RULE.argv)]


def expressions() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"failregex": [], "ignoreregex": []}
    for command in JAIL.commands:
        kind = {"addfailregex": "failregex", "addignoreregex": "ignoreregex"}.get(str(command[2]))
        if kind:
            found[kind] += command[3] if command[0] == "multi-set" else [command[3]]
    return found


def composed(*, scratch: bool) -> list[Expected]:
    """What fail2ban makes of the files, in the scratch copy or in their place."""
    where = "/scratch/fail2ban" if scratch else ROOT
    return [
        Expected(["fail2ban-client", "-c", where, "-d", "-t"], out=STREAM.replace(ROOT, where)),
        Expected(
            [PYTHON, "-c", _PROGRAM],
            data=json.dumps({"sshd": _commands(JAIL)}),
            out=json.dumps({"jails": {"sshd": expressions()}, "code": []}),
        ),
    ]


def service(name: str, *, running: bool = True, enabled: bool = True) -> list[Expected]:
    words = f"{name} is running as pid 1021.\n" if running else f"{name} is not running.\n"
    return [
        Expected(["service", name, "onestatus"], rc=0 if running else 1, out=words),
        Expected(["service", name, "enabled"], rc=0 if enabled else 1),
    ]


PROBED = [INFO, RULES]
LOOKED_AT = [INFO, RULES, RULES, *service("syslogd")]


class Server:
    """Answers as fail2ban's server does where it runs the jail as its files say."""

    def __init__(self) -> None:
        answers = expected(JAIL)
        self.answers: dict[tuple[str, ...], t.Any] = {
            tuple(words): answers[option]
            for option, words in questions("sshd", answers).items()
            if " text" not in option
        }
        self.answers.update({("get", "sshd", kind): lines for kind, lines in expressions().items()})
        self.answers[("status",)] = [("Number of jail", 1), ("Jail list", "sshd")]
        self.answers[("status", "sshd")] = [("Filter", [("File list", ["/var/log/auth.log"])])]
        self.answers[("get", "sshd", "journalmatch")] = []
        self.answers[("get", "sshd", "banip")] = []
        self.answers[("get", "dbfile")] = "/var/db/fail2ban/fail2ban.sqlite3"
        self.answers[("get", "loglevel")] = "INFO"
        self.answers[("get", "logtarget")] = "/var/log/fail2ban.log"
        self.commands: list[str] = []

    def ask(self, *words: str) -> t.Any:
        if words[0] == "set":
            self.commands.append(" ".join(words))
            return 1
        return self.answers[words]


@pytest.fixture(autouse=True)
def freebsd(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(host_findings, "service_port", {"ssh": 22}.get)
    monkeypatch.setattr(host_fail2ban_proof, "documentation_addresses", lambda **_options: ADDRESSES)
    monkeypatch.setattr(host_daemon, "connect", lambda _path, **options: server if options["seconds"] else None)
    monkeypatch.setattr(proof_record, "prove_counting", lambda *_arguments: Counting(True))
    return server


def ensure(host: FakeHost, desired: JailsRequest = DESIRED) -> host_fail2ban_ensure.JailsResult:
    result = host_fail2ban_ensure.ensure(t.cast(t.Any, host), desired, reload=True, proof=True)
    host.done()
    return result


def written(text: str) -> str:
    return re.sub(r", __suff=.*\]$", ", PARAMETERS]", text, flags=re.DOTALL | re.MULTILINE)


def test_the_first_run(freebsd: Server) -> None:
    host = FakeHost(
        FILES,
        [
            *PROBED,
            *composed(scratch=True),
            *LOOKED_AT,
            *service("fail2ban", running=False, enabled=False),
            Expected(["fail2ban-client", "-c", ROOT, "-d", "-t"], rc=1, err="no jail"),
            Expected(["service", "fail2ban", "enable"], out="fail2ban enabled in /etc/rc.conf\n"),
            Expected(["service", "fail2ban", "onestart"], out="Server ready\n"),
            *service("fail2ban"),
            *BANNED,
            *FREE,
            *FREE,
        ],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.changed
    assert result.path == OWN
    assert result.warnings == [FORGEABLE]
    assert result.restarted
    assert written(host.files[OWN]) == TEXT
    assert result.composed.backend == "auto"
    proof = {"proven": True, "addresses": ADDRESSES, "actions": ["pf"], "counts": True, "counts_reason": None}
    assert result.proof == {"sshd": proof}
    assert (result.before.drop_in, result.after.drop_in) == (None, None)
    assert freebsd.commands == [f"set sshd {verb} {address}" for verb in ("banip", "unbanip") for address in ADDRESSES]


def proven() -> dict[str, str]:
    """Return what a first run leaves beside the socket."""
    host = FakeHost(
        FILES,
        [
            *PROBED,
            *composed(scratch=True),
            *LOOKED_AT,
            *service("fail2ban"),
            Expected(["fail2ban-client", "-c", ROOT, "-d", "-t"], out=STREAM),
            *BANNED,
            *FREE,
            *FREE,
        ],
        programs=PROGRAMS,
    )
    # Before its proof the jail's bans are looked for, of which there are none.
    host.commands[host.commands.index(BANNED[0]) - 1 : host.commands.index(BANNED[0]) - 1] = FREE
    ensure(host)
    return {path: text for path, text in host.files.items() if path not in FILES and not path.startswith("/scratch")}


def test_nothing_to_do(freebsd: Server) -> None:
    left = proven()
    freebsd.commands.clear()
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *composed(scratch=False), *LOOKED_AT, *service("fail2ban"), *FREE],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert not result.changed
    assert freebsd.commands == []
    assert result.proof["sshd"]["proven"]


def test_a_flushed_anchor_is_mended(freebsd: Server) -> None:
    left = proven()
    host = FakeHost(
        {**FILES, **left},
        [
            *PROBED,
            *composed(scratch=False),
            *LOOKED_AT,
            *service("fail2ban"),
            *FLUSHED,
            *FLUSHED,
            Expected(["fail2ban-client", "reload", "--restart", "sshd"], out="OK\n"),
            *BANNED,
            *FREE,
            *FREE,
        ],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.changed
    assert result.before.packet_filter == {"sshd": ["block drop quick proto tcp from <f2b-sshd> to any port = ssh"]}
    assert result.reloaded == ["sshd"]


def test_check_mode_writes_nothing() -> None:
    host = FakeHost(
        FILES,
        [
            *PROBED,
            *composed(scratch=True),
            *LOOKED_AT,
            *service("fail2ban", running=False, enabled=False),
        ],
        programs=PROGRAMS,
        check_mode=True,
    )
    result = ensure(host)
    assert result.changed
    assert result.after.service == {"running": True, "enabled": True}
    assert host.written == []


def test_check_mode_before_the_package_is_there() -> None:
    host = FakeHost({}, [], programs=["pfctl"], check_mode=True)
    result = ensure(host)
    assert result.path == OWN
    assert "banaction = pf\n" in str(result.after.file)
    assert "systemd" not in str(result.after.file)


@pytest.mark.parametrize(
    ("files", "commands", "words"),
    [
        pytest.param(
            {},
            [OFF, RULES, *composed(scratch=True), RULES, *service("syslogd")],
            "no packet filter works on this host.*pf is not enabled: run `sysrc pf_enable=YES` and `service pf start`",
            id="pf is off",
        ),
        pytest.param(
            {},
            [INFO, Expected(RULES.argv, out="block drop in all\n"), *composed(scratch=True), RULES]
            + [*service("syslogd")],
            r'the rules of pf have no anchor for fail2ban: add `anchor "f2b/\*"` to pf.conf',
            id="pf has no anchor",
        ),
        pytest.param(
            {},
            [*PROBED, *composed(scratch=True), INFO, RULES, RULES, *service("syslogd", running=False)],
            "syslogd, which writes /var/log/auth.log, does not run; run `service syslogd enable`",
            id="nobody writes the log",
        ),
        pytest.param(
            {},
            [
                *PROBED,
                Expected(
                    ["fail2ban-client", "-c", "/scratch/fail2ban", "-d", "-t"],
                    rc=255,
                    err="2026-11-22 17:00:01,000 fail2ban [812]: ERROR   Failed during configuration: "
                    "Have not found any log file for sshd jail\n",
                ),
            ],
            "found any log file for sshd jail; this task changed nothing; run `service newsyslog onestart`",
            id="a missing log",
        ),
        pytest.param(
            {"/var/log/auth.log": ""},
            [*PROBED, *composed(scratch=True), INFO, RULES],
            "nothing writes to /var/log/auth.log",
            id="an empty log",
        ),
    ],
)
def test_errors_leave_the_host_as_it_was(files: dict[str, str], commands: list[Expected], words: str) -> None:
    if "/var/log/auth.log" in files:
        words += ".*this task changed nothing"
    host = FakeHost({**FILES, **files}, commands, programs=PROGRAMS)
    with pytest.raises(BaselineError, match=f"(?s){words}"):
        ensure(host)
    host.done()
    assert host.written == []


def test_a_quick_rule_above_the_anchor_is_a_warning(freebsd: Server) -> None:
    quick = Expected(
        RULES.argv, out='pass in quick proto tcp from any to any port = ssh flags S/SA\nanchor "f2b/*" all\n'
    )
    left = proven()
    host = FakeHost(
        {**FILES, **left},
        [INFO, quick, *composed(scratch=False), INFO, quick, quick, *service("syslogd")]
        + [*service("fail2ban"), *FREE],
        programs=PROGRAMS,
    )
    (warning, forgeable) = ensure(host).warnings
    assert forgeable == FORGEABLE
    assert warning.startswith("pf passes packets before it checks bans: 'pass in quick proto tcp")


def test_the_controller_is_found_above_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """ps(1) shows the environment of an ancestor. sudo has removed the variable from this process."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    pid = os.getpid()
    processes = (
        f"  800     1 sudo SSH_CONNECTION=198.51.100.7 50022 192.0.2.1 22 python3\n{pid}   800 python3 HOME=/root\n"
    )
    host = FakeHost({}, [Expected(list(PROCESSES), out=processes)])
    assert controller(t.cast(t.Any, host)) == "198.51.100.7"
    host.done()


ANSWERS: dict[tuple[str, ...], t.Any] = {
    ("version",): "1.1.0",
    ("get", "sshd", "banip", "--with-time"): [],
    ("get", "sshd", "actions"): ["pf"],
    ("get", "sshd", "logpath"): ["/var/log/auth.log"],
    ("get", "sshd", "ignoreip"): [],
    ("get", "sshd", "actionproperties", "pf"): ["actionstart", "actionban", "port", "actiontype"],
    ("status", "sshd"): [
        ("Filter", [("Currently failed", 0), ("Total failed", 0), ("File list", ["/var/log/auth.log"])]),
        ("Actions", [("Currently banned", 0), ("Total banned", 0), ("Banned IP list", [])]),
    ],
}
# The jail as a look from outside finds it: its log, then pf.
SEEN = [RULES, *service("syslogd"), INFO, RULES]


def gather(monkeypatch: pytest.MonkeyPatch, server: Server, commands: list[Expected]) -> dict[str, t.Any]:
    server.answers.update(ANSWERS)
    monkeypatch.setattr(host_fail2ban_info, "connect", lambda _path, **_options: server)
    host = FakeHost(FILES, commands, programs=PROGRAMS)
    report = host_fail2ban_info.gather(t.cast(t.Any, host))
    host.done()
    return report


def test_a_look_at_a_host_that_is_well(monkeypatch: pytest.MonkeyPatch, freebsd: Server) -> None:
    report = gather(monkeypatch, freebsd, SEEN)
    assert report["warnings"] == [FORGEABLE]
    assert report["database"] == {"path": "/var/db/fail2ban/fail2ban.sqlite3", "size": 0, "problem": None}
    assert (report["jails"]["sshd"]["source"], report["jails"]["sshd"]["ports"]) == ("files", ["ssh"])


def test_a_look_at_a_host_whose_pf_is_off(monkeypatch: pytest.MonkeyPatch, freebsd: Server) -> None:
    nothing = Expected(RULES.argv)
    forgeable, warning = gather(monkeypatch, freebsd, [nothing, *service("syslogd"), OFF, nothing])["warnings"]
    assert forgeable == FORGEABLE
    assert warning == (
        "the jail sshd bans with pf, but pf is not enabled: run `sysrc pf_enable=YES` and `service pf start`"
    )


def test_a_ban_by_hand_is_seen_in_the_jails_table(monkeypatch: pytest.MonkeyPatch, freebsd: Server) -> None:
    """The table is asked before and after; a ban that is already there is no change."""
    freebsd.answers.update(ANSWERS)
    request = BanRequest(("192.0.2.1",), True, ("sshd",), force=True)
    asked = freebsd.ask

    def ask(*words: str) -> t.Any:
        if words[:3] == ("set", "sshd", "banip"):
            freebsd.answers[("get", "sshd", "banip")] = ["192.0.2.1"]
        return asked(*words)

    monkeypatch.setattr(freebsd, "ask", ask)
    table = Expected(TABLE, out="   192.0.2.1\n")
    host = FakeHost({}, [*FREE, table, RULE], programs=PROGRAMS)
    result = ensure_with(t.cast(t.Any, host), freebsd, request, restart=lambda _name: None)
    host.done()
    assert result.changed
    again = FakeHost({}, [table, RULE], programs=PROGRAMS)
    assert not ensure_with(t.cast(t.Any, again), freebsd, request, restart=lambda _name: None).changed
    again.done()
