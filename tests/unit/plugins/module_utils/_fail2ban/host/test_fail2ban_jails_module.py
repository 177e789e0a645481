"""Between the module's options and the jails: what is asked for."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import fail2ban_jails_module
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jails_result import JailsResult, JailsState
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import ComposedJails, JailsRequest
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options

SAME = JailsState("text\n", {"running": True}, {"sshd": {"bantime": 600, "action x": "y"}})
FOUND = JailsResult(SAME, SAME, ComposedJails("text", "systemd", "nftables", frozenset()), "/etc/jail.local")


def test_the_options_of_fail2ban_jails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(FOUND)
    monkeypatch.setattr(fail2ban_jails_module, "ensure", asked)
    given = {"jails": {"sshd": None}, "backend": "systemd", "prove": True, "reload": False}
    options = module_options("fail2ban_jails", **given)
    result = fail2ban_jails_module.ensure_options(t.cast(t.Any, FakeHost()), options)
    request = JailsRequest(
        defaults={},
        jails={"sshd": {}},
        backend="systemd",
        banaction="auto",
        sshd_logins="auto",
        check_sshd=True,
        ignore_controller=False,
    )
    assert asked.calls == [((request,), {"reload": False, "proof": True})]
    assert not result.changed
    # Without the options of the jail's actions.
    assert (result.fields["jails"], result.fields["backend"]) == ({"sshd": {"bantime": 600}}, "systemd")
