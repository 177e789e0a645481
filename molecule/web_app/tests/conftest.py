"""The hosts of the scenario web_app, and the answers to a stranger's first request after a power cut."""

from __future__ import annotations

import docker
import pytest

from tests.hosts import engine, fleet
from tests.siege import Host, at_once
from tests.web import Client, WebAnswer

FLEET = "molecule-web_app"
HOSTS = ("debian12", "debian13")


@pytest.fixture(scope="session")
def hosts() -> dict[str, Host]:
    client: docker.DockerClient = engine.connect()
    return {name: Host(name, fleet.find(client, FLEET, name)) for name in (*HOSTS, "stranger")}


@pytest.fixture(scope="session")
def stranger(hosts: dict[str, Host]) -> Client:
    return Client(hosts["stranger"])


@pytest.fixture(scope="session")
def rebooted(hosts: dict[str, Host], stranger: Client) -> dict[str, tuple[str, WebAnswer]]:
    """Pull the plugs; return by host the state of the service after the boot, and the answer to the first request."""
    client: docker.DockerClient = engine.connect()
    at_once(lambda name: fleet.stop(client, FLEET, name, pull_plug=True), HOSTS)
    for name in HOSTS:
        fleet.start(client, FLEET, name)
        hosts[name].forget()
    # A host may have another link-layer address now, which its neighbours would take ten seconds to learn.
    hosts["stranger"].run("ip neigh flush dev eth0; ip -6 neigh flush dev eth0")

    def ask(name: str) -> tuple[str, WebAnswer]:
        state = hosts[name].run("systemctl is-active shop.service || true").strip()
        return state, stranger.get(hosts[name], "IPv4")

    return at_once(ask, HOSTS)
