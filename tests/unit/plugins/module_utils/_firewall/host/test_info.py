"""The report about the firewall, over recorded answers of nft, firewalld and ufw."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import LINUX_WITHOUT_SYSTEMD
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.boot_unit import RULES_FILE
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.info import gather
from tests.unit.fake_host import Expected, FakeHost
from tests.unit.firewall_host import (
    ADDED,
    CONNECTION,
    DNAT,
    FIREWALLD,
    FLUSH,
    LISTED,
    NAT,
    OWN_FILES,
    STATUS,
    UFW,
    WITH_FIREWALLD,
    WITH_UFW,
    ZONES,
    addresses,
    asked,
    fixture,
    host,
    merged,
    ruleset,
    sshd,
    units,
)

HTTP_RULES = fixture("nft-http-debian13.json")
INPUT = "the chain input of the table inet pyhost_baseline"
SSH_XML = '<service><port protocol="tcp" port="22"/></service>'
MINE = (
    '{"nftables": [{"chain": {"family": "inet", "table": "mine", "name": "in", "type": "filter", "hook": "input", '
    '"prio": 0, "policy": "drop"}}, {"chain": {"family": "inet", "table": "f2b-table", "name": "in", "type": "filter", '
    '"hook": "input", "prio": -1, "policy": "drop"}}]}'
)


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)


def report(fake: FakeHost) -> dict[str, t.Any]:
    found = gather(t.cast(t.Any, fake))
    fake.done()
    return found


def reached(found: dict[str, t.Any]) -> dict[str, str]:
    return {f"{one['port']}/{one['protocol']} {one['address']}": one["reachable"] for one in found["listeners"]}


def test_an_open_host() -> None:
    found = report(host(asked()))
    assert (found["backend"], found["managers"], found["closed_by"], found["open"]) == ("nftables", [], [], [])
    assert set(reached(found).values()) == {"anyone"}
    assert found["own_table"] == {"loaded": False, "problem": "", "at_boot": False}
    assert found["warnings"] == ["no firewall closes this host: each port on which something listens is reachable"]


def test_a_host_with_our_table() -> None:
    show = units("systemctl-show-in-force-debian12")
    fake = host(asked(show=show, rules=ruleset(HTTP_RULES)), {**OWN_FILES, "/proc/77": "", "/proc/77/fd/4": ""})
    fake.links = {"/proc/77/fd/4": "/proc/77/fd/socket:[850465]", "/proc/77/exe": "/usr/sbin/\x1b[2Jrpcbind"}
    found = report(fake)
    assert found["closed_by"] == [INPUT]
    assert found["own_table"] == {"loaded": True, "problem": "", "at_boot": True}
    assert found["ssh_ports"] == [22]
    assert [(one["ports"], one["protocol"], one["conditional"]) for one in found["open"]] == [
        ("68", "udp", True),
        ("546", "udp", True),
        ("22", "tcp", False),
        ("80", "tcp", False),
    ]
    assert reached(found) == {
        "22/tcp 0.0.0.0": "anyone",
        "22/tcp ::": "anyone",
        "111/tcp 0.0.0.0": "nobody",
        "111/tcp ::": "nobody",
        "111/udp 0.0.0.0": "nobody",
        "111/udp ::": "nobody",
    }
    assert found["listeners"][2] == {
        "protocol": "tcp",
        "address": "0.0.0.0",
        "port": 111,
        "pid": 77,
        "uid": 0,
        "program": r"/usr/sbin/\x1b[2Jrpcbind",
        "reachable": "nobody",
    }
    assert found["warnings"] == []


def test_a_table_that_was_flushed() -> None:
    show = units("systemctl-show-in-force-debian12")
    found = report(host(asked(show=show), {**OWN_FILES, "/etc/nftables.conf": FLUSH}))
    assert found["own_table"]["problem"] == "the kernel has no table inet pyhost_baseline"
    assert [warning.partition(" ")[0] for warning in found["warnings"]] == ["/etc/nftables.conf:1", "no", "the"]
    assert found["warnings"][2] == (
        f"the rules of {RULES_FILE} are not in force: the kernel has no table inet pyhost_baseline; run the module "
        "firewall again"
    )


def test_a_foreign_chain_closes_the_host_and_bans_do_not_count() -> None:
    found = report(host(asked(rules=ruleset(MINE))))
    assert found["closed_by"] == ["the chain in of the table inet mine"]
    assert set(reached(found).values()) == {"nobody"}


@pytest.mark.parametrize(
    ("rules", "reachable", "warnings"),
    [
        pytest.param(NAT, "anyone", 1, id="an open host"),
        pytest.param(merged(HTTP_RULES, NAT), "anyone", 1, id="a closed one"),
    ],
)
def test_published_ports(rules: str, reachable: str, warnings: int) -> None:
    list_nat = Expected(["iptables", "-w", "-t", "nat", "-S"], out=DNAT)
    commands = [units(), *ruleset(rules), addresses(), *sshd(), list_nat]
    found = report(host(commands, programs=["nft", "ip", "sshd", "systemctl", "iptables"]))
    assert found["published"] == [
        {"protocol": "tcp", "ports": "8080", "host": "", "target": "172.17.0.2:80", "reachable": reachable}
    ]
    assert len(found["warnings"]) == warnings
    is_closed = bool(found["closed_by"])
    assert ("published ports of containers are reachable" in found["warnings"][0]) == is_closed


def test_published_ports_that_our_chain_filters() -> None:
    """The request is that of test_table_state.py."""
    rules = merged(fixture("nft-own-debian12.json"), NAT)
    list_nat = Expected(["iptables", "-w", "-t", "nat", "-S"], out=DNAT + DNAT.replace("8080", "80"))
    commands = [units(), *ruleset(rules), addresses(), *sshd(), list_nat]
    found = report(host(commands, programs=["nft", "ip", "sshd", "systemctl", "iptables"]))
    assert {one["ports"]: one["reachable"] for one in found["published"]} == {"80": "anyone", "8080": "nobody"}


@pytest.mark.parametrize(("status", "closed_by"), [(STATUS, ["ufw"]), ("Status: inactive\n", [])])
def test_ufw(status: str, closed_by: list[str]) -> None:
    shown = Expected(["ufw", "status", "verbose"], out=status)
    found = report(host([units(), ADDED, shown, *ruleset(), addresses(), *sshd()], UFW, programs=WITH_UFW))
    assert (found["backend"], found["managers"], found["closed_by"]) == ("ufw", ["ufw"], closed_by)
    assert reached(found)["111/tcp ::"] == ("nobody" if closed_by else "anyone")
    assert reached(found)["22/tcp ::"] == "anyone"
    assert ("ufw is enabled, and the kernel does not have its rules; run `ufw reload`" in found["warnings"]) == (
        not closed_by
    )


@pytest.mark.parametrize(
    ("folder", "closed"),
    [("/usr/lib/firewalld/services", "nobody"), ("/etc/firewalld/services", "nobody"), ("/elsewhere", "unknown")],
)
def test_firewalld(folder: str, closed: str) -> None:
    commands = [
        units(changes=FIREWALLD),
        *ruleset(),
        addresses(),
        *sshd(),
        Expected(LISTED, out=ZONES),
        Expected(["firewall-cmd", "--permanent", "--list-all-zones"], out=ZONES),
    ]
    files = {f"{folder}/ssh.xml": SSH_XML, f"{folder}/dhcpv6-client.xml": "<service/>"}
    found = report(host(commands, files, programs=WITH_FIREWALLD))
    assert (found["backend"], found["closed_by"]) == ("firewalld", ["firewalld"])
    assert reached(found)["111/tcp ::"] == closed
    assert reached(found)["22/tcp ::"] == ("anyone" if closed == "nobody" else "unknown")


def test_no_nft() -> None:
    found = report(host([units(), addresses(), *sshd()], programs=["ip", "sshd", "systemctl"]))
    assert found["warnings"] == [
        "nft is not installed, so rules of the kernel that no manager knows are not in this report"
    ]


def test_a_host_without_systemd() -> None:
    with pytest.raises(BaselineError, match="managed on hosts with systemd alone"):
        report(FakeHost(platform=LINUX_WITHOUT_SYSTEMD))
