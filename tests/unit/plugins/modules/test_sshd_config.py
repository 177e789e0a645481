"""The module's options, and the phase that the controller's half hands over beside them."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import PhaseRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import sshd_config_module
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.change import SshdRequest
from ansible_collections.pyhost.baseline.plugins.modules import sshd_config


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[SshdRequest]:
    """What reaches the host."""
    found: list[SshdRequest] = []

    def ensure(_host: object, request: SshdRequest) -> dict[str, t.Any]:
        found.append(request)
        return {"changed": False, "warnings": ["one"], "confirmation": {"server_port": 22}}

    monkeypatch.setattr(sshd_config_module, "ensure", ensure)
    return found


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Run the module with ``arguments`` and return what it prints."""
    monkeypatch.setattr(basic, "_load_params", lambda: dict(arguments))
    # ansible-core 2.21 asks here whether the answer is to have the arguments.
    monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", {"_ansible_inject_invocation": True}, raising=False)
    # What ansible-core 2.19 and later encode the answer by.
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        sshd_config.main()
    found: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("phase", ["plan", "apply"])
def test_the_phase_reaches_the_host_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], requests: list[SshdRequest], phase: str
) -> None:
    done = run(monkeypatch, capsys, {"confirm_timeout": 60, **PhaseRequest(phase, "ops").as_argument()})
    confirm = requests[0].confirm
    assert (confirm.phase, confirm.login_user, confirm.seconds) == (phase, "ops", 60)
    assert done["confirmation"] == {"server_port": 22}
    assert set(done["invocation"]["module_args"]) == set(sshd_config.ARGUMENTS["sshd_config"])


def test_without_a_phase_nothing_is_said_to_the_controllers_half(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], requests: list[SshdRequest]
) -> None:
    done = run(monkeypatch, capsys, {})
    assert (requests[0].confirm.phase, requests[0].confirm.seconds) == ("", 45)
    assert "confirmation" not in done


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"_phase": "plan"}, "Unsupported parameters", id="another private argument"),
        pytest.param({"_pyhost_phase": "plan"}, "_pyhost_phase is a text and must be a mapping", id="a bad phase"),
        pytest.param({"confirm_timeout": 5}, "confirm_timeout: 5 seconds are not from 15", id="too little time"),
    ],
)
def test_bad_arguments_reach_no_host(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    requests: list[SshdRequest],
    arguments: dict[str, t.Any],
    words: str,
) -> None:
    done = run(monkeypatch, capsys, arguments)
    assert done["failed"] and words in done["msg"]
    assert requests == []


def test_the_options_are_the_documented_ones() -> None:
    documented = yaml.safe_load(sshd_config.DOCUMENTATION)["options"]
    assert set(documented) == set(sshd_config.ARGUMENTS["sshd_config"])
    assert not [name for name in documented if name.startswith("_")]
