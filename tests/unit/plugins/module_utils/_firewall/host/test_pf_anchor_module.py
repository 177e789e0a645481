"""Between the module's options and the anchor of pf."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host import pf_anchor_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options


@pytest.mark.parametrize(("given", "anchor"), [({}, "f2b/*"), ({"anchor": "mine/*"}, "mine/*")])
def test_the_anchor_is_ensured(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], anchor: str) -> None:
    asked = Asked(PolicyResult({"/etc/pf.conf": "old"}, {"/etc/pf.conf": "new"}, {"anchor": anchor}))
    monkeypatch.setattr(pf_anchor_module, "ensure", asked)
    options = module_options("pf_anchor", **given)
    result = pf_anchor_module.ensure_options(t.cast(t.Any, FakeHost()), options)
    assert asked.calls == [((anchor,), {})]
    assert (result.changed, result.fields) == (True, {"anchor": anchor})
