"""The module firewall over transcripts: what it plans, what it refuses, and in which order it changes a host."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.armed import CommitRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD
from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import PendingRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import Upcoming
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import RULES_FILE, UNIT, UNIT_LINK
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.confirmation import parse_firewall_confirmation
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host import firewall_module as modules
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.firewall_module import ensure_options
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.plan_backends import BackendPlan
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.probes import Probes
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.firewall_host import CONNECTION, HTTP, OWN_FILES, addresses, asked, fixture, host, ruleset, sshd, units

OPTIONS: dict[str, t.Any] = {
    "allow": ["http"],
    "close": [{"port": 111, "proto": ["tcp", "udp"]}],
    "confirm": True,
    "confirm_timeout": 45,
}
CHECK = ["nft", "-c", "-f", "-"]


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)
    monkeypatch.setattr(modules.os, "geteuid", lambda: 0)


def run(fake: FakeHost, **options: t.Any) -> ModuleResult:
    result = ensure_options(t.cast(t.Any, fake), {**OPTIONS, **options})
    fake.done()
    return result


def in_force(*, check_mode: bool) -> FakeHost:
    show = units("systemctl-show-in-force-debian12")
    return host(asked(show=show, rules=ruleset(fixture("nft-http-debian13.json"))), OWN_FILES, check_mode=check_mode)


def test_a_bare_host_is_planned() -> None:
    result = run(host([*asked(), Expected(CHECK, data=HTTP)]))
    assert result.changed
    assert result.fields == {"backend": "nftables", "ssh_ports": [22], "exposed": []}
    diff = t.cast("list[dict[str, str]]", result.diff)
    assert {one["after_header"] for one in diff} == {*OWN_FILES, UNIT, "inet pyhost_baseline in the kernel"}
    assert next(one["after"] for one in diff if one["after_header"] == RULES_FILE) == HTTP


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_host_in_force_is_only_read(check_mode: bool) -> None:
    result = run(in_force(check_mode=check_mode))
    assert not result.changed
    assert result.warnings == []


def test_a_table_that_was_flushed_is_a_difference() -> None:
    show = units("systemctl-show-in-force-debian12")
    result = run(host([*asked(show=show), Expected(CHECK, data=HTTP)], OWN_FILES))
    assert [one["after_header"] for one in t.cast("list[dict[str, str]]", result.diff)] == [
        "inet pyhost_baseline in the kernel"
    ]


LOAD = ["nft", "-f", RULES_FILE]
APPLIED = [
    Expected(["systemctl", "daemon-reload"]),
    Expected(LOAD),
    Expected(["systemctl", "enable", UNIT]),
    Expected(["systemctl", "start", UNIT]),
]


def loaded() -> list[Expected]:
    """Return what is asked of the host after the change."""
    show = units("systemctl-show-in-force-debian12")
    return asked(show=show, rules=ruleset(fixture("nft-http-debian13.json")))


def test_a_change_is_written_loaded_and_read_back() -> None:
    fake = host([*asked(), Expected(CHECK, data=HTTP), *APPLIED, *loaded()], check_mode=False)
    result = run(fake)
    assert result.changed and "confirmation" not in result.fields
    assert fake.written == [*OWN_FILES]
    assert fake.modes[RULES_FILE] == 0o600
    assert {*OWN_FILES, UNIT_LINK, "/etc/pyhost.baseline"} <= set(fake.synced)


def test_rules_that_are_not_in_force_after_they_were_loaded_are_reverted() -> None:
    back = [
        Expected(["systemctl", "stop", UNIT]),
        Expected(["systemctl", "daemon-reload"]),
        Expected(["nft", "add table inet pyhost_baseline; delete table inet pyhost_baseline"]),
    ]
    fake = host([*asked(), Expected(CHECK, data=HTTP), *APPLIED, *asked(), *back], check_mode=False)
    with pytest.raises(BaselineError) as caught:
        run(fake)
    assert "not in force after they were loaded: inet pyhost_baseline in the kernel, " in str(caught.value)
    assert str(caught.value.state) == "the files and the rules are as they were before"
    assert not set(OWN_FILES) & set(fake.files)


@pytest.mark.parametrize("phase", ["plan", "apply"])
def test_the_phases_of_the_controllers_half(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[t.Any] = []

    def apply(_host: object, change: BackendPlan, commit: CommitRequest, missing: t.Callable[[], str]) -> t.Any:
        calls.append((change.backend, commit.phase, commit.seconds, commit.paths.topic))
        assert missing() == ""
        return PendingRollback("0" * 32, 90, "systemd", "/var/lib/pyhost.baseline")

    monkeypatch.setattr(modules, "apply_change", apply)
    more = loaded() if phase == "apply" else []
    # After the change, the files are there.
    fake = host([*asked(), Expected(CHECK, data=HTTP), *more], check_mode=False)
    read = fake.read
    monkeypatch.setattr(fake, "read", lambda path, **_named: OWN_FILES.get(path) if calls else read(path))
    argument = {"phase": phase, "login_user": "", "become": "sudo"}
    result = ensure_options(t.cast(t.Any, fake), {**OPTIONS, "confirm_timeout": 90}, argument)
    fake.done()
    confirmation = parse_firewall_confirmation(json.loads(json.dumps(result.fields["confirmation"])), seconds=90)
    assert confirmation.probes == Probes((22,), 61000)
    if phase == "plan":
        assert (calls, confirmation.armed) == ([], None)
        return
    assert calls == [("nftables", "apply", 90, "firewall")]
    assert confirmation.armed == ArmedRollback(90, "systemd", "/var/lib/pyhost.baseline", "0" * 32, "firewall")


def test_what_became_of_an_earlier_change_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "resolve_pending_rollback", lambda _host, paths: [f"rolled back: {paths.topic}"])
    assert "rolled back: firewall" in run(in_force(check_mode=False)).warnings


def test_another_user_than_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules.os, "geteuid", lambda: 1000)
    with pytest.raises(BaselineError, match="only be managed by root; this task changed nothing; run the task with be"):
        run(host([]))


@pytest.mark.parametrize("seconds", [14, 3601])
def test_a_time_that_is_no_rescue(seconds: int) -> None:
    with pytest.raises(BaselineError, match=f"{seconds} seconds are not from 15 to 3600"):
        run(host([]), confirm_timeout=seconds)


def test_a_service_that_would_be_cut_is_named() -> None:
    fake = host(asked(), {"/proc/77": "", "/proc/77/fd/4": ""})
    fake.links = {"/proc/77/fd/4": "/proc/77/fd/socket:[850465]", "/proc/77/exe": "/usr/sbin/rpcbind"}
    with pytest.raises(BaselineError) as caught:
        run(fake, close=[{"port": 111, "proto": "udp"}])
    assert "/usr/sbin/rpcbind (pid 77) on 111/tcp at 0.0.0.0" in str(caught.value)
    assert "111/udp" not in str(caught.value)
    assert caught.value.details["listeners"][0]["pid"] == 77


def test_all_errors_are_one() -> None:
    with pytest.raises(BaselineError) as caught:
        run(host(asked()), close=[], ssh_from=["198.51.100.1"])
    assert len(caught.value.parts) == 2
    assert "would shut out this run" in str(caught.value)


def test_bad_options_come_before_the_host_is_read() -> None:
    with pytest.raises(BaselineError, match=r"allow\[1\]: unknown service 'htp'"):
        run(host([]), allow=["htp"])


def test_rules_that_the_kernel_refuses() -> None:
    refused = Expected(CHECK, data=HTTP, rc=1, err="/dev/stdin:9: Error: Could not process rule")
    with pytest.raises(BaselineError, match="nft rejects the rules: /dev/stdin:9: Error: Could not process rule"):
        run(host([*asked(), refused]))


def without_nft(*, check_mode: bool) -> FakeHost:
    return host([units(), addresses(), *sshd()], programs=["ip", "sshd", "systemctl"], check_mode=check_mode)


@pytest.mark.parametrize(
    ("packages", "is_known"), [(frozenset(["nftables"]), True), (frozenset(["nginx"]), False), (None, True)]
)
def test_an_nft_that_another_task_installs(packages: frozenset[str] | None, is_known: bool) -> None:
    fake = without_nft(check_mode=True)
    fake.planned_after = Upcoming(packages)
    if not is_known:
        with pytest.raises(BaselineError, match="nft is not installed on this host.*install the package nftables"):
            run(fake)
        return
    assert run(fake).changed
    assert fake.known_after_apply == ["the rules of the firewall: nft is not installed yet"]


def test_a_port_to_which_sshd_is_about_to_move() -> None:
    """It is in the plan that sshd moves first: the rules let in the old port and the new one."""
    text = render_table(parse_request({"allow": ["http"]}, parse_services("")), [22, 2222])
    fake = host([*asked(), Expected(CHECK, data=text)])
    fake.planned_after = Upcoming(ssh_ports=frozenset({22, 2222}))
    result = run(fake, confirm=True, confirm_timeout=45)
    assert result.fields["ssh_ports"] == [22, 2222]
    assert fake.known_after_apply == ["the rules of the firewall for sshd, which is about to listen on port 2222"]


def test_a_host_without_nft() -> None:
    with pytest.raises(BaselineError, match="nft is not installed on this host"):
        run(without_nft(check_mode=False))


def test_a_host_without_systemd() -> None:
    with pytest.raises(BaselineError, match="managed on hosts with systemd alone"):
        run(FakeHost(platform=FREEBSD))
