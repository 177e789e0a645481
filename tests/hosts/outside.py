"""A machine that somebody else runs, taken by its address: ``PYHOST_FREEBSD=root@192.0.2.10:22``.

No container can be made of FreeBSD. A scenario whose platform says ``outside: PYHOST_FREEBSD`` runs on the machine that
this variable names, and is left out, with a word, where it names none. Nothing here starts, stops or removes a machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.hosts import fleet
from tests.hosts.engine import EngineError
from tests.hosts.paths import FLEETS, KEY, ROOT

__all__ = ["Machine", "describe", "needed", "parse"]


@dataclass(frozen=True)
class Machine:
    """How the machine is reached; ``user`` is one that may become root or is root."""

    user: str
    address: str
    port: int


def parse(variable: str, text: str) -> Machine:
    """Return the machine that ``text`` names: ``[user@]address[:port]``, an IPv6 address in brackets."""
    found = re.fullmatch(r"(?:(\w[\w.-]*)@)?(?:\[([0-9A-Fa-f:.]+)\]|(\w[\w.-]*))(?::(\d{1,5}))?", text.strip())
    if not found:
        raise EngineError(f"{variable} is {text!r}, but has to be USER@ADDRESS:PORT, such as root@192.0.2.10:22")
    user, in_brackets, name, port = found.groups()
    return Machine(user or "root", in_brackets or name, int(port or 22))


def needed(scenario: Path) -> dict[str, str]:
    """Return which platform of the scenario (its molecule.yml) stands on the machine of which variable."""
    platforms = yaml.safe_load(scenario.read_text()).get("platforms") or []
    return {platform["name"]: platform["outside"] for platform in platforms if "outside" in platform}


def describe(folder: Path, machines: t.Mapping[str, Machine], known: t.Mapping[str, str]) -> None:
    """Write the inventory, known_hosts and ssh_config of ``machines`` (name → machine) as a fleet has them.

    ``known`` has each machine's host keys, as ssh-keyscan(1) prints them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "known_hosts").write_text("".join(_for_any_port(known[name], machines[name]) for name in machines))
    options = f"-o UserKnownHostsFile={folder / 'known_hosts'} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    hosts = {
        name: {
            "ansible_host": machine.address,
            "ansible_port": machine.port,
            "ansible_user": machine.user,
            "test_system": name,
        }
        for name, machine in machines.items()
    }
    variables = {"ansible_ssh_private_key_file": str(KEY), "ansible_ssh_common_args": options}
    (folder / "inventory.yml").write_text(
        "---\n" + yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}, sort_keys=False)
    )
    (folder / "ssh_config").write_text("".join(_ssh_config(folder, name, one) for name, one in machines.items()))


def _for_any_port(scanned: str, machine: Machine) -> str:
    # A move of sshd's port must not look like a new machine.
    keys = [line.split()[1:3] for line in scanned.splitlines() if line and not line.startswith("#")]
    names = f"{machine.address},[{machine.address}]:*"
    return "".join(f"{names} {kind} {key}\n" for kind, key in keys)


def _ssh_config(folder: Path, name: str, machine: Machine) -> str:
    lines = [
        f"Host {name}",
        f"  HostName {machine.address}",
        f"  Port {machine.port}",
        f"  UserKnownHostsFile {folder / 'known_hosts'}",
        "  StrictHostKeyChecking yes",
        f"  IdentityFile {KEY}",
        "  IdentitiesOnly yes",
    ]
    return "\n".join(lines) + "\n"


def take(name: str, scenario: Path) -> None:
    """Describe the machines of ``scenario`` as the fleet ``name``; one that does not answer is an error."""
    public = fleet.key()
    machines, known = {}, {}
    for platform, variable in needed(scenario).items():
        machine = parse(variable, os.environ.get(variable, ""))
        scan = ["ssh-keyscan", "-T", "10", "-p", str(machine.port), machine.address]
        said = subprocess.run(scan, capture_output=True, text=True, check=False)
        if not said.stdout.strip():
            raise EngineError(
                f"{variable}: no sshd answers at {machine.address} port {machine.port}: "
                f"{said.stderr.strip() or 'no word'}; its user has to let this key in: {public.strip()}"
            )
        machines[platform], known[platform] = machine, said.stdout
    describe(FLEETS / name, machines, known)


def main(argv: list[str]) -> int:
    """``take FLEET SCENARIO`` and ``forget FLEET``, for the playbooks of a scenario."""
    try:
        if argv[0] == "take":
            take(argv[1], ROOT / "molecule" / argv[2] / "molecule.yml")
        else:
            shutil.rmtree(FLEETS / argv[1], ignore_errors=True)
    except EngineError as error:
        print(f"tests/hosts: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
