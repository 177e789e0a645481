"""What a run without changes costs for several hosts at once: ``make bench-fleet``; ``HOSTS="1 5 20 50"``.

For each number, hosts are started from a snapshot that site.yml has hardened, and site.yml is run until nothing is left
to change. Then a playbook of one ping and site.yml run in turn, with as many forks as there are hosts. Printed are the
medians: wall time, CPU seconds and peak memory of the controller, each for a host, and the ratio of site.yml to the
ping playbook. The memory is the proportional set size (proc(5)) of all processes of the run, looked at five times a
second. Hosts and controller share the machine.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import threading
import typing as t
from pathlib import Path

import yaml

from bench.cost import BIN, PING, cost
from tests.hosts import engine, fleet, snapshots
from tests.hosts.paths import FLEETS

FLEET = "bench-fleet"
SNAPSHOT = "debian13+admin_user+python_stack+auto_updates+fail2ban+sshd"
ROUNDS = 3
SECONDS_BETWEEN_LOOKS = 0.2


class Run(t.NamedTuple):
    """Wall time and CPU time in seconds, and the peak of the memory in MB."""

    wall: float
    cpu: float
    memory: float


class Watch(threading.Thread):
    """Looks at the memory of this process's descendants until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self.peak = max(self.peak, sum(map(proportional, descendants(os.getpid()))))

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.peak / 1024


def descendants(parent: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, waiting = [], [parent]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def proportional(pid: int) -> int:
    """Return the proportional set size of a process in kB."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def watched(argv: list[str]) -> Run:
    watch = Watch()
    watch.start()
    try:
        taken = cost(argv)
    finally:
        peak = watch.stop()
    return Run(taken.wall, taken.cpu, peak)


def main(*counts: str) -> int:
    print("| hosts | playbook | seconds | seconds a host | CPU seconds a host | MB a host | to the ping |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in map(int, counts or ("1", "5", "20", "50")):
        names = [f"bench{number}" for number in range(1, count + 1)]
        inventory = snapshots.up(engine.connect(), FLEET, dict.fromkeys(names, SNAPSHOT))
        try:
            measure(inventory, count)
        finally:
            fleet.down(engine.connect(), FLEET)
    return 0


def measure(inventory: Path, count: int) -> None:
    folder = FLEETS / FLEET
    variables, ping = folder / "vars.yml", folder / "ping.yml"
    # As the snapshot was made.
    variables.write_text("---\n" + yaml.safe_dump(snapshots.variables(SNAPSHOT), width=1000))
    ping.write_text("---\n" + yaml.safe_dump(PING))
    playbook = [str(BIN / "ansible-playbook"), "-i", str(inventory), "--forks", str(count)]
    site = [*playbook, "-u", "root", "playbooks/site.yml", "-e", f"@{variables}"]
    commands = {"ping": [*playbook, "-u", snapshots.ADMIN, str(ping)], "site.yml": site}
    # The first one proves the bans of the new hosts, the second one finds nothing to do.
    for _run in range(2):
        cost(site)
    rounds = [{name: watched(argv) for name, argv in commands.items()} for _round in range(ROUNDS)]
    medians = {
        name: Run(*(statistics.median(one[name][part] for one in rounds) for part in range(3))) for name in commands
    }
    for name, run in medians.items():
        print(
            f"| {count} | {name} | {run.wall:.1f} | {run.wall / count:.2f} | {run.cpu / count:.2f} "
            f"| {run.memory / count:.0f} | {run.wall / medians['ping'].wall:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
