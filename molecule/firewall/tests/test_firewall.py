"""What a second host sees of two hardened ones, over IPv4 and IPv6, whatever happens to their rules.

The tests go on one from the other: each begins where the one before it ended.
"""

from __future__ import annotations

import re
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from tests.firewall import FirewallHost, log_in, play
from tests.hosts import engine

FLEET = "molecule-firewall"
HOSTS = ("debian12", "debian13")
OUTSIDER = "outsider"
VERSIONS = (4, 6)
CONVERGE = Path(__file__).parents[1] / "converge.yml"
TABLE = "nft list table inet pyhost_baseline"
OPEN = {22, 80, 8080}
# What the role of converge.yml lets in, and one port more.
MORE = [
    "http",
    {"port": 53, "proto": "udp"},
    {"port": 8080, "comment": "anyone"},
    {"port": 8081, "from": ["192.0.2.0/24", "2001:db8::/32"]},
    {"port": 8443},
]

each_host = pytest.mark.parametrize("name", HOSTS)
each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture(scope="session")
def hosts(client: docker.DockerClient) -> dict[str, FirewallHost]:
    return {name: FirewallHost(client, FLEET, name) for name in (*HOSTS, OUTSIDER)}


def at_once(what: t.Callable[[str], t.Any]) -> dict[str, t.Any]:
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        return dict(zip(HOSTS, pool.map(what, HOSTS), strict=True))


def converge(**variables: t.Any) -> str:
    return play(FLEET, CONVERGE, variables)


def scan(hosts: dict[str, FirewallHost], name: str, version: int, ports: str = "-") -> dict[str, set[int]]:
    """Return the ports of TCP by their state, but for those in the state of most."""
    family = "" if version == 4 else "-6"
    words = f"nmap {family} -Pn -n -sS -p{ports} --min-rate 4000 --max-retries 3 -oG - {hosts[name].address(version)}"
    output = hosts[OUTSIDER].run(words)
    found: dict[str, set[int]] = {}
    for port, state in re.findall(r"(\d+)/([a-z|]+)/tcp", output):
        found.setdefault(state, set()).add(int(port))
    ignored = re.search(r"Ignored State: (\S+)", output)
    found.setdefault("most:" + (ignored[1] if ignored else ""), set())
    return found


def connects(hosts: dict[str, FirewallHost], source: str, address: str, port: int) -> bool:
    script = f"timeout 3 python3 -c \"import socket; socket.create_connection(('{address}', {port}), 2)\" 2>/dev/null"
    return hosts[source].ask(script)[0] == 0


def bans(hosts: dict[str, FirewallHost], name: str) -> str:
    return hosts[name].run("fail2ban-client get sshd banip")


@each_version
def test_exactly_the_allowed_ports_of_tcp_are_open(hosts: dict[str, FirewallHost], version: int) -> None:
    for name, found in at_once(lambda name: scan(hosts, name, version)).items():
        assert found == {"open": OPEN, "most:filtered": set()}, name


@each_host
@each_version
def test_the_named_ports_of_udp(hosts: dict[str, FirewallHost], name: str, version: int) -> None:
    family = "" if version == 4 else "-6"
    words = f"nmap {family} -Pn -n -sU -p53,111,123,9000 --max-retries 2 -oG - {hosts[name].address(version)}"
    states = dict(re.findall(r"(\d+)/([a-z|]+)/udp", hosts[OUTSIDER].run(words)))
    assert states == {"53": "open", **dict.fromkeys(("111", "123", "9000"), "open|filtered")}


@each_host
@each_version
def test_what_a_network_needs_still_works(hosts: dict[str, FirewallHost], name: str, version: int) -> None:
    address = hosts[name].address(version)
    # The neighbours have to find each other anew.
    for one in (name, OUTSIDER):
        hosts[one].run("ip neigh flush dev eth0; ip -6 neigh flush dev eth0")
    hosts[OUTSIDER].run(f"ping -{version} -c 2 -W 5 {address}")
    hosts[OUTSIDER].run(f"ping -{version} -c 2 -W 5 -M do -s 1400 {address}")


