"""Each packet filter bans a real host. Removed rules are restored. Nothing of a killed proof is left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

import docker
import pytest

from tests.hosts import engine, fleet
from tests.siege import Host, play

SCENARIO = "fail2ban_actions"
HOSTS = ("firewalld", "iptables", "ipset", "nftables", "nftables13", "el9")
# Where our own action bans. It restores its rules by itself.
OWN = ("nftables", "nftables13", "el9")
ACTIONS = {
    "firewalld": "firewallcmd-rich-rules",
    "iptables": "iptables-multiport",
    "ipset": "iptables-ipset-proto6",
    **dict.fromkeys(OWN, "pyhost-nftables"),
}
# What shows the bans to the module, as it asks.
SHOWS = {
    "firewalld": "firewall-cmd --list-rich-rules",
    "iptables": "iptables -w -S",
    "ipset": "ipset list",
    **dict.fromkeys(OWN, "nft list ruleset"),
}
# What another program may do to the rules.
TAKES_AWAY = {
    "firewalld": "firewall-cmd --reload",
    "iptables": "iptables -F; iptables -X",
    "ipset": "iptables -F; ipset destroy f2b-sshd",
    **dict.fromkeys(OWN, "nft flush ruleset"),
    # firewalld does not work without its own rules.
    "el9": "nft delete table inet f2b-sshd; nft delete table inet f2b-recidive",
}
DOCUMENTATION = r"\b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+|2001:db8:"
each_host = pytest.mark.parametrize("name", HOSTS)
each_own = pytest.mark.parametrize("name", OWN)


@pytest.fixture(scope="session")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    return {name: Host(name, fleet.find(client, f"molecule-{SCENARIO}", name)) for name in HOSTS}


def peer(hosts: dict[str, Host], name: str) -> Host:
    return hosts[HOSTS[HOSTS.index(name) - 1]]


def reaches(source: Host, target: Host, port: int = 22) -> bool:
    # No access is an answer here, not an error.
    words = f"timeout 4 bash -c 'exec 3<>/dev/tcp/{target.address('IPv4')}/{port}; head -c 4 <&3' || true"
    return "SSH-" in source.run(words)


def holds_its_peer(hosts: dict[str, Host], name: str) -> bool:
    return peer(hosts, name).address("IPv4") in hosts[name].banned()


def rows(host: Host) -> list[int]:
    script = "import sqlite3; db = sqlite3.connect('/var/lib/fail2ban/fail2ban.sqlite3'); "
    script += "print(*[db.execute('select count(*) from ' + name).fetchone()[0] for name in ('bans', 'bips')])"
    return [int(word) for word in host.run(f'python3 -c "{script}"').split()]


@each_host
def test_the_filter_of_the_host_is_chosen(name: str, hosts: dict[str, Host]) -> None:
    assert hosts[name].run("fail2ban-client get sshd actions").split()[-1] == ACTIONS[name]


@each_host
def test_the_proof_is_in_no_history(name: str, hosts: dict[str, Host]) -> None:
    host = hosts[name]
    assert re.search(rf"Ban (?:{DOCUMENTATION})", host.run("cat /var/log/fail2ban.log"))
    assert rows(host) == [0, 0]
    assert not re.search(DOCUMENTATION, host.run(SHOWS[name]))


@pytest.fixture(scope="session")
def banned(hosts: dict[str, Host]) -> Iterator[None]:
    """Ban each host's neighbour for good, until the end of the tests."""
    for name in HOSTS:
        assert reaches(peer(hosts, name), hosts[name])
        hosts[name].run(f"fail2ban-client set sshd banip {peer(hosts, name).address('IPv4')}")
    yield
    for host in hosts.values():
        host.run("fail2ban-client unban --all")


@pytest.mark.usefixtures("banned")
@each_host
def test_a_ban_takes_effect(name: str, hosts: dict[str, Host]) -> None:
    source, target = peer(hosts, name), hosts[name]
    assert target.wait(lambda: not reaches(source, target))
    assert source.address("IPv4") in target.run(SHOWS[name])


def has_access_without_rules(hosts: dict[str, Host], name: str) -> bool:
    """Remove the rules while the server is stopped, which would restore them; return whether the peer has access."""
    host = hosts[name]
    server = host.run("systemctl show --property MainPID --value fail2ban").strip()
    host.run(f"kill -STOP {server}")
    try:
        host.run(TAKES_AWAY[name])
        return reaches(peer(hosts, name), host)
    finally:
        host.run(f"kill -CONT {server}")


@pytest.fixture(scope="session")
def repaired(hosts: dict[str, Host], banned: None) -> dict[str, bool]:
    """Remove the rules manually and run the role again; return which peers had access in between."""
    had_access = {name: has_access_without_rules(hosts, name) for name in HOSTS}
    output = play(SCENARIO)
    # Our own action may have restored its rules before the run.
    assert changed(output) >= len(HOSTS) - len(OWN), output
    return had_access


