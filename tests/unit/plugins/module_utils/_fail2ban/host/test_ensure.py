"""The whole path of fail2ban_jails on a systemd host, over transcripts: every command in its order."""

from __future__ import annotations

import json
import re
import types
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import counting as host_counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import daemon as host_daemon
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ensure as host_ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import probe as host_probe
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof as host_proof
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof_record
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jails_result import JailsResult
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_filter import SSHD_ONCE
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import expected, parse_stream
from tests.unit.fake_fail2ban import (
    ACTION,
    ACTION_TEXT,
    ADDRESS,
    BANNED,
    CHECKED,
    CONNECTION,
    DAEMON_RELOAD,
    DIGEST,
    DROP_IN,
    DROP_IN_TEXT,
    FACTS,
    FILES,
    FLUSHED,
    FOUND,
    FREE,
    JAIL,
    LOG,
    NFTABLES_UNIT,
    NOTE,
    OWN,
    PROBED,
    PROGRAMS,
    PYTHON,
    RECORD,
    RULE,
    SOURCE,
    STARTED,
    STREAM,
    TEXT,
    UNIT,
    USER,
    WORKS,
    FakeServer,
    expressions,
    log_tail,
    login,
    present,
    staged,
    stream_text,
    unit,
)
from tests.unit.fake_host import Clock, Expected, FakeHost

