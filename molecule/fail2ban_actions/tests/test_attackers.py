"""Real attackers try passwords side by side: sshd answers nothing after the ban."""

from __future__ import annotations

import json
from collections.abc import Iterator

import docker
import pytest

from tests.hosts import engine, fleet
from tests.password_attackers import TOOLS, attack_with, prepare
from tests.siege import Host, play

SCENARIO = "fail2ban_actions"
# Who is attacked, and by whom.
HOSTS = {"nftables": "ipset", "nftables13": "nftables", "el9": "nftables13"}
MAXRETRY = 3
# From the log entry of the ban on: PAM delays the verdict on a wrong password by two to three seconds, and sshd logs
# those that were in flight then. How soon the ban comes depends on what else the machine does (make bench-bans).
LATE_SECONDS = 6


@pytest.fixture(scope="module")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    names = {*HOSTS, *HOSTS.values()}
    return {name: Host(name, fleet.find(client, f"molecule-{SCENARIO}", name)) for name in names}


@pytest.fixture(scope="module")
def prepared(hosts: dict[str, Host]) -> Iterator[None]:
    for victim, attacker in HOSTS.items():
        prepare(hosts[victim], hosts[attacker])
    inputs = {"fail2ban_defaults": {"maxretry": MAXRETRY}, "fail2ban_jails": {"sshd": {}}}
    play(SCENARIO, "--limit", ",".join(HOSTS), "-e", json.dumps(inputs))
    yield
    for victim in HOSTS:
        hosts[victim].run("fail2ban-client unban --all")


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("victim", HOSTS)
def test_nothing_is_answered_after_the_ban(victim: str, tool: str, hosts: dict[str, Host]) -> None:
    attack = attack_with(tool, hosts[victim], hosts[HOSTS[victim]])
    assert len(attack.refused) >= MAXRETRY, attack.printed
    seconds = f"{attack.seconds_after(MAXRETRY):.2f}"
    print(f"{victim}, {tool}: {len(attack.refused)} passwords refused, the last one {seconds} s after the third")
    assert attack.banned_at
    assert attack.refused[-1] < attack.banned_at + LATE_SECONDS
