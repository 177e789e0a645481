"""Between the module's options and the policy of FreeBSD's updater."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freebsd import policy
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import freebsd_updates_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options


@pytest.mark.parametrize(
    ("given", "is_on", "reports"), [({}, True, None), ({"enabled": False, "security_reports": True}, False, True)]
)
def test_the_policy_is_ensured(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, t.Any], is_on: bool, reports: bool | None
) -> None:
    asked = Asked(PolicyResult())
    monkeypatch.setattr(freebsd_updates_module, "ensure", asked)
    options = module_options("freebsd_updates", **given)
    freebsd_updates_module.ensure_options(t.cast(t.Any, FakeHost()), options)
    assert asked.calls == [((policy(options) if is_on else None,), {"security_reports": reports})]
