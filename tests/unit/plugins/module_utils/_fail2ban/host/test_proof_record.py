"""The record of proven jails: for which process and which definition it counts, and where it is kept."""

from __future__ import annotations

import json
import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import proof_record
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from tests.unit.fake_fail2ban import ADDRESS, JAIL, RECORD, RULE, SOCKET, FakeServer
from tests.unit.fake_host import FakeHost

DESIRED = JailsRequest(jails={"sshd": {}})
RESULT = {"proven": True, "addresses": [ADDRESS], "actions": ["nftables"], "rules": [RULE]}


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


def record(host: t.Any, *, socket: str = SOCKET, streams: t.Any = None) -> proof_record.ProofRecord:
    site = Site({}, (), None, socket, "/var/log/fail2ban.log")
    return proof_record.ProofRecord(host, site, DESIRED, {"sshd": JAIL} if streams is None else streams)


def test_a_jail_is_proven_once(calls: list[str]) -> None:
    host: t.Any = FakeHost()
    shown = {name: value for name, value in RESULT.items() if name != "rules"}
    assert record(host).prove(running(), {}) == {"sshd": shown}
    assert calls == ["clean", "wait", "prove"]
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
    assert calls == ["clean", "wait", "prove"]


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
