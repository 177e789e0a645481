"""A Debian 13 host with fail2ban as a transcript: its files, what it answers, and a server that runs the jail sshd."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.python_scripts import OWN_PATH
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ban_action import ban_action_files
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.loading import (
    _PROGRAM,
    _commands,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.nftables_action import Action
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import JOURNALMATCH
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import (
    JailStream,
    expected,
    parse_stream,
    questions,
)
from tests.unit.fake_host import Expected
from tests.unit.linux_sshd import ABSENT, NAMES, PROPERTIES, SERVICE, WHO, sshd_t

FIXTURES = Path(__file__).parent / "fixtures" / "fail2ban"
ROOT = "/etc/fail2ban"
STAGED = "/scratch/fail2ban"
OWN = f"{ROOT}/jail.d/zz-pyhost-baseline.local"
ACTION = f"{ROOT}/action.d/pyhost-nftables.py"
PYTHON = "/usr/bin/python3"
SOCKET = "/var/run/fail2ban/fail2ban.sock"
RECORD = "/var/run/fail2ban/pyhost.baseline.proof"
NOTE = "/var/lib/fail2ban/pyhost.baseline.test-bans"
LOG = "/var/log/fail2ban.log"
UNIT = "fail2ban.service"
PID, SSHD_PID, JOURNALD_PID = 812, 634, 217
ADDRESS = "192.0.2.1"
PROGRAMS = ["fail2ban-client", "fail2ban-server", "nft"]
FILES = {
    f"{ROOT}/jail.conf": (FIXTURES / "jail-debian13.conf").read_text(),
    f"{ROOT}/jail.d/defaults-debian.conf": (FIXTURES / "defaults-debian-debian13.conf").read_text(),
    f"{ROOT}/filter.d/sshd.conf": (FIXTURES / "filter-sshd-debian13.conf").read_text(),
    "/usr/bin/fail2ban-server": f"#!{PYTHON}\n",
    "/run/systemd/journal/socket": "",
}
TEXT = f"""\
# Managed by the module pyhost.baseline.fail2ban_jails, which replaces this file as a whole.

[DEFAULT]
usedns = no
banaction = pyhost-nftables.py
banaction_allports = pyhost-nftables.py[type=allports]

