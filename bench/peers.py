"""What the same costs with other tools: ``make bench-peers PEERS=FOLDER``; without PEERS, by pyinfra and one script.

FOLDER is the person's own: ``roles/geerlingguy.security`` and ``ansible_collections`` with ``devsec.hardening``,
``community.general`` and ``community.crypto``. pyinfra comes from PyPI into ``.cache/peers``. Nothing of them is kept
in the project.

Four hosts start bare. ``ours`` runs site.yml. What it has installed and written there is what ``deployed`` (by pyinfra)
and ``script`` (by one shell script, over one ssh connection) get to install and write; ``roles`` gets the two roles and
the same packages. Each of these first runs is measured once, one after another. Then five rounds of runs without
changes, interleaved, of which the medians are printed, and a playbook of one ping. CPU seconds are those of the
controller.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from bench.cost import BIN, PING, Cost, cost
from tests.hosts import engine, fleet
from tests.hosts.paths import CACHE, FLEETS, ROOT

FLEET = "bench-peers"
HOSTS = ("ours", "deployed", "script", "roles")
ROUNDS = 5
PYINFRA = CACHE / "peers" / "bin" / "pyinfra"
OWN_FILES = (
    "find /etc -xdev -type f -path '*pyhost*' ! -name '*.pyc'; find /home/deploy/.ssh -type f -name authorized_keys"
)
DEPLOY = """
import io, json
from pathlib import Path
from pyinfra import host
from pyinfra.operations import apt, files, server, systemd
# The bare host has no sudo.
sudo = host.data.ssh_user != "root"
wanted = json.loads((Path(__file__).parent / "wanted.json").read_text())
apt.update(cache_time=86400, _sudo=sudo)
apt.packages(packages=wanted["packages"], no_recommends=True, _sudo=sudo)
server.user(user="deploy", shell="/bin/bash", create_home=True, ensure_home=True, _sudo=sudo)
files.directory(path="/home/deploy/.ssh", user="deploy", group="deploy", mode="700", _sudo=sudo)
changed = []
for path, (text, mode, user) in wanted["files"].items():
    changed.append(files.put(src=io.StringIO(text), dest=path, user=user, group=user, mode=mode, _sudo=sudo))
for service in ("ssh", "fail2ban", "apt-daily-upgrade.timer"):
    systemd.service(service=service, running=True, enabled=True, _sudo=sudo)
did_change = lambda: any(one.did_change() for one in changed)
for service, command in (("ssh", "reload"), ("fail2ban", "restart")):
    server.shell(commands=[f"systemctl {command} {service}"], _sudo=sudo, _if=did_change)