@each_host
def test_the_next_run_restores_removed_rules(name: str, hosts: dict[str, Host], repaired: dict[str, bool]) -> None:
    assert repaired[name]
    assert not reaches(peer(hosts, name), hosts[name])


@each_own
def test_our_action_restores_removed_rules_by_itself(
    name: str, hosts: dict[str, Host], repaired: dict[str, bool]
) -> None:
    assert repaired[name]
    assert has_access_without_rules(hosts, name)
    assert hosts[name].wait(lambda: not reaches(peer(hosts, name), hosts[name]))


@pytest.fixture(scope="session")
def killed(hosts: dict[str, Host], repaired: dict[str, bool]) -> dict[str, tuple[str, list[int]]]:
    """Kill a run in the middle of its proof; return what the filter shows then, and the rows of the database."""
    assert repaired
    for name in HOSTS:
        program, _blank, words = SHOWS[name].partition(" ")
        trap = f"/usr/local/sbin/{program}"
        # fail2ban runs the same program with other arguments and is not affected.
        script = rf"""
            printf '%s\n' '#!/bin/sh' \
                'if [ "$*" = "{words}" ] && [ -e /var/lib/fail2ban/pyhost.baseline.test-bans ]; then' \
                'rm {trap}; sleep 2; kill -9 $PPID; exit 1; fi' \
                'exec /usr/sbin/{program} "$@"' >{trap}
            chmod 755 {trap}
            test -x /usr/sbin/{program} || sed -i 's,/usr/sbin/,/usr/bin/,' {trap}
            systemctl restart fail2ban"""
        hosts[name].run(script)
        hosts[name].wait(partial(holds_its_peer, hosts, name))
    play(SCENARIO, dies=True)
    return {name: (hosts[name].run(SHOWS[name]), rows(hosts[name])) for name in HOSTS}


@each_host
def test_the_next_run_removes_what_a_killed_proof_left(
    name: str, hosts: dict[str, Host], killed: dict[str, tuple[str, list[int]]], healed: str
) -> None:
    shown, left = killed[name]
    assert re.search(DOCUMENTATION, shown)
    assert left[0] > 1
    assert healed
    assert not re.search(DOCUMENTATION, hosts[name].run(SHOWS[name]))
    assert rows(hosts[name]) == [1, 1]
    assert holds_its_peer(hosts, name)


@pytest.fixture(scope="session")
def healed(killed: dict[str, tuple[str, list[int]]]) -> str:
    assert killed
    return play(SCENARIO)


def cut_off(hosts: dict[str, Host], *ports: int) -> dict[str, list[int]]:
    """Return for each host on which of ``ports`` its banned peer has no access."""
    return {
        name: [port for port in ports if not reaches(peer(hosts, name), hosts[name], port)]
        for name in HOSTS
        if holds_its_peer(hosts, name)
    }


def changed(output: str) -> int:
    return output.rpartition("PLAY RECAP")[2].count("changed=1 ")


def ask_for(**inputs: object) -> str:
    return play(SCENARIO, "-e", json.dumps(inputs))


@pytest.fixture(scope="session")
def listening(hosts: dict[str, Host], healed: str) -> None:
    """Start a second sshd on port 2222 of each host, open in its firewall."""
    assert healed
    for name in HOSTS:
        hosts[name].run("/usr/sbin/sshd -p 2222 -o PidFile=none")
    for name in ("firewalld", "el9"):
        hosts[name].run("firewall-cmd --quiet --add-port=2222/tcp")


@pytest.fixture(scope="session")
def both_ports(hosts: dict[str, Host], listening: None) -> str:
    assert cut_off(hosts, 22, 2222) == {name: [22] for name in HOSTS}
    return ask_for(fail2ban_jails={"sshd": {"port": "ssh,2222"}, "recidive": {}})


def test_a_changed_port_takes_effect_for_bans_that_exist(hosts: dict[str, Host], both_ports: str) -> None:
    """A reload alone leaves the rule with the old port (fail2ban#2974)."""
    assert changed(both_ports) == len(HOSTS), both_ports
    assert cut_off(hosts, 22, 2222) == {name: [22, 2222] for name in HOSTS}


@pytest.fixture(scope="session")
def stale(hosts: dict[str, Host], both_ports: str) -> str:
    """Take the port out of the file by hand and reload: the server has the new port, the packet filter the old one.

    Only our own action creates its rules again.
    """
    assert both_ports
    for name in HOSTS:
        hosts[name].run(
            "sed -i 's/^port = ssh,2222$/port = ssh/' /etc/fail2ban/jail.d/zz-pyhost-baseline.local "
            "&& fail2ban-client reload sshd"
        )
    assert cut_off(hosts, 22, 2222) == {name: [22] if name in OWN else [22, 2222] for name in HOSTS}
    return ask_for(fail2ban_jails={"sshd": {"port": "ssh"}, "recidive": {}})


