"""sshd_config and sshd_info on FreeBSD, by transcripts that nobody recorded (tests/unit/fixtures/freebsd/README.md)."""

from __future__ import annotations

import pwd
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.freebsd import LISTENING, MasterPasswd
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.guard import ShadowEntry
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import apply, change, guard, sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import daemon as daemons
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.change import SshdRequest, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.crypto import CryptoProfile
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.info import gather
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import BEGIN, END
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "freebsd"
STOCK = (FIXTURES / "sshd_config-14").read_text()
OPEN = (FIXTURES / "sshd-T-14").read_text()
CLOSED = OPEN.replace("kbdinteractiveauthentication yes", "kbdinteractiveauthentication no")
MAIN = "/etc/ssh/sshd_config"
OWN = "/etc/ssh/00-pyhost-baseline.conf"
PID_FILE = "/var/run/sshd.pid"
PROGRAM = "/usr/sbin/sshd"
WHO = "user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=22"
SOCKSTAT = "root  sshd  1718  6  tcp6  *:22  *:*\nroot  sshd  1718  7  tcp4  *:22  *:*\n"
TITLE = "sshd: /usr/sbin/sshd [listener] 0 of 10-100 startups\n"
REQUEST = SshdRequest(
    build_settings({"KbdInteractiveAuthentication": False, "PasswordAuthentication": False}),
    MAIN,
    "00-pyhost-baseline.conf",
    profile=CryptoProfile("system"),
)
STAGED = "/scratch"


@pytest.fixture(autouse=True)
def _freebsd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "unanswered", lambda _listens: [])
    monkeypatch.setattr(change.os, "geteuid", lambda: 0)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")


def version() -> Expected:
    return Expected([PROGRAM, "-V"], rc=1, err="OpenSSH_9.9p2, OpenSSL 3.0.16 11 Feb 2025\n")


def asked(out: str, *, root: str = "", who: str = WHO) -> Expected:
    return Expected([PROGRAM, "-T", "-f", root + MAIN, "-C", who], out=out)


def status(*, runs: bool = True) -> Expected:
    words = "sshd is running as pid 1718.\n" if runs else "sshd is not running.\n"
    return Expected(["service", "sshd", "onestatus"], rc=0 if runs else 1, out=words)


def enabled(*, yes: bool = True) -> Expected:
    return Expected(["service", "sshd", "enabled"], rc=0 if yes else 1)


def alive(*, lives: bool = True) -> Expected:
    return Expected(["ps", "-o", "etimes=", "-p", "1718"], out="3600\n" if lives else "")


def flags(words: str = "") -> Expected:
    return Expected(["sysrc", "-i", "-e", "sshd_flags"], out=f'sshd_flags="{words}"\n')


def title(words: str = TITLE) -> Expected:
    return Expected(["ps", "-ww", "-o", "args=", "-p", "1718"], out=words)


def listening(out: str = SOCKSTAT) -> Expected:
    return Expected(list(LISTENING), out=out)


# find_daemon: the state, and whose the pid file is; then how it was started and is next time.
DAEMON = [status(), enabled(), alive()]
STARTS = [flags(), title()]


def freebsd(*commands: Expected, check_mode: bool = False, files: dict[str, str] | None = None) -> FakeHost:
    there = {PROGRAM: "", MAIN: STOCK, PID_FILE: "1718\n", **(files or {})}
    return FakeHost(
        there, list(commands), mtimes={PID_FILE: 2000, MAIN: 1000, OWN: 1000}, check_mode=check_mode, platform=FREEBSD
    )


def play(host: FakeHost, order: SshdRequest = REQUEST) -> dict[str, t.Any]:
    done = ensure(host, order)  # type: ignore[arg-type]  # a stand-in
    host.done()
    return done


def refused(host: FakeHost, order: SshdRequest = REQUEST) -> str:
    with pytest.raises(BaselineError) as caught:
        play(host, order)
    host.done()
    return str(caught.value)


def ours(host: FakeHost) -> list[str]:
    return [line for line in host.files[OWN].splitlines() if line and not line.startswith("#")]


# After a reload: under which process it runs, and whether somebody else has its port.
AFTER = [alive(), listening()]

