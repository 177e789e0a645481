# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters that an input may not contain: each of them, in each input of each module and role, is refused by name."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core import timers as systemd_timers
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import forbidden_character
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import config as fail2ban
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import (
    HOLDS_LINES,
    PARSED_ELSEWHERE,
    character_errors,
    require_plain,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.host.modules import run_planned_module
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings, render_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import apt_conf
from ansible_collections.pyhost.baseline.plugins.plugin_utils._inputs.role_inputs import role_input_errors

ROOT = Path(__file__).parents[5]
BAD = {
    "NUL": "\0",
    "tab": "\t",
    "line feed": "\n",
    "line tabulation": "\x0b",
    "form feed": "\x0c",
    "carriage return": "\r",
    "escape": "\x1b",
    "file separator": "\x1c",
    "next line": "\x85",
    "no-break space": "\xa0",
    "zero width space": "\u200b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "right-to-left override": "\u202e",
    "surrogate": "\udc80",
}
Spec = t.Mapping[str, t.Any]
Input = tuple[str, t.Any]


def inputs(name: str, option: Spec, text: str) -> t.Iterator[Input]:
    """Yield the place of each text that ``option`` can hold, and the value of the option with ``text`` there."""
    kind = option.get("type", "str")
    # A role's spec says options, a module's documentation suboptions.
    parts = option.get("options") or option.get("suboptions") or {}
    if option.get("choices"):
        return
    if kind in ("str", "path", "raw"):
        yield name, text
    if kind == "raw":
        yield f"{name}.user", {"user": text}
        yield f"{name}[1]", [text]
    if kind == "dict":
        yield from inputs_of_a_mapping(name, parts, text)
    elif kind == "list":
        yield from inputs_of_a_list(name, parts if option.get("elements") == "dict" else None, text)


def inputs_of_a_mapping(name: str, parts: t.Mapping[str, Spec], text: str) -> t.Iterator[Input]:
    for below, part in parts.items():
        for place, value in inputs(f"{name}.{below}", part, text):
            yield place, {below: value}
    if not parts:
        yield f"{name}.any.deep[2]", {"any": {"deep": ["good", text]}}
        yield f"{name}.any", {"any": text}
        yield f"{name}.", {text: 1}


def inputs_of_a_list(name: str, parts: t.Mapping[str, Spec] | None, text: str) -> t.Iterator[Input]:
    if parts is None:
        yield f"{name}[2]", ["good", text]
        return
    for below, part in parts.items():
        for place, value in inputs(f"{name}[1].{below}", part, text):
            yield place, [{below: value}]


class Refused(Exception):
    """``fail_json`` of the module that a test runs."""


def run_module(name: str, monkeypatch: pytest.MonkeyPatch, given: t.Mapping[str, t.Any]) -> str:
    """Run ``main`` of a module with ``given`` instead of the options' defaults; return what it fails with."""
    module = importlib.import_module(f"ansible_collections.pyhost.baseline.plugins.modules.{name}")

    class Module:
        check_mode = True

        def __init__(self, argument_spec: Spec, **_more: t.Any) -> None:
            self.no_log_values: set[str] = set()
            self.params = {option: part.get("default") for option, part in argument_spec.items()} | dict(given)

        def fail_json(self, msg: str, **_more: t.Any) -> t.NoReturn:
            raise Refused(msg)

    with pytest.raises(Refused) as refused:
        if name in ARGUMENTS:
            run_planned_module(t.cast(t.Any, Module(ARGUMENTS[name])), name)
        monkeypatch.setattr(module, "AnsibleModule", Module)
        module.main()
    return str(refused.value)


def documented(path: Path) -> Spec:
    text = path.read_text().split('DOCUMENTATION = """', 1)[-1].split('DOCUMENTATION = r"""', 1)[-1]
    return yaml.safe_load(text.split('"""', 1)[0]).get("options") or {}


MODULES = {
    path.stem: documented(path)
    for path in sorted((ROOT / "plugins" / "modules").glob("[a-z]*.py"))
    # The options of the plan are those of the other modules, each of which checks its own (_plan/host/test_plan.py).
    if "def main()" in path.read_text() and path.stem != "baseline_plan"
}
ROLES = {
    path.parts[-3]: yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"]
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
}


def test_modules_and_roles_are_all_there() -> None:
    # The documentation of actions that run on the controller alone.
    actions = {"python_bootstrap", "ssh_login", "ssh_reach"}
    assert {*MODULES, *actions, "baseline_plan"} == {
        path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py")
    }
    assert {"sshd_config", "fail2ban_jails", "packages", "unattended_upgrades", "dnf_automatic"} < set(MODULES)
    assert len(ROLES) == len(list((ROOT / "roles").iterdir()))


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("module", MODULES)
def test_every_option_of_a_module(module: str, bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"good{bad}bad"
    for option, spec in MODULES[module].items():
        for place, value in inputs(option, spec, text) if option not in PARSED_ELSEWHERE else ():
            message = run_module(module, monkeypatch, {option: value})
            assert place in message
            assert f"{forbidden_character(text)} is not allowed there" in message
            assert "; this task changed nothing" in message
            assert not forbidden_character(message)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("role", ROLES)
def test_every_input_of_a_role(role: str, bad: str) -> None:
    text = f"good{bad}bad"
    for name, spec in ROLES[role].items():
        for place, value in inputs(name, spec, text) if name not in PARSED_ELSEWHERE else ():
            sentences = [str(error) for error in role_input_errors(role, ROLES[role], {name: value})]
            assert [one for one in sentences if place in one and forbidden_character(text) in one], (place, sentences)
            assert not forbidden_character("".join(sentences))


@pytest.mark.parametrize("place", sorted(HOLDS_LINES))
def test_lists_of_jails_hold_line_feeds_and_no_other_separator(place: tuple[str, ...]) -> None:
    def at(text: t.Any) -> dict[str, t.Any]:
        value = text
        for name in reversed(place):
            value = {"sshd" if name == "*" else name: value}
        return value

    assert character_errors(at("one\ntwo")) == []
    assert character_errors(at(["one", "two"])) == []
    for wrong in [["one\ntwo"], *(f"one{bad}two" for bad in BAD.values() if bad != "\n")]:
        assert len(character_errors(at(wrong))) == 1


@pytest.mark.parametrize("option", ["filters", "fail2ban_filters"])
@pytest.mark.parametrize("kind", ["matches", "ignores"])
def test_samples_of_a_log_contain_tabs_and_line_feeds_and_no_other_such_character(option: str, kind: str) -> None:
    def errors(text: str) -> list[BaselineError]:
        values: list[t.Any] = [text, [text], [{"line": text}]]
        return [error for value in values for error in character_errors({option: {"shop": {kind: value}}})]

    assert errors("one\ttwo\nthree") == []
    for bad in BAD.values():
        assert len(errors(f"one{bad}two")) == (0 if bad in "\t\n" else 3)
    # The name of the address is no sample.
    assert len(character_errors({option: {"shop": {kind: [{"line": "a", "address": "1\t2"}]}}})) == 1


def test_the_character_is_counted_after_a_line_feed_that_may_stand_there() -> None:
    [error] = character_errors({"jails": {"sshd": {"logpath": "/a\n/b\u2028/c"}}})
    assert error.advice == (
        "jails.sshd.logpath: U+2028 (LINE SEPARATOR) at character 6 is not allowed there; write it as one line of "
        "printable characters"
    )
    assert error.option == "jails.sshd.logpath"


def test_a_secret_is_not_repeated() -> None:
    with pytest.raises(BaselineError) as refused:
        require_plain({"password": "hunter2\r", "number": 3, "nothing": None})
    assert str(refused.value) == (
        "password: U+000D (control character) at character 8 is not allowed there; this task changed nothing; write "
        "it as one line of printable characters"
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["settings", "name"]), VALUES))
def test_what_passes_is_printable_through_and_through(options: dict[str, t.Any]) -> None:
    def texts(value: t.Any) -> t.Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            yield from (text for part in value for text in texts(part))
            yield from (text for part in value.values() for text in texts(part)) if isinstance(value, dict) else ()

    bad = [text for text in texts(options) if not text.isprintable()]
    assert bool(character_errors(options)) == bool(bad)
    assert not forbidden_character("".join(map(str, character_errors(options))))


PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"]), min_size=1)


@given(PLAIN, st.lists(PLAIN, min_size=1))
def test_what_passes_is_one_line_in_every_file(text: str, several: list[str]) -> None:
    try:
        require_plain({"text": text, "several": several})
    except BaselineError:
        return
    files = [
        fail2ban.render({"mta": text}, {"sshd": {"logpath": several}}),
        apt_conf.render("", {"L": several}, {"K": text}),
        systemd_timers.drop_in("dnf_automatic", text, text) or "",
    ]
    try:
        desired = build_settings({"Banner": text}, [{"criteria": {"user": several}, "settings": {"PermitTTY": False}}])
        files.append(render_settings(desired))
    except BaselineError:
        pass
    for file in files:
        assert file.splitlines() == file.split("\n")[:-1]
