# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the OpenSSH client of this controller answers about its own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client_settings import (
    ClientSettings,
    ask_client,
    forced_port,
    parse_settings,
)

# OpenSSH 9.2, shortened.
ANSWER = """\
user root
hostname 192.0.2.7
port 2200
hostkeyalias web.example
verifyhostkeydns false
stricthostkeychecking true
globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
userknownhostsfile ~/known
"""


def test_an_answer_is_read() -> None:
    assert parse_settings(ANSWER) == ClientSettings(
        host="192.0.2.7",
        port=2200,
        alias="web.example",
        strict="yes",
        known_hosts=(str(Path("~/known").expanduser()), "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"),
    )


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("stricthostkeychecking false", "strict", "no"),
        ("stricthostkeychecking off", "strict", "no"),
        ("stricthostkeychecking ask", "strict", "ask"),
        ("stricthostkeychecking accept-new", "strict", "accept-new"),
        ("verifyhostkeydns ask", "asks_others", True),
        ("knownhostscommand /bin/x", "asks_others", True),
        ("knownhostscommand none", "asks_others", False),
        ("userknownhostsfile none", "known_hosts", ()),
        ("port ssh", "port", None),
        ("", "port", None),
    ],
)
def test_each_value(line: str, name: str, value: object) -> None:
    assert getattr(parse_settings(line), name) == value


def test_the_client_is_asked_with_the_users_arguments(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web\n HostName 192.0.2.9\n Match user deploy\n Port 2200\n")
    arguments = ["-F", str(config)]
    assert ask_client("ssh", arguments, "web").port == 22
    found = ask_client("ssh", arguments, "web", user="deploy")
    assert (found.host, found.port) == ("192.0.2.9", 2200)


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "echo no"])
def test_a_client_that_does_not_answer_has_no_settings(tmp_path: Path, script: str) -> None:
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert ask_client(str(program), [], "web") == ClientSettings()
    assert ask_client("/no/ssh", [], "web") == ClientSettings()


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ([], None),
        (["-C", "-o", "ControlMaster=auto"], None),
        (["-o", "Port=2201"], 2201),
        (["-o", "port 2201"], 2201),
        (["-oPort=2201"], 2201),
        (["-p2201"], 2201),
        (["-p", "2201", "-o", "Port=9"], 2201),
        (["-o", "UserKnownHostsFile=/export"], None),
    ],
)
def test_a_port_that_no_variable_overrides(arguments: list[str], port: int | None) -> None:
    assert forced_port("ssh", ["-F", "/dev/null", *arguments], "web") == port