# The daemon that has read its files writes its pid file anew, which is what the wait looks at.
RELOAD = Expected(["service", "sshd", "onereload"], touches={PID_FILE: 3000})


def applied() -> dict[str, str]:
    """The files as a first run leaves them."""
    host = freebsd(
        version(), asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(), listening(), RELOAD,
        asked(CLOSED), *AFTER,
    )  # fmt: skip
    play(host)
    return {path: host.files[path] for path in (MAIN, OWN)}


def test_a_first_run_closes_the_passwords_that_pam_asks_for_by_keyboard() -> None:
    host = freebsd(
        version(), asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(), listening(), RELOAD,
        asked(CLOSED), *AFTER,
    )  # fmt: skip
    done = play(host)
    assert done["changed"] and done["reloaded"]
    assert done["path"] == OWN
    assert ours(host) == ["KbdInteractiveAuthentication no", "PasswordAuthentication no"]
    # No drop-in, since nothing includes one: a block at the top of the main file reads ours before all else.
    assert host.files[MAIN] == f"{BEGIN}Include {OWN}\n{END}{STOCK}"
    assert done["effective"][WHO]["kbdinteractiveauthentication"] == "no"
    assert done["ports"] == [22]


def test_check_mode_asks_the_same_and_writes_nothing() -> None:
    host = freebsd(
        version(), asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(), listening(), check_mode=True
    )
    assert play(host)["changed"]
    assert host.written == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_second_run_changes_nothing(check_mode: bool) -> None:
    host = freebsd(
        version(), asked(CLOSED), *DAEMON, *STARTS, listening(), listening(), check_mode=check_mode, files=applied()
    )
    done = play(host)
    assert not done["changed"] and not done["reloaded"]
    assert host.written == []


def test_a_daemon_that_no_boot_would_start_is_enabled() -> None:
    enable = Expected(["service", "sshd", "enable"], out="sshd enabled in /etc/rc.conf\n")
    host = freebsd(
        version(), asked(CLOSED), status(), enabled(yes=False), alive(), *STARTS, listening(), enable, RELOAD,
        asked(CLOSED), *AFTER,
        files=applied(),
    )  # fmt: skip
    done = play(host)
    assert done["changed"] and done["reloaded"]
    assert done["diff"][0]["before"] == "disabled: not started at boot\n"


def test_a_daemon_that_is_down_is_started() -> None:
    start = Expected(["service", "sshd", "onestart"], out="Starting sshd.\n")
    down = [status(runs=False), enabled(), flags(), listening("")]
    host = freebsd(version(), asked(CLOSED), *down, start, asked(CLOSED), *AFTER, files=applied())
    done = play(host)
    assert done["changed"] and done["reloaded"]
    assert done["diff"][0]["before"] == "not running\n"


def test_a_daemon_that_is_older_than_its_files_is_reloaded() -> None:
    host = freebsd(
        version(), asked(CLOSED), *DAEMON, *STARTS, listening(), RELOAD, asked(CLOSED), *AFTER, files=applied()
    )
    host.mtimes[OWN] = 2500
    assert play(host)["reloaded"]


def test_a_daemon_that_does_not_listen_where_it_should_is_reloaded() -> None:
    elsewhere = SOCKSTAT.replace(":22 ", ":2222 ")
    host = freebsd(
        version(), asked(CLOSED), *DAEMON, *STARTS, listening(elsewhere), listening(elsewhere), RELOAD,
        asked(CLOSED), *AFTER, files=applied(),
    )  # fmt: skip
    assert play(host)["reloaded"]


