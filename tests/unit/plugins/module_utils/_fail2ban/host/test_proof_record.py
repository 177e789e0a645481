"""The record of proven jails: for which process and which definition it counts, and where it is kept."""

from __future__ import annotations

import json
import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import SshdFacts
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof_record
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.counting import Counting
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_log import SshdLog
from tests.unit.fake_fail2ban import ADDRESS, JAIL, RECORD, RULE, SOCKET, FakeServer
from tests.unit.fake_host import FakeHost

DESIRED = JailsRequest(jails={"sshd": {}})
FACTS = SshdFacts(frozenset([22]), "INFO", "AUTH", frozenset([("0.0.0.0", 22)]))
LOG = SshdLog("ssh.service", pids=(634, 217))
SHOWN = {"proven": True, "addresses": [ADDRESS], "actions": ["nftables"]}
RESULT = {**SHOWN, "rules": [RULE]}
NO_SSH = Counting(None, "ssh is not installed")


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Play the proofs themselves, and record them in their order."""
    calls: list[str] = []

    def step(name: str, answer: t.Any) -> t.Callable[..., t.Any]:
        def play(*_arguments: t.Any) -> t.Any:
            calls.append(name)
            return answer

        return play

    monkeypatch.setattr(proof_record, "remove_test_bans", step("clean", []))
    monkeypatch.setattr(proof_record, "wait_for_restored_bans", step("wait", None))
    monkeypatch.setattr(proof_record, "prove", step("prove", RESULT))
    monkeypatch.setattr(proof_record, "sshd_facts", lambda _host: FACTS)
    monkeypatch.setattr(proof_record, "prove_counting", step("login", Counting(True)))
    monkeypatch.setattr(proof_record, "runtime_folder", lambda: "/run/pyhost.baseline")
    return calls


def running(*, pid: int = 812, reloaded: list[str] | None = None, restarted: bool = False) -> t.Any:
    server = FakeServer()
    return types.SimpleNamespace(
        unit=types.SimpleNamespace(main_pid=pid),
        server=server,
        require_server=lambda: server,
        reloaded=reloaded or [],
        restarted=restarted,
        values=lambda _streams: {"sshd": {}},
    )


def record(
    host: t.Any,
    *,
    socket: str = SOCKET,
    streams: t.Any = None,
    request: JailsRequest = DESIRED,
    log: SshdLog = LOG,
) -> proof_record.ProofRecord:
    site = Site({}, (), None, socket, "/var/log/fail2ban.log")
    return proof_record.ProofRecord(host, site, request, {"sshd": JAIL} if streams is None else streams, log)


def test_a_jail_is_proven_once(calls: list[str]) -> None:
    host: t.Any = FakeHost()
    shown = {**SHOWN, "counts": True, "counts_reason": None}
    assert record(host).prove(running(), {}) == {"sshd": shown}
    assert calls == ["clean", "wait", "prove", "login"]
    assert host.modes[RECORD] == 0o600
    assert json.loads(host.files[RECORD])["sshd"]["rules"] == [RULE]
    calls.clear()
    host.written.clear()
    assert record(host).prove(running(), {}) == {"sshd": shown}
    assert calls == ["clean"]
    assert host.written == []


@pytest.mark.parametrize(
    "options", [{"pid": 900}, {"reloaded": ["sshd"]}, {"restarted": True}], ids=["process", "reload", "restart"]
)
def test_what_asks_for_a_new_proof(options: dict[str, t.Any], calls: list[str]) -> None:
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    calls.clear()
    record(host).prove(running(**options), {})
    assert calls == ["clean", "wait", "prove", "login"]


@pytest.mark.parametrize("pids", [(635, 217), (634, 218), (0, 217), ()], ids=["sshd", "journald", "no sshd", "unknown"])
def test_another_process_of_the_log_of_sshd_asks_for_a_new_proof(pids: tuple[int, ...], calls: list[str]) -> None:
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    calls.clear()
    record(host, log=SshdLog("ssh.service", pids=pids)).prove(running(), {})
    assert calls == ["clean", "wait", "prove", "login"]


def test_a_jail_with_another_filter_makes_no_login(calls: list[str]) -> None:
    """Neither does another process of sshd ask for a new proof of it."""
    host: t.Any = FakeHost()
    request = JailsRequest(jails={"sshd": {"filter": "postfix"}})
    shown = record(host, request=request).prove(running(), {})["sshd"]
    assert "counts" not in shown
    assert calls == ["clean", "wait", "prove"]
    calls.clear()
    record(host, request=request, log=SshdLog("ssh.service", pids=(635, 218))).prove(running(), {})
    assert calls == ["clean"]


def test_the_arguments_of_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: list[t.Any] = []

    def prove_counting(*given: t.Any) -> Counting:
        arguments.extend(given)
        return Counting(True)

    monkeypatch.setattr(proof_record, "prove_counting", prove_counting)
    host, fail2ban = FakeHost(), running()
    record(host).prove(fail2ban, {})
    asked, server, jail, *rest = arguments
    assert asked is host
    assert server is fail2ban.server
    assert (jail.name, jail.filter, jail.journal, jail.maxretry) == ("sshd", "sshd", True, 5)
    assert rest == [FACTS, LOG]


def test_a_login_that_is_not_counted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        proof_record, "prove_counting", lambda *_arguments: Counting(False, "the journal has no message of sshd")
    )
    host: t.Any = FakeHost()
    with pytest.raises(BaselineError) as failed:
        record(host).prove(running(), {})
    assert failed.value.problem == (
        "the jail sshd does not count failed logins: sshd refused one over loopback, and the journal has no message of "
        "sshd"
    )
    assert failed.value.hint == "repair the log of sshd, or the journal match or filter of the jail"
    assert RECORD not in host.files, "the next run proves it again"


def test_a_login_of_which_nothing_is_known_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_record, "prove_counting", lambda *_arguments: NO_SSH)
    shown = record(FakeHost()).prove(running(), {})["sshd"]
    assert shown == {**SHOWN, "counts": None, "counts_reason": "ssh is not installed"}


@pytest.mark.parametrize(
    ("outcome", "counts", "reason", "is_written"),
    [
        pytest.param(Counting(True), True, None, True, id="repaired"),
        pytest.param(NO_SSH, None, "ssh is not installed", False, id="as before"),
        pytest.param(Counting(None, "sshd does not listen"), None, "sshd does not listen", True, id="another reason"),
    ],
)
def test_a_login_of_which_nothing_is_known_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    calls: list[str],
    outcome: Counting,
    counts: bool | None,
    reason: str | None,
    is_written: bool,
) -> None:
    outcomes = [NO_SSH, outcome]

    def prove_counting(*_arguments: t.Any) -> Counting:
        calls.append("login")
        return outcomes.pop(0)

    monkeypatch.setattr(proof_record, "prove_counting", prove_counting)
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    calls.clear()
    host.written.clear()
    shown = record(host).prove(running(), {})["sshd"]
    assert calls == ["clean", "login"], "the jail is not banned in again"
    assert shown == {**SHOWN, "counts": counts, "counts_reason": reason}
    assert host.written == ([RECORD] if is_written else [])
    kept = json.loads(host.files[RECORD])["sshd"]
    assert (kept["counts"], kept["counts_reason"], kept["rules"]) == (counts, reason, [RULE])


def test_a_login_that_is_not_counted_when_it_is_tried_again_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = [NO_SSH, Counting(False, "the journal has no message of sshd")]
    monkeypatch.setattr(proof_record, "prove_counting", lambda *_arguments: outcomes.pop(0))
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    with pytest.raises(BaselineError, match="the jail sshd does not count failed logins"):
        record(host).prove(running(), {})
    assert json.loads(host.files[RECORD])["sshd"]["counts"] is None, "the next run tries it again"


def test_a_record_without_a_login_gets_one(calls: list[str]) -> None:
    """It is of a release that made none."""
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    kept = json.loads(host.files[RECORD])
    del kept["sshd"]["counts"], kept["sshd"]["counts_reason"]
    host.files[RECORD] = json.dumps(kept)
    calls.clear()
    assert record(host).prove(running(), {})["sshd"]["counts"] is True
    assert calls == ["clean", "login"]


@pytest.mark.parametrize("text", ["", "{", "half a rec"])
def test_a_broken_record_counts_as_none(text: str, calls: list[str]) -> None:
    host: t.Any = FakeHost({RECORD: text})
    record(host).prove(running(), {})
    assert "prove" in calls


def test_a_socket_in_tmp_has_its_record_elsewhere() -> None:
    host: t.Any = FakeHost({"/tmp/pyhost.baseline.proof": '{"sshd": {}}'})
    record(host, socket="/tmp/fail2ban.sock").prove(running(), {})
    assert host.written == ["/run/pyhost.baseline/pyhost.baseline.proof"]


def test_the_rules_of_a_proof_count_for_its_process() -> None:
    host: t.Any = FakeHost()
    record(host).prove(running(), {})
    assert record(host).rules(running(), "sshd") == [RULE]
    assert record(host).rules(running(pid=900), "sshd") == []
    host.files[RECORD] = ""
    assert record(host).rules(running(), "sshd") == []


def test_a_jail_that_no_file_defines_is_not_proven(calls: list[str]) -> None:
    assert record(FakeHost(), streams={}).prove(running(), {}) == {}
    assert calls == ["clean"]
