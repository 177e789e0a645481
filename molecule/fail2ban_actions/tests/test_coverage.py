"""What a ban of each action covers: new and open connections, ports that the host forwards, zones of firewalld.

A network namespace stands in for a container: it has an address of its own, and the host forwards a port to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
import pytest

from tests.hosts import engine, fleet
from tests.siege import Host, play

SCENARIO = "fail2ban_actions"
HOSTS = ("firewalld", "iptables", "ipset", "nftables", "nftables13", "el9")
# Where our own action bans.
OWN = ("nftables", "nftables13", "el9")
PORT = 8080
FILES = Path(__file__).parents[1] / "files"
CONTAINER = f"""
    ip netns add container
    ip link add outer type veth peer name inner netns container
    ip address add 10.77.0.1/24 dev outer && ip link set outer up
    ip -n container address add 10.77.0.2/24 dev inner && ip -n container link set inner up
    ip -n container route add default via 10.77.0.1
    ip netns exec container setsid python3 /root/echo.py {PORT} >/dev/null 2>&1 &
"""
IPTABLES = f"""
    iptables -w -t nat -A PREROUTING -i eth0 -p tcp --dport {PORT} -j DNAT --to-destination 10.77.0.2:{PORT}
"""
FIREWALLD = f"""
    firewall-cmd --quiet --zone=trusted --add-interface=outer
    firewall-cmd --quiet --add-forward-port=port={PORT}:proto=tcp:toport={PORT}:toaddr=10.77.0.2
    firewall-cmd --quiet --zone=public --add-masquerade
    firewall-cmd --quiet --add-port=2022/tcp
"""
NFT = f"""
    nft add table ip nat && nft 'add chain ip nat prerouting {{ type nat hook prerouting priority dstnat; }}'
    nft add rule ip nat prerouting iifname eth0 tcp dport {PORT} dnat to 10.77.0.2:{PORT}
