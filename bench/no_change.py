"""What a run of site.yml costs, as ratios in one run: ``make bench``.

Starts one host, hardens it (counting the package transactions of the first run), then measures, interleaved and as the
median of nine rounds: a playbook of one ping task, a no-change site.yml, and the shell floor, which asks the same
questions (package database, ``sshd -T``, ``fail2ban-client status``, ``apt-config dump``) in one ssh call. CPU seconds
are those of the controller. The figures depend on the machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import yaml

from bench.cost import BIN, PING, cost
from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS, ROOT

FLEET = "bench"
ROUNDS = 9
FLOOR = "; ".join(
    f"{question} >/dev/null"
    for question in ("dpkg-query -W", "sudo -n sshd -T", "sudo -n fail2ban-client status", "apt-config dump")
)
# Actions that run on the controller alone: they cost no process on the host.
CONTROLLER = {
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("assert", "set_fact", "include_role", "debug")
}


def main(system: str = "debian13") -> int:
    inventory = fleet.up(engine.connect(), FLEET, {"bench1": system})
    try:
        return measure(system, inventory, FLEETS / FLEET)
    finally:
        fleet.down(engine.connect(), FLEET)


def measure(system: str, inventory: Path, folder: Path) -> int:
    variables, ping = folder / "vars.yml", folder / "ping.yml"
    variables.write_text("---\n" + yaml.safe_dump({"admin_user_authorized_keys": [fleet.key().strip()]}, width=1000))
    ping.write_text("---\n" + yaml.safe_dump(PING))
    playbook = [str(BIN / "ansible-playbook"), "-i", str(inventory)]
    site = [*playbook, "-u", "root", "playbooks/site.yml", "-e", "admin_user_name=deploy", "-e", f"@{variables}"]
    ssh = ["ssh", "-F", str(folder / "ssh_config"), "deploy@bench1"]

    first = cost(site)
    transactions = subprocess.run(
        [*ssh, "grep -c ^Start-Date: /var/log/apt/history.log"], check=True, capture_output=True, text=True
    ).stdout.strip()
    commands = {"ping": [*playbook, "-u", "deploy", str(ping)], "site": site, "floor": [*ssh, FLOOR]}
    rounds = [{name: cost(argv) for name, argv in commands.items()} for _round in range(ROUNDS)]
    wall = {name: statistics.median(one[name].wall for one in rounds) for name in commands}
    cpu = {name: statistics.median(one[name].cpu for one in rounds) for name in commands}
    tasks, changed = recap(site)
    print(f"system                               {system}")
    print(f"first run                            {first.wall:.1f} s, {transactions} package transaction(s)")
    print(f"no-change run                        {wall['site']:.2f} s, {cpu['site']:.2f} CPU seconds of the controller")
    print(f"                                     {tasks} tasks on the hosts, changed={changed}")
    print(f"playbook of one ping                 {wall['ping']:.2f} s, {cpu['ping']:.2f} CPU seconds")
    print(f"no-change run / playbook of one ping {wall['site'] / wall['ping']:.2f}")
    print(f"no-change run / shell floor          {wall['site'] / wall['floor']:.1f}")
    return 0


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
