"""The options of the module as a request, and the errors of all of them at once."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.networks import of_family
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import (
    FirewallRequest,
    RateLimit,
    outgoing_warnings,
    parse_request,
    ssh_rule,
    ssh_warnings,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services

SERVICES = parse_services("")


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, SERVICES)


def test_the_defaults() -> None:
    assert request() == FirewallRequest()
    assert request(allow=None, ssh_from=None, outgoing=None, icmp=None) == FirewallRequest()


def test_all_options() -> None:
    found = request(
        allow=["http"],
        close=[{"port": 111, "proto": ["tcp", "udp"]}],
        ssh_from=["192.0.2.0/24", "2001:db8::/32"],
        ssh_rate_limit=" 10 / minute ",
        incoming="allow",
        outgoing=["https"],
        icmp=False,
        log=False,
        containers="filter",
    )
    assert [rule.protocol for rule in (*found.allow, *found.close)] == ["tcp", "tcp", "udp"]
    assert of_family(found.ssh_from, 6) == ["2001:db8::/32"]
    assert (found.ssh_rate_limit, str(found.ssh_rate_limit)) == (RateLimit(10, "minute"), "10/minute")
    assert (found.incoming, found.outgoing, len(found.outgoing_rules)) == ("allow", "list", 1)
    assert (found.icmp, found.log, found.containers) == (False, False, "filter")


@pytest.mark.parametrize("outgoing", ["allow", "deny"])
def test_outgoing_as_a_word(outgoing: str) -> None:
    assert (request(outgoing=outgoing).outgoing, request(outgoing=outgoing).outgoing_rules) == (outgoing, ())


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"ssh_rate_limit": 10}, "ssh_rate_limit: '10' is not a rate; give the new connections"),
        ({"ssh_rate_limit": "0/minute"}, "'0/minute' is not a rate"),
        ({"ssh_rate_limit": "10/min"}, "ssh_rate_limit: unknown unit of time 'min'; did you mean 'minute'?"),
        ({"ssh_rate_limit": "1.5/minute"}, "'1.5/minute' is not a rate"),
        ({"ssh_rate_limit": True}, "'True' is not a rate"),
        ({"ssh_from": []}, "ssh_from: is an empty list, which could mean nobody or anyone"),
        ({"ssh_from": "192.0.2.1"}, "ssh_from: must be a list, not the text '192.0.2.1'"),
        ({"incoming": "drop"}, "incoming: must be deny or allow, not 'drop'"),
        ({"incoming": False}, "incoming: must be deny or allow, not 'False'"),
        ({"outgoing": "drop"}, "outgoing: must be allow, deny or a list of services and mappings, not 'drop'"),
        ({"outgoing": []}, "outgoing: is an empty list; write deny to allow nothing"),
        ({"outgoing": ["htps"]}, "outgoing[1]: unknown service 'htps'"),
        ({"icmp": "yes"}, "icmp: must be true or false, not 'yes'"),
        ({"log": 1}, "log: must be true or false, not '1'"),
        ({"containers": "drop"}, "containers: must be leave or filter, not 'drop'"),
        ({"alow": []}, "alow: unknown option 'alow'; did you mean 'allow'"),
    ],
)
def test_errors(options: dict[str, t.Any], advice: str) -> None:
    with pytest.raises(BaselineError) as caught:
        request(**options)
    assert advice in caught.value.advice


def test_all_errors_come_at_once_and_each_names_its_place() -> None:
    options = {
        "allow": ["htps", {"port": 70000, "from": ["192.0.2.1/24", "host.example"]}, {"prot": 80}],
        "close": [{"port": "9-1"}],
        "ssh_from": ["fe80::1%eth0"],
        "icmp": "no",
    }
    with pytest.raises(BaselineError) as caught:
        parse_request(options, SERVICES, "firewall_")
    assert [part.option for part in caught.value.parts] == [
        "firewall_allow[1]",
        "firewall_allow[2].port",
        "firewall_allow[2].from[1]",
        "firewall_allow[2].from[2]",
        "firewall_allow[3]",
        "firewall_close[1].port",
        "firewall_ssh_from[1]",
        "firewall_icmp",
    ]
    assert all(part.parts == () for part in caught.value.parts)


def test_the_rule_for_ssh() -> None:
    rule = ssh_rule(request(ssh_from=["192.0.2.1"]), [2222, 22, 22])
    assert rule is not None
    assert [str(one) for one in rule.ports] == ["22", "2222"]
    assert rule.matches("tcp", 2222, "192.0.2.1", "eth0")
    assert ssh_rule(request(), []) is None


@pytest.mark.parametrize(
    ("options", "count"),
    [
        pytest.param({"allow": ["ssh"]}, 0, id="no restriction"),
        pytest.param({"allow": ["http"], "ssh_from": ["192.0.2.1"]}, 0, id="another port"),
        pytest.param({"allow": ["ssh"], "ssh_from": ["192.0.2.1"]}, 1, id="anyone"),
        pytest.param({"allow": [{"port": "20-30"}], "ssh_from": ["192.0.2.1"]}, 1, id="in a range"),
        pytest.param({"allow": ["ssh"], "ssh_rate_limit": "5/minute"}, 0, id="the limit comes first"),
        pytest.param({"allow": [{"port": 22, "from": ["::1"]}], "ssh_from": ["192.0.2.1"]}, 0, id="for somebody"),
    ],
)
def test_a_rule_that_lifts_the_restriction_of_ssh(options: dict[str, t.Any], count: int) -> None:
    warnings = ssh_warnings(request(**options), [22])
    assert len(warnings) == count
    assert all("22" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("outgoing", "count"),
    [("allow", 0), ("deny", 1), (["https"], 0), ([{"port": 3128}], 1), ([{"port": "1-1024"}], 0)],
)
def test_a_host_without_downloads(outgoing: t.Any, count: int) -> None:
    assert len(outgoing_warnings(request(outgoing=outgoing))) == count
