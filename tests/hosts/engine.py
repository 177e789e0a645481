"""The docker engine: find one, else install Debian's and start it, saying so first."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import docker
from docker.errors import DockerException

from tests.hosts.paths import CACHE

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INSTANCES = 1024


class EngineError(Exception):
    """No engine can be had; the message is one line that says what is missing."""


def connect() -> docker.DockerClient:
    """Return a client of a running engine; as root on the Debian family one is installed and started where none is."""
    make_room()
    client = _try()
    if client:
        return client
    CACHE.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        raise EngineError(
            "no docker engine answers: start one, or join the docker group (`usermod -aG docker $USER`), or run as root"
        )
    if not shutil.which("dockerd"):
        if not shutil.which("apt-get"):
            raise EngineError("no docker engine is installed and this is not the Debian family: install docker first")
        print(
            "tests/hosts: installing Debian's docker.io and iptables on this machine (no docker engine found)",
            flush=True,
        )
        _run_logged(["apt-get", "update", "-qq"])
        _run_logged(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "docker.io", "iptables"])
        client = _wait(seconds=5)
        if client:
            return client
    log = CACHE / "dockerd.log"
    print(f"tests/hosts: starting dockerd on this machine (log: {log})", flush=True)
    with log.open("ab") as output:
        # Detached, with no descriptor of ours: a caller that reads our pipes must not wait for the daemon.
        subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, close_fds=True
        )
    client = _wait(seconds=60)
    if not client:
        raise EngineError(f"dockerd was started but does not answer after 60 seconds; its last words are in {log}")
    return client


def make_room(limit: Path = INOTIFY) -> None:
    """Let more systemds run side by side: each takes some inotify instances, of which root has 128 (inotify(7))."""
    if not os.access(limit, os.W_OK) or int(limit.read_text()) >= INSTANCES:
        return
    print(f"tests/hosts: raising fs.inotify.max_user_instances on this machine to {INSTANCES}", flush=True)
    limit.write_text(f"{INSTANCES}\n")


def _try() -> docker.DockerClient | None:
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException:
        return None
    return client


def _wait(*, seconds: float) -> docker.DockerClient | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        client = _try()
        if client:
            return client
        time.sleep(0.5)
    return None


def _run_logged(argv: list[str]) -> None:
    log = CACHE / "install.log"
    with log.open("ab") as output:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
    if done.returncode:
        raise EngineError(f"`{' '.join(argv)}` failed (rc={done.returncode}); its words are in {Path(log)}")