"""


class Wanted(t.NamedTuple):
    """What site.yml has installed and written: package names, and by path the text, the mode and the owner."""

    packages: list[str]
    files: dict[str, tuple[str, str, str]]


def main(peers: str = "", system: str = "debian13") -> int:
    inventory = fleet.up(engine.connect(), FLEET, dict.fromkeys(HOSTS, system))
    try:
        return measure(Path(peers).resolve() if peers else None, inventory, FLEETS / FLEET)
    finally:
        fleet.down(engine.connect(), FLEET)


def measure(peers: Path | None, inventory: Path, folder: Path) -> int:
    install_pyinfra()
    variables, ping, roles = folder / "vars.yml", folder / "ping.yml", folder / "roles.yml"
    # paramiko, by which pyinfra connects, has none of the key exchanges of the hardened profile.
    given = {"admin_user_authorized_keys": [fleet.key().strip()], "sshd_crypto": "system"}
    variables.write_text("---\n" + yaml.safe_dump(given, width=1000))
    ping.write_text("---\n" + yaml.safe_dump(PING))
    playbook = [str(BIN / "ansible-playbook"), "-i", str(inventory)]
    site = [*playbook, "-u", "root", "--limit", "ours", "playbooks/site.yml", "-e", "admin_user_name=deploy"]
    site += ["-e", f"@{variables}"]
    first = {"site.yml": cost(site)}
    wanted = wanted_of("ours", folder)
    (folder / "wanted.json").write_text(json.dumps(wanted._asdict()))
    (folder / "deploy.py").write_text(DEPLOY)
    roles.write_text("---\n" + yaml.safe_dump(play_of_roles(wanted.packages)))
    environment = {
        "ANSIBLE_ROLES_PATH": f"{peers}/roles",
        "ANSIBLE_COLLECTIONS_PATH": f"{peers}:{ROOT / '.venv' / 'collections'}",
    }
    of_roles = [*playbook, "--limit", "roles", str(roles)]
    first["pyinfra"] = cost(pyinfra(folder, "root"))
    first["shell script"] = cost(ssh(folder, "root@script", "sh -s"), data=script(wanted))
    if peers:
        first["the two roles"] = cost([*of_roles, "-u", "root"], environment)
    commands: dict[str, t.Callable[[], Cost]] = {
        "a playbook of one ping": lambda: cost([*playbook, "-u", "deploy", "--limit", "ours", str(ping)]),
        "site.yml": lambda: cost(site),
        "pyinfra": lambda: cost(pyinfra(folder, "deploy")),
    }
    if peers:
        commands["the two roles"] = lambda: cost([*of_roles, "-u", "deploy"], environment)
    rounds = [{name: run() for name, run in commands.items()} for _round in range(ROUNDS)]
    print("| first run | seconds | CPU seconds of the controller |\n| --- | --- | --- |")
    for name, one in first.items():
        print(f"| {name} | {one.wall:.1f} | {one.cpu:.1f} |")
    print("\n| no changes | seconds | CPU seconds of the controller | site.yml to it |\n| --- | --- | --- | --- |")
    medians = {
        name: [statistics.median(getattr(one[name], part) for one in rounds) for part in Cost._fields]
        for name in commands
    }
    for name, (wall, cpu) in medians.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {medians['site.yml'][0] / wall:.2f} |")
    return 0


def install_pyinfra() -> None:
    if not PYINFRA.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYINFRA.parents[1])], check=True)
        pip = [str(PYINFRA.with_name("pip")), "install", "-qq", "--disable-pip-version-check", "pyinfra"]
        subprocess.run(pip, check=True)


def ssh(folder: Path, login: str, command: str) -> list[str]:
    return ["ssh", "-F", str(folder / "ssh_config"), login, command]


def pyinfra(folder: Path, user: str) -> list[str]:
    data = {"ssh_user": user, "ssh_config_file": folder / "ssh_config", "ssh_key": fleet.KEY}
    data["ssh_known_hosts_file"] = folder / "known_hosts"
    options = [word for name, value in data.items() for word in ("--data", f"{name}={value}")]
    return [str(PYINFRA), "-y", *options, "@ssh/deployed", str(folder / "deploy.py")]


def wanted_of(name: str, folder: Path) -> Wanted:
    def answer(command: str) -> str:
        argv = ssh(folder, f"deploy@{name}", f"sudo sh -c {shlex.quote(command)}")
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    history = answer("cat /var/log/apt/history.log")
    line = max(re.findall(r"^Commandline: (.*)$", history, re.MULTILINE), key=len)
    packages = [word for word in line.split(" install ")[-1].split() if not word.startswith("-")]
    files = {}
    for path in answer(OWN_FILES).split():
        mode, user = answer(f"stat -c '%a %U' {path}").split()
        files[path] = (answer(f"cat {path}"), mode, user)
    return Wanted(packages, files)


def script(wanted: Wanted) -> str:
    """Return a shell script that installs and writes what is ``wanted``."""
    lines = [
        "set -e",
        "export DEBIAN_FRONTEND=noninteractive",
        "apt-get -qq update",
        f"apt-get -qq -y --no-install-recommends install {' '.join(map(shlex.quote, wanted.packages))} >/dev/null",
        "id deploy >/dev/null 2>&1 || useradd -m -s /bin/bash deploy",
        "install -d -m 700 -o deploy -g deploy /home/deploy/.ssh",
    ]
    for path, (text, mode, user) in wanted.files.items():
        lines += [
            f"mkdir -p {shlex.quote(os.path.dirname(path))}",
            f"printf %s {shlex.quote(text)} >{shlex.quote(path)}",
            f"chmod {mode} {path}; chown {user}: {path}",
        ]
    lines += ["systemctl daemon-reload", "sshd -t", "systemctl reload ssh", "systemctl restart fail2ban"]
    return "\n".join(lines) + "\n"


def play_of_roles(packages: list[str]) -> list[dict[str, t.Any]]:
    """Return a play with the peers' roles and the same packages. The roles close the login of root: deploy goes on."""
    key = {"ansible.posix.authorized_key": {"user": "deploy", "key": fleet.key().strip()}}
    rule = {"dest": "/etc/sudoers.d/deploy", "content": "deploy ALL=(ALL) NOPASSWD: ALL\n", "mode": "0440"}
    return [
        {
            "hosts": "roles",
            "become": True,
            "vars": {"sftp_enabled": True, "sshd_moduli_minimum": 2048},
            "pre_tasks": [
                {"ansible.builtin.apt": {"name": packages, "update_cache": True, "cache_valid_time": 86400}},
                {"ansible.builtin.user": {"name": "deploy", "shell": "/bin/bash", "password": "*"}},
                key,
                {"ansible.builtin.copy": rule},
            ],
            "roles": ["geerlingguy.security", "devsec.hardening.ssh_hardening"],
        }
    ]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
