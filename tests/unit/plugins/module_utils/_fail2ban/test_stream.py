"""What ``fail2ban-client -d`` says, recorded on hosts that the role had set up."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import (
    JailStream,
    expected,
    normal,
    parse_stream,
    questions,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"


@pytest.mark.parametrize("system", [pytest.param("debian12", id="1.0.2"), pytest.param("debian13", id="1.1.0")])
def test_a_recorded_jail(system: str) -> None:
    jails = parse_stream((FIXTURES / f"stream-{system}.txt").read_text())
    assert list(jails) == ["sshd"]
    answers = expected(jails["sshd"])
    plain = {option: value for option, value in answers.items() if not option.startswith("action ")}
    assert plain.pop("failregex") >= 20
    assert plain == {
        "source": "journal",
        "journalmatch": ["_COMM=sshd", "_COMM=sshd-session", "_SYSTEMD_UNIT=ssh.service", "_SYSTEMD_UNIT=sshd.service"],
        "actions": ["nftables"],
        "ignoreip": ["172.17.0.1"],
        "ignoreregex": 0,
        "ignorecommand": None,
        "bantime": 600,
        "bantime.increment": False,
        "findtime": 600,
        "maxlines": 1,
        "maxmatches": 5,
        "maxretry": 5,
        "usedns": "warn",
    }
    assert answers["action nftables port"] == 22
    assert answers["action nftables addr_set?family=inet6"] == "addr6-set-<name>"


def test_a_jail_that_reads_files() -> None:
    text = """
['set', 'loglevel', 'INFO']
['add', 'shop', 'auto']
['set', 'shop', 'addfailregex', '^x <HOST>$']
['set', 'shop', 'addjournalmatch', '_COMM=nginx']
['set', 'shop', 'bantime', '1h']
['set', 'shop', 'addlogpath', '/b.log', 'head']
['set', 'shop', 'addlogpath', '/a.log', 'tail']
['set', 'shop', 'addaction', 'mine', '/etc/fail2ban/action.d/mine.py', '{}']
['start', 'shop']
"""
    assert expected(parse_stream(text)["shop"]) == {
        "source": "files",
        "logpath": ["/a.log", "/b.log"],
        "ignoreip": [],
        "bantime": 3600,
        "bantime.increment": False,
        "failregex": 1,
        "ignoreregex": 0,
        "actions": ["mine"],
    }


def test_a_match_in_the_filters_section_init_is_added() -> None:
    """As fail2ban 1.1.0 on Debian 13 said of its filter postfix and a jail with a match of its own."""
    text = """
['add', 'postfix-sasl', 'systemd']
['set', 'postfix-sasl', 'addjournalmatch', '_SYSTEMD_UNIT=postfix.service', '_SYSTEMD_UNIT=postfix@-.service']
['set', 'postfix-sasl', 'addjournalmatch', '_SYSTEMD_UNIT=postfix.service', '+', '_SYSTEMD_UNIT=postfix@-.service']
"""
    both = ["_SYSTEMD_UNIT=postfix.service", "_SYSTEMD_UNIT=postfix@-.service"]
    answered = [both, both[:1], both[1:], both[:1]]
    assert expected(parse_stream(text)["postfix-sasl"])["journalmatch"] == normal("journalmatch", answered)


def test_a_line_that_is_no_command() -> None:
    with pytest.raises(BaselineError, match="has a line that is not a command"):
        parse_stream("['add', 'sshd'")


@pytest.mark.parametrize(
    ("option", "by_files", "by_server"),
    [
        pytest.param("bantime", "1d12h", 129600, id="a time"),
        pytest.param("ignoreip", ("127.0.0.1/8", "10.0.0.1/32"), ["10.0.0.1", "127.0.0.0/8"], id="networks"),
        pytest.param("ignoreip", ("mail.example",), ["mail.example"], id="a name"),
        pytest.param("journalmatch", [["_COMM=b"], ["A=1", "B=2"]], [["A=1", "B=2"], ["_COMM=b"]], id="order"),
        pytest.param("bantime.increment", "false", None, id="never set"),
        pytest.param("ignorecommand", "", None, id="empty"),
        pytest.param("maxretry", "5", 5, id="a number"),
        pytest.param("failregex", ["a", "b"], ["A", "B"], id="counted, for the server compiles them"),
    ],
)
def test_files_and_server_agree(option: str, by_files: t.Any, by_server: t.Any) -> None:
    assert normal(option, by_files) == normal(option, by_server)


def test_questions() -> None:
    assert questions("sshd", ["source", "maxretry", "action nftables port"]) == {
        "source": ["status", "sshd"],
        "maxretry": ["get", "sshd", "maxretry"],
        "action nftables port": ["get", "sshd", "action", "nftables", "port"],
    }


def test_an_action_in_python() -> None:
    """The options of our action are compared with its attributes in the server; those of another one are not known."""
    options = '{"port": "2222", "protocol": "tcp", "chain": "<known/chain>"}'
    commands = (
        ("set", "x", "addaction", "pyhost-nftables", "/x/pyhost-nftables.py", options),
        ("set", "x", "addaction", "smtp", "/x/smtp.py", '{"sender": "root"}'),
    )
    values = expected(JailStream("x", "auto", commands))
    assert {name: value for name, value in values.items() if name.startswith("action")} == {
        "actions": ["pyhost-nftables", "smtp"],
        "action pyhost-nftables port": 2222,
        "action pyhost-nftables protocol": "tcp",
        "action pyhost-nftables type": "multiport",
        "action pyhost-nftables blocktype": "reject",
    }
