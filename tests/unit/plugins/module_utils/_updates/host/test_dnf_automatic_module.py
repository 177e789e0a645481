"""Between the module's options and the policy of dnf-automatic."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import dnf_automatic_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options


def asked_for(monkeypatch: pytest.MonkeyPatch, **given: t.Any) -> t.Any:
    asked = Asked(PolicyResult())
    monkeypatch.setattr(dnf_automatic_module, "ensure", asked)
    options = module_options("dnf_automatic", **given)
    dnf_automatic_module.ensure_options(t.cast(t.Any, FakeHost()), options)
    (((request,), _named),) = asked.calls
    return request


def test_the_options_of_dnf_automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked_for(monkeypatch, enabled=False, calendar="03:00", random_delay="5m", reboot="when-needed")
    assert (request.enabled, "OnCalendar=03:00" in request.drop_in) == (False, True)
    assert "RandomizedDelaySec=5m\n" in request.drop_in and "dnf_automatic" in request.drop_in
    assert "when-needed" in request.keys.values()


def test_the_defaults_of_dnf_automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked_for(monkeypatch)
    assert (request.enabled, request.drop_in, request.max_age) == (True, None, 192)
    assert asked_for(monkeypatch, max_age=24).max_age == 24
    with pytest.raises(BaselineError, match="max_age: 0 is not a number of hours"):
        asked_for(monkeypatch, max_age=0)
