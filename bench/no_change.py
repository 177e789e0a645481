"""What a second run of site.yml costs, as ratios in one run: ``make bench``.

Starts one host, hardens it (counting the package transactions of the first run), then measures, interleaved and as the
median of several rounds: one ``ansible -m ping``, one no-change site.yml, and the shell floor, which asks the same
questions (package database, ``sshd -T``, ``fail2ban-client status``, ``apt-config dump``) in one ssh call.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS, ROOT

FLEET = "bench"
ROUNDS = 5
BIN = Path(sys.executable).parent
FLOOR = "; ".join(
    f"{question} >/dev/null"
    for question in ("dpkg-query -W", "sudo -n sshd -T", "sudo -n fail2ban-client status", "apt-config dump")
)
# Actions that run on the controller alone: they cost no process on the host.
CONTROLLER = {
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("assert", "set_fact", "include_role")
}


def main(system: str = "debian13") -> int:
    inventory = fleet.up(engine.connect(), FLEET, {"bench": system})
    try:
        return measure(system, inventory, FLEETS / FLEET)
    finally:
        fleet.down(engine.connect(), FLEET)


def measure(system: str, inventory: Path, folder: Path) -> int:
    variables = folder / "vars.yml"
    variables.write_text("---\n" + yaml.safe_dump({"admin_user_authorized_keys": [fleet.key().strip()]}, width=1000))
    site = ["-u", "root", "playbooks/site.yml", "-e", "admin_user_name=deploy", "-e", f"@{variables}"]
    play = [str(BIN / "ansible-playbook"), "-i", str(inventory), *site]
    ssh = ["ssh", "-F", str(folder / "ssh_config"), "deploy@bench"]
    ping = [str(BIN / "ansible"), "-i", str(inventory), "-u", "deploy", "all", "-m", "ansible.builtin.ping"]

    first = seconds(play)
    transactions = subprocess.run(
        [*ssh, "grep -c ^Start-Date: /var/log/apt/history.log"], check=True, capture_output=True, text=True
    ).stdout.strip()
    rounds = [(seconds(ping), seconds(play), seconds([*ssh, FLOOR])) for _round in range(ROUNDS)]
    pings, plays, floors = (statistics.median(column) for column in zip(*rounds, strict=True))
    tasks, changed = recap(play)
    print(f"system                               {system}")
    print(f"first run                            {first:.1f} s, {transactions} package transaction(s)")
    print(f"no-change run                        {plays:.2f} s, {tasks} tasks on the host, changed={changed}")
    print(f"no-change run / one ansible ping     {plays / pings:.1f}")
    print(f"no-change run / shell floor          {plays / floors:.1f}")
    return 0


def seconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


def recap(play: list[str]) -> tuple[int, int]:
    """Count the tasks that ran on the host (those of the controller's own actions left out) and the changed ones."""
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run(
        play, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout[done.stdout.index("{") :])
    ran = [
        result["action"]
        for part in report["plays"]
        for task in part["tasks"]
        for result in task["hosts"].values()
        if not result.get("skipped") and result.get("action") not in CONTROLLER
    ]
    return len(ran), sum(host["changed"] for host in report["stats"].values())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
