"""The parts of a plan, and what they are together."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError, combined
from ansible_collections.pyhost.baseline.plugins.module_utils._core.module_result import ModuleResult
from ansible_collections.pyhost.baseline.plugins.module_utils._core.upcoming import ANYTHING, NOTHING, Upcoming
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.model import (
    PartRequest,
    PlanPart,
    failed_part,
    part_of,
    plan_error,
    plan_result,
    shown_evidence,
    upcoming_after,
)

PACKAGES = PartRequest("packages", "packages", {"name": ["sudo"]})
ADMIN = PartRequest("admin_user", "admin_user", {"name": "deploy"})
SSHD = PartRequest("sshd", "sshd_config", {})
DIFF = {"before_header": "/etc/x", "after_header": "/etc/x", "before": "", "after": "y\n"}
SAME = {**DIFF, "before": "y\n"}


@pytest.mark.parametrize(
    ("result", "in_force", "differences"),
    [
        pytest.param(ModuleResult(False, [SAME]), True, [], id="in force"),
        pytest.param(ModuleResult(True, [DIFF, SAME]), False, [DIFF], id="one of two differs"),
        pytest.param(ModuleResult(True, DIFF), False, [DIFF], id="a diff that is no list"),
        pytest.param(ModuleResult(False, [SAME], unproven=["sshd"]), False, [], id="in force and not proven"),
    ],
)
def test_a_part_of_a_result(result: ModuleResult, in_force: bool, differences: list[t.Any]) -> None:
    part = part_of(SSHD, result, known_after_apply=["later"], evidence=["sshd -T"])
    assert (part.in_force, part.differences, part.known_after_apply) == (in_force, differences, ["later"])
    assert PlanPart(**part.as_json()).as_json() == part.as_json()


def test_a_refused_request_has_all_its_errors() -> None:
    one, two = BaselineError("one", option="a", hint="do it"), BaselineError("two", where="/x:1")
    assert failed_part(SSHD, one).errors == ["a: one; do it"]
    part = failed_part(SSHD, combined([one, two]))
    assert (part.in_force, part.errors) == (False, ["a: one; do it", "/x:1: two"])


def test_the_most_telling_evidence_comes_first() -> None:
    asked = ["/etc/passwd", "sshd -V", "sshd -T -f /x -C user=root", "sshd -T -f /x -C user=root\x1b"]
    assert shown_evidence("sshd_config", asked) == [asked[2], "sshd -T -f /x -C user=root\\x1b", *asked[:2]]
    assert shown_evidence("python_venv", ["a", "a"]) == ["a"]
    assert shown_evidence("packages", ["cat /run/pyhost.baseline/tmpq1_z/etc/x"]) == ["cat [staged]/etc/x"]


INSTALLS = ModuleResult(True, fields={"installed": {"sudo": "1"}, "upgraded": {"curl": {}}})


@pytest.mark.parametrize(
    ("request_", "result", "upcoming"),
    [
        pytest.param(PACKAGES, INSTALLS, Upcoming(frozenset({"sudo", "curl"})), id="packages"),
        pytest.param(PACKAGES, ModuleResult(False, fields={"installed": {}}), NOTHING, id="all packages are there"),
        pytest.param(PACKAGES, None, Upcoming(None), id="refused, so nobody knows"),
        pytest.param(ADMIN, ModuleResult(True), Upcoming(accounts=frozenset({"deploy"})), id="an account"),
        pytest.param(ADMIN, None, Upcoming(accounts=frozenset({"deploy"})), id="a refused account has its error"),
        pytest.param(ADMIN, ModuleResult(False), NOTHING, id="the account is there"),
        pytest.param(
            SSHD, ModuleResult(True, fields={"ports": [2222]}), Upcoming(ssh_ports=frozenset({2222})), id="sshd"
        ),
        pytest.param(SSHD, ModuleResult(True), NOTHING, id="sshd with unknown ports"),
        pytest.param(SSHD, ModuleResult(False, fields={"ports": [22]}), NOTHING, id="sshd is there"),
        pytest.param(SSHD, None, NOTHING, id="a refused sshd has its error"),
    ],
)
def test_what_is_upcoming_after_a_request(
    request_: PartRequest, result: ModuleResult | None, upcoming: Upcoming
) -> None:
    assert upcoming_after(NOTHING, request_, result) == upcoming
    assert ANYTHING.packages is None


def test_a_role_is_in_force_with_all_its_requests() -> None:
    facts = {"pyhost_system": {"id": "debian"}}
    parts = [
        PlanPart("packages", "packages", in_force=True, facts=facts),
        PlanPart("fail2ban", "pf_anchor", in_force=True),
        PlanPart("fail2ban", "fail2ban_jails", differences=[DIFF], errors=["it cannot"]),
    ]
    result = plan_result(parts)
    assert (result["in_force"], result["roles"]) == (False, {"packages": True, "fail2ban": False})
    assert (result["errors"], result["ansible_facts"]) == (["fail2ban: it cannot"], facts)
    assert [one["after_header"] for one in result["diff"]] == ["fail2ban: /etc/x"]
    assert str(plan_error(parts)) == "the plan has an error: fail2ban: it cannot; no role has changed anything"
    assert str(plan_error([*parts, failed_part(SSHD, BaselineError("nor this"))])) == (
        "the plan has 2 errors: fail2ban: it cannot; sshd: nor this; no role has changed anything"
    )
    assert plan_result([])["in_force"] and "ansible_facts" not in plan_result([])
