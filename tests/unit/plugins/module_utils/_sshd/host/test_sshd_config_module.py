"""Between the module's options and sshd: what is asked for."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PHASE_ARGUMENT, PhaseRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import sshd_config_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options

PLAN = PhaseRequest("plan", "ops").as_argument()[PHASE_ARGUMENT]
ANSWER = {"changed": True, "diff": [], "warnings": ["one"], "path": "/x", "confirmation": {"server_port": 22}}


def asked_for(monkeypatch: pytest.MonkeyPatch, phase: t.Any = None, **given: t.Any) -> tuple[t.Any, t.Any]:
    asked = Asked(dict(ANSWER))
    monkeypatch.setattr(sshd_config_module, "ensure", asked)
    options = module_options("sshd_config", **given)
    result = sshd_config_module.ensure_options(t.cast(t.Any, FakeHost()), options, phase)
    (((request,), _named),) = asked.calls
    return request, result


def test_only_defaults_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"MaxSessions": 4, "ChallengeResponseAuthentication": False}
    defaults = {"maxsessions": 8, "PerSourcePenalties": "yes"}
    request, _result = asked_for(monkeypatch, settings=settings, defaults=defaults, guard_users=["deploy"])
    assert request.optional == {"persourcepenalties"}
    assert request.profile.explicit == {"maxsessions", "kbdinteractiveauthentication", "persourcepenalties"}
    assert request.desired.settings["MaxSessions"] == ("4",)
    assert request.users == ("deploy",)


@pytest.mark.parametrize(("given", "expected"), [({}, "refuse"), ({"match_conflicts": "override"}, "override")])
def test_blocks_of_other_files_are_refused_by_default(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, t.Any], expected: str
) -> None:
    request, _result = asked_for(monkeypatch, **given)
    assert request.match_conflicts == expected


@pytest.mark.parametrize(("phase", "is_returned"), [(None, False), (PLAN, True)])
def test_the_confirmation_is_for_the_controllers_half(
    monkeypatch: pytest.MonkeyPatch, phase: t.Any, is_returned: bool
) -> None:
    _request, result = asked_for(monkeypatch, phase)
    assert (result.changed, result.diff, result.warnings) == (True, [], ["one"])
    assert ("confirmation" in result.fields, result.fields["path"]) == (is_returned, "/x")