FOLDER = OWN.rpartition("/")[0]
ANSWERS = "/run/pyhost.baseline/fail2ban.answers"
DESIRED = JailsRequest(jails={"sshd": {}}, sshd_logins="keys", check_sshd=False)
THREE = JailsRequest(jails={"sshd": {"maxretry": 3}}, sshd_logins="keys", check_sshd=False)
# A failed change is followed by the earlier file, and the jails are loaded again.
RESTORED = [present(STREAM), unit(), Expected(["fail2ban-client", "reload", "--if-exists", "sshd"], out="OK\n")]
ENABLE = Expected(["systemctl", "enable", "--", UNIT])
START = Expected(["systemctl", "start", "--", UNIT])
RELOAD = Expected(["fail2ban-client", "reload", "--if-exists", "sshd"], out="OK\n")
RESTART = Expected(["fail2ban-client", "reload", "--restart", "sshd"], out="OK\n")
# A test ban, found in the packet filter with the right rules, and gone from it; then the rules are read for the record.
PROVEN = [BANNED, BANNED, FREE, FREE]
TEST_BANS = [f"set sshd banip {ADDRESS}", f"set sshd unbanip {ADDRESS}"]


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server that answers whenever somebody waits for it, that is, where the service runs or was started."""
    server = FakeServer()
    monkeypatch.setattr(host_proof, "documentation_addresses", lambda **_options: [ADDRESS])
    monkeypatch.setattr(host_daemon, "connect", lambda _path, **options: server if options["seconds"] else None)
    for module in (host_proof, host_daemon, host_counting):
        monkeypatch.setattr(module, "time", Clock())
    return server


@pytest.fixture(autouse=True)
def countings(monkeypatch: pytest.MonkeyPatch) -> list[host_counting.Counting]:
    """What comes of the refused logins, in their order; the jail counts those of which nothing is said."""
    outcomes: list[host_counting.Counting] = []

    def prove_counting(*_arguments: t.Any) -> host_counting.Counting:
        return outcomes.pop(0) if outcomes else host_counting.Counting(True)

    monkeypatch.setattr(proof_record, "prove_counting", prove_counting)
    return outcomes


def ensure(host: FakeHost, desired: JailsRequest = DESIRED, **options: bool) -> JailsResult:
    result = host_ensure.ensure(t.cast(t.Any, host), desired, **{"reload": True, "proof": True, **options})
    host.done()
    return result


def fail(host: FakeHost, desired: JailsRequest = DESIRED) -> BaselineError:
    with pytest.raises(BaselineError) as failed:
        ensure(host, desired)
    host.done()
    return failed.value


def written(text: str) -> str:
    return re.sub(r"^filter = sshd\[.*\]$", "filter = FILTER", text, flags=re.DOTALL | re.MULTILINE)


def own_files() -> dict[str, str]:
    """Return our files as a first run without a reload writes them."""
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    result = ensure(host, reload=False)
    assert host.written == [ACTION, OWN]
    assert (result.changed, result.reloaded, result.restarted) == (True, [], False)
    return {path: host.files[path] for path in (ACTION, OWN)}


def proven() -> dict[str, str]:
    """Return what a first run leaves on the host."""
    host = FakeHost(
        FILES,
        [*PROBED, *staged(), *CHECKED, unit("inactive"), present(None), START, unit(), *PROVEN],
        programs=PROGRAMS,
    )
    ensure(host)
    return {path: host.files[path] for path in (ACTION, OWN, RECORD)}


def test_the_first_run(server: FakeServer) -> None:
    host = FakeHost(
        FILES,
        [
            *PROBED,
            *staged(),
            *CHECKED,
            unit("inactive", file_state="disabled"),
            present(None),
            ENABLE,
            START,
            unit(),
            *PROVEN,
        ],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.changed
    assert result.restarted
    assert result.reloaded == []
    assert result.warnings == []
    assert written(host.files[OWN]) == TEXT
    assert server.commands == TEST_BANS
    proof = {
        "proven": True,
        "addresses": [ADDRESS],
        "actions": ["pyhost-nftables"],
        "counts": True,
        "counts_reason": None,
    }
    assert result.proof == {"sshd": proof}
    assert [path for path in host.written if path != NOTE] == [ACTION, OWN, RECORD]
    assert (host.modes[OWN], host.modes[RECORD], host.modes[NOTE]) == (0o644, 0o600, 0o600)
    assert NOTE not in host.files


def test_the_first_run_has_sshd_refuse_a_login_that_the_jail_counts(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_record, "prove_counting", host_counting.prove_counting)
    monkeypatch.setattr(host_counting, "random_source", lambda: SOURCE)
    monkeypatch.setattr(host_counting, "random_user", lambda: USER)
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)
    programs = [*PROGRAMS, "sshd", "ssh"]
    commands = [*PROBED, *staged(), *CHECKED, *FACTS, unit("inactive"), present(None), START, unit(), *PROVEN]
    host = FakeHost({**FILES, LOG: STARTED}, [*commands, *FACTS, login(log=STARTED + FOUND)], programs=programs)
    result = ensure(host)
    assert result.proof["sshd"]["counts"] is True
    assert result.warnings == []
    assert server.commands == [*TEST_BANS, f"set sshd unbanip {SOURCE}"]
    # The next run makes no login.
    server.commands.clear()
    commands = [*PROBED, *staged(scratch=False), *CHECKED, *FACTS, unit(), FREE]
    again = ensure(FakeHost(host.files, commands, programs=programs))
    assert (again.changed, again.proof, server.commands) == (False, result.proof, [])


def test_a_login_that_is_not_counted_restores_the_earlier_settings(
    server: FakeServer, countings: list[host_counting.Counting]
) -> None:
    left = proven()
    text = stream_text(maxretry="3")

    class Reloading(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "reload" in argv:
                server.run(parse_stream(STREAM if self.files[OWN] == left[OWN] else text)["sshd"])
            return super().run(argv, **options)

    countings.append(host_counting.Counting(False, "its filter does not find a failure"))
    host = Reloading(
        {**FILES, **left},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), RELOAD, *PROVEN, *RESTORED],
        programs=PROGRAMS,
    )
    error = fail(host, THREE)
    assert error.problem == (
        "the jail sshd does not count failed logins: sshd refused one over loopback, and its filter does not find a "
        "failure"
    )
    assert error.state == f"{OWN} was restored, and the jails run as before"
    assert {path: host.files[path] for path in left} == left


def test_a_login_of_which_nothing_is_known_is_a_warning(countings: list[host_counting.Counting]) -> None:
    countings.append(host_counting.Counting(None, "the program ssh is not installed"))
    host = FakeHost(
        FILES,
        [*PROBED, *staged(), *CHECKED, unit("inactive"), present(None), START, unit(), *PROVEN],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.changed
    assert result.warnings == [
        "whether the jail sshd counts failed logins is not proven: the program ssh is not installed"
    ]
    assert (result.proof["sshd"]["proven"], result.proof["sshd"]["counts"]) == (True, None)


def test_a_login_of_which_nothing_is_known_is_tried_again(
    server: FakeServer, countings: list[host_counting.Counting]
) -> None:
    countings.append(host_counting.Counting(None, "the program ssh is not installed"))
    left = proven()
    server.commands.clear()
    commands = [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE]
    host = FakeHost({**FILES, **left}, commands, programs=PROGRAMS)
    result = ensure(host)
    assert (result.changed, result.warnings, server.commands) == (False, [], [])
    assert (result.proof["sshd"]["counts"], result.proof["sshd"]["counts_reason"]) == (True, None)
    assert [path for path in host.written if path != NOTE] == [RECORD]


def test_a_run_without_a_change_bans_nobody_and_writes_nothing(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    host = FakeHost({**FILES, **left}, [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE], programs=PROGRAMS)
    result = ensure(host)
    assert not result.changed
    assert result.proof["sshd"]["proven"]
    assert server.commands == []
    assert [path for path in host.written if path != NOTE] == []


def test_answers_of_the_code_of_fail2ban_are_asked_for_once(server: FakeServer) -> None:
    """What is left of a run without changes: the server and the packet filter answer."""
    left = proven()
    asked = [one for one in PROBED if one.argv[0] != PYTHON]
    read, loaded = staged(scratch=False)
    loaded = replace(loaded, out=json.dumps({"jails": {"sshd": expressions()}, "code": ["/x.py"]}))
    host = FakeHost({**FILES, **left}, [*PROBED, read, loaded, *CHECKED, unit(), FREE], programs=PROGRAMS)
    assert not ensure(host).changed
    assert [path for path in host.written if path != NOTE] == []
    assert ANSWERS in host.files
    again = FakeHost(host.files, [*asked, *CHECKED, unit(), FREE], programs=PROGRAMS)
    assert not ensure(again).changed
    assert [path for path in again.written if path != NOTE] == []
    # Another version of the code, and a jail with other values.
    upgraded = FakeHost(
        {**host.files, "/x.py": "x"}, [*PROBED, read, loaded, *CHECKED, unit(), FREE], programs=PROGRAMS
    )
    assert not ensure(upgraded).changed
    changed = staged(stream_text(maxretry="3"))
    changing = FakeHost(host.files, [*asked, *changed, *CHECKED, unit(), FREE], programs=PROGRAMS, check_mode=True)
    assert ensure(changing, THREE).changed


def test_without_the_proof_no_ban_is_tried(server: FakeServer) -> None:
    commands = [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE]
    host = FakeHost({**FILES, **own_files()}, commands, programs=PROGRAMS)
    result = ensure(host, proof=False)
    assert (result.changed, result.proof, server.commands) == (False, {}, [])


def test_without_a_reload_check_mode_leaves_the_file() -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS, check_mode=True)
    result = ensure(host, reload=False)
    assert result.changed and written(str(result.after.file)) == TEXT
    assert host.written == []


def test_without_a_reload_the_same_file_is_not_written_again() -> None:
    host = FakeHost({**FILES, **own_files()}, [*PROBED, *staged(scratch=False), *CHECKED], programs=PROGRAMS)
    assert not ensure(host, reload=False).changed
    assert host.written == []


def test_a_changed_jail_is_reloaded_and_not_the_service(server: FakeServer) -> None:
    text = stream_text(maxretry="3")

    class Reloading(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "reload" in argv:
                assert OWN in self.written, "the file comes before the reload"
                server.run(parse_stream(text)["sshd"])
            return super().run(argv, **options)

    host = Reloading(
        {**FILES, **proven()},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), RELOAD, *PROVEN],
        programs=PROGRAMS,
    )
    server.commands.clear()
    result = ensure(host, THREE)
    assert (result.changed, result.reloaded, result.restarted) == (True, ["sshd"], False)
    assert result.after.jails["sshd"]["maxretry"] == 3
    assert server.commands == TEST_BANS, "the jail is proven again"


def test_a_reload_that_keeps_an_old_value_is_followed_by_a_restart_of_the_jail(server: FakeServer) -> None:
    text = stream_text(maxretry="3")

    class Restarting(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "--restart" in argv:
                server.run(parse_stream(text)["sshd"])
            return super().run(argv, **options)

    host = Restarting(
        {**FILES, **proven()},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), RELOAD, RESTART, *PROVEN],
        programs=PROGRAMS,
    )
    result = ensure(host, THREE)
    assert result.reloaded == ["sshd"]


def test_a_value_that_does_not_take_effect_is_an_error(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    host = FakeHost(
        {**FILES, **left, "/var/log/fail2ban.log": "x fail2ban [1]: ERROR   no such option\n"},
        [
            *PROBED,
            *staged(stream_text(maxretry="3")),
            *CHECKED,
            unit(),
            FREE,
            present(STREAM),
            RELOAD,
            RESTART,
            *RESTORED,
        ],
        programs=PROGRAMS,
    )
    error = fail(host, THREE)
    assert error.problem == "the jail sshd does not run as requested: maxretry is 5 instead of 3"
    assert error.state == f"{OWN} was restored, and the jails run as before"
    assert host.files[OWN] == left[OWN]
    assert error.hint.endswith("\nno such option")
    assert server.commands == [], "no ban is tried in a jail that is not as requested"


def test_a_failed_reload_tells_what_was_written(server: FakeServer) -> None:
    failed = Expected(RELOAD.argv, rc=255, err="NOK\n")
    host = FakeHost(
        {**FILES, **proven()},
        [*PROBED, *staged(stream_text(maxretry="3")), *CHECKED, unit(), FREE, present(STREAM), failed, *RESTORED],
        programs=PROGRAMS,
    )
    error = fail(host, THREE)
    assert str(error) == (
        f"fail2ban-client reload --if-exists sshd failed: NOK (rc=255); {OWN} was restored, and the jails run as before"
    )


def test_a_failed_start_of_a_first_run_has_nothing_to_restore(server: FakeServer) -> None:
    failed = Expected(START.argv, rc=1, err="Job failed")
    host = FakeHost(
        FILES,
        [*PROBED, *staged(), *CHECKED, unit("inactive"), present(None), failed, log_tail(lines=15)],
        programs=PROGRAMS,
    )
    error = fail(host)
    assert error.state == f"{OWN} and {ACTION} were written, and fail2ban may have been started or reloaded"
    assert server.commands == []


def test_a_failed_start_restores_the_file_of_an_earlier_run(server: FakeServer) -> None:
    failed = [Expected(START.argv, rc=1, err="Job failed"), log_tail(lines=15)]
    stopped = unit("inactive")
    host = FakeHost(
        {**FILES, **proven()},
        [
            *PROBED,
            *[*staged(stream_text(maxretry="3")), *CHECKED, stopped, present(STREAM), *failed],
            *[present(STREAM), stopped, *failed],
        ],
        programs=PROGRAMS,
    )
    before = host.files[OWN]
    error = fail(host, THREE)
    assert host.files[OWN] == before
    assert str(error.state).startswith(f"{OWN} was restored, but fail2ban could not be started with it again (")


def test_a_failed_proof_of_a_new_setting_restores_the_earlier_one(server: FakeServer) -> None:
    left = proven()
    text = stream_text(maxretry="3")

    class Reloading(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "reload" in argv:
                server.run(parse_stream(STREAM if self.files[OWN] == left[OWN] else text)["sshd"])
            return super().run(argv, **options)

    host = Reloading(
        {**FILES, **left, "/var/log/fail2ban.log": ""},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), RELOAD, *[FLUSHED] * 16, *RESTORED],
        programs=PROGRAMS,
    )
    error = fail(host, THREE)
    assert "a test ban of 192.0.2.1 does not appear in the packet filter" in error.problem
    assert error.state == f"{OWN} was restored, and the jails run as before"
    assert host.files[OWN] == left[OWN]


@pytest.mark.parametrize(
    ("commands", "option", "problem"),
    [
        pytest.param(
            [
                *PROBED,
                Expected(
                    ["fail2ban-client", "-c", "/scratch/fail2ban", "-d", "-t"],
                    rc=255,
                    err="2026-11-22 10:48:45,906 fail2ban.jailreader [416]: ERROR   Bad value in /scratch/fail2ban/x\n",
                ),
            ],
            {},
            "fail2ban rejects the configuration: Bad value in /etc/fail2ban/x",
            id="rejected by fail2ban",
        ),
        pytest.param(
            [
                *PROBED,
                *staged()[:1],
                Expected(
                    staged()[1].argv,
                    data=staged()[1].data,
                    out='{"jails": {"sshd": {"option": "addfailregex", "error": "no"}}, "code": ["/x.py"]}',
                ),
                *CHECKED,
            ],
            {},
            "[sshd]: the server of fail2ban rejects failregex: no",
            id="an expression",
        ),
        pytest.param(PROBED, {"maxretries": 3}, "[sshd]: unknown jail option 'maxretries'", id="an unknown option"),
        pytest.param(PROBED, {"filter": "ssd"}, "[sshd]: unknown filter 'ssd'; did you mean 'sshd'?", id="a filter"),
        pytest.param(
            [*PROBED, *staged(), Expected(WORKS.argv, rc=1, err="not permitted")],
            {},
            "the jail sshd bans with pyhost-nftables, but nft -t list ruleset answers: not permitted (rc=1)",
            id="no working ban action",
        ),
    ],
)
def test_a_refused_configuration_leaves_the_host_as_it_was(
    server: FakeServer, commands: list[Expected], option: dict[str, t.Any], problem: str
) -> None:
    host = FakeHost({**FILES, OWN: "# ours\n"}, commands, programs=PROGRAMS)
    error = fail(host, JailsRequest(jails={"sshd": option}, sshd_logins="keys", check_sshd=False))
    assert str(error).startswith(problem)
    assert "this task changed nothing" in str(error)
    assert host.files[OWN] == "# ours\n"
    assert (host.written, server.commands) == ([], [])


@pytest.mark.parametrize(
    "later",
    [
        pytest.param("[sshd]\nmaxretry : 9\n", id="a colon"),
        pytest.param("[sshd]\n  maxretry = 9\n", id="indented"),
        pytest.param("[sshd]\nmaxretry = 9 ; for now\n", id="an inline comment"),
        pytest.param("[INCLUDES]\nbefore = site.inc\n", id="an included file"),
        pytest.param("[INCLUDES]\nafter = site.inc\n", id="a file that is included afterwards"),
    ],
)
def test_a_later_file_that_overrides_a_setting(later: str) -> None:
    files = {**FILES, f"{FOLDER}/zzz.local": later, f"{FOLDER}/site.inc": "[sshd]\nmaxretry = 9\n"}
    host = FakeHost(files, PROBED, programs=PROGRAMS)
    error = fail(host, THREE)
    name = "site.inc" if "INCLUDES" in later else "zzz.local"
    assert f"{FOLDER}/{name}: maxretry = 9 for [sshd], but 3 is requested" in error.problem
    assert "this task changed nothing; remove these settings" in str(error)
    assert host.written == []


def test_a_later_file_with_the_same_value_and_a_comment_is_no_error() -> None:
    files = {**FILES, f"{FOLDER}/zzz.local": "[sshd]\nmaxretry = 3 ; as ours\n"}
    host = FakeHost(files, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    assert ensure(host, THREE, reload=False).changed


def test_flushed_rules_restart_the_jail(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FLUSHED, FLUSHED, RESTART, FLUSHED, *PROVEN],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.changed
    assert RULE in result.before.packet_filter["sshd"]
    assert (result.reloaded, result.restarted) == (["sshd"], False)
    assert OWN not in host.written


# The drop-in of nftables.service.

WITH_UNIT = {**FILES, NFTABLES_UNIT: ""}
WITH_SYSTEMCTL = [*PROGRAMS, "systemctl"]


class DropIn(FakeHost):
    """systemd reads the drop-in as it has to be, before fail2ban is started or reloaded."""

    present: str | None = DROP_IN_TEXT
    read_by_systemd = False

    def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
        if list(argv) == DAEMON_RELOAD.argv:
            assert self.files.get(DROP_IN) == self.present
            self.read_by_systemd = True
        elif list(argv) in (START.argv, RELOAD.argv):
            assert OWN in self.written
            assert self.read_by_systemd
        return super().run(argv, **options)


def test_the_first_run_has_bans_restored_after_nftables() -> None:
    started = [unit("inactive"), present(None), DAEMON_RELOAD, START, unit()]
    host = DropIn(WITH_UNIT, [*PROBED, *staged(), *CHECKED, *started, *PROVEN], programs=WITH_SYSTEMCTL)
    result = ensure(host)
    assert result.changed
    assert (result.before.drop_in, result.after.drop_in) == (None, DROP_IN_TEXT)
    assert (host.files[DROP_IN], host.modes[DROP_IN]) == (DROP_IN_TEXT, 0o644)
    assert [path for path in host.written if path != NOTE] == [ACTION, OWN, DROP_IN, RECORD]


def test_a_changed_jail_and_the_drop_in(server: FakeServer) -> None:
    text = stream_text(maxretry="3")

    class Reloading(DropIn):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if list(argv) == RELOAD.argv:
                server.run(parse_stream(text)["sshd"])
            return super().run(argv, **options)

    host = Reloading(
        {**WITH_UNIT, **proven()},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), DAEMON_RELOAD, RELOAD, *PROVEN],
        programs=WITH_SYSTEMCTL,
    )
    result = ensure(host, THREE)
    assert (result.changed, result.reloaded, host.files[DROP_IN]) == (True, ["sshd"], DROP_IN_TEXT)


@pytest.mark.parametrize(
    ("earlier", "files", "later"),
    [
        pytest.param(None, WITH_UNIT, DROP_IN_TEXT, id="missing"),
        pytest.param("[Service]\n", WITH_UNIT, DROP_IN_TEXT, id="another text"),
        pytest.param(DROP_IN_TEXT, FILES, None, id="nftables has no unit any more"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_the_drop_in_alone_is_a_change(
    server: FakeServer, earlier: str | None, files: dict[str, str], later: str | None, check_mode: bool
) -> None:
    """The jails stay as they are."""
    left = {**proven(), **({} if earlier is None else {DROP_IN: earlier})}
    server.commands.clear()
    commands = [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE]
    host = DropIn(
        {**files, **left},
        commands if check_mode else [*commands, DAEMON_RELOAD],
        programs=WITH_SYSTEMCTL,
        check_mode=check_mode,
    )
    host.present = later
    result = ensure(host)
    assert result.changed
    assert (result.before.drop_in, result.after.drop_in) == (earlier, later)
    assert replace(result.before, drop_in=None) == replace(result.after, drop_in=None)
    assert (result.reloaded, result.restarted, server.commands) == ([], False, [])
    assert host.files.get(DROP_IN) == (earlier if check_mode else later)
    assert [path for path in host.written if path != NOTE] == ([] if check_mode else [DROP_IN])


REFUSED = Expected(DAEMON_RELOAD.argv, rc=1, err="no")


def test_a_drop_in_that_systemd_does_not_read_is_an_error() -> None:
    """The error has the state of the host: our file, and the drop-in, were written before."""
    started = [unit("inactive"), present(None), REFUSED]
    host = DropIn(WITH_UNIT, [*PROBED, *staged(), *CHECKED, *started], programs=WITH_SYSTEMCTL)
    error = fail(host)
    assert error.problem == "systemctl daemon-reload failed: no (rc=1)"
    assert error.state == f"{OWN}, {ACTION} and {DROP_IN} were written, and fail2ban was not reloaded"


def test_a_failed_change_restores_the_drop_in() -> None:
    text = stream_text(maxretry="3")
    files = {**WITH_UNIT, **proven()}
    change = [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), REFUSED]
    restoration = [DAEMON_RELOAD, present(STREAM), unit(), RELOAD]
    host = FakeHost(files, [*change, *restoration], programs=WITH_SYSTEMCTL)
    error = fail(host, THREE)
    assert (host.files.get(DROP_IN), host.files[OWN]) == (None, files[OWN])
    assert error.state == f"{OWN} was restored, and the jails run as before"


@pytest.mark.parametrize(
    ("files", "programs"),
    [
        pytest.param({NFTABLES_UNIT: "", DROP_IN: DROP_IN_TEXT}, WITH_SYSTEMCTL, id="it is there"),
        pytest.param({}, WITH_SYSTEMCTL, id="nftables has no unit"),
    ],
)
def test_a_drop_in_that_is_as_requested_is_no_change(files: dict[str, str], programs: list[str]) -> None:
    commands = [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE]
    host = FakeHost({**FILES, **proven(), **files}, commands, programs=programs)
    result = ensure(host)
    assert not result.changed
    assert [path for path in host.written if path != NOTE] == []


def test_without_a_reload_there_is_no_drop_in() -> None:
    host = FakeHost(WITH_UNIT, [*PROBED, *staged(), *CHECKED], programs=WITH_SYSTEMCTL)
    result = ensure(host, reload=False)
    assert (result.before.drop_in, result.after.drop_in, host.written) == (None, None, [ACTION, OWN])


def moved(text: str = STREAM) -> str:
    """Return ``text`` with the jail on port 2222."""
    assert '"port": "22"' in text
    return text.replace('"port": "22"', '"port": "2222"')


def on_port(command: Expected, port: int) -> Expected:
    return Expected(command.argv, out=command.out.replace("dport 22 ", f"dport {port} "))


def test_a_jail_whose_action_differs_is_restarted(server: FakeServer) -> None:
    """A reload does not run actionstart: the rule would keep its port (fail2ban#2974)."""
    request = JailsRequest(jails={"sshd": {"port": 2222}}, sshd_logins="keys", check_sshd=False)

    class Restarting(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "--restart" in argv:
                server.run(parse_stream(moved())["sshd"])
            return super().run(argv, **options)

    left = proven()
    server.commands.clear()
    proof = [on_port(command, 2222) for command in PROVEN]
    host = Restarting(
        {**FILES, **left},
        [*PROBED, *staged(moved()), *CHECKED, unit(), present(STREAM), RESTART, *proof],
        programs=PROGRAMS,
    )
    result = ensure(host, request)
    assert (result.changed, result.reloaded, result.restarted) == (True, ["sshd"], False)
    assert server.commands == TEST_BANS


def test_a_rule_for_another_port_is_removed(server: FakeServer) -> None:
    """The server has the new port since somebody's reload, and the packet filter has the old one."""
    left = proven()
    server.commands.clear()
    old = on_port(FREE, 2222)
    handles = "table inet f2b-table {\nchain f2b-chain {\n" + old.out.replace("unreachable", "unreachable # handle 7")
    host = FakeHost(
        {**FILES, ACTION: ACTION_TEXT, OWN: left[OWN]},
        [
            *PROBED,
            *staged(scratch=False),
            *CHECKED,
            unit(),
            old,
            old,
            RESTART,
            old,
            Expected(["nft", "-a", "list", "ruleset"], out=handles),
            Expected(["nft", "delete", "rule", "inet", "f2b-table", "f2b-chain", "handle", "7"]),
            *PROVEN,
        ],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert result.before.packet_filter == {
        "sshd": ["IPv4: no rule to reject tcp 22", "IPv4: a rule to reject tcp 2222"]
    }
    assert result.before.running()["sshd differs in the packet filter"]
    assert (result.changed, result.reloaded) == (True, ["sshd"])


def test_a_jail_that_is_to_be_restarted_does_not_keep_the_next_one_from_being_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Current(FakeServer):
        def ask(self, *words: str) -> t.Any:
            return DIGEST if words[-1] == "digest" else super().ask(*words)

    other = replace(JAIL, name="other")
    monkeypatch.setattr(
        host_ensure, "filter_findings", lambda _host, _server, jail, _rules: [f"no rule of {jail.name}"]
    )
    run: t.Any = types.SimpleNamespace(
        host=None,
        request=types.SimpleNamespace(enabled=["gone", "sshd", "other"]),
        candidate=types.SimpleNamespace(
            streams={"sshd": JAIL, "other": other}, composed=types.SimpleNamespace(files={})
        ),
        fail2ban=types.SimpleNamespace(server=True, require_server=Current),
        record=None,
    )
    readings = t.cast(t.Any, None)
    assert host_ensure._filter_findings(run, {"other": expected(other)}, readings) == {"other": ["no rule of other"]}


def test_without_a_database_the_bans_of_a_restarted_jail_are_made_again(server: FakeServer) -> None:
    left = proven()
    server.answers["get", "dbfile"] = None
    server.banned.append("198.51.100.7")
    server.commands.clear()
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FLUSHED, FLUSHED, RESTART, FREE],
        programs=PROGRAMS,
    )
    ensure(host, proof=False)
    assert server.commands == ["set sshd banip 198.51.100.7"]


class Restoring(FakeHost):
    """No test ban comes before the packet filter has the earlier ban again."""

    server: FakeServer

    def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
        ran = super().run(argv, **options)
        assert "198.51.100.7" not in ran.out or self.server.commands == []
        return ran


def test_bans_are_waited_for_before_a_test_ban(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    server.banned.append("198.51.100.7")
    restored = Expected(FREE.argv, out=FREE.out.replace("{\n}", "{\nelements = { 198.51.100.7 }\n}"))
    host = Restoring(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FLUSHED, FLUSHED, RESTART, FREE, FREE, restored, *PROVEN],
        programs=PROGRAMS,
    )
    host.server = server
    assert ensure(host).before.packet_filter["sshd"][-1] == "198.51.100.7"


def test_bans_that_the_server_has_not_restored_yet_are_waited_for(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    server.banned.append("198.51.100.7")
    restored = Expected(FREE.argv, out=FREE.out.replace("{\n}", "{\nelements = { 198.51.100.7 }\n}"))

    class Restarting(Restoring):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "--restart" in argv:
                # The jail starts without bans and reads them from the database later.
                server.banned.clear()
            return super().run(argv, **options)

    host = Restarting(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FLUSHED, FLUSHED, RESTART, FREE, FREE, restored, *PROVEN],
        programs=PROGRAMS,
    )
    host.server = server
    assert ensure(host).changed


def test_a_failed_proof_says_what_is_on_the_host_and_is_tried_again(server: FakeServer) -> None:
    left = proven()
    server.commands.clear()
    host = FakeHost(
        {
            **FILES,
            ACTION: ACTION_TEXT,
            OWN: left[OWN],
            "/var/log/fail2ban.log": "x fail2ban [1]: ERROR   the kernel says no\n",
        },
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE, FREE, *[FREE] * 16],
        programs=PROGRAMS,
    )
    with pytest.raises(BaselineError) as failed:
        ensure(host)
    error = failed.value
    assert error.problem.startswith(
        "bans of the jail sshd (pyhost-nftables) do not take effect: a test ban of 192.0.2.1"
    )
    assert error.state == "no setting was changed, and the next run removes any test ban that is left"
    assert error.hint.endswith("the kernel says no")
    assert server.commands == TEST_BANS, "the test ban is removed"
    assert RECORD not in host.files, "the next run proves it again"
    assert NOTE not in host.files
    assert host.files[OWN] == left[OWN]


