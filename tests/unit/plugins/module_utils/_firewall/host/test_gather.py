"""What is read of a host for the plan of its firewall, over recorded answers (fixtures/firewall/README.md)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host.gather import (
    gather,
    named,
    read_services,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.host_state import (
    FirewallState,
    ManagerUnit,
    RunConnection,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.listeners import Listener
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.port_ranges import PortRange
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.published import PublishedPort
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.ufw import UfwRule
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
    ruleset,
    sshd,
    units,
)


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", CONNECTION)


def read(fake: FakeHost) -> FirewallState:
    found = gather(t.cast(t.Any, fake))
    fake.done()
    return found


def test_a_bare_host_of_debian_13() -> None:
    state = read(host(asked()))
    assert state.backend == "nftables"
    assert state.unit("nftables") == ManagerUnit("nftables", exists=True)
    assert state.active_managers == []
    assert state.ssh_ports == (22,)
    assert state.interfaces == ("eth0", "lo")
    assert state.connection == RunConnection("192.0.2.7", 22, "eth0")
    assert [(one.protocol, one.port, one.address) for one in state.listeners] == [
        ("tcp", 22, "0.0.0.0"),
        ("tcp", 22, "::"),
        ("tcp", 111, "0.0.0.0"),
        ("tcp", 111, "::"),
        ("udp", 111, "0.0.0.0"),
        ("udp", 111, "::"),
    ]
    assert (state.published, state.nftables_main, state.nftables_files) == ((), "/etc/nftables.conf", {})
    assert set(state.own_files.values()) == {None}


def test_a_host_with_our_table_and_an_active_nftables_service() -> None:
    files = {
        "/etc/nftables.conf": f'{FLUSH}include "/etc/nftables.d/*.nft"\n',
        "/etc/nftables.d/a.nft": 'include "/etc/nftables.conf"\n',
        "/etc/nftables.d/unread": FLUSH,
    }
    show = units("systemctl-show-in-force-debian12")
    state = read(host(asked(show=show, rules=ruleset(fixture("nft-http-debian13.json"))), {**OWN_FILES, **files}))
    own = state.unit("pyhost-baseline-firewall")
    assert (own.exists, own.is_active, own.is_enabled, own.is_masked) == (True, True, True, False)
    assert state.active_managers == ["nftables"]
    assert sorted(state.nftables_files) == ["/etc/nftables.conf", "/etc/nftables.d/a.nft"]
    assert state.own_files == OWN_FILES
    assert state.ruleset is not None
    assert [chain.table for chain in state.ruleset.chains] == ["pyhost_baseline"]


def test_a_masked_unit() -> None:
    show = units(changes={"Id=ufw.service\nLoadState=not-found": "Id=ufw.service\nLoadState=masked"})
    assert read(host(asked(show=show))).unit("ufw").is_masked


def test_no_nft() -> None:
    state = read(host([units(), addresses(), *sshd()], programs=["ip", "sshd", "systemctl"]))
    assert state.ruleset is None
    assert state.published == ()


def test_an_nft_that_the_kernel_refuses() -> None:
    failing = Expected(["nft", "-j", "-t", "list", "ruleset"], rc=1, err="Operation not permitted")
    with pytest.raises(BaselineError, match="nft cannot list the rules of the kernel: Operation not permitted"):
        read(host([units(), failing]))


@pytest.mark.parametrize("answer", [Expected([], rc=1), Expected([], out="Usage: ip")])
def test_the_names_of_interfaces_without_their_addresses(answer: Expected) -> None:
    answer.argv = ["ip", "-j", "address", "show"]
    commands = [units(), *ruleset(), answer, *sshd()]
    state = read(host(commands, {"/sys/class/net/eth0": "", "/sys/class/net/lo": ""}))
    assert state.interfaces == ("eth0", "lo")
    assert state.connection == RunConnection("192.0.2.7", 22, "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.7 50000 ::ffff:172.17.0.8 22", RunConnection("192.0.2.7", 22, "eth0")),
        ("fe80::1%eth0 50000 fe80::42:acff:fe11:8%eth0 22", RunConnection("fe80::1%eth0", 22, "eth0")),
        ("192.0.2.7 50000 203.0.113.1 22", RunConnection("192.0.2.7", 22, "")),
    ],
)
def test_the_connection_of_the_run(monkeypatch: pytest.MonkeyPatch, value: str, expected: RunConnection) -> None:
    monkeypatch.setenv("SSH_CONNECTION", value)
    commands = asked()
    client, _port, local, _ssh = value.split()
    commands[3].argv[-1] = f"user=root,host={client},addr={client},laddr={local},lport=22"
    assert read(host(commands)).connection == expected


def test_a_run_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "UNKNOWN 65535 UNKNOWN 65535")
    commands = asked()
    commands[3].argv[-1] = "user=root,host=127.0.0.1,addr=127.0.0.1"
    assert read(host(commands)).connection == RunConnection()


def test_a_name_server_of_a_bridge() -> None:
    bridge = '[{"ifname": "podman0", "addr_info": [{"local": "10.88.0.1"}, {}]}, {"ifname": "eth0"}]'
    commands = asked()
    commands[2].out = bridge
    row = "  0: 0100580A:0035 00000000:0000 07 0:0 00:0 0 0 0 77 2 0 0\n"
    state = read(
        host(
            commands,
            {
                "/sys/class/net/podman0/bridge": "",
                "/proc/net/udp": f"{fixture('proc-net-udp-debian13')}{row}",
                "/proc/sys/net/ipv4/ip_local_port_range": "100\t200\n",
            },
        )
    )
    # The range is that of clients here, so rpcbind is one.
    assert [str(one) for one in state.listeners if one.protocol == "udp" and one.port != 111] == [
        "a process without a name on 53/udp at 10.88.0.1"
    ]
    assert [one.interface for one in state.listeners if one.port == 53] == ["podman0"]
    assert {one.port for one in state.listeners if one.protocol == "udp"} == {53}


def test_published_ports_of_iptables() -> None:
    list_nat = Expected(["iptables", "-w", "-t", "nat", "-S"], out=DNAT)
    commands = [units(), *ruleset(NAT), addresses(), *sshd(), list_nat]
    state = read(host(commands, programs=["nft", "ip", "sshd", "systemctl", "iptables"]))
    assert state.published == (PublishedPort("tcp", PortRange(8080, 8080), "172.17.0.2:80"),)


def test_published_ports_of_the_legacy_iptables() -> None:
    list_nat = Expected(["ip6tables", "-w", "-t", "nat", "-S"], out=DNAT.replace("172.17.0.2:80", "[fd00::2]:80"))
    state = read(host([*asked(), list_nat], {"/proc/net/ip6_tables_names": "nat\nfilter\n"}))
    assert [one.target for one in state.published] == ["[fd00::2]:80"]


@pytest.mark.parametrize(("status", "is_loaded"), [(STATUS, True), ("Status: inactive\n", False)])
def test_ufw(status: str, is_loaded: bool) -> None:
    shown = Expected(["ufw", "status", "verbose"], out=status)
    state = read(host([units(), ADDED, shown, *ruleset(), addresses(), *sshd()], UFW, programs=WITH_UFW))
    assert (state.backend, state.ufw_is_loaded, state.active_managers) == ("ufw", is_loaded, ["ufw"])
    assert state.ufw is not None
    assert state.ufw.rules[:2] == (UfwRule(("allow", "OpenSSH")), UfwRule(("allow", "22/tcp")))
    assert state.ufw_profiles == {"OpenSSH": [("tcp", PortRange(22, 22))]}


@pytest.mark.parametrize("conf", [{}, {"/etc/ufw/ufw.conf": "ENABLED=no\n"}, {"/etc/ufw/ufw.conf": "#ENABLED=yes\n"}])
def test_ufw_that_is_off(conf: dict[str, str]) -> None:
    state = read(host(asked(), conf, programs=WITH_UFW))
    assert (state.backend, state.ufw) == ("nftables", None)


def test_the_configuration_of_a_ufw_that_was_removed() -> None:
    assert read(host(asked(), UFW)).backend == "nftables"


def test_ufw_that_does_not_answer() -> None:
    failing = Expected(["ufw", "status", "verbose"], rc=1, err="ERROR: problem running iptables")
    with pytest.raises(BaselineError, match="`ufw status verbose` failed: ERROR: problem running iptables"):
        read(host([units(), ADDED, failing], UFW, programs=WITH_UFW))


@pytest.mark.parametrize("is_marked", [True, False])
def test_firewalld(is_marked: bool) -> None:
    text = ZONES if is_marked else fixture("firewalld-el9.txt")
    asks = [] if is_marked else [Expected(["firewall-cmd", "--get-default-zone"], out="public\n")]
    permanent = Expected(["firewall-cmd", "--permanent", "--list-all-zones"], out=ZONES)
    commands = [
        units(changes=FIREWALLD),
        *ruleset(),
        addresses(),
        *sshd(),
        Expected(LISTED, out=text),
        permanent,
        *asks,
    ]
    state = read(host(commands, programs=WITH_FIREWALLD))
    assert (state.backend, state.default_zone, state.active_managers) == ("firewalld", "public", ["firewalld"])
    assert len(state.zones) == len(state.permanent_zones) == 9


def test_firewalld_that_does_not_answer() -> None:
    commands = [units(changes=FIREWALLD), *ruleset(), addresses(), *sshd(), Expected(LISTED, rc=252, err="x")]
    with pytest.raises(BaselineError, match=r"`firewall-cmd --list-all-zones` failed: x \(rc=252\)"):
        read(host(commands, programs=WITH_FIREWALLD))


def test_the_processes_of_listeners() -> None:
    fake = FakeHost({"/proc/77": "", "/proc/77/fd/4": ""})
    fake.links = {"/proc/77/fd/4": "/proc/77/fd/socket:[12]", "/proc/77/exe": "/usr/sbin/rpcbind"}
    listeners = [Listener("tcp", "::", 111, 0, "12"), Listener("udp", "::", 51820, 0, "0")]
    found = named(t.cast(t.Any, fake), listeners)
    assert [(one.pid, one.program) for one in found] == [(77, "/usr/sbin/rpcbind"), (0, "")]
    assert named(t.cast(t.Any, FakeHost()), []) == []


def test_the_names_of_services() -> None:
    assert "x" in read_services(t.cast(t.Any, FakeHost({"/etc/services": "x 5/tcp\n"}))).ports
    assert not read_services(t.cast(t.Any, FakeHost())).are_listed


def replaced(text: str) -> str:
    """Return the ruleset after `nft replace rule`: the rule for port 80 is one for port 81."""
    assert '"right": 80' in text
    return text.replace('"right": 80', '"right": 81')


@pytest.mark.parametrize(
    ("kernel", "rc", "problem"),
    [
        pytest.param(fixture("nft-http-debian13.json"), 0, "", id="as in the file"),
        pytest.param(replaced(fixture("nft-http-debian13.json")), 0, "the rule ", id="a rule of somebody else"),
        pytest.param(replaced(fixture("nft-http-debian13.json")), 1, "", id="no second look without CAP_SYS_ADMIN"),
    ],
)
def test_each_rule_is_compared_with_that_of_the_file(kernel: str, rc: int, problem: str) -> None:
    rules = ruleset(kernel, expected=fixture("nft-http-debian13.json"), rc=rc)
    show = units("systemctl-show-in-force-debian12")
    own = read(host(asked(show=show, rules=rules), OWN_FILES)).own_table
    assert own is not None and (own.altered.startswith(problem) if problem else own.altered == "")
