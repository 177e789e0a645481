"""A change under a rollback: when it is armed, when it is discarded, and when it is left to the host."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import armed as changes
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.armed import (
    CommitRequest,
    NotRestored,
    armed_rollback,
    require_armed,
    rollback_to_come,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    PendingRollback,
    RollbackPaths,
    RollbackRequest,
    RollbackSteps,
    armed_text,
)
from tests.unit.fake_host import FakeHost

PATHS = RollbackPaths("firewall", base="/state")
REQUEST = RollbackRequest(("/etc/x",), 45, RollbackSteps("put_in_force() { :; }\n"))
PENDING = PendingRollback("token", 45, "systemd", "/state")


class Around:
    """``armed_rollback`` with stand-ins for the rollback; ``calls`` are what was armed and discarded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, request: RollbackRequest | None = REQUEST) -> None:
        self.calls: list[t.Any] = []
        self.host: t.Any = FakeHost()
        self.request = request

        def arm(host: object, request: RollbackRequest, paths: RollbackPaths) -> PendingRollback:
            assert host is self.host
            self.calls.append(("arm", request, paths))
            return PENDING

        monkeypatch.setattr(changes, "arm_rollback", arm)
        monkeypatch.setattr(changes, "discard_rollback", lambda _host, paths: self.calls.append(("discard", paths)))

    def run(self, error: BaseException | None = None) -> PendingRollback | None:
        with armed_rollback(self.host, self.request, PATHS) as armed:
            self.calls.append("change")
            if error:
                raise error
        return armed


def test_it_stays_armed_after_a_change_that_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Around(monkeypatch)
    assert around.run() is PENDING
    assert around.calls == [("arm", REQUEST, PATHS), "change"]


@pytest.mark.parametrize("error", [None, BaselineError("no")], ids=["success", "error"])
def test_without_a_request_nothing_is_armed(monkeypatch: pytest.MonkeyPatch, error: BaselineError | None) -> None:
    around = Around(monkeypatch, None)
    if error:
        with pytest.raises(BaselineError):
            around.run(error)
    else:
        assert around.run() is None
    assert around.calls == ["change"]


@pytest.mark.parametrize(
    ("error", "is_discarded"),
    [
        pytest.param(BaselineError("no answer"), True, id="the run has reverted the change"),
        pytest.param(NotRestored("no answer"), False, id="the run could not revert it"),
        pytest.param(OSError(5, "Input/output error"), False, id="nobody knows what was written"),
        pytest.param(KeyboardInterrupt(), False, id="an interrupt"),
        pytest.param(SystemExit(1), False, id="the end of the process"),
    ],
)
def test_only_a_change_that_was_reverted_needs_no_rollback(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, is_discarded: bool
) -> None:
    around = Around(monkeypatch)
    with pytest.raises(type(error)) as caught:
        around.run(error)
    assert caught.value is error
    assert around.calls[1:] == ["change", *([("discard", PATHS)] if is_discarded else [])]


def test_a_rollback_that_cannot_be_armed_stops_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Around(monkeypatch)

    def refuse(*_arguments: object) -> t.NoReturn:
        raise BaselineError("systemd-run fails")

    monkeypatch.setattr(changes, "arm_rollback", refuse)
    with pytest.raises(BaselineError, match="systemd-run fails"):
        around.run()
    assert around.calls == []


@pytest.mark.parametrize(
    ("armed", "text", "stops"),
    [
        pytest.param(PENDING, armed_text("token", 9), False, id="armed"),
        pytest.param(PENDING, armed_text("another", 9), True, id="of another run"),
        pytest.param(PENDING, None, True, id="it has started"),
        pytest.param(None, None, False, id="none was armed"),
    ],
)
def test_nothing_is_written_after_the_rollback_has_started(
    armed: PendingRollback | None, text: str | None, stops: bool
) -> None:
    host: t.Any = FakeHost({} if text is None else {PATHS.armed: text})
    if not stops:
        require_armed(host, armed, PATHS)
        return
    with pytest.raises(BaselineError, match="took longer than the 45 seconds of confirm_timeout"):
        require_armed(host, armed, PATHS)


@pytest.mark.parametrize(
    ("phase", "only_plans", "arms"),
    [("", False, False), ("plan", True, False), ("apply", False, True), ("another", False, False)],
)
def test_what_the_phases_of_a_commit_do(phase: str, only_plans: bool, arms: bool) -> None:
    request = CommitRequest(PATHS, phase)
    assert (request.only_plans, request.arms_rollback, request.seconds) == (only_plans, arms, 45)


def test_what_becomes_of_a_change_that_was_not_reverted() -> None:
    assert rollback_to_come(PENDING) == ", and the host rolls the change back by itself within 45 seconds"
    assert rollback_to_come(None) == ""
