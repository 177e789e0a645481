"""For the scenario `connections`: two hosts, runs of the main job over each way to them, and what a run leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import docker

from tests.hosts import fleet
from tests.hosts.paths import CACHE, ROOT

FLEET = "molecule-connections"
KEY = CACHE / "hosts" / "id_ed25519"
OWN = "/etc/ssh/sshd_config.d/00-pyhost-baseline.conf"
# sshd as it was: on 22, without a rule of ours.
RESET = f"""
systemctl stop forward closer 2>/dev/null || true; systemctl reset-failed 2>/dev/null || true
rm -rf {OWN} /etc/ssh/sshd_config.d/test.conf /var/lib/pyhost.baseline
systemctl restart ssh
"""
JSON = dict[str, t.Any]


@dataclass
class Host:
    """A host of the fleet, looked at from inside, past sshd and the network."""

    client: docker.DockerClient
    name: str

    @property
    def container(self) -> t.Any:
        return fleet.find(self.client, FLEET, self.name)

    def run(self, script: str) -> str:
        status, output = fleet.execute(self.container, script)
        assert status == 0, f"{self.name}: {script}: {output}"
        return output

    @property
    def address(self) -> str:
        return self.run("hostname -I").split()[0]

    @property
    def ports(self) -> set[str]:
        rows = self.run("""ss -Htlnp | grep '("sshd"' || true""").splitlines()
        return {row.split()[3].rpartition(":")[2] for row in rows}

    @property
    def is_configured(self) -> bool:
        return self.run(f"ls {OWN} 2>/dev/null || true").strip() == OWN

    def config(self, text: str) -> None:
        """Give sshd a file of its own, beside ours."""
        self.run(f"cat >/etc/ssh/sshd_config.d/test.conf <<'END'\n{text}\nEND\nsystemctl restart ssh")

    def forward(self, port: int, to: str) -> None:
        proxy = "/lib/systemd/systemd-socket-proxyd"
        self.run(f"systemd-run -q --unit=forward systemd-socket-activate -l {port} {proxy} {to}:22; sleep 1")

    def accept_and_close(self, port: int) -> None:
        self.run(f"systemd-run -q --unit=closer systemd-socket-activate -l {port} --accept /bin/true; sleep 1")


@dataclass
class Run:
    """What a run of the main job answered: the results of the two tasks that make logins."""

    reach: JSON
    sshd: JSON
    is_unreachable: bool = False

    @property
    def message(self) -> str:
        return str(self.sshd.get("msg") or self.reach.get("msg") or "")

    @property
    def tried(self) -> list[int]:
        return [one["port"] for one in self.reach.get("tried", [])]


@dataclass
class Way:
    """A controller with an inventory and settings of its own."""

    folder: Path
    variables: JSON
    name: str = "vm"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def options(self, *more: str, strict: str = "yes") -> str:
        words = [
            f"UserKnownHostsFile={self.known_hosts}",
            "GlobalKnownHostsFile=none",
            f"StrictHostKeyChecking={strict}",
        ]
        return " ".join([*(f"-o {word}" for word in words), *more])

    def know(self, address: str, *ports: int) -> None:
        """Learn the host's keys under the name that ssh has for each port."""
        for port in ports:
            done = subprocess.run(
                ["ssh-keyscan", "-t", "ed25519", "-p", str(port), address], capture_output=True, text=True, check=True
            )
            with self.known_hosts.open("a") as file:
                file.write(done.stdout)

    def play(self, **more: t.Any) -> Run:
        """Play site.yml with the role sshd."""
        inventory = self.folder / "inventory.yml"
        base = {
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_common_args": self.options("-o IdentitiesOnly=yes"),
        }
        inventory.write_text(json.dumps({"all": {"hosts": {self.name: {**base, **self.variables}}}}))
        sshd = {
            "baseline_roles": ["sshd"],
            "sshd_guard_users": ["root"],
            "sshd_settings": {"PermitRootLogin": "prohibit-password"},
            "sshd_crypto": "system",
            **more,
        }
        ran = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), *self._arguments(sshd)],
            cwd=ROOT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
                "ANSIBLE_HOME": str(self.folder),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": f"/tmp/{self.folder.name[-12:]}",
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=5",
                **self.environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        output = ran.stdout + ran.stderr
        assert "Traceback" not in output and "{" in ran.stdout, output
        said = json.loads(ran.stdout[ran.stdout.find("{") :])
        tasks: dict[str, JSON] = {}
        for task in (task for part in said["plays"] for task in part["tasks"]):
            # A task of a role is named "ROLE : TASK". The login and the plan come again after a change.
            tasks.setdefault(task["task"]["name"].rpartition(" : ")[2], task["hosts"].get(self.name, {}))
        return Run(
            tasks["Find the login that answers"],
            tasks.get("Ensure the settings of sshd") or tasks.get("Plan what the roles request of this host", {}),
            bool(said["stats"].get(self.name, {}).get("unreachable")),
        )

    @staticmethod
    def _arguments(variables: JSON) -> list[str]:
        return [str(ROOT / "playbooks" / "site.yml"), "-e", json.dumps(variables)]
