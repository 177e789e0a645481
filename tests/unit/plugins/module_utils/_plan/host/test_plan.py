"""A plan of several requests: their order, what is upcoming for each, errors and secrets. The modules are stand-ins."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.host import plan
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.model import PartRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES

ARGUMENTS = {"name": {"type": "str", "required": True}, "password": {"type": "str", "no_log": True}}


def module() -> t.Any:
    return types.SimpleNamespace(check_mode=False, no_log_values=set())


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Callable[..., ModuleResult]]:
    """By name, what a module does; the others report what is upcoming for them."""

    def report(host: t.Any, options: dict[str, t.Any], *extra: t.Any) -> ModuleResult:
        host.evidence["sshd -T"] = None
        upcoming = [host.upcoming.has_package("sudo"), host.upcoming.has_account("deploy")]
        host.known_after_apply.append(f"upcoming: {upcoming}")
        return ModuleResult(host.check_mode is False, warnings=[f"{options['name']} {extra}"])

    found: dict[str, t.Callable[..., ModuleResult]] = {}
    monkeypatch.setattr(plan, "load_module", lambda name: found.get(name, report))
    monkeypatch.setattr(plan, "ARGUMENTS", dict.fromkeys(MODULES, ARGUMENTS))
    return found


def install(_host: t.Any, _options: t.Any) -> ModuleResult:
    return ModuleResult(True, fields={"installed": {"sudo": "1"}})


def create(_host: t.Any, _options: t.Any) -> ModuleResult:
    return ModuleResult(True)


def test_later_parts_know_what_is_upcoming(modules: dict[str, t.Any]) -> None:
    modules.update(packages=install, admin_user=create)
    requests = [
        PartRequest("sshd", "sshd_config", {"name": "x", "_pyhost_phase": {"phase": "plan"}}),
        PartRequest("packages", "packages", {"name": "x"}),
        PartRequest("admin_user", "admin_user", {"name": "deploy"}),
    ]
    sshd, packages, account = plan.plan_host(module(), requests)
    assert (packages.in_force, account.in_force, sshd.in_force) == (False, False, True)
    assert sshd.known_after_apply == ["upcoming: [True, True]"]
    assert sshd.warnings == ["x ({'phase': 'plan'},)"]
    assert sshd.evidence == ["sshd -T"]


def test_the_firewall_knows_the_ports_that_sshd_will_have(modules: dict[str, t.Any]) -> None:
    def move(_host: t.Any, _options: t.Any) -> ModuleResult:
        return ModuleResult(True, fields={"ports": [2222]})

    def allow(host: t.Any, _options: t.Any) -> ModuleResult:
        return ModuleResult(True, warnings=[str(sorted(host.upcoming.ssh_ports))])

    modules.update(sshd_config=move, firewall=allow)
    options = {"name": "x", "password": "s3cret"}
    requests = [
        PartRequest("fail2ban", "fail2ban_jails", options),
        PartRequest("sshd", "sshd_config", options),
        PartRequest("firewall", "firewall", options),
    ]
    planning = module()
    parts = plan.plan_host(planning, requests)
    assert [part.module for part in parts] == [one.module for one in requests]
    assert parts[2].warnings == ["[2222]"]
    assert "s3cret" in planning.no_log_values
    assert plan.plan_host(module(), requests[2:])[0].warnings == ["[]"]


def test_without_a_change_nothing_is_upcoming(modules: dict[str, t.Any]) -> None:
    (part,) = plan.plan_host(module(), [PartRequest("fail2ban", "fail2ban_jails", {"name": "x"})])
    assert part.in_force and part.known_after_apply == ["upcoming: [False, False]"]


def test_the_errors_of_all_are_found(modules: dict[str, t.Any]) -> None:
    def refuse(_host: t.Any, _options: t.Any) -> ModuleResult:
        raise BaselineError("it cannot be done", hint="do something")

    modules.update(packages=refuse, sshd_config=refuse)
    requests = [
        PartRequest("packages", "packages", {"name": "x"}),
        PartRequest("fail2ban", "fail2ban_jails", {"nane": "x"}),
        PartRequest("sshd", "sshd_config", {"name": "a\u2028b"}),
        PartRequest("sshd", "sshd_config", {"name": "x"}),
    ]
    errors = [part.errors for part in plan.plan_host(module(), requests)]
    assert errors[0] == errors[3] == ["it cannot be done; do something"]
    assert "missing required arguments: name" in errors[1][0]
    assert "U+2028 (LINE SEPARATOR)" in errors[2][0]


def test_secrets_are_hidden_by_the_module_that_prints(modules: dict[str, t.Any]) -> None:
    printing = module()
    options = {"name": "x", "password": "s3cret"}
    plan.plan_host(printing, [PartRequest("a", "admin_user", options), PartRequest("f", "fail2ban_jails", options)])
    assert "s3cret" in printing.no_log_values
