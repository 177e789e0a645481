"""The two hosts, reset for each test."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from tests.connections import RESET, Host, Way
from tests.hosts import engine


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture
def vm(client: docker.DockerClient) -> Host:
    host = Host(client, "vm")
    host.run(RESET)
    return host


@pytest.fixture
def gateway(client: docker.DockerClient) -> Host:
    host = Host(client, "gateway")
    host.run(RESET)
    return host


@pytest.fixture
def way(tmp_path: Path, vm: Host) -> Way:
    """The usual way: root by key on port 22, which known_hosts knows."""
    found = Way(tmp_path, {"ansible_host": vm.address, "ansible_user": "root"})
    found.know(vm.address, 22)
    return found