[sshd]
mode = aggressive
enabled = true
backend = systemd
journalmatch = {JOURNALMATCH}
filter = FILTER
"""


# The text of our ban action, and by what a server tells it from another version.
ACTION_TEXT = ban_action_files(["pyhost-nftables.py"])["/action.d/pyhost-nftables.py"].text
DIGEST = ACTION_TEXT.partition('_DIGEST = "')[2].partition('"')[0]

RUNNING = Action(types.SimpleNamespace(name="sshd"), "pyhost-nftables", port="22")


def stream_text(**options: str) -> str:
    """Return what ``fail2ban-client -d`` prints for the jail sshd of ours, with other values for ``options``."""
    match = [word for group in JOURNALMATCH.split(" + ") for word in ("+", *group.split())][1:]
    lines = []
    for line in (FIXTURES / "stream-debian13.txt").read_text().splitlines():
        if "'addjournalmatch'" in line:
            line = repr(["set", "sshd", "addjournalmatch", *match])
        if "'usedns'" in line:
            line = repr(["set", "sshd", "usedns", "no"])
        if "'action', 'nftables'" in line:
            continue
        if "'addaction'" in line:
            own = {"port": "22", "protocol": "tcp", "chain": "<known/chain>"}
            line = repr(["set", "sshd", "addaction", "pyhost-nftables", ACTION, json.dumps(own)])
        for option, value in options.items():
            if line.startswith(f"['set', 'sshd', '{option}'"):
                line = repr(["set", "sshd", option, value])
        lines.append(line)
    return "\n".join(lines) + "\n"


STREAM = stream_text()
JAIL = parse_stream(STREAM)["sshd"]


def expressions(jail: JailStream = JAIL) -> dict[str, list[str]]:
    """Return the expressions of ``jail`` as the server answers them."""
    found: dict[str, list[str]] = {"failregex": [], "ignoreregex": []}
    for command in jail.commands:
        kind = {"addfailregex": "failregex", "addignoreregex": "ignoreregex"}.get(str(command[2]))
        if kind:
            found[kind] += command[3] if command[0] == "multi-set" else [command[3]]
    return found


NFT_TRIAL = Expected(
    [
        "nft",
        "-c",
        "add table inet pyhost-baseline-trial; "
        "add chain inet pyhost-baseline-trial prerouting { type filter hook prerouting priority -301; }; "
        "add rule inet pyhost-baseline-trial prerouting reject",
    ]
)
NFT = ["nft", "list", "ruleset"]
RULE = "tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable"
FREE = Expected(NFT, out=f"set addr-set-sshd {{\n}}\n{RULE}\n")
BANNED = Expected(NFT, out=f"set addr-set-sshd {{\nelements = {{ {ADDRESS} }}\n}}\n{RULE}\n")
FLUSHED = Expected(NFT)
# The addresses of the host.
ADDRESSES = Expected(
    ["ip", "-o", "address", "show"],
    out="1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
    "1: lo    inet6 ::1/128 scope host noprefixroute \\       valid_lft forever preferred_lft forever\n"
    "2: eth0    inet 203.0.113.5/24 brd 203.0.113.255 scope global dynamic eth0\\       valid_lft 86013sec\n"
    "2: eth0    inet6 2001:db8::5/64 scope global \\       valid_lft forever preferred_lft forever\n"
    "2: eth0    inet6 fe80::5054:ff:fe12:3456/64 scope link \\       valid_lft forever preferred_lft forever\n"
    "3: tun0    inet 198.51.100.129 peer 198.51.100.130/32 scope global tun0\\       valid_lft forever\n",
)
# The unit of the package nftables, what it needs so that bans are restored after it, and how systemd reads that.
NFTABLES_UNIT = "/usr/lib/systemd/system/nftables.service"
DROP_IN = "/etc/systemd/system/nftables.service.d/pyhost-baseline-fail2ban.conf"
DROP_IN_TEXT = """\
# Managed by the module pyhost.baseline.fail2ban_jails. After "flush ruleset" fail2ban restores its bans.
[Service]
ExecStartPost=-+fail2ban-client set sshd action pyhost-nftables consistencyCheck
ExecReload=-+fail2ban-client set sshd action pyhost-nftables consistencyCheck
"""
DAEMON_RELOAD = Expected(["systemctl", "daemon-reload"])
# What systemd is asked about each unit.
SHOWN = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "MainPID", "NeedDaemonReload")
JOURNALD = Expected(["systemd-analyze", "cat-config", "systemd/journald.conf"], out="[Journal]\n#Storage=auto\n")
ENTRIES = Expected(["journalctl", "--quiet", "--no-pager", "--lines", "1", "--output", "cat"], out="hello\n")


def sshd_log(*, sshd: int = SSHD_PID, journald: int = JOURNALD_PID, **properties: str) -> Expected:
    """Return the answer of systemd about the services of sshd and journald, with ``properties`` of the one of sshd."""
    limits = {"LogLevelMax": "-1", "LogNamespace": "", "LogRateLimitIntervalUSec": "0", "LogRateLimitBurst": "0"}
    blocks = [
        {"Id": "ssh.service", "LoadState": "loaded", "MainPID": str(sshd), **limits, **properties},
        {"Id": "sshd.service", "LoadState": "not-found", "MainPID": "0", **limits},
        {"Id": "systemd-journald.service", "LoadState": "loaded", "MainPID": str(journald), **limits},
    ]
    out = "\n".join("".join(f"{name}={value}\n" for name, value in block.items()) for block in blocks)
    units = [block["Id"] for block in blocks]
    return Expected(["systemctl", "show", "--property", ",".join([*SHOWN, *limits]), "--", *units], out=out)


PROBED = [
    NFT_TRIAL,
    JOURNALD,
    Expected([PYTHON, "-c", OWN_PATH + "import systemd.journal"]),
    ENTRIES,
    sshd_log(),
]
# The check of the ban action.
WORKS = Expected(["nft", "-t", "list", "ruleset"])
CHECKED = [WORKS]
# What sshd answers about itself (with SSH_CONNECTION set to CONNECTION), and what systemd says about its units.
CONNECTION = "192.0.2.7 50000 192.0.2.1 22"
FACTS = [
    Expected(
        ["/usr/bin/sshd", "-T", "-f", "/etc/ssh/sshd_config", "-C", WHO],
        out=sshd_t() + "loglevel INFO\nsyslogfacility AUTH\n",
    ),
    Expected(
        ["systemctl", "show", "--property", PROPERTIES, "--", *NAMES],
        out="\n".join([SERVICE.format(active="active", file="enabled", pid=SSHD_PID), *[ABSENT] * 3]),
    ),
]
SOURCE, USER = "127.45.6.7", "pyhost-baseline-c0ffee"
# The log of fail2ban after its start, and a failure in it.
STARTED = "2026-11-22 10:00:00,000 fail2ban.server [812]: INFO    Starting Fail2ban v1.1.0\n"
FOUND = f"2026-11-22 10:48:46,012 fail2ban.filter [812]: INFO    [sshd] Found {SOURCE} - 2026-11-22 10:48:45\n"


def login(
    address: str = "127.0.0.1", *, port: int = 22, source: str = SOURCE, refused: bool = True, log: str | None = None
) -> Expected:
    """Return the login at sshd as USER, and how it ends. ``log``: what the log of fail2ban is afterwards."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    options += ["GlobalKnownHostsFile=/dev/null", "PreferredAuthentications=publickey", "IdentityFile=/dev/null"]
    options += ["IdentitiesOnly=yes", "IdentityAgent=none", "NumberOfPasswordPrompts=0", "ControlPath=none"]
    options += ["ProxyCommand=none", "ConnectTimeout=10", "LogLevel=ERROR"]
    options += [f"BindAddress={source}"] if source else []
    words = [word for option in options for word in ("-o", option)]
    denied = f"{USER}@{address}: Permission denied (publickey,password).\r\n"
    failed = f"ssh: connect to host {address} port {port}: Connection refused\r\n"
    return Expected(
        ["ssh", "-F", "none", "-T", "-n", *words, "-p", str(port), "-l", USER, address, "true"],
        rc=255,
        err=denied if refused else failed,
        writes={} if log is None else {LOG: log},
    )


