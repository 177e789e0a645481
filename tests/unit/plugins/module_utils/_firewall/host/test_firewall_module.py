"""The module firewall over transcripts: what it plans, and what it refuses. It does not change a host so far."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import FREEBSD
from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import Upcoming
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import RULES_FILE, UNIT
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.firewall_module import ensure_options
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.nft_table import render_table
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.firewall_host import CONNECTION, HTTP, OWN_FILES, addresses, asked, fixture, host, ruleset, sshd, units

OPTIONS: dict[str, t.Any] = {"allow": ["http"], "close": [{"port": 111, "proto": ["tcp", "udp"]}]}
CHECK = ["nft", "-c", "-f", "-"]


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)


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


def test_it_does_not_change_a_host_so_far() -> None:
    fake = host([*asked(), Expected(CHECK, data=HTTP)], check_mode=False)
    with pytest.raises(BaselineError, match="only plans the firewall; this task changed nothing; run it with --check"):
        run(fake)
    assert fake.written == []


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