def test_a_service_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_daemon, "connect", lambda _path, **_options: None)
    host = FakeHost(
        FILES,
        [*PROBED, *staged(), *CHECKED, unit("failed"), present(None)]
        + [Expected(["systemctl", "reset-failed", "--", UNIT]), START, unit("failed"), log_tail(lines=40)],
        programs=PROGRAMS,
    )
    error = fail(host)
    assert str(error) == (
        f"{UNIT}: the service does not start; {OWN} and {ACTION} were written, and fail2ban may have been started or "
        "reloaded; see the log of the service, which ends with: ERROR the last line"
    )


def test_check_mode_plans_and_changes_nothing(server: FakeServer) -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED, unit("inactive")], programs=PROGRAMS, check_mode=True)
    result = ensure(host)
    assert result.changed
    assert result.after.service == {"running": True, "enabled": True}
    assert result.after.running()["sshd maxretry"] == 5
    assert (result.before.running().get("sshd runs"), result.after.running()["sshd runs"]) == (None, True)
    assert (host.written, server.commands) == ([], [])


def test_what_packages_may_mend_is_no_error_in_check_mode() -> None:
    host = FakeHost(
        FILES,
        [*PROBED, *staged(), Expected(WORKS.argv, rc=1, err="no"), unit("inactive")],
        programs=PROGRAMS,
        check_mode=True,
    )
    assert ensure(host).warnings == []
    assert host.known_after_apply == [
        "the jail sshd bans with pyhost-nftables, but nft -t list ruleset answers: no (rc=1)"
    ]


