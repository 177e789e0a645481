"""Snapshots: images of hosts that site.yml has already run on, for scenarios that are not about the first run.

``debian13+fail2ban`` is a host of the system debian13 on which site.yml has run with the role fail2ban; more roles are
joined by ``+``. The image's name holds a hash of all that it is made of (the bare image, ``plugins/``, ``roles/``,
``playbooks/`` but its examples, and the key of the test hosts), so that a snapshot of an older state of the project is
never used. Root's login by key stays open, also after the role sshd, because the tests log in as root.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import yaml
from docker.errors import APIError
from docker.models.images import Image

from tests.hosts import fleet, images
from tests.hosts.engine import EngineError
from tests.hosts.paths import CACHE, FLEETS, ROOT

__all__ = ["ADMIN", "ensure", "image", "tag", "up", "variables"]

ADMIN = "deploy"
HOST = "snapshot"
LABEL = "pyhost.baseline.snapshot"
SOURCES = ("playbooks", "plugins", "roles")
NO_SOURCES = {"__pycache__", "examples"}
# What makes a host this one and no other, and what would act in a copy of it: the host keys, the machine's ID and the
# journal that belongs to it, fail2ban's bans, a pending rollback, and the times at which persistent timers last ran.
FORGET = r"""
systemctl stop fail2ban.service 2>/dev/null || true
rm -rf /var/lib/fail2ban/fail2ban.sqlite3 /var/lib/pyhost.baseline /root/.ansible /home/*/.ansible
journalctl --quiet --relinquish-var
rm -rf /var/log/journal/*
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /var/lib/systemd/random-seed /var/lib/systemd/timers/*
for log in /var/log/auth.log /var/log/fail2ban.log /var/log/wtmp /var/log/btmp; do [ ! -e $log ] || : >$log; done
: >/etc/machine-id
"""


def up(client: docker.DockerClient, name: str, wanted: t.Mapping[str, str]) -> Path:
    """Start the fleet ``name`` of bare systems and snapshots; return its inventory's path."""
    return fleet.up(client, name, wanted, ensure(client, set(wanted.values())))


def ensure(client: docker.DockerClient, systems: t.Collection[str]) -> dict[str, str]:
    """Return the tag of each system's or snapshot's image; those that the engine lacks are made side by side."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(systems, pool.map(lambda name: image(client, name), systems), strict=True))


def image(client: docker.DockerClient, name: str) -> str:
    """Return the tag of the image of a system or of a snapshot, making it where the engine does not have it."""
    system, *roles = name.split("+")
    base = images.ensure(client, system)
    if not roles:
        return base
    wanted = tag(base, roles, fleet.key(), ROOT)
    images.once(client, wanted, lambda: _make(client, name, base, wanted))
    return wanted


def tag(base: str, roles: t.Sequence[str], key: str, root: Path) -> str:
    """Name the snapshot by all that it is made of."""
    digest = hashlib.sha256(json.dumps([base, list(roles), key, FORGET, _variables(roles, key)]).encode())
    for path in sorted(path for folder in SOURCES for path in (root / folder).rglob("*")):
        if path.is_file() and not NO_SOURCES & set(path.relative_to(root).parts):
            digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    system = base.partition(":")[2].rpartition("-")[0]
    return f"{images.REPOSITORY}:{system}-{'-'.join(roles)}-{digest.hexdigest()[:12]}"


def variables(name: str) -> dict[str, t.Any]:
    """Return the variables with which the snapshot ``name`` is made."""
    return _variables(name.split("+")[1:], fleet.key())


def _variables(roles: t.Sequence[str], key: str) -> dict[str, t.Any]:
    return {
        "baseline_roles": list(roles),
        "admin_user_name": ADMIN,
        "admin_user_authorized_keys": [key.strip()],
        "sshd_settings": {"PermitRootLogin": "prohibit-password"},
    }


def _make(client: docker.DockerClient, name: str, base: str, wanted: str) -> None:
    system, *roles = name.split("+")
    print(f"tests/hosts: making {wanted} by site.yml with the roles {', '.join(roles)}", flush=True)
    builder = f"snapshot-{name.replace('+', '-')}"
    inventory = fleet.up(client, builder, {HOST: system}, {system: base})
    try:
        variables = FLEETS / builder / "vars.yml"
        variables.write_text("---\n" + yaml.safe_dump(_variables(roles, fleet.key()), width=1000))
        _play(inventory, variables, CACHE / "images" / f"{builder}.log")
        container = fleet.find(client, builder, HOST)
        status, output = fleet.execute(container, FORGET)
        if status:
            raise EngineError(f"the snapshot {name} keeps the identity of its first host: {output}")
        container.stop(timeout=60)
        repository, label = wanted.split(":")
        owner = f"{ROOT}:{name}"
        _remove_older(client, owner)
        container.commit(repository=repository, tag=label, changes=f"LABEL {json.dumps(LABEL)}={json.dumps(owner)}")
    finally:
        fleet.down(client, builder)


def _play(inventory: Path, variables: Path, log: Path) -> None:
    argv = [
        *(sys.executable, "-m", "ansible", "playbook"),
        *("-i", str(inventory), "-u", "root", "playbooks/site.yml", "-e", f"@{variables}"),
    ]
    environment = {
        # Molecule's settings are those of a scenario.
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise EngineError(f"site.yml failed on the host of the snapshot; its output is in {log}")


def _remove_older(client: docker.DockerClient, owner: str) -> None:
    """Remove this clone's snapshots of an older state; one that a host still runs on stays."""
    found: list[Image] = client.images.list(filters={"label": f"{LABEL}={owner}"})
    for one in found:
        for name in one.tags:
            try:
                client.images.remove(name)
            except APIError:
                print(f"tests/hosts: {name} stays, for a host still runs on it", flush=True)
