"""Real clients fail at a web server and at a mail server; then one jail of several is changed under their bans."""

from __future__ import annotations

import json
import os
import re
import time
from functools import partial

import docker
import pytest
import yaml

from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS
from tests.siege import Host, at_once, play

# This one, or that of Enterprise Linux.
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
HOSTS = tuple(yaml.safe_load((FLEETS / f"molecule-{SCENARIO}" / "inventory.yml").read_text())["all"]["hosts"])
# Jail: its port, its maxretry, what a wrong password is answered with. The jail gate is somebody else's.
SERVICES = {
    "shop": (80, 3, "401"),
    "gate": (8080, 2, "401"),
    "postfix-sasl": (25, 3, "535"),
    "nginx-limit-req": (8081, 3, "503"),
    "nginx-botsearch": (8082, 3, "404"),
    "app": (8083, 3, "403"),
}
# Whom the texts in the requests of fail.py name.
VICTIM = "203.0.113.9"
JAILS = [*SERVICES, "sshd"]
each_host = pytest.mark.parametrize("name", HOSTS)
each_service = pytest.mark.parametrize("jail", SERVICES)


@pytest.fixture(scope="session")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    return {name: Host(name, fleet.find(client, f"molecule-{SCENARIO}", name)) for name in HOSTS}


def peer(hosts: dict[str, Host], name: str) -> Host:
    return hosts[HOSTS[HOSTS.index(name) - 1]]


def fail(source: Host, target: Host, port: int) -> str:
    return source.run(f"python3 /root/fail.py {target.address('IPv4')} {port}").strip()


@pytest.fixture(scope="session")
def attacked(hosts: dict[str, Host]) -> dict[str, dict[str, tuple[list[str], list[int]]]]:
    """Fail maxretry times at each service of each host, then once more; return the answers and the counts between."""

    def attack(name: str) -> dict[str, tuple[list[str], list[int]]]:
        victim, attacker = hosts[name], peer(hosts, name)
        mine, seen = attacker.address("IPv4"), {}
        for jail, (port, maxretry, _answer) in SERVICES.items():
            said, counted = [], []
            if jail == "nginx-limit-req":
                # The first request is within the limit.
                fail(attacker, victim, port)
            for attempt in range(1, maxretry + 1):
                assert mine not in victim.banned(jail)
                said.append(fail(attacker, victim, port))
                victim.counts(mine, attempt, jail)
                # What would count twice comes a moment later.
                time.sleep(0.5)
                counted.append(victim.found(mine, jail))
            victim.wait(partial(refuses, victim, jail, mine))
            seen[jail] = ([*said, fail(attacker, victim, port)], counted)
        return seen

    return at_once(attack, HOSTS)


def refuses(host: Host, jail: str, address: str) -> bool:
    return f"-s {address}/32 " in rules(host, jail)


def rules(host: Host, jail: str) -> str:
    # The chain is made with the first ban.
    return host.run(f"iptables -w -S f2b-{jail} || true")


@each_service
@each_host
def test_maxretry_wrong_passwords_cut_it_off(
    name: str, jail: str, attacked: dict[str, dict[str, tuple[list[str], list[int]]]]
) -> None:
    said, counted = attacked[name][jail]
    _port, maxretry, answer = SERVICES[jail]
    assert counted == list(range(1, maxretry + 1))
    assert said == [answer] * maxretry + ["refused"]


@pytest.mark.parametrize("jail", [jail for jail in SERVICES if jail != "gate"])
@each_host
def test_nobody_else_is_counted(name: str, jail: str, hosts: dict[str, Host], attacked: dict[str, object]) -> None:
    """The requests have texts in which the stock filters of nginx find the victim (fail.py)."""
    assert attacked
    assert hosts[name].found(VICTIM, jail) == 0
    assert VICTIM not in hosts[name].banned(jail)


@pytest.mark.parametrize("jail", [jail for jail in SERVICES if jail != "gate"])
@each_host
def test_the_ban_is_reported(name: str, jail: str, hosts: dict[str, Host], attacked: dict[str, object]) -> None:
    """A webhook with its secret header, and a mail to root by postfix. The jail of somebody else reports nothing."""
    assert attacked
    victim, attacker = hosts[name], peer(hosts, name).address("IPv4")

    def bans() -> list[tuple[str, str]]:
        reports = [json.loads(line) for line in victim.run("cat /root/hooks || true").splitlines()]
        assert all(report["token"] == "token-of-the-test" for report in reports)
        return [(ban["jail"], ban["address"]) for report in reports for ban in report["bans"]]

    def mails() -> str:
        return victim.run("cat /var/mail/root || true")

    assert victim.wait(lambda: (jail, attacker) in bans())
    assert victim.wait(lambda: f"{jail}: banned {attacker} after 3 failures" in mails())
    assert "gate" not in {one for one, _address in bans()}
    # Test bans of the role are not reported.
    assert {address for _jail, address in bans()} == {attacker}


@each_host
def test_only_root_can_read_whom_bans_are_reported_to(name: str, hosts: dict[str, Host]) -> None:
    # What the tests print on a host is kept there.
    search = "grep -rl --exclude='.printed-*' token-of-the-test /etc /run /var/log /var/lib || true"
    found = hosts[name].run(search).split()
    assert found == ["/etc/fail2ban/pyhost-baseline-notify.json"]
    assert hosts[name].run(f"stat -c '%a %U' {found[0]}").strip() == "600 root"


@pytest.fixture(scope="session")
def changed(hosts: dict[str, Host], attacked: dict[str, object]) -> dict[str, tuple[dict[str, list[str]], str]]:
    """Run the role with another request for one jail; return the bans before it, and what fail2ban logged meanwhile."""
    assert attacked
    before = {name: {jail: sorted(host.banned(jail)) for jail in JAILS} for name, host in hosts.items()}
    logged = {name: int(host.run("wc -l </var/log/fail2ban.log")) for name, host in hosts.items()}
    recap = play(SCENARIO, "-e", "shop_findtime=25m").rpartition("PLAY RECAP")[2]
    assert recap.count("changed=1 ") == len(HOSTS), recap
    log = {name: host.run(f"tail -n +{logged[name] + 1} /var/log/fail2ban.log") for name, host in hosts.items()}
    return {name: (before[name], log[name]) for name in HOSTS}


@each_host
def test_only_the_jail_that_changed_is_reloaded(
    name: str, hosts: dict[str, Host], changed: dict[str, tuple[dict[str, list[str]], str]]
) -> None:
    _before, log = changed[name]
    assert set(re.findall(r"(?:Reload|Creating new|Jail) (?:jail )?'([^']+)'", log)) == {"shop"}, log
    assert "started" not in log
    assert hosts[name].run("fail2ban-client get shop findtime").strip() == "1500"


@pytest.mark.parametrize("jail", JAILS)
@each_host
def test_no_ban_is_lost(
    name: str, jail: str, hosts: dict[str, Host], changed: dict[str, tuple[dict[str, list[str]], str]]
) -> None:
    before, _log = changed[name]
    host = hosts[name]
    assert before[jail]
    # The proof's own bans come and go with the reload of the one jail.
    assert sorted(host.banned(jail)) == before[jail]
    shown = rules(host, jail)
    assert all(f"-s {address}" in shown for address in before[jail] if ":" not in address)
    if jail in SERVICES:
        assert fail(peer(hosts, name), host, SERVICES[jail][0]) == "refused"