def test_without_fail2ban() -> None:
    error = fail(FakeHost({}))
    assert str(error).startswith("fail2ban is not installed on this host; this task changed nothing; install the")
    host = FakeHost({}, check_mode=True)
    result = ensure(host)
    # Without its filter it is not known which parameters it has.
    planned = str(result.after.file).replace(f"ignoreregex = {SSHD_ONCE}\n", "") + "filter = FILTER\n"
    assert planned == TEXT
    assert host.known_after_apply == ["fail2ban is not installed yet, so the settings could not be checked by fail2ban"]


def test_a_file_that_was_left_overrides_ours_before_fail2ban_is_installed() -> None:
    left = "/etc/fail2ban/jail.d/zzz-left.local"
    host = FakeHost({left: "[sshd]\nbantime = 5\n"}, check_mode=True)
    with pytest.raises(BaselineError, match=f"files that fail2ban reads after .* override them: .*{left}"):
        ensure(host, JailsRequest(jails={"sshd": {"bantime": "1h"}}, sshd_logins="keys"))


def test_a_jail_that_no_file_defines_any_more_is_stopped(server: FakeServer) -> None:
    server.answers["status",] = [("Number of jail", 2), ("Jail list", "sshd, old")]
    stop = Expected(["fail2ban-client", "stop", "old"])

    class Stopping(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "stop" in argv:
                server.answers["status",] = [("Number of jail", 1), ("Jail list", "sshd")]
            return super().run(argv, **options)

    server.answers["get", "old", "banip"] = []
    host = Stopping(
        {**FILES, **own_files()}, [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE, stop], programs=PROGRAMS
    )
    result = ensure(host, proof=False)
    assert result.reloaded == ["old"]
    assert result.before.jails["old"] == {}


def test_a_jail_of_another_file_that_does_not_run_is_a_warning(server: FakeServer) -> None:
    other = STREAM.replace("'sshd'", "'other'").splitlines(keepends=True)
    text = STREAM + "".join(line for line in other if "'other'" in line)
    host = FakeHost(
        FILES,
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM)]
        + [Expected(["fail2ban-client", "reload", "--if-exists", "other"])],
        programs=PROGRAMS,
    )
    result = ensure(host, proof=False)
    (warning,) = result.warnings
    assert warning.startswith("the jail other, which another file defines, does not run as that file defines it: ")
    assert warning.endswith("as that file defines it: the server has no such jail")


