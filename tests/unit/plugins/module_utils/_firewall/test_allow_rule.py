"""The entries of allow, close and outgoing: as rules, and the errors."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.allow_rule import (
    CLOSE_KEYS,
    OUTGOING_KEYS,
    AllowRule,
    parse_interface,
    parse_rules,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.networks import parse_networks
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import parse_ports
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

SERVICES = parse_services("http 80/tcp www\nhttps 443/tcp\nhttps 443/udp\ndomain 53/tcp\ndomain 53/udp\n9pfs 564/tcp\n")


def rule(protocol: str, ports: t.Any, **more: t.Any) -> AllowRule:
    return AllowRule(protocol, parse_ports(ports, ""), **more)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["https", "http"], [rule("tcp", 80), rule("tcp", 443)], id="services, sorted"),
        pytest.param(["http", "www", {"port": 80}], [rule("tcp", 80)], id="the same three times"),
        pytest.param(["domain"], [rule("tcp", 53), rule("udp", 53)], id="both protocols"),
        pytest.param(
            [{"service": "https", "proto": ["udp", "tcp"]}], [rule("tcp", 443), rule("udp", 443)], id="HTTP/3"
        ),
        pytest.param([{"service": "domain", "proto": "udp"}], [rule("udp", 53)], id="one protocol of two"),
        pytest.param(["9pfs"], [rule("tcp", 564)], id="a name that begins with a digit"),
        pytest.param([{"port": [22, "8000-8010"], "proto": "udp"}], [rule("udp", [22, "8000-8010"])], id="ports"),
        pytest.param(
            [{"port": 5432, "from": ["2001:db8::/32", "192.0.2.7"], "interface": "eth0.5", "comment": "the app's"}],
            [
                rule(
                    "tcp",
                    5432,
                    networks=parse_networks(["192.0.2.7", "2001:db8::/32"], ""),
                    interface="eth0.5",
                    comment="the app's",
                )
            ],
            id="all keys",
        ),
        # A module's argument spec adds the keys that were not given.
        pytest.param([{"port": 80, "service": None, "from": None, "comment": None}], [rule("tcp", 80)], id="no value"),
    ],
)
def test_rules(value: t.Any, expected: list[AllowRule]) -> None:
    assert list(parse_rules(value, "allow", SERVICES)) == expected


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        pytest.param(
            "http",
            "allow: must be a list of services and mappings, not the text 'http'; write it as a list: [http]",
            id="text",
        ),
        pytest.param({"port": 80}, "allow: must be a list of services and mappings, not the mapping", id="mapping"),
        pytest.param(True, "allow: must be a list of services and mappings, not a boolean", id="boolean"),
        pytest.param(
            [80],
            "allow[1]: must be the name of a service or a mapping, not the number 80; write {port: 80}",
            id="number",
        ),
        pytest.param([True], "allow[1]: must be the name of a service or a mapping, not a boolean", id="boolean entry"),
        pytest.param([None], "allow[1]: must be the name of a service or a mapping, not nothing", id="nothing"),
        pytest.param(
            ["8080"], "allow[1]: '8080' is not the name of a service; write {port: 8080}", id="number as text"
        ),
        pytest.param(["8080/udp"], "write {port: 8080, proto: udp}", id="port and protocol"),
        pytest.param([""], "allow[1]: must be the name of a service, not the text ''", id="empty name"),
        pytest.param(
            ["http", "htpps"], "allow[2]: unknown service 'htpps'; did you mean 'https'", id="unknown service"
        ),
        pytest.param(
            [{"service": 80}],
            "allow[1].service: must be the name of a service, not the number 80",
            id="number as service",
        ),
        pytest.param([{}], "allow[1]: has neither service nor port; give one of them", id="empty mapping"),
        pytest.param(
            [{"service": "http", "port": 80}], "allow[1]: has both service and port; give one of them", id="both"
        ),
        pytest.param([{"ports": 80}], "allow[1]: unknown key 'ports'; did you mean 'port'?", id="key"),
        pytest.param(
            [{"port": 80, "source": ["::1"]}], "allow[1]: unknown key 'source'; did you mean 'from'?", id="source"
        ),
        pytest.param([{"port": 80, "coment": "x"}], "unknown key 'coment'; did you mean 'comment'?", id="near key"),
        pytest.param([{"port": 80, "to": ["::1"]}], "allow[1]: unknown key 'to'", id="a key of outgoing"),
        pytest.param(
            [{"port": 80, "proto": "tpc"}],
            "allow[1].proto: unknown protocol 'tpc'; did you mean 'tcp'?; give tcp",
            id="protocol",
        ),
        pytest.param(
            [{"port": 80, "proto": "TCP"}],
            "allow[1].proto: unknown protocol 'TCP'; did you mean 'tcp'?",
            id="upper case",
        ),
        pytest.param(
            [{"port": 80, "proto": 6}], "allow[1].proto: must be text, not the number 6", id="number of a protocol"
        ),
        pytest.param([{"port": 80, "proto": []}], "allow[1].proto: is an empty list", id="no protocol"),
        pytest.param(
            [{"service": "http", "proto": "udp"}],
            "allow[1].service: the service 'http' is not listed for udp; give its port",
            id="not listed",
        ),
        pytest.param([{"port": 80, "from": "192.0.2.1"}], "allow[1].from: must be a list", id="one source"),
        pytest.param([{"port": 80, "from": []}], "allow[1].from: is an empty list", id="no source"),
        pytest.param(
            [{"port": 80, "comment": "a\nb"}],
            "allow[1].comment: contains U+000A (control character) at character 2",
            id="line feed",
        ),
        pytest.param([{"port": 80, "comment": "a\u202eb"}], "allow[1].comment: contains U+202E", id="right to left"),
        pytest.param(
            [{"port": 80, "comment": 'the "app"'}], "contains U+0022 (QUOTATION MARK), which cannot", id="quote"
        ),
        pytest.param(
            [{"port": 80, "comment": "\u00e4" * 65}], "allow[1].comment: has 130 bytes; nftables keeps 128", id="bytes"
        ),
        pytest.param([{"port": 80, "comment": 5}], "allow[1].comment: must be text, not the number 5", id="number"),
    ],
)
def test_errors(value: t.Any, advice: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_rules(value, "allow", SERVICES)
    assert advice in caught.value.advice


def test_ports_to_close_have_no_peers() -> None:
    assert parse_rules(["http", {"port": 25}], "close", SERVICES, CLOSE_KEYS) == (rule("tcp", 25), rule("tcp", 80))
    with pytest.raises(BaselineError, match="cannot have the key 'from'; known there are service, port, proto"):
        parse_rules([{"port": 25, "from": ["::1"]}], "close", SERVICES, CLOSE_KEYS)


def test_outgoing_rules_have_destinations() -> None:
    networks = parse_networks(["192.0.2.0/24"], "")
    given = [{"service": "https", "to": ["192.0.2.0/24"]}]
    assert parse_rules(given, "outgoing", SERVICES, OUTGOING_KEYS) == (rule("tcp", 443, networks=networks),)
    with pytest.raises(BaselineError, match="outgoing packets are selected by 'to'"):
        parse_rules([{"port": 25, "from": ["::1"]}], "outgoing", SERVICES, OUTGOING_KEYS)


@pytest.mark.parametrize(
    "name", ["eth0", "eth0.100", "enp0s31f6", "wg-office", "br_lan", "x" * 15, "vm@1", "\u00e4th0"]
)
def test_interfaces(name: str) -> None:
    assert parse_interface(name, "interface") == name


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("x" * 16, "is longer than the 15 bytes"),
        ("\u00e4" * 8, "is longer than the 15 bytes"),
        ("", "must be the name of an interface, not the text ''"),
        (5, "must be the name of an interface, not the number 5"),
        ("a/b", "cannot be the name of an interface; names contain no '/'"),
        ("eth0:1", "cannot be the name of an interface"),
        ("eth 0", "cannot be the name of an interface"),
        ("eth0\n", "cannot be the name of an interface"),
        ("eth\x1b0", "cannot be the name of an interface"),
        (".", "cannot be the name of an interface"),
        ("..", "cannot be the name of an interface"),
        ("eth*", "'eth*' contains '*'; name one interface"),
        ("eth+", "'eth+' contains '+'"),
        ('a"b', "contains '\"'"),
    ],
)
def test_names_that_no_interface_can_have(name: t.Any, advice: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_interface(name, "interface")
    assert advice in caught.value.advice


def test_what_a_rule_matches() -> None:
    (one,) = parse_rules([{"port": "80-90", "from": ["192.0.2.0/24"], "interface": "eth0"}], "allow", SERVICES)
    assert one.matches("tcp", 85, "192.0.2.1", "eth0")
    assert one.names("tcp", 90)
    assert not one.names("udp", 85)
    assert not one.matches("tcp", 91, "192.0.2.1", "eth0")
    assert not one.matches("tcp", 85, "198.51.100.1", "eth0")
    assert not one.matches("tcp", 85, "192.0.2.1", "eth1")