def test_a_user_on_the_desired_port_is_named_and_sshd_stays() -> None:
    squat = SOCKSTAT + "mallory  my sshd     2202 6   tcp4   *:2222                *:*\n"
    moved = CLOSED.replace(":22", ":2222").replace("port 22", "port 2222")
    order = replace(
        REQUEST, desired=build_settings({**{name: "no" for name in REQUEST.desired.settings}, "Port": 2222})
    )
    first = [version(), asked(moved, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(squat), listening(squat)]
    again = [asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(squat), listening(squat)]
    host = freebsd(*first, *again, RELOAD, asked(CLOSED), alive(), listening(squat))
    done = play(host, order)
    assert (done["changed"], done["ports"]) == (True, [22])
    assert [(one["port"], one["pid"], one["user"], one["program"]) for one in done["port_held_by"]] == [
        (2222, 2202, "mallory", "my sshd")
    ]
    assert ours(host)[-1] == "Port 22"


def test_a_reload_that_fails_puts_the_files_back() -> None:
    failed = Expected(["service", "sshd", "onereload"], rc=1, err="sshd not running? (check /var/run/sshd.pid).\n")
    again = [Expected(["service", "sshd", "onereload"], touches={PID_FILE: 3000})]
    start = [version(), asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(), listening()]
    host = freebsd(*start, failed, *AFTER, *again)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemons, "unanswered", lambda _listens, **_options: [])
        words = refused(host)
    assert words == (
        "service sshd reload failed: sshd not running? (check /var/run/sshd.pid).; the files are as they were before "
        "and sshd answers with them"
    )
    assert host.files[MAIN] == STOCK
    assert OWN not in host.files


def test_an_sshd_that_stays_silent_is_restarted_with_the_old_files_and_its_log_is_reported() -> None:
    log = "Nov 22 17:00:00 web sshd[1718]: error: Bind to port 22 on 0.0.0.0 failed: Address already in use.\n"
    host = freebsd(
        version(), asked(CLOSED, root=STAGED), *DAEMON, *STARTS, asked(OPEN), listening(), listening(), RELOAD,
        asked(CLOSED), *AFTER,
        Expected(["tail", "-n", "15", "/var/log/auth.log"], out=log),
        *AFTER,
        Expected(["service", "sshd", "onereload"]),
        Expected(["service", "sshd", "onerestart"]),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, "unanswered", lambda _listens: ["0.0.0.0 port 22: Connection refused"])
        patch.setattr(daemons, "unanswered", lambda _listens, **_options: ["0.0.0.0 port 22: Connection refused"])
        words = refused(host)
    assert words.startswith("sshd does not answer on 0.0.0.0 port 22: Connection refused; the files are as they were")
    assert "but sshd does not answer; look at the host at once; see /var/log/auth.log, which ends with: " in words
    assert words.endswith(log.strip())


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        pytest.param(
            [flags("-o KbdInteractiveAuthentication=yes")],
            "not in effect: KbdInteractiveAuthentication is yes (requested: no), because service sshd starts sshd with "
            "`-o KbdInteractiveAuthentication=yes`, which overrides all files; this task changed nothing; remove "
            "that (`sysrc -x sshd_flags`), and `service sshd restart`",
            id="rc.conf",
        ),
        pytest.param(
            [
                flags(),
                title("sshd: /usr/sbin/sshd -o KbdInteractiveAuthentication=yes [listener] 0 of 10-100 startups\n"),
            ],
            "not in effect: KbdInteractiveAuthentication is yes (requested: no), because sshd was started with "
            "`-o KbdInteractiveAuthentication=yes`, which overrides all files; this task changed nothing; "
            "restart sshd once it is started without that",
            id="the running one",
        ),
    ],
)
def test_flags_that_override_the_files_are_an_error(starts: list[Expected], words: str) -> None:
    answer = Expected(
        [PROGRAM, "-T", "-f", STAGED + MAIN, "-C", WHO, "-o", "KbdInteractiveAuthentication=yes"], out=OPEN
    )
    # What does not depend on it is checked too.
    others = [asked(OPEN), listening(), listening()]
    host = freebsd(version(), asked(CLOSED, root=STAGED), *DAEMON, *starts, answer, *others)
    assert refused(host) == words


def test_the_port_openssh_portable_is_another_server() -> None:
    host = freebsd(
        version(), asked(CLOSED, root=STAGED), status(runs=False),
        Expected(["service", "openssh", "onestatus"], out="openssh is running as pid 900.\n"),
        Expected(["service", "openssh", "enabled"]),
        files={"/usr/local/etc/rc.d/openssh": ""},
    )  # fmt: skip
    host.commands.insert(3, enabled(yes=False))
    assert refused(host) == (
        "path: /usr/local/sbin/sshd (service openssh) runs here instead of /usr/sbin/sshd, and reads "
        "/usr/local/etc/ssh/sshd_config; this task changed nothing; set path to /usr/local/etc/ssh/sshd_config, or run "
        "the service sshd instead"
    )


