"""The scenarios firewall and firewall_lockout: their hosts, seen from inside, and plays against them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

import docker

from tests.hosts import fleet
from tests.hosts.paths import FLEETS, ROOT

__all__ = ["FirewallHost", "ended", "kill_plays", "log_in", "play", "start"]

# In the environment of every process of a play: Ansible's workers are no members of its process group.
_TOKEN = f"pyhost-firewall-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class FirewallHost:
    """A host seen through the engine: no packet filter is in the way."""

    client: docker.DockerClient
    fleet: str
    name: str

    def ask(self, script: str) -> tuple[int, str]:
        return fleet.execute(fleet.find(self.client, self.fleet, self.name), script)

    def run(self, script: str) -> str:
        status, output = self.ask(script)
        assert status == 0, f"{self.name}: {script}: {output}"
        return output

    def wait_for(self, script: str, *, seconds: float) -> float:
        """Wait until ``script`` succeeds; return how many seconds that took."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            if self.ask(script)[0] == 0:
                return time.monotonic() - begun
            time.sleep(0.2)
        raise AssertionError(f"{self.name}: not within {seconds} seconds: {script}: {self.ask(script)[1]}")

    def address(self, version: int) -> str:
        output = self.run(f"ip -o -{version} address show dev eth0 scope global")
        return re.findall(r"inet6? ([^/]+)/", output)[0]

    def reboot(self, *, pull_plug: bool = False) -> None:
        fleet.stop(self.client, self.fleet, self.name, pull_plug=pull_plug)
        fleet.start(self.client, self.fleet, self.name)


def start(
    name: str, playbook: Path, variables: t.Mapping[str, t.Any], *words: str, user: str = "root"
) -> subprocess.Popen[str]:
    """Start a play without control masters, as a controller would have it that comes back later."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "PYHOST_TEST_PLAY": _TOKEN,
    }
    inventory = str(FLEETS / name / "inventory.yml")
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.Popen(
        [program, "-i", inventory, "-u", user, str(playbook), "-e", json.dumps(variables), *words],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Return what the play printed, on one line, as its messages are folded."""
    output, _rest = process.communicate(timeout=300)
    return " ".join(output.split())


def play(name: str, playbook: Path, variables: t.Mapping[str, t.Any], *words: str, user: str = "root") -> str:
    return ended(start(name, playbook, variables, *words, user=user))


def kill_plays() -> None:
    """Kill every process of the plays, as if the controller had lost power."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if _TOKEN.encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)


def log_in(name: str, host: str, user: str = "root") -> None:
    """A real client comes in, over a connection of its own."""
    options = ["-o", "ControlPath=none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    argv = ["ssh", "-F", str(FLEETS / name / "ssh_config"), *options, f"{user}@{host}", "true"]
    subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL)
