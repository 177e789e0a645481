"""Real attackers try passwords side by side: sshd answers nothing after the ban."""

from __future__ import annotations

import json
from collections.abc import Iterator

import docker
import pytest

from tests.hosts import engine, fleet
from tests.password_attackers import TOOLS, prepare, refused_passwords
from tests.siege import Host, play

SCENARIO = "fail2ban_actions"
# Who is attacked, and by whom.
HOSTS = {"nftables": "ipset", "nftables13": "nftables", "el9": "nftables13"}
MAXRETRY = 3
# It takes less than one second on a machine that does nothing else (docs/benchmarks.md).
LATE_SECONDS = 5


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
    attacker = hosts[HOSTS[victim]]
    times, printed = refused_passwords(hosts[victim], attacker, tool)
    assert len(times) >= MAXRETRY, printed
    assert attacker.address("IPv4") in hosts[victim].banned()
    late = times[-1] - times[MAXRETRY - 1]
    print(f"{victim}, {tool}: {len(times)} passwords refused, the last one {late:.2f} s after the third")
    assert late < LATE_SECONDS