def test_the_record_of_another_process_is_not_trusted(server: FakeServer) -> None:
    left = proven()
    record = json.loads(left[RECORD])
    assert record["sshd"]["key"].startswith("812,634,217:")
    server.commands.clear()
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(pid=900), FREE, *PROVEN],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert not result.changed
    assert server.commands == TEST_BANS
    assert json.loads(host.files[RECORD])["sshd"]["key"].startswith("900,634,217:")


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_controller_that_a_jail_does_not_ignore_is_an_error(
    monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    """What fail2ban makes of the files decides, not what we wrote."""
    monkeypatch.setattr(host_probe, "own_ssh_connection", lambda _host: "198.51.100.9 40000 192.0.2.2 22")
    request = JailsRequest(jails={"sshd": {}}, sshd_logins="keys", check_sshd=False, ignore_controller=True)
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS, check_mode=check_mode)
    problem = "the jail sshd can ban the controller: its ignoreip, as fail2ban reads it, is "
    if check_mode:
        ensure(host, request, reload=False)
        assert [one for one in host.known_after_apply if one.startswith(problem)]
    else:
        assert fail(host, request).problem.startswith(problem)
    assert host.written == []


def test_a_controller_that_comes_by_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_probe, "own_ssh_connection", lambda _host: "198.51.100.9 40000 192.0.2.2 2222")
    request = JailsRequest(jails={"sshd": {}}, sshd_logins="keys", check_sshd=False, ignore_controller=True)
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    assert ensure(host, request, reload=False).warnings == []