@each_host
@each_version
def test_a_smaller_path_mtu_is_learned(hosts: dict[str, FirewallHost], name: str, version: int) -> None:
    own, outside = hosts[name].address(version), hosts[OUTSIDER].address(version)
    route = f"ip -{version} route get {outside}"
    assert "mtu" not in hosts[name].run(route)
    hosts[OUTSIDER].run(f"python3 /usr/local/lib/too_big.py {own} {outside} 1300")
    hosts[name].wait_for(f"{route} | grep -qw 'mtu 1300'", seconds=5)


@pytest.mark.usefixtures("hosts")
def test_a_second_run_changes_nothing() -> None:
    assert converge().count("changed=0") == len(HOSTS)


def test_a_surprising_cut_stops_the_run_before_the_first_rule(hosts: dict[str, FirewallHost]) -> None:
    for name in HOSTS:
        hosts[name].run("systemctl stop pyhost-baseline-firewall.service")
        hosts[name].run("systemd-run --unit surprise python3 /usr/local/lib/listen.py 7777/tcp")
        hosts[name].wait_for("ss -ltn | grep -q :7777", seconds=10)
    # To bring the same rules into force again would be no surprise.
    output = converge(firewall_allow=MORE)
    assert output.count("failed=1") == len(HOSTS), output
    assert re.search(r"/usr/bin/python3\S* \(pid \d+\) on 7777/tcp", output), output
    assert "{port: 7777}" in output, output
    for name in HOSTS:
        assert hosts[name].ask(TABLE)[0] != 0
        assert connects(hosts, OUTSIDER, hosts[name].address(4), 7777)
    closed = [{"port": 9000, "proto": ["tcp", "udp"]}, {"port": 7777}]
    output = converge(firewall_allow=MORE, firewall_close=closed)
    assert output.count("changed=1") == len(HOSTS), output
    for name in HOSTS:
        assert not connects(hosts, OUTSIDER, hosts[name].address(4), 7777)
        hosts[name].run("systemctl stop surprise")
    assert converge().count("changed=1") == len(HOSTS)


def test_flushed_rules_are_healed(hosts: dict[str, FirewallHost]) -> None:
    for name in HOSTS:
        hosts[name].run("nft flush ruleset")
        assert connects(hosts, OUTSIDER, hosts[name].address(4), 9000)
    assert converge().count("changed=1") == len(HOSTS)
    for name in HOSTS:
        assert not connects(hosts, OUTSIDER, hosts[name].address(4), 9000)


@pytest.mark.parametrize("action", ["restart", "reload", "stop"])
def test_rules_that_debian_flushes_are_there_again(hosts: dict[str, FirewallHost], action: str) -> None:
    for name in HOSTS:
        hosts[name].run(f"systemctl {action} nftables.service")
        seconds = hosts[name].wait_for(TABLE, seconds=10)
        print(f"{name}: {action} of nftables.service: our table is there {seconds:.1f} s later")
        assert not connects(hosts, OUTSIDER, hosts[name].address(4), 9000)
    assert converge().count("changed=0") == len(HOSTS)


def test_a_killed_run_is_healed_by_the_next(hosts: dict[str, FirewallHost]) -> None:
    """kill -9 of all that the run has on the host, right after the rules were loaded."""
    trap = r"""
cat >/usr/local/sbin/nft <<'END'
#!/bin/sh
/usr/sbin/nft "$@" || exit
[ "$1 $2" = "-f /etc/pyhost.baseline/firewall.nft" ] && grep -q 'dport 8443 ' "$2" || exit 0
rm -f /usr/local/sbin/nft
touch /run/trapped
pid=$PPID; chain=
while [ "$pid" -gt 1 ]; do
    case "$(cat /proc/$pid/comm)" in sshd*) break ;; esac
    chain="$chain $pid"
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$pid/status)
done
kill -9 $chain
END
chmod 755 /usr/local/sbin/nft
"""
    for name in HOSTS:
        hosts[name].run(trap)
    output = converge(firewall_allow=MORE)
    assert output.count("failed=1") + output.count("unreachable=1") == len(HOSTS), output
    for name in HOSTS:
        hosts[name].run("test -e /run/trapped; test -e /var/lib/pyhost.baseline/rollback-firewall/armed")
    output = converge(firewall_allow=MORE)
    assert output.count("failed=0") == len(HOSTS), output
    for name in HOSTS:
        hosts[name].run("test ! -e /var/lib/pyhost.baseline/rollback-firewall")
        assert "8443" in hosts[name].run(TABLE)
    assert converge(firewall_allow=MORE).count("changed=0") == len(HOSTS)


