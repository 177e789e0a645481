"""Between the module's options and the policy of unattended-upgrades."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import unattended_upgrades_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options


def asked_for(monkeypatch: pytest.MonkeyPatch, **given: t.Any) -> t.Any:
    asked = Asked(PolicyResult())
    distribution = types.SimpleNamespace(id="debian", codename="trixie")
    monkeypatch.setattr(unattended_upgrades_module, "require_apt", lambda _host: None)
    monkeypatch.setattr(unattended_upgrades_module, "gather_distribution", lambda _host: distribution)
    monkeypatch.setattr(unattended_upgrades_module, "ensure", asked)
    options = module_options("unattended_upgrades", **given)
    unattended_upgrades_module.ensure_options(t.cast(t.Any, FakeHost()), options)
    (((request,), _named),) = asked.calls
    return request


@pytest.mark.parametrize(("interval", "must_fire"), [(0, False), (1, True), (7, True)])
def test_the_options_of_unattended_upgrades(monkeypatch: pytest.MonkeyPatch, interval: int, must_fire: bool) -> None:
    schedule = {"upgrade_at": "03:00", "random_delay": "5m"}
    request = asked_for(monkeypatch, origins=["origin=Debian"], upgrade_interval=interval, schedule=schedule)
    assert request.must_fire is must_fire
    assert "origin=Debian" in request.text and request.policy.lists
    upgrade, lists = request.drop_ins["apt-daily-upgrade.timer"], request.drop_ins["apt-daily.timer"]
    assert "OnCalendar=03:00\n" in upgrade and "OnCalendar" not in lists
    assert all("RandomizedDelaySec=5m\n" in text for text in (upgrade, lists))


def test_unattended_upgrades_that_are_absent_need_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked_for(monkeypatch, state="absent")
    assert (request.text, request.must_fire) == (None, False)
    assert request.drop_ins == {"apt-daily.timer": None, "apt-daily-upgrade.timer": None}
    assert (request.policy.lists, request.policy.values) == ({}, {})


def test_a_host_without_apt_is_not_asked_further(monkeypatch: pytest.MonkeyPatch) -> None:
    def require_apt(_host: t.Any) -> t.NoReturn:
        raise BaselineError("no apt", hint="another module")

    asked = Asked(PolicyResult())
    monkeypatch.setattr(unattended_upgrades_module, "require_apt", require_apt)
    monkeypatch.setattr(unattended_upgrades_module, "ensure", asked)
    with pytest.raises(BaselineError, match="no apt"):
        unattended_upgrades_module.ensure_options(t.cast(t.Any, FakeHost()), module_options("unattended_upgrades"))
    assert asked.calls == []
