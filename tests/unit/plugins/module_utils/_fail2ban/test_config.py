"""Jail files, over Debian's stock ones."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import config as fail2ban
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import jail_files

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("600", 600, id="seconds"),
        pytest.param(600, 600, id="a number"),
        pytest.param("-1", -1, id="for ever"),
        pytest.param("10m", 600, id="minutes"),
        pytest.param("1h 30m", 5400, id="two parts"),
        pytest.param("1d12h", 129600, id="two parts without a blank"),
        pytest.param("2 Weeks", 1209600, id="a word in capitals"),
        pytest.param("1mo", 2629800, id="a month is a twelfth of a year"),
        pytest.param("1.5h", 5400, id="a fraction"),
        pytest.param("1 fortnight", None, id="an unknown unit"),
        pytest.param("soon", None, id="no number"),
        pytest.param("", None, id="nothing"),
        pytest.param("10m\n", 600, id="a line's end"),
    ],
)
def test_seconds(text: t.Any, number: float | None) -> None:
    assert fail2ban.seconds(text) == number


def test_render() -> None:
    assert fail2ban.render(
        {"bantime": "1h", "ignoreip": ["127.0.0.1/8", "::1"]},
        {"sshd": {"enabled": True, "maxretry": 3}, "shop": {"logpath": ["/a.log", "/b.log"]}},
        controller="192.0.2.7",
    ) == (
        "# Managed by the module pyhost.baseline.fail2ban_jails, which replaces this file as a whole.\n"
        "# The controller's address, kept in ignoreip: 192.0.2.7\n"
        "\n[DEFAULT]\nbantime = 1h\nignoreip = 127.0.0.1/8 ::1\n"
        "\n[sshd]\nenabled = true\nmaxretry = 3\n"
        "\n[shop]\nlogpath = /a.log\n    /b.log\n"
    )


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1).filter(
    lambda word: word.isprintable() and word[0] not in "#;"
)


@given(st.dictionaries(st.sampled_from(["logpath", "action", "failregex"]), st.lists(words, min_size=1), min_size=1))
def test_what_is_rendered_is_read_again(options: dict[str, list[str]]) -> None:
    read = jail_files.parse_sections(fail2ban.render({}, {"shop": options}))
    assert read == {"shop": {name: "\n".join(values) for name, values in options.items()}}


@given(st.text())
def test_no_value_opens_a_section(value: str) -> None:
    assert set(jail_files.parse_sections(fail2ban.render({}, {"shop": {"action": value}}))) == {"shop"}


def test_controller_of() -> None:
    assert fail2ban.controller_of(fail2ban.render({}, {}, controller="2001:db8::1")) == "2001:db8::1"
    assert fail2ban.controller_of(fail2ban.render({}, {})) is None
    assert fail2ban.controller_of(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", "192.0.2.7", id="nothing yet"),
        pytest.param("10.0.0.0/8, ::1", "10.0.0.0/8, ::1 192.0.2.7", id="added"),
        pytest.param(["::1", "192.0.2.7"], "::1 192.0.2.7", id="there already"),
    ],
)
def test_with_address(value: t.Any, expected: str) -> None:
    assert fail2ban.with_address(value, "192.0.2.7") == expected


@pytest.mark.parametrize(
    ("jail", "options", "others", "expected"),
    [
        pytest.param("sshd", {}, {}, "sshd", id="the jail's own name"),
        pytest.param("sshd", {"filter": "%(__name__)s[mode=%(mode)s]"}, {}, "sshd", id="jail.conf's default"),
        pytest.param("shop", {"filter": "nginx-http-auth[mode=x]"}, {}, "nginx-http-auth", id="with a parameter"),
        pytest.param("shop", {}, {"shop": {"filter": "apache-auth"}}, "apache-auth", id="by another file"),
    ],
)
def test_filter_name(jail: str, options: dict[str, str], others: dict[str, dict[str, str]], expected: str) -> None:
    assert fail2ban.filter_name(jail, options, others) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"bantme": "1h"},
            "[sshd]: unknown jail option 'bantme'; did you mean 'bantime' or 'bantime.factor'?",
            id="a letter lost",
        ),
        pytest.param(
            {"bantime": "1 fortnight"},
            "[sshd]: bantime is '1 fortnight', but has to be a time such as 600, 10m, 1h or 1d 12h; this task",
            id="no time",
        ),
        pytest.param(
            {"maxretry": 0},
            "[sshd]: maxretry is '0', but has to be a whole number from 1; this task changed nothing",
            id="zero",
        ),
        pytest.param(
            {"enabled": "ja"},
            "[sshd]: enabled is 'ja', but has to be true or false; this task changed nothing",
            id="no boolean",
        ),
        pytest.param(
            {"port": {"a": 1}},
            "[sshd]: the option 'port' has the value {'a': 1}, which cannot be written in a jail file; "
            "this task changed nothing; give a string, number, boolean or list",
            id="a dictionary",
        ),
    ],
)
def test_check_options_refuses(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BaselineError) as refused:
        fail2ban.check_options("[sshd]", options, fail2ban.known_options({}))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"bantime": "%(known/bantime)s"}, id="a reference is not judged"),
        pytest.param({"mine": "x", "logpath": "/var/log/%(mine)s.log"}, id="a variable that is used"),
        pytest.param({"bantime.increment": True, "bantime.maxtime": "1w"}, id="incremental ban times"),
    ],
)
def test_check_options_accepts(options: dict[str, t.Any]) -> None:
    fail2ban.check_options("[sshd]", options, fail2ban.known_options({}))


def test_parameters_of_the_filter_are_options() -> None:
    text = (FIXTURES / "filter-sshd-debian13.conf").read_text()
    assert "publickey" in fail2ban.known_options({}, text)


@pytest.mark.parametrize("name", ["DEFAULT", "INCLUDES", "a b", "a]", "x\n"])
def test_check_names_refuses_a_jail(name: str) -> None:
    with pytest.raises(BaselineError, match="is not a valid name for a jail"):
        fail2ban.check_names({}, {name: {}})


@pytest.mark.parametrize("option", ["a = b", "", "1", "x\ny", "[z]"])
def test_check_names_refuses_an_option(option: str) -> None:
    with pytest.raises(BaselineError, match="is not a valid name for an option"):
        fail2ban.check_names({option: "x"}, {})


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("bantime", 0, "bantime is '0', but has to be longer than 0, or -1 for bans without an end"),
        ("bantime", "0s", "bantime is '0s', but has to be longer than 0"),
        ("findtime", 0, "findtime is '0', but has to be longer than 0"),
        ("findtime", "-1", "findtime is '-1', but has to be longer than 0"),
        ("findtime", "soon", "findtime is 'soon', but has to be a time"),
        ("usedns", "maybe", "usedns is 'maybe', but has to be one of yes, warn, no, raw"),
        ("usedns", "true", "usedns is 'true', but has to be one of yes, warn, no, raw"),
        ("ignoreip", "127.0.0.1 ::1/200", "('::1/200' is none of them)"),
        ("ignoreip", ["10.0.0.0/8", "10.0.0.256"], "('10.0.0.256' is none of them)"),
        ("ignoreip", "10.0.0.0/33", "('10.0.0.0/33' is none of them)"),
        ("ignoreip", "10.0.0", "('10.0.0' is none of them)"),
        ("port", "22 ; and later 2222", "port contains '; and later 2222', which fail2ban reads as a comment"),
        ("failregex", "^a$\n# ^b$", "failregex contains '# ^b$', which fail2ban reads as a comment"),
    ],
)
def test_a_value_that_fail2ban_takes_and_misreads(name: str, value: t.Any, problem: str) -> None:
    with pytest.raises(BaselineError) as failed:
        fail2ban.check_value("[sshd]", name, value)
    assert problem in failed.value.problem
    assert failed.value.where == "[sshd]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bantime", -1),
        ("bantime", "1w"),
        ("findtime", "10m"),
        ("usedns", False),
        ("usedns", "raw"),
        ("ignoreip", "127.0.0.1/8 ::1 10.0.0.0/255.0.0.0, fe80::1%eth0 office.example file:/etc/ignored"),
        ("ignoreip", ["192.0.2.7", "2001:db8::/32"]),
        ("failregex", "^a;b #c$"),
        ("ignoreip", "%(other)s ::1/200"),
    ],
)
def test_a_value_that_fail2ban_reads_as_it_is_meant(name: str, value: t.Any) -> None:
    fail2ban.check_value("[sshd]", name, value)


def test_yaml_reads_no_as_a_boolean() -> None:
    assert fail2ban.value_text("[sshd]", "usedns", False) == "no"
    assert fail2ban.value_text("[sshd]", "usedns", True) == "yes"


@pytest.mark.parametrize(
    ("sources", "value"),
    [
        pytest.param([{"bantime": "1h"}, {"bantime": "2h"}], "1h", id="the first"),
        pytest.param([{}, {"bantime": ""}, {"bantime": "2h"}], "", id="an empty value is one"),
        pytest.param([{"findtime": "1h"}], "10m", id="none"),
    ],
)
def test_the_source_that_takes_precedence(sources: list[dict[str, str]], value: str) -> None:
    assert fail2ban.first_set("bantime", sources, "10m") == value
