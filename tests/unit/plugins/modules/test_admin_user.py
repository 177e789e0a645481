"""The module around the parts: its answer holds nothing that a terminal would act on, and no hash."""

from __future__ import annotations

import json
import typing as t
from contextlib import nullcontext

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.plan import AccountRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.modules import admin_user

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBSTVpwvEZSZkzfbW2yYDlQ3mpvKrjCEBOJGmBHiZQx ann"
OPTIONS = {
    "name": "ann",
    "authorized_keys": [KEY],
    "exclusive_keys": False,
    "sudo": "nopasswd",
    "password": "",
    "groups": [],
    "shell": "",
    "allow_system_account": False,
}


class Ended(Exception):
    """What AnsibleModule ends the process with."""


class Module:
    """The little of AnsibleModule that main needs."""

    check_mode = False
    given: t.ClassVar[dict[str, t.Any]] = {}

    def __init__(self, **_spec: t.Any) -> None:
        self.params = {**OPTIONS, **self.given}
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended({**result, "warnings": self.warned})

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended({**result, "failed": True})


def answer(monkeypatch: pytest.MonkeyPatch, outcome: PolicyResult, **given: t.Any) -> tuple[dict[str, t.Any], t.Any]:
    asked: list[AccountRequest] = []

    def ensure(_host: t.Any, request: AccountRequest) -> PolicyResult:
        asked.append(request)
        return outcome

    monkeypatch.setattr(admin_user, "AnsibleModule", type("Given", (Module,), {"given": given}))
    monkeypatch.setattr(admin_user.Host, "lock", lambda *_arguments: nullcontext())
    monkeypatch.setattr(admin_user, "ensure", ensure)
    with pytest.raises(Ended) as caught:
        admin_user.main()
    return caught.value.args[0], asked


def test_a_diff_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"/home/ann/.ssh/authorized_keys": "# \x1b[2J\u202e\udcff\n"}
    result, asked = answer(monkeypatch, PolicyResult(before, {}, {"name": "ann"}, ["a warning"]))
    assert result["changed"] and result["warnings"] == ["a warning"]
    assert result["diff"][0]["before"] == "# \\x1b[2J\\u202e\\udcff\n"
    json.dumps(result).encode()
    assert asked == [AccountRequest("ann", (parse_public_key(KEY),))]


def test_bad_options_reach_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked = answer(monkeypatch, PolicyResult(), name="root", authorized_keys=[f"{KEY}\u2028{KEY}"])
    assert result["failed"] and not asked
    assert result["msg"].startswith("name: the name is 'root'")
    assert "authorized_keys: entry 1 of 1: the public key contains U+2028 (LINE SEPARATOR)" in result["msg"]
    assert result["msg"].endswith("; this task changed nothing")


def test_options_and_documentation_agree() -> None:
    documented = yaml.safe_load(admin_user.DOCUMENTATION)["options"]
    arguments = admin_user._ARGUMENTS
    assert set(documented) == set(arguments) == set(OPTIONS)
    for name, option in documented.items():
        for field in ("type", "elements", "required", "default", "choices"):
            assert option.get(field) == arguments[name].get(field), (name, field)
