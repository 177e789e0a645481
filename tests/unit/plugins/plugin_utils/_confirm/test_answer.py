"""The module's result as a host sends it: only what the module returns, in the types that it has."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.answer import module_answer

HONEST: dict[str, t.Any] = {
    "changed": True,
    "diff": [{"before_header": "/a", "after_header": "/a", "before": "", "after": "Port 22\n"}],
    "path": "/etc/ssh/sshd_config.d/00-pyhost-baseline.conf",
    "crypto": {"profile": "system", "policy": "", "left_out": [], "host_keys": [], "replaced": []},
    "effective": {"user=root": {"permitrootlogin": "no"}},
    "shadowed": [],
    "exceptions": [],
    "reloaded": True,
    "ports": [22],
    "firewall": {"kind": "", "opened": []},
    "selinux_ports": [],
    "version": "OpenSSH_10.0p2",
    "warnings": ["one"],
    "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
}


DROPPED = "the answer of the host had fields that this module does not return; they were dropped"


def read(answer: t.Any) -> dict[str, t.Any]:
    return module_answer(answer, "pyhost.baseline.sshd_config")


def test_an_honest_answer_stays_as_it_is() -> None:
    assert read(HONEST) == HONEST


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"ansible_stats": {"data": {"a": 1}}}, id="statistics of the run"),
        pytest.param({"add_host": {"host_name": "evil"}}, id="a host"),
        pytest.param({"confirmed_by": {"method": "login"}}, id="the confirmation itself"),
        pytest.param({"rolled_back": True}, id="what became of the change"),
    ],
)
def test_what_the_module_never_returns_means_nothing(more: dict[str, t.Any]) -> None:
    found = read({**HONEST, **more})
    assert found.pop("warnings") == ["one", f"{DROPPED}: {', '.join(more)}"]
    assert found == {name: value for name, value in HONEST.items() if name != "warnings"}


def test_of_the_facts_only_the_interpreter_stays() -> None:
    facts = {"ansible_user": "evil", "discovered_interpreter_python": "/usr/bin/python3"}
    found = read({**HONEST, "ansible_facts": facts})
    assert found["warnings"] == ["one", f"{DROPPED}: ansible_facts.ansible_user"]
    assert found["ansible_facts"] == HONEST["ansible_facts"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("changed", "yes"),
        ("changed", 1),
        ("failed", []),
        ("msg", {"a": 1}),
        ("warnings", [["one"]]),
        ("deprecations", [{"message": "one"}]),
        ("diff", ["before"]),
        ("diff", [{"before": 1}]),
        ("ports", {}),
        ("invocation", "x"),
        ("ansible_facts", []),
    ],
)
def test_another_type_is_refused_by_the_fields_name(field: str, value: t.Any) -> None:
    with pytest.raises(
        BaselineError,
        match=rf"not one of this module: {field}.* not what it can be, so nothing of it",
    ):
        read({**HONEST, field: value})


@pytest.mark.parametrize("answer", [None, [], "x", 1])
def test_an_answer_that_is_no_mapping(answer: t.Any) -> None:
    with pytest.raises(BaselineError, match="it is no mapping"):
        read(answer)


SUMMARY = types.SimpleNamespace(event=types.SimpleNamespace(msg="\x1b[2J"))


@pytest.mark.parametrize("entry", ["\x1b[2J", SUMMARY, {"msg": "\x1b[2J"}], ids=["text", "object", "mapping"])
def test_escapes_are_quoted(entry: t.Any) -> None:
    assert read({"changed": False, "warnings": [entry]})["warnings"] == ["\\x1b[2J"]
    assert read({"changed": False, "deprecations": [entry]}) == {
        "changed": False,
        "warnings": ["deprecated on the host: \\x1b[2J"],
    }