@pytest.mark.parametrize(
    ("main", "files", "program"),
    [
        pytest.param(MAIN, {PROGRAM: "", "/usr/local/sbin/sshd": ""}, PROGRAM, id="the base system's"),
        pytest.param(
            "/usr/local/etc/ssh/sshd_config",
            {PROGRAM: "", "/usr/local/sbin/sshd": ""},
            "/usr/local/sbin/sshd",
            id="the port's",
        ),
        pytest.param("/usr/local/etc/ssh/sshd_config", {PROGRAM: ""}, None, id="the port is not installed"),
    ],
)
def test_the_file_says_which_server_is_meant(main: str, files: dict[str, str], program: str | None) -> None:
    found = sshd.find_sshd(FakeHost(files, platform=FREEBSD), main)  # type: ignore[arg-type]  # a stand-in
    assert (found.program if found else None) == program


def test_info_reads_the_daemon_of_rc() -> None:
    wide = OPEN + "hostkeyalgorithms ssh-ed25519\n"
    host = freebsd(asked(wide), version(), *DAEMON)
    done = gather(host, main=MAIN, requested=dict.fromkeys(["user", "address", "host", "local_address", "local_port"]))  # type: ignore[arg-type]  # a stand-in
    host.done()
    assert (done["unit"], done["socket"], done["running"], done["stale"]) == ("sshd", "", True, False)
    assert done["ports"] == [22]
    # FreeBSD 14 prints the older of the two names.
    assert done["effective"]["useblocklist"] == "no"
    assert done["effective"]["versionaddendum"] == "FreeBSD-20250219"


def test_the_keyword_of_freebsd_is_known_by_both_names() -> None:
    assert (
        build_settings({"UseBlacklist": True}).settings
        == build_settings({"UseBlocklist": True}).settings
        == {"UseBlocklist": ("yes",)}
    )


@pytest.mark.parametrize(
    ("line", "shadow", "master"),
    [
        pytest.param(
            "root:*LOCKED*$6$x$y:0:0::0:0:x:/root:/bin/sh", ShadowEntry("*LOCKED*$6$x$y"), True, id="master.passwd"
        ),
        pytest.param("toor:*:0:0::0:0:x:/root:/bin/sh", ShadowEntry(), False, id="kept elsewhere"),
    ],
)
def test_the_guard_reads_master_passwd(line: str, shadow: ShadowEntry, master: bool) -> None:
    host = FakeHost({"/etc/master.passwd": f"{line}\n"}, programs=(), platform=FREEBSD)
    known = guard._account(host, pwd.getpwuid(0).pw_name)  # type: ignore[arg-type]  # a stand-in
    assert known.shadow == shadow and not known.shadow.is_usable
    assert known.master == (MasterPasswd(shadow.password) if master else None)


def test_a_locked_account_is_a_lock_out() -> None:
    stay = OPEN.replace("permitrootlogin no", "permitrootlogin prohibit-password")
    order = SshdRequest(REQUEST.desired, MAIN, REQUEST.dropin, users=("root",), profile=CryptoProfile("system"))
    rooted = asked(stay.replace("kbdinteractiveauthentication yes", "kbdinteractiveauthentication no"), root=STAGED)
    locked = {"/etc/master.passwd": "root:*LOCKED*:0:0::0:0:x:/root:/bin/sh\n"}
    rules = Expected(["sudo", "-n", "-l", "-U", "root"])
    host = freebsd(
        version(), rooted, *DAEMON, *STARTS, asked(stay), listening(), listening(), rooted, rules, files=locked
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "read_key_files", lambda *_arguments: [])
        words = refused(host, order)
    assert "the account root is locked; `pw unlock root` lifts that" in words
    assert words.startswith("guard_users: this configuration could lock you out: root from 192.0.2.7: ")
    assert host.written == []
