"""Between the module's options and the account: what is asked for, and a diff that holds nothing a terminal acts on."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.host import admin_user_module
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.public_keys import parse_public_key
from ansible_collections.pyhost.baseline.plugins.module_utils._accounts.request import AccountRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS
from ansible_collections.pyhost.baseline.plugins.modules import admin_user
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBSTVpwvEZSZkzfbW2yYDlQ3mpvKrjCEBOJGmBHiZQx ann"


def options(**given: t.Any) -> dict[str, t.Any]:
    return module_options("admin_user", **{"name": "ann", "authorized_keys": [KEY], **given})


def test_a_diff_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"/home/ann/.ssh/authorized_keys": "# \x1b[2J\u202e\udcff\n"}
    asked = Asked(PolicyResult(before, {}, {"name": "ann"}, ["a warning"]))
    monkeypatch.setattr(admin_user_module, "ensure", asked)
    result = admin_user_module.ensure_options(t.cast(t.Any, FakeHost()), options())
    assert result.changed and result.warnings == ["a warning"]
    assert t.cast(t.Any, result.diff)[0]["before"] == "# \\x1b[2J\\u202e\\udcff\n"
    json.dumps(result.as_result()).encode()
    assert asked.calls == [((AccountRequest("ann", (parse_public_key(KEY),)),), {})]


def test_bad_options_reach_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(PolicyResult())
    monkeypatch.setattr(admin_user_module, "ensure", asked)
    bad = options(name="root", authorized_keys=[f"{KEY}\u2028{KEY}"])
    with pytest.raises(BaselineError) as caught:
        admin_user_module.ensure_options(t.cast(t.Any, FakeHost()), bad)
    message = str(caught.value)
    assert not asked.calls
    assert message.startswith("name: the name is 'root'")
    assert "authorized_keys: entry 1 of 1: the public key contains U+2028 (LINE SEPARATOR)" in message


def test_options_and_documentation_agree() -> None:
    documented = yaml.safe_load(admin_user.DOCUMENTATION)["options"]
    arguments = ARGUMENTS["admin_user"]
    assert set(documented) == set(arguments)
    for name, option in documented.items():
        for field in ("type", "elements", "required", "default", "choices"):
            assert option.get(field) == arguments[name].get(field), (name, field)
