"""Python comes from the system's own package manager; where it cannot come, the words say why."""

from __future__ import annotations

import docker
import pytest
from testinfra.host import Host

from tests.hosts import engine, fleet
from tests.hosts.paths import ROOT
from tests.hosts.runs import play

FLEET = "molecule-bootstrap"
BOOTSTRAP = ROOT / "playbooks" / "bootstrap.yml"
NO_PYTHON = """
apt-get -qq --yes purge 'python3*' 'libpython3*' 2>/dev/null
apt-get clean; rm -rf /var/lib/apt/lists/*
echo nameserver 127.0.0.9 >/etc/resolv.conf
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


def bootstrap(name: str, user: str, **variables: str) -> dict[str, str]:
    """Run the playbook as ``user`` against one host, where it has to fail; return the message of each failed task."""
    tasks = play(FLEET, BOOTSTRAP, {"baseline_hosts": name, **variables}, user=user)[name]
    return {task: result["msg"] for task, result in tasks.items() if result.get("failed")}


def test_python_is_a_package_of_the_system(host: Host) -> None:
    path = host.check_output("readlink -f /usr/bin/python3")
    owner = "rpm -qf" if host.file("/etc/fedora-release").exists else "dpkg -S"
    assert "python3" in host.check_output(f"{owner} {path}")
    host.check_output("/usr/bin/python3 -c 'import ctypes, json, ssl, tempfile'")


def test_dnf_5_has_the_bindings_that_ansible_asks_for(client: docker.DockerClient) -> None:
    script = "rpm -q python3-libdnf5 && /usr/bin/python3 -c 'import libdnf5'"
    status, words = fleet.execute(fleet.find(client, FLEET, "fedora43"), script)
    assert status == 0, words


def test_apt_get_was_kept_waiting_by_a_first_boot(client: docker.DockerClient) -> None:
    status, words = fleet.execute(fleet.find(client, FLEET, "debian13"), "test -e /root/kept-waiting")
    assert status == 0, words


def test_a_wrong_password_for_sudo_is_told() -> None:
    [message] = bootstrap("debian13", "ann", ansible_become_password="wrong horse").values()
    assert message.startswith("'ann' logs in but cannot become root: Incorrect sudo password; ")


def test_a_host_without_sudo_is_told(client: docker.DockerClient) -> None:
    script = "useradd -m bob && cp -r /root/.ssh /home/bob/ && chown -R bob: /home/bob/.ssh && ! command -v sudo"
    status, words = fleet.execute(fleet.find(client, FLEET, "fedora43"), script)
    assert status == 0, words
    [message] = bootstrap("fedora43", "bob").values()
    assert message.startswith("'bob' logs in but cannot become root: ") and "sudo: not found" in message
    assert message.endswith("or log in as root with '-u root'")


def test_a_host_without_a_network_says_so_in_the_words_of_apt_get(client: docker.DockerClient) -> None:
    status, words = fleet.execute(fleet.find(client, FLEET, "debian13"), NO_PYTHON)
    assert status == 0, words
    message = bootstrap("debian13", "root")["Install Python"]
    assert message.startswith("Python cannot be installed: Temporary failure resolving ")
    assert "E: Unable to locate package python3; packages may have been installed in part; correct that" in message