JOURNAL = "/var/log/journal/abc/system.journal"


@pytest.mark.parametrize("again", [False, True])
def test_a_journal_that_is_not_read_restarts_the_jail(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """The journal became persistent: the reader of the jail watches a folder that is gone (fail2ban#3396)."""
    left = proven()
    answers = iter([JOURNAL, JOURNAL if again else None])
    asked = []

    def unread(_host: object, _server: object, pid: int, **options: t.Any) -> dict[str, str]:
        asked.append((pid, options))
        path = next(answers)
        return {"sshd": path} if path else {}

    monkeypatch.setattr(host_ensure, "unread_sources", unread)
    monkeypatch.setattr(
        host_ensure, "unread_reason", lambda _host, _server: ("why", "what to do") if again else ("", "")
    )
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE, RESTART, *([] if again else PROVEN)],
        programs=PROGRAMS,
    )
    if again:
        error = fail(host)
        assert error.problem == f"jails do not read {JOURNAL}, which is written: sshd; why"
        assert error.hint == "what to do"
        assert error.state == "no file was changed, and fail2ban was started or reloaded"
    else:
        result = ensure(host)
        assert (result.changed, result.reloaded) == (True, ["sshd"])
        assert result.before.running()["sshd does not read"] == JOURNAL
    # The restarted jail is not judged by what the log says about it before.
    options = {"journals": ["sshd"], "files": {}}
    assert asked == [(812, {**options, "is_new": False}), (812, {**options, "is_new": True})]


