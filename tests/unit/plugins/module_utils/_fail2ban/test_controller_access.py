"""Which jails can ban the controller: tables over recorded actions and ``ignoreip`` as fail2ban prints it."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.controller_access import (
    controller_findings,
    ignores,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream, parse_stream

FIXTURES = Path(__file__).parents[3] / "fixtures" / "fail2ban"
RECORDED: dict[str, t.Any] = json.loads((FIXTURES / "filter-rules-debian13.json").read_text())
PORTS = {"ssh": 22, "http": 80, "https": 443}
CONTROLLER = "192.0.2.7"


def jail(*ignored: str, action: str = "iptables") -> JailStream:
    """Return the jail sshd with a recorded ``action``, and ``ignored`` as each ``set sshd addignoreip …`` has it."""
    found = parse_stream("\n".join(RECORDED[action]["stream"]))["sshd"]
    commands = [("set", "sshd", "addignoreip", *line.split()) for line in ignored]
    return replace(found, commands=(*found.commands, *commands))


@pytest.mark.parametrize(
    ("ignored", "address", "expected"),
    [
        (["192.0.2.7"], CONTROLLER, True),
        (["127.0.0.1 192.0.2.0/24"], CONTROLLER, True),
        (["127.0.0.1", "192.0.2.7"], CONTROLLER, True),
        (["192.0.2.8"], CONTROLLER, False),
        ([], CONTROLLER, False),
        (["office.example"], CONTROLLER, False),
        (["2001:db8::/32"], "2001:db8::7", True),
        (["::ffff:0:0/96"], CONTROLLER, False),
        (["0.0.0.0/0"], "2001:db8::7", False),
        ([], "no address", True),
    ],
)
def test_ignores(ignored: list[str], address: str, expected: bool) -> None:
    assert ignores(jail(*ignored), address) is expected


@pytest.mark.parametrize(
    ("action", "port", "can"),
    [
        pytest.param("iptables", 22, True, id="the port of the session"),
        pytest.param("iptables", 2222, False, id="another port"),
        pytest.param("iptables", None, True, id="no session"),
        pytest.param("nftables[type=allports]", 2222, True, id="all ports"),
        pytest.param("nftables", 8050, True, id="a range"),
        pytest.param("nftables[type=custom]", 2222, True, id="rules that are not known"),
    ],
)
def test_a_jail_that_refuses_the_port_of_the_controller(action: str, port: int | None, can: bool) -> None:
    errors, warnings = controller_findings(
        {"sshd": jail("10.0.0.0/8", action=action)}, ["sshd"], CONTROLLER, port=port, service_port=PORTS.get
    )
    assert warnings == []
    assert errors == (
        [
            "the jail sshd can ban the controller: its ignoreip, as fail2ban reads it, is 10.0.0.0/8 and does not "
            "contain 192.0.2.7"
        ]
        if can
        else []
    )


def test_a_jail_of_another_file_is_a_warning() -> None:
    errors, warnings = controller_findings(
        {"sshd": jail(CONTROLLER), "other": jail()}, ["sshd"], CONTROLLER, port=22, service_port=PORTS.get
    )
    assert errors == []
    assert warnings == [
        "the jail other, which another file defines, can ban the controller: its ignoreip is empty; add 192.0.2.7 "
        "to it, or request the jail"
    ]


def test_a_jail_without_a_packet_filter_cuts_nobody_off() -> None:
    mail = JailStream("sshd", "auto", (("set", "sshd", "addaction", "sendmail"),))
    assert controller_findings({"sshd": mail}, [], CONTROLLER, port=22, service_port=PORTS.get) == ([], [])
