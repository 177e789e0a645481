"""The order of a change of the firewall, and what a failure at each step leaves."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host import armed as changes
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.armed import CommitRequest, NotRestored
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    PendingRollback,
    RollbackPaths,
    RollbackRequest,
    armed_text,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.apply import apply_change
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan_backends import BackendPlan
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.rollback_steps import firewall_steps
from tests.unit.fake_host import Expected, FakeHost

RULES, UNIT, LINK = "/etc/pyhost.baseline/firewall.nft", "/etc/systemd/system/x.service", "/etc/systemd/system/w/x"
PATHS = RollbackPaths("firewall", base="/state")
APPLY = CommitRequest(PATHS, "apply", 60)
AT_ONCE = CommitRequest(PATHS)
LOAD, RELOAD, BACK = ["nft", "-f", RULES], ["systemctl", "daemon-reload"], ["nft", "back"]
CHANGE = BackendPlan(
    "nftables",
    files={RULES: "new\n", UNIT: "unit\n", "/etc/old": None},
    modes={RULES: 0o600},
    commands=(tuple(RELOAD), tuple(LOAD)),
    saved=(RULES, UNIT, "/etc/old", LINK),
    restore=(tuple(RELOAD), tuple(BACK)),
)
BEFORE = {RULES: "old\n", "/etc/old": "x\n"}
ARMED = PendingRollback("token", 60, "systemd", "/state")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """What was armed and discarded."""
    found: list[t.Any] = []

    def arm(host: FakeHost, request: RollbackRequest, paths: RollbackPaths) -> PendingRollback:
        assert host.written == [], "armed after the first write"
        found.append(("arm", request, paths))
        host.files[paths.armed] = armed_text("token", 0)
        return ARMED

    monkeypatch.setattr(changes, "arm_rollback", arm)
    monkeypatch.setattr(changes, "discard_rollback", lambda _host, paths: found.append(("discard", paths)))
    return found


def apply(fake: FakeHost, commit: CommitRequest = APPLY, missing: str = "") -> PendingRollback | None:
    found = apply_change(t.cast(t.Any, fake), CHANGE, commit, lambda: missing)
    fake.done()
    return found


def test_the_rollback_is_armed_before_the_first_write_and_stays(calls: list[t.Any]) -> None:
    fake = FakeHost(BEFORE, [Expected(RELOAD), Expected(LOAD)])
    assert apply(fake) is ARMED
    request = RollbackRequest(CHANGE.saved, 60, firewall_steps(CHANGE.restore))
    assert calls == [("arm", request, PATHS)]
    assert fake.written == [RULES, UNIT, "/etc/old"]
    assert (fake.files[RULES], fake.modes[RULES], fake.modes[UNIT]) == ("new\n", 0o600, 0o644)
    assert "/etc/old" not in fake.files
    assert fake.synced[:4] == list(CHANGE.saved)


def test_without_a_confirmation_no_rollback_is_armed(calls: list[t.Any]) -> None:
    assert apply(FakeHost(BEFORE, [Expected(RELOAD), Expected(LOAD)]), AT_ONCE) is None
    assert calls == []


@pytest.mark.parametrize(
    ("commands", "missing", "problem"),
    [
        pytest.param(
            [Expected(RELOAD, rc=1, err="no bus")], "", "`systemctl daemon-reload` failed: no bus", id="first"
        ),
        pytest.param([Expected(RELOAD), Expected(LOAD, rc=1, err="no")], "", f"`nft -f {RULES}` failed: no", id="load"),
        pytest.param(
            [Expected(RELOAD), Expected(LOAD)], "the kernel", "after they were loaded: the kernel", id="not in force"
        ),
    ],
)
@pytest.mark.parametrize("commit", [APPLY, AT_ONCE], ids=["confirmed", "at once"])
def test_a_failure_is_reverted(
    calls: list[t.Any], commands: list[Expected], missing: str, problem: str, commit: CommitRequest
) -> None:
    fake = FakeHost(BEFORE, [*map(replace, commands), Expected(RELOAD), Expected(BACK)])
    with pytest.raises(BaselineError) as caught:
        apply(fake, commit, missing)
    assert problem in caught.value.problem
    assert caught.value.state == "the files and the rules are as they were before"
    assert {path: fake.files.get(path) for path in CHANGE.saved} == {**dict.fromkeys(CHANGE.saved), **BEFORE}
    assert [call[0] for call in calls] == (["arm", "discard"] if commit is APPLY else [])


def test_what_cannot_be_reverted_is_left_to_the_rollback(calls: list[t.Any]) -> None:
    fake = FakeHost(BEFORE, [Expected(RELOAD, rc=1), Expected(RELOAD), Expected(BACK, rc=1, err="the kernel says no")])
    with pytest.raises(NotRestored) as caught:
        apply(fake)
    assert caught.value.state == (
        "some of the earlier rules could not be restored (`nft back` failed: the kernel says no (rc=1)), and the host "
        "rolls the change back by itself within 60 seconds"
    )
    assert [call[0] for call in calls] == ["arm"]


class Folders(FakeHost):
    """Knows the modes of the folders that were made."""

    def __init__(self, *given: t.Any) -> None:
        super().__init__(*given)
        self.made: dict[str, int] = {}

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        self.made[path] = mode


def test_only_root_enters_the_folder_of_the_rules(calls: list[t.Any]) -> None:
    fake = Folders(BEFORE, [Expected(RELOAD), Expected(LOAD)])
    apply(fake)
    assert fake.made == {"/etc/pyhost.baseline": 0o700, "/etc/systemd/system": 0o755}


@pytest.mark.parametrize("error", [BaselineError("x cannot be written"), OSError(30, "Read-only file system")])
def test_a_file_that_cannot_be_restored(calls: list[t.Any], monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    fake = FakeHost(BEFORE, [Expected(RELOAD, rc=1), Expected(RELOAD), Expected(BACK)])
    write = fake.write

    def refuse(path: str, text: str, *, mode: int = 0o644) -> None:
        if text == "old\n":
            raise error
        write(path, text, mode=mode)

    monkeypatch.setattr(fake, "write", refuse)
    with pytest.raises(NotRestored) as caught:
        apply(fake)
    # The other file is restored all the same, with the mode of a file that everybody reads.
    assert fake.files["/etc/old"] == "x\n" and fake.modes["/etc/old"] == 0o644
    assert str(caught.value.state).startswith("some of the earlier rules could not be restored (")


def test_a_full_disk(calls: list[t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeHost(BEFORE, [Expected(RELOAD), Expected(BACK)])
    write = fake.write

    def full(path: str, text: str, *, mode: int = 0o644) -> None:
        if text == "unit\n":
            raise OSError(28, "No space left on device")
        write(path, text, mode=mode)

    monkeypatch.setattr(fake, "write", full)
    with pytest.raises(BaselineError, match="No space left on device") as caught:
        apply(fake)
    assert caught.value.state == "the files and the rules are as they were before"
    assert fake.files[RULES] == "old\n"


def test_a_rollback_that_has_started_stops_the_change(calls: list[t.Any]) -> None:
    loaded = Expected(LOAD, writes={PATHS.armed: None, PATHS.started: ""})
    fake = FakeHost(BEFORE, [Expected(RELOAD), loaded, Expected(RELOAD), Expected(BACK)])
    with pytest.raises(BaselineError, match="took longer than the 60 seconds of confirm_timeout"):
        apply(fake)
