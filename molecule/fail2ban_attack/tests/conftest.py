"""The chapters of the siege, each for all who are attacked at once; one begins where the one before it ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from tests.hosts import engine, fleet
from tests.siege import FAMILIES, FLEET, KINDS, SCENARIO, Host, Second, Siege, at_once, ban_again, besiege, play

LONG = ("-e", "siege_bantime=1h")


@pytest.fixture(scope="session")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    return {name: Host(name, fleet.find(client, FLEET, name)) for name in (*KINDS, "attacker", "bystander")}


@pytest.fixture(scope="session")
def sieges(hosts: dict[str, Host]) -> dict[str, Siege]:
    """Attack all at once, over both families, and wait for the end of the ban."""
    return at_once(lambda name: besiege(hosts, name))


@pytest.fixture(scope="session")
def longer(hosts: dict[str, Host], sieges: dict[str, Siege]) -> dict[str, Second]:
    """Attack all again, for a ban that outlasts the rest; let the attacker in again where two bans are one too many."""

    def again(name: str) -> Second:
        second = Second()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda family: ban_again(second, hosts, name, family), FAMILIES))
        for family in FAMILIES:
            hosts[name].run(f"fail2ban-client set recidive unbanip {hosts['attacker'].address(family)}")
        return second

    assert len(sieges) == len(KINDS)
    play(SCENARIO, *LONG)
    return at_once(again)


def look(hosts: dict[str, Host], name: str, states: str) -> dict[str, str]:
    """Return how the attacker finds the port of ``name`` by each family, once in one of ``states`` or after a while."""
    attack = hosts["attacker"].attack
    return {family: attack("until", hosts[name].address(family), states, "60")["state"] for family in FAMILIES}


@pytest.fixture(scope="session")
def restarted(hosts: dict[str, Host], longer: dict[str, Second]) -> dict[str, dict[str, str]]:
    def restart(name: str) -> dict[str, str]:
        hosts[name].run("systemctl restart fail2ban")
        hosts[name].wait(lambda: set(hosts[name].banned()) >= longer[name].banned)
        return look(hosts, name, "refused")

    return at_once(restart)


@pytest.fixture(scope="session")
def flushed(hosts: dict[str, Host], restarted: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Flush the packet filter by hand, while the server of fail2ban is stopped: else it restores its rules at once."""

    def flush(name: str) -> dict[str, str]:
        server = hosts[name].run("systemctl show --property MainPID --value fail2ban").strip()
        hosts[name].run(f"kill -STOP {server}; nft flush ruleset")
        try:
            return look(hosts, name, "open")
        finally:
            hosts[name].run(f"kill -CONT {server}")

    assert len(restarted) == len(KINDS)
    return at_once(flush)


@pytest.fixture(scope="session")
def mended(flushed: dict[str, dict[str, str]]) -> str:
    assert len(flushed) == len(KINDS)
    return play(SCENARIO, *LONG)


@pytest.fixture(scope="session")
def rebooted(hosts: dict[str, Host], mended: str) -> dict[str, dict[str, str]]:
    """Shut all down and switch them on again."""
    assert mended
    at_once(lambda name: hosts[name].container.stop(timeout=30))
    at_once(lambda name: hosts[name].container.start())
    client: docker.DockerClient = engine.connect()
    for name in KINDS:
        # Waits for the boot, and writes down the address, which may be another one now.
        fleet.start(client, FLEET, name)
        hosts[name].forget()
    # The engine may have given a host another link-layer address, which its neighbours would take ten seconds to learn.
    for name in ("attacker", "bystander"):
        hosts[name].run("ip neigh flush dev eth0; ip -6 neigh flush dev eth0")

    return at_once(lambda name: look(hosts, name, "refused"))