"""
FORWARDS = {
    "firewalld": FIREWALLD,
    "iptables": IPTABLES,
    "ipset": IPTABLES,
    "nftables": NFT,
    "nftables13": NFT,
    "el9": FIREWALLD,
}
# What is missing for nftables beside firewalld, on each system.
BESIDE = {"firewalld": "nftables", "nftables": "firewalld", "el9": ""}
LISTENER = "setsid python3 /root/echo.py 2022 >/dev/null 2>&1 &"


@dataclass
class Covered:
    """What of a banned address still gets through."""

    new: bool
    open: bool
    forwarded: bool
    open_forwarded: bool


@pytest.fixture(scope="module")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    return {name: Host(name, fleet.find(client, f"molecule-{SCENARIO}", name)) for name in HOSTS}


def peer(hosts: dict[str, Host], name: str) -> Host:
    return hosts[HOSTS[HOSTS.index(name) - 1]]


def start(source: Host, target: Host, port: int) -> None:
    """Start a client of ``port`` whose session waits for the file /run/go."""
    words = f"setsid python3 /root/session.py {target.address('IPv4')} {port} >/run/session.{port} 2>&1 &"
    source.run(f"rm -f /run/go; {words}")
    assert source.wait(lambda: "True" in source.run(f"cat /run/session.{port}")), source.run(f"cat /run/session.{port}")


def answers(source: Host, port: int) -> bool:
    """Let the session go on; return whether it is answered."""
    source.run("touch /run/go")
    assert source.wait(lambda: len(source.run(f"cat /run/session.{port}").split()) == 2, 30)
    return source.run(f"cat /run/session.{port}").split() == ["True", "True"]


def connects(source: Host, target: Host, port: int) -> bool:
    # No access is an answer here, not an error.
    words = (
        f"timeout 4 bash -c 'exec 3<>/dev/tcp/{target.address('IPv4')}/{port}; echo hello >&3; head -n 1 <&3' || true"
    )
    return "hello" in source.run(words)


def covered(source: Host, target: Host) -> Covered:
    """Ban ``source`` at ``target`` while it has sessions; return what still gets through."""
    address = source.address("IPv4")
    for port in (2022, PORT):
        start(source, target, port)
    target.run(f"fail2ban-client set sshd banip {address}")
    try:
        target.wait(lambda: not connects(source, target, 2022), 5)
        return Covered(
            new=connects(source, target, 2022),
            open=answers(source, 2022),
            forwarded=connects(source, target, PORT),
            open_forwarded=answers(source, PORT),
        )
    finally:
        target.run(f"fail2ban-client set sshd unbanip {address}")


def ask_for(name: str) -> str:
    jails = {"sshd": {"port": f"ssh,2022,{PORT}"}, "recidive": {}}
    return play(SCENARIO, "--limit", name, "-e", json.dumps({"fail2ban_jails": jails}))


@pytest.fixture(scope="module")
def output(hosts: dict[str, Host]) -> Iterator[dict[str, str]]:
    """Forward a port of each host, and have its jail ban on it; return what the runs print."""
    printed = {}
    for name, host in hosts.items():
        host.run("fail2ban-client unban --all")
        for file in FILES.iterdir():
            host.run(f"cat >/root/{file.name} <<'END'\n{file.read_text()}\nEND")
        host.run(CONTAINER + FORWARDS[name] + LISTENER)
        printed[name] = " ".join(ask_for(name).split())
        assert host.wait(partial(connects, peer(hosts, name), host, PORT)), name
    yield printed
    for host in hosts.values():
        host.run("fail2ban-client unban --all")


@pytest.mark.parametrize("name", HOSTS)
def test_what_a_ban_covers(name: str, hosts: dict[str, Host], output: dict[str, str]) -> None:
    found = covered(peer(hosts, name), hosts[name])
    assert not found.new
    # firewalld accepts the packets of open sessions before it evaluates the rules of zones.
    assert found.open is (name == "firewalld")
    # The others are warned.
    assert (found.forwarded, found.open_forwarded) == ((False, False) if name in OWN else (True, True))
    assert (f"do not cover the port {PORT}, which this host forwards" in output[name]) is (name not in OWN)


def ask_later(source: Host, target: Host, port: int) -> None:
    """Ask for an answer after four seconds; /run/later.PORT has it then, or is empty."""
    words = f"exec 3<>/dev/tcp/{target.address('IPv4')}/{port}; echo later >&3; timeout 8 head -n 1 <&3"
    source.run(f"setsid bash -c '{words}' >/run/later.{port} 2>&1 &")


@pytest.mark.parametrize("name", OWN)
def test_a_request_before_the_ban_gets_no_answer_after_it(
    name: str, hosts: dict[str, Host], output: dict[str, str]
) -> None:
    """As a password whose verdict PAM delays: the attacker would learn that it is right."""
    assert output
    source, target = peer(hosts, name), hosts[name]
    for expected in ("later\nlater\n", ""):
        for port in (2022, PORT):
            ask_later(source, target, port)
        if not expected:
            time.sleep(1)
            target.run(f"fail2ban-client set sshd banip {source.address('IPv4')}")
        time.sleep(10)
        assert source.run(f"cat /run/later.2022 /run/later.{PORT}") == expected
    target.run(f"fail2ban-client set sshd unbanip {source.address('IPv4')}")


@pytest.fixture(scope="module")
def both(hosts: dict[str, Host], output: dict[str, str]) -> dict[str, Host]:
    """Have nft and firewalld on a host of each system, and run the role again where one is new."""
    assert output
    for name, package in BESIDE.items():
        if package:
            hosts[name].run(f"apt-get -qq install -y --no-install-recommends {package} >/dev/null 2>&1")
            if package == "firewalld":
                hosts[name].run(FIREWALLD)
            assert "which this host forwards" not in " ".join(ask_for(name).split())
    return {name: hosts[name] for name in BESIDE}


@pytest.mark.parametrize("name", BESIDE)
def test_nftables_is_chosen_beside_firewalld(name: str, both: dict[str, Host]) -> None:
    assert both[name].run("firewall-cmd --state").strip() == "running"
    assert both[name].run("fail2ban-client get sshd actions").split()[-1] == "pyhost-nftables"
    assert "inet f2b-sshd" in both[name].run("nft list tables")


@pytest.mark.parametrize("name", BESIDE)
def test_it_covers_sessions_and_forwarded_ports(name: str, hosts: dict[str, Host], both: dict[str, Host]) -> None:
    found = covered(peer(hosts, name), both[name])
    assert found == Covered(new=False, open=False, forwarded=False, open_forwarded=False)


@pytest.mark.parametrize("name", BESIDE)
def test_it_covers_each_zone_and_a_reload(name: str, hosts: dict[str, Host], both: dict[str, Host]) -> None:
    """A rich rule is in the default zone only (fail2ban#2810)."""
    source, target = peer(hosts, name), both[name]
    target.run("firewall-cmd --quiet --zone=trusted --change-interface=eth0")
    try:
        assert connects(source, target, 2022)
        target.run(f"fail2ban-client set sshd banip {source.address('IPv4')}")
        assert target.wait(lambda: not connects(source, target, 2022))
        target.run("firewall-cmd --reload")
        assert not connects(source, target, 2022)
    finally:
        target.run(f"fail2ban-client set sshd unbanip {source.address('IPv4')}")
        target.run("firewall-cmd --quiet --zone=public --change-interface=eth0")


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_a_start_of_nftables_restores_the_bans(
    verb: str, name: str, hosts: dict[str, Host], output: dict[str, str]
) -> None:
    """The nftables.conf of Debian begins with ``flush ruleset``."""
    assert output
    source, target = peer(hosts, name), hosts[name]
    # nftables.service stops firewalld, and fail2ban is PartOf= firewalld.
    target.run("systemctl start nftables && systemctl start fail2ban")
    # A server that is starting does not answer yet.
    assert target.wait(lambda: "pong" in target.run("fail2ban-client ping 2>/dev/null || true"))
    target.run(f"fail2ban-client set sshd banip {source.address('IPv4')}")
    try:
        assert target.wait(lambda: not connects(source, target, 2022))
        target.run(f"nft add table inet before; systemctl {verb} nftables")
        # It is in force again, not still.
        assert "before" not in target.run("nft list tables")
        assert not connects(source, target, 2022)
    finally:
        target.run(f"fail2ban-client set sshd unbanip {source.address('IPv4')}")
