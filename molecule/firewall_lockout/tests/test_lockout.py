"""Everything that would shut the controller out is refused or rolled back, and somebody still gets in.

What is refused has changed nothing; what is rolled back has left files and rules as they were.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import docker
import pytest

from tests.firewall import FirewallHost, ended, kill_plays, log_in, play, start
from tests.hosts import engine, fleet
from tests.lockout.firewall_ways import ALLOW_MORE, INPUT_ERRORS, WAYS, FirewallWay

FLEET = "molecule-firewall_lockout"
HOSTS = ("debian12", "debian13")
CONVERGE = Path(__file__).parents[1] / "converge.yml"
ARMED = "/var/lib/pyhost.baseline/rollback-firewall/armed"
RECORD = "/var/lib/pyhost.baseline/rollback-firewall.record"
# The least that confirm_timeout may be, and what the rollback may take on a busy machine.
ELAPSES, LATE = 15, 30
# All that a change may touch. fail2ban's own table changes with each ban.
SNAPSHOT = r"""
set +e
find /etc/pyhost.baseline /etc/systemd/system -printf '%p %m %u:%g %l\n' 2>/dev/null | sort
find /etc/pyhost.baseline /etc/systemd/system -type f -exec sha256sum {} + | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$'
systemctl list-timers --all --no-legend 'pyhost*' | grep -c .
/usr/sbin/nft list table inet pyhost_baseline
true
"""
# Somebody else shuts the port of sshd for new connections, as soon as the change waits for its confirmation.
SHUT = r"""
cat >/run/shut.sh <<'END'
until [ -e /var/lib/pyhost.baseline/rollback-firewall/armed ]; do sleep 0.05; done
until nft list table inet pyhost_baseline 2>/dev/null | grep -q 'dport 80 '; do sleep 0.05; done
nft -f - <<'RULES'
table inet shut {
    chain in {
        type filter hook input priority -10;
        tcp dport 22 tcp flags & (syn|ack) == syn drop
    }
}
RULES
touch /run/shut
END
rm -f /run/shut
setsid sh /run/shut.sh >/dev/null 2>&1 </dev/null &
echo $! >/run/shut.pid
"""
OPEN = (
    "nft delete table inet shut || true; kill $(cat /run/shut.pid) || true; rm -f /run/shut /run/shut.sh /run/shut.pid"
)


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture
def hosts(client: docker.DockerClient) -> t.Iterator[dict[str, FirewallHost]]:
    found = {name: FirewallHost(client, FLEET, name) for name in HOSTS}
    try:
        yield found
    finally:
        kill_plays()
        for host in found.values():
            host.run(OPEN)


def converge(variables: t.Mapping[str, t.Any]) -> str:
    return play(FLEET, CONVERGE, variables)


def wait_until_changed(hosts: dict[str, FirewallHost]) -> None:
    for host in hosts.values():
        host.wait_for("test -e /run/shut", seconds=90)


def require_restored(hosts: dict[str, FirewallHost], before: dict[str, str]) -> None:
    """Wait for the rollback of each host, and log in."""
    for name, host in hosts.items():
        host.wait_for(f"test ! -e {ARMED}", seconds=ELAPSES + LATE)
        host.wait_for("test ! -e /var/lib/pyhost.baseline/rollback-firewall", seconds=10)
        assert host.run(SNAPSHOT) == before[name]
        host.run(OPEN)
        log_in(FLEET, name)


@pytest.mark.parametrize("says", INPUT_ERRORS)
def test_invalid_inputs_are_refused_before_a_host_is_asked(says: str) -> None:
    output = converge(INPUT_ERRORS[says])
    assert says in output.replace("''", "'"), output
    assert "this role changed nothing" in output
    # The first task asks no host.
    assert "Install nftables" not in output


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_lockout_is_refused(hosts: dict[str, FirewallHost], way: FirewallWay) -> None:
    for host in hosts.values():
        host.run(way.make)
    try:
        before = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
        output = converge(way.variables)
        assert output.count("failed=1") == len(HOSTS), output
        assert output.replace("''", "'").count(way.says) >= len(HOSTS), output
        # A trap in the way of nft is gone when it was met.
        after = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
        assert after == before
    finally:
        for host in hosts.values():
            host.run(f"set +e\n{way.revert}\ntrue")
    for name in HOSTS:
        log_in(FLEET, name)


def test_new_logins_that_are_refused_roll_the_change_back(hosts: dict[str, FirewallHost]) -> None:
    before = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
    for host in hosts.values():
        host.run(SHUT)
    output = converge({**ALLOW_MORE, "firewall_confirm_timeout": ELAPSES})
    assert output.count("failed=1") == len(HOSTS), output
    assert output.count("the new configuration was applied, but a new key login as root@") >= len(HOSTS), output
    # Without a connection that is still open, the controller cannot see it.
    assert output.count(f"the host rolls the change back by itself, {ELAPSES} seconds after") >= len(HOSTS), output
    require_restored(hosts, before)


def test_a_controller_that_dies_leaves_the_rollback(hosts: dict[str, FirewallHost]) -> None:
    before = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
    for host in hosts.values():
        host.run(SHUT)
    start(FLEET, CONVERGE, {**ALLOW_MORE, "firewall_confirm_timeout": ELAPSES})
    wait_until_changed(hosts)
    kill_plays()
    require_restored(hosts, before)
    message = "nobody confirmed the change in time"
    # Ansible prints the same warning of several hosts once.
    assert message in converge({})
    assert message not in converge({})


def test_a_power_cut_rolls_back_at_boot(client: docker.DockerClient, hosts: dict[str, FirewallHost]) -> None:
    before = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
    for host in hosts.values():
        host.run(SHUT)
    # Longer than the boot takes: it is not the timer that restores.
    start(FLEET, CONVERGE, {**ALLOW_MORE, "firewall_confirm_timeout": 600})
    wait_until_changed(hosts)
    for name, host in hosts.items():
        fleet.stop(client, FLEET, name, pull_plug=True)
        assert host.name == name
    kill_plays()
    for name in HOSTS:
        fleet.start(client, FLEET, name)
    require_restored(hosts, before)
    for host in hosts.values():
        assert "trigger=boot" in host.run(f"cat {RECORD}")


def test_a_network_that_is_away_for_a_while(client: docker.DockerClient, hosts: dict[str, FirewallHost]) -> None:
    before = {name: host.run(SNAPSHOT) for name, host in hosts.items()}
    for host in hosts.values():
        host.run(SHUT)
    run = start(FLEET, CONVERGE, {**ALLOW_MORE, "firewall_confirm_timeout": ELAPSES})
    wait_until_changed(hosts)
    for name in HOSTS:
        fleet.cut(client, FLEET, name)
    try:
        for host in hosts.values():
            host.wait_for(f"test ! -e {ARMED}", seconds=ELAPSES + LATE)
            host.run(OPEN)
    finally:
        for name in HOSTS:
            fleet.join(client, FLEET, name)
    output = ended(run)
    assert output.count("failed=1") + output.count("unreachable=1") == len(HOSTS), output
    require_restored(hosts, before)
    assert converge(ALLOW_MORE).count("changed=1") == len(HOSTS)