def test_the_host_reaches_only_what_outgoing_names(hosts: dict[str, FirewallHost]) -> None:
    hosts[OUTSIDER].run("systemd-run --unit listen python3 /usr/local/lib/listen.py 8000/tcp 8001/tcp")
    outside = hosts[OUTSIDER].address(4)
    output = converge(firewall_outgoing=[{"port": 8000, "to": [outside]}])
    assert output.count("changed=1") == len(HOSTS), output
    assert "outgoing connections to the ports 80 and 443 are not allowed" in output, output
    for name in HOSTS:
        assert [connects(hosts, name, outside, port) for port in (8000, 8001)] == [True, False]
    assert converge().count("changed=1") == len(HOSTS)
    for name in HOSTS:
        assert connects(hosts, name, outside, 8001)


def test_connections_to_sshd_are_limited(hosts: dict[str, FirewallHost]) -> None:
    assert converge(firewall_ssh_rate_limit="10/minute").count("changed=1") == len(HOSTS)
    for name in HOSTS:
        address = hosts[name].address(6)
        # Lone packets: fail2ban would count connections that end without a login.
        tries = [scan(hosts, name, 6, "22").get("open", set()) for _try in range(30)]
        assert tries[0] == {22} and tries[-1] == set(), tries
        # Another source is not affected, nor is another port.
        log_in(FLEET, name)
        assert connects(hosts, OUTSIDER, address, 80)
    assert converge().count("changed=1") == len(HOSTS)


def test_a_ban_survives_and_comes_first(hosts: dict[str, FirewallHost]) -> None:
    """A real ssh client fails until it is banned; then the firewall changes."""
    outside = hosts[OUTSIDER].address(4)
    for name in HOSTS:
        hosts[name].run("fail2ban-client set sshd maxretry 3")
        options = "-n -o StrictHostKeyChecking=no -o BatchMode=yes -o ConnectTimeout=3"
        deadline = time.monotonic() + 90
        # OpenSSH 9.8 and later refuses who fails for a while, which is no failure for fail2ban.
        while outside not in bans(hosts, name):
            assert time.monotonic() < deadline, bans(hosts, name)
            hosts[OUTSIDER].ask(f"timeout 10 ssh {options} nobody-here@{hosts[name].address(4)} true; sleep 0.5")
        hosts[name].wait_for(f"nft list ruleset | grep -qwF {outside}", seconds=10)
        assert not connects(hosts, OUTSIDER, hosts[name].address(4), 22)
        assert connects(hosts, OUTSIDER, hosts[name].address(4), 80)
    for variables in ({"firewall_allow": MORE}, {}):
        assert converge(**variables).count("changed=1") == len(HOSTS)
        for name in HOSTS:
            assert outside in bans(hosts, name)
            # Our rules would let in port 22 for anyone.
            assert not connects(hosts, OUTSIDER, hosts[name].address(4), 22)
            assert connects(hosts, OUTSIDER, hosts[name].address(4), 80)
    for name in HOSTS:
        hosts[name].run(f"fail2ban-client set sshd unbanip {outside}")
        assert connects(hosts, OUTSIDER, hosts[name].address(4), 22)


def test_the_rules_are_there_before_the_network_after_a_boot(hosts: dict[str, FirewallHost]) -> None:
    at_once(lambda name: hosts[name].reboot())
    hosts[OUTSIDER].run("ip neigh flush dev eth0; ip -6 neigh flush dev eth0")
    for name in HOSTS:
        times = [
            int(hosts[name].run(f"systemctl show --value --property ActiveEnterTimestampMonotonic {unit}"))
            for unit in ("pyhost-baseline-firewall.service", "network-pre.target", "ssh.service")
        ]
        assert 0 < times[0] <= times[1] <= times[2], times
    for version in VERSIONS:
        for name in HOSTS:
            assert scan(hosts, name, version, "1-10000") == {"open": OPEN, "most:filtered": set()}, name
    assert converge().count("changed=0") == len(HOSTS)