def test_a_rule_of_an_earlier_port_is_found_and_removed(hosts: dict[str, Host], stale: str) -> None:
    assert changed(stale) == len(HOSTS) - len(OWN), stale
    assert cut_off(hosts, 22, 2222) == {name: [22] for name in HOSTS}


def test_the_next_run_changes_nothing(stale: str) -> None:
    assert stale
    again = ask_for(fail2ban_jails={"sshd": {"port": "ssh"}, "recidive": {}})
    assert again.rpartition("PLAY RECAP")[2].count("changed=0 ") == len(HOSTS), again


# An action for all ports, where there is one of its own.
ALL_PORTS = {
    "firewalld": "firewallcmd-rich-rules",
    "iptables": "iptables-allports",
    "ipset": "iptables-ipset-proto6-allports",
    **dict.fromkeys(OWN, "pyhost-nftables.py[type=allports]"),
}


def by_host(values: dict[str, str]) -> str:
    return f"{{{{ {values}[inventory_hostname] }}}}"


@pytest.fixture(scope="session")
def all_ports(hosts: dict[str, Host], stale: str) -> str:
    assert stale
    return ask_for(fail2ban_jails={"sshd": {"banaction": by_host(ALL_PORTS)}, "recidive": {}})


def test_an_action_for_all_ports_takes_effect_for_bans_that_exist(hosts: dict[str, Host], all_ports: str) -> None:
    assert changed(all_ports) == len(HOSTS) - 1, all_ports
    assert cut_off(hosts, 22, 2222) == {name: [22] if name == "firewalld" else [22, 2222] for name in HOSTS}


def test_single_ports_again(hosts: dict[str, Host], all_ports: str) -> None:
    assert all_ports
    again = ask_for(fail2ban_jails={"sshd": {}, "recidive": {}})
    assert changed(again) == len(HOSTS) - 1, again
    assert cut_off(hosts, 22, 2222) == {name: [22] for name in HOSTS}


def lines_of_the_jail(host: Host, command: str) -> list[str]:
    return [line for line in host.run(command).splitlines() if re.search(r"f2b-sshd|set-sshd", line)]


# The action of firewalld takes one protocol only.
RULES = {"iptables": "iptables -w -S", "ipset": "iptables -w -S", **dict.fromkeys(OWN, "nft list ruleset")}


def protocols(hosts: dict[str, Host]) -> dict[str, set[str]]:
    return {
        name: set(re.findall(r"\b(?:tcp|udp)\b", "\n".join(lines_of_the_jail(hosts[name], command))))
        for name, command in RULES.items()
    }


@pytest.mark.usefixtures("all_ports")
def test_a_changed_protocol_takes_effect_for_bans_that_exist(hosts: dict[str, Host]) -> None:
    limit = ",".join(RULES)
    for asked, found in (({"protocol": "tcp,udp"}, {"tcp", "udp"}), ({}, {"tcp"})):
        output = play(SCENARIO, "--limit", limit, "-e", json.dumps({"fail2ban_jails": {"sshd": asked, "recidive": {}}}))
        assert changed(output) == len(RULES), output
        assert protocols(hosts) == dict.fromkeys(RULES, found)
        assert cut_off(hosts, 22) == {name: [22] for name in HOSTS}


VERDICTS = {"iptables": "DROP", "ipset": "DROP", **dict.fromkeys(OWN, "drop")}


@pytest.mark.usefixtures("stale")
@pytest.mark.parametrize("name", VERDICTS)
def test_a_changed_verdict_takes_effect_for_bans_that_exist(name: str, hosts: dict[str, Host]) -> None:
    action = f"{ACTIONS[name]}{'.py' * (name in OWN)}[blocktype={VERDICTS[name]}]"
    inputs = {"fail2ban_jails": {"sshd": {"banaction": action}, "recidive": {}}}
    assert changed(play(SCENARIO, "--limit", name, "-e", json.dumps(inputs))) == 1
    assert cut_off(hosts, 22)[name] == [22]
    rules = "\n".join(lines_of_the_jail(hosts[name], RULES[name]))
    assert re.search(rf"\b{VERDICTS[name]}\b", rules)
    assert not re.search("reject", rules, re.IGNORECASE)


def test_a_firewalld_that_does_not_run_is_an_error(hosts: dict[str, Host], healed: str) -> None:
    assert healed
    host = hosts["firewalld"]
    host.run("systemctl stop firewalld")
    try:
        asked = ("--limit", "firewalld", "-e", "fail2ban_banaction=firewallcmd-rich-rules")
        said = " ".join(play(SCENARIO, *asked, dies=True).split())
        assert "bans with firewallcmd-rich-rules, but firewall-cmd" in said
        assert "not running" in said
    finally:
        # fail2ban is PartOf= firewalld, and ends with it.
        host.run("systemctl start firewalld fail2ban")
        # A server that is starting does not answer yet.
        assert host.wait(lambda: "pong" in host.run("fail2ban-client ping 2>/dev/null || true"))