def test_a_corrupt_database_is_replaced(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is restarted with a new database, and what was banned is banned again."""
    left = proven()
    monkeypatch.setattr(host_ensure, "database_problem", lambda _host, _server, pid, _configured: f"is corrupt ({pid})")
    monkeypatch.setattr(host_daemon, "set_aside", lambda path: f"{path}.20261128-021000")
    monkeypatch.setattr(host_daemon, "file_problem", lambda _host, path: f"is corrupt ({path})")
    server.banned = ["198.51.100.7"]
    banned = Expected(FREE.argv, out=FREE.out.replace("{\n}", "{\nelements = { 198.51.100.7 }\n}"))
    both = Expected(BANNED.argv, out=BANNED.out.replace("elements = { ", "elements = { 198.51.100.7, "))
    restart = Expected(["systemctl", "restart", "--", UNIT])
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(scratch=False), *CHECKED, unit(), banned, restart, unit(), banned, both, both]
        + [banned, banned],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert (result.changed, result.restarted, result.reloaded) == (True, True, [])
    assert result.before.running()["database"] == "is corrupt (812)"
    assert server.commands[-3:] == ["set sshd banip 198.51.100.7", *TEST_BANS]
    assert result.warnings == [
        "the database of fail2ban was renamed to /var/lib/fail2ban/fail2ban.sqlite3.20261128-021000; 1 bans were made "
        "again, with their time from its beginning; earlier bans, which bantime.increment counts, are lost"
    ]


def test_no_database_is_a_warning(server: FakeServer) -> None:
    left = proven()
    for none in (None, ":memory:"):
        server.answers["get", "dbfile"] = none
        host = FakeHost({**FILES, **left}, [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE], programs=PROGRAMS)
        result = ensure(host)
        assert not result.changed
        assert result.warnings == [
            "fail2ban has no database (dbfile), so a restart of its service ends all bans, also that of a reboot"
        ]
