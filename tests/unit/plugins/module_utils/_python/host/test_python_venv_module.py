"""Between the module's options and the environments: what is asked for, and passwords that are never printed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.policy_result import PolicyResult
from ansible_collections.pyhost.baseline.plugins.module_utils._python.host import python_venv_module
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import Asked, module_options

VENV = {"path": "/srv/app/venv", "owner": "app"}


@pytest.mark.parametrize(
    ("state", "entry", "named"), [("present", "ensure", {"seconds": 60}), ("checked", "check", {})]
)
def test_the_options_of_python_venv(
    monkeypatch: pytest.MonkeyPatch, state: str, entry: str, named: dict[str, int]
) -> None:
    asked = Asked(PolicyResult(result={"venvs": []}))
    monkeypatch.setattr(python_venv_module, entry, asked)
    host = FakeHost()
    password = "https://ann:s3cret-one@example.org/simple"
    venvs = [{**VENV, "requirements": ["flask", f"a @ {password}"]}, {**VENV, "path": "/srv/b"}]
    options = module_options("python_venv", venvs=venvs, state=state, timeout=60)
    result = python_venv_module.ensure_options(t.cast(t.Any, host), options)
    (((requests,), given),) = asked.calls
    assert [(one.path, one.owner, len(one.requirements)) for one in requests] == [
        ("/srv/app/venv", "app", 2),
        ("/srv/b", "app", 0),
    ]
    assert (given, result.fields) == (named, {"venvs": []})
    assert "s3cret-one" in host.hidden
