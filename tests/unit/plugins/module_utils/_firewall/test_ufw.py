"""A request as rules of ufw: how they are listed, and the commands that bring them into force."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import FirewallRequest, parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import parse_services
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import (
    UfwRule,
    UfwState,
    desired_ufw,
    parse_ufw,
    ufw_commands,
    unsupported_by_ufw,
)

# In the form of ufw 0.36 (ufw(8)).
ADDED = """\
Added user rules (see 'ufw status' for running firewall):
ufw allow 22/tcp comment 'pyhost.baseline'
ufw allow from 192.0.2.0/24 to any port 5432 proto tcp comment 'pyhost.baseline: the database'
ufw allow 9090/tcp comment 'it'"'"'s mine'
ufw deny 25
"""
STATUS = """\
Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), disabled (routed)
New profiles: skip
"""


def request(**options: t.Any) -> FirewallRequest:
    return parse_request(options, parse_services(""))


def words(state: UfwState) -> list[str]:
    return [" ".join(rule.words) for rule in state.rules]


def test_the_state_as_it_is() -> None:
    found = parse_ufw(ADDED, STATUS)
    assert words(found) == [
        "allow 22/tcp",
        "allow from 192.0.2.0/24 to any port 5432 proto tcp",
        "allow 9090/tcp",
        "deny 25",
    ]
    assert [rule.is_own for rule in found.rules] == [True, True, False, False]
    assert found.rules[2].comment == "it's mine"
    assert (found.incoming, found.outgoing, found.logging) == ("deny", "allow", "low")
    assert parse_ufw("", "Status: inactive") == UfwState()
    assert parse_ufw("", "Logging: off\nDefault: reject (incoming), deny (outgoing)") == UfwState((), "reject", "deny")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"allow": ["http"]}, ["allow 22/tcp", "allow 80/tcp"], id="a port"),
        pytest.param({"allow": [{"port": ["8000-8010", 22]}]}, ["allow 22/tcp", "allow 8000:8010/tcp"], id="a range"),
        pytest.param({"ssh_rate_limit": "10/minute"}, ["limit 22/tcp"], id="a limit"),
        pytest.param(
            {"allow": [{"port": 53, "proto": "udp", "from": ["192.0.2.1", "2001:db8::/32"], "interface": "eth0"}]},
            [
                "allow 22/tcp",
                "allow in on eth0 from 192.0.2.1 to any port 53 proto udp",
                "allow in on eth0 from 2001:db8::/32 to any port 53 proto udp",
            ],
            id="sources and interface",
        ),
        pytest.param(
            {"allow": [{"port": 53, "interface": "eth0"}]},
            ["allow 22/tcp", "allow in on eth0 to any port 53 proto tcp"],
            id="interface",
        ),
        pytest.param(
            {"ssh_from": ["192.0.2.0/24"], "incoming": "allow"},
            ["allow from 192.0.2.0/24 to any port 22 proto tcp", "deny 22/tcp"],
            id="an open policy",
        ),
        pytest.param(
            {"outgoing": [{"port": 443, "to": ["192.0.2.1"]}, {"port": 25, "interface": "eth0"}, {"port": 80}]},
            [
                "allow 22/tcp",
                "allow out 53/tcp",
                "allow out 53/udp",
                "allow out 67/udp",
                "allow out 123/udp",
                "allow out 547/udp",
                "allow out on eth0 to any port 25 proto tcp",
                "allow out 80/tcp",
                "allow out to 192.0.2.1 port 443 proto tcp",
            ],
            id="outgoing",
        ),
    ],
)
def test_the_desired_rules(options: dict[str, t.Any], expected: list[str]) -> None:
    found = desired_ufw(request(**options), [22])
    assert sorted(words(found)) == sorted(expected)
    assert words(found)[0] == expected[0]
    assert found.outgoing == ("reject" if "outgoing" in options else "allow")


def test_comments() -> None:
    found = desired_ufw(request(allow=[{"port": 80, "comment": "it's the web"}]), [22])
    assert [rule.comment for rule in found.rules] == ["pyhost.baseline", "pyhost.baseline: it\u2019s the web"]
    assert all(rule.is_own for rule in found.rules)
    assert not UfwRule(("allow", "80/tcp"), "pyhost.baseline2").is_own


def test_commands_open_before_they_close_and_rules_of_others_stay() -> None:
    desired = desired_ufw(request(allow=["https", {"port": 9090}], outgoing="deny", log=False), [22])
    assert [" ".join(command) for command in ufw_commands(parse_ufw(ADDED, STATUS), desired)] == [
        "ufw allow 443/tcp comment pyhost.baseline",
        "ufw allow out 53/tcp comment pyhost.baseline",
        "ufw allow out 53/udp comment pyhost.baseline",
        "ufw allow out 67/udp comment pyhost.baseline",
        "ufw allow out 123/udp comment pyhost.baseline",
        "ufw allow out 547/udp comment pyhost.baseline",
        "ufw default reject outgoing",
        "ufw logging off",
        "ufw --force delete allow from 192.0.2.0/24 to any port 5432 proto tcp",
    ]


def test_nothing_to_do() -> None:
    desired = desired_ufw(request(allow=["http"]), [22])
    assert ufw_commands(desired, desired) == []
    assert ufw_commands(UfwState(desired.rules, "reject", "allow", "high"), desired) == []


def test_a_verb_is_changed_by_the_addition() -> None:
    now = desired_ufw(request(), [22])
    commands = ufw_commands(now, desired_ufw(request(ssh_rate_limit="6/minute"), [22]))
    assert commands == [("ufw", "limit", "22/tcp", "comment", "pyhost.baseline")]


def test_what_ufw_cannot_do() -> None:
    assert unsupported_by_ufw(request()) == ([], [])
    errors, warnings = unsupported_by_ufw(
        request(containers="filter", icmp=False, ssh_rate_limit="9/hour"), "firewall_"
    )
    assert [error.option for error in errors] == ["firewall_containers", "firewall_icmp"]
    assert len(warnings) == 1