def staged(text: str = STREAM, *, scratch: bool = True) -> list[Expected]:
    """Return what fail2ban makes of the files, in the staged copy or in their place, and of the expressions."""
    where = STAGED if scratch else ROOT
    jails = parse_stream(text)
    return [
        Expected(["fail2ban-client", "-c", where, "-d", "-t"], out=text.replace(ROOT, where)),
        Expected(
            [PYTHON, "-c", _PROGRAM],
            data=json.dumps({name: _commands(jail) for name, jail in jails.items()}),
            out=json.dumps({"jails": {name: expressions(jail) for name, jail in jails.items()}, "code": []}),
        ),
    ]


def present(text: str | None) -> Expected:
    """Return what fail2ban makes of the files before they are written (``None``: it rejects them)."""
    return Expected(["fail2ban-client", "-c", ROOT, "-d", "-t"], rc=0 if text else 255, out=text or "", err="no jail")


def unit(active: str = "active", *, file_state: str = "enabled", pid: int = PID) -> Expected:
    """Return the answer of systemd about the service."""
    values = (UNIT, "loaded", active, "", file_state, "", str(pid if active == "active" else 0), "no")
    out = "".join(f"{name}={value}\n" for name, value in zip(SHOWN, values, strict=True))
    return Expected(["systemctl", "show", "--property", ",".join(SHOWN), "--", UNIT], out=out)


def log_tail(*, lines: int) -> Expected:
    """Return the end of the journal of the service."""
    argv = ["journalctl", "--no-pager", "--boot", "--output", "cat", "--lines", str(lines), "--unit", UNIT]
    return Expected(argv, out="ERROR the last line\n")


class FakeServer:
    """Answers as the server does that runs the jail sshd as its files define it; records requests for changes."""

    def __init__(self, jail: JailStream = JAIL) -> None:
        self.banned: list[str] = []
        self.commands: list[str] = []
        self.answers: dict[tuple[str, ...], t.Any] = {}
        self.run(jail)
        self.answers.update(
            {
                ("status",): [("Number of jail", 1), ("Jail list", "sshd")],
                ("status", "sshd"): [
                    ("Filter", [("Currently failed", 1), ("Total failed", 7), ("Journal matches", "…")]),
                    ("Actions", [("Currently banned", 0), ("Total banned", 2)]),
                ],
                ("version",): "1.1.0",
                ("get", "dbfile"): "/var/lib/fail2ban/fail2ban.sqlite3",
                ("get", "sshd", "action", "pyhost-nftables", "digest"): DIGEST,
                ("get", "logtarget"): LOG,
                ("get", "loglevel"): "INFO",
            }
        )
        for name in ("actionstart", "actionban", "chain_hook"):
            self.answers["get", "sshd", "action", "pyhost-nftables", name] = getattr(RUNNING, name)

    def run(self, jail: JailStream) -> None:
        """Run ``jail`` from now on."""
        values = expected(jail)
        for option, words in questions("sshd", values).items():
            if " text" not in option:
                self.answers[tuple(words)] = values[option]
        # The server answers its journal match as groups of words, and source is a part of the status.
        self.answers["get", "sshd", "journalmatch"] = [group.split() for group in JOURNALMATCH.split(" + ")]
        self.answers.update({("get", "sshd", kind): lines for kind, lines in expressions(jail).items()})
        self.answers["status", "sshd"] = [("Filter", [("Journal matches", "…")]), ("Actions", [])]

    def ask(self, *words: str) -> t.Any:
        if words[0] == "set":
            self.commands.append(" ".join(words))
            return 1
        if words == ("get", "sshd", "banip"):
            return list(self.banned)
        answer = self.answers[words]
        if isinstance(answer, BaselineError):
            raise answer
        return answer
