"""How many of the admin's logins come through while a stranger crowds sshd: ``make bench-crowding``.

Starts Debian 12, Debian 13 and a stranger, attacks each with the distribution's own sshd_config and again as the role
sshd sets it up, and prints a row for each attack. The figures depend on the machine: the stranger, both hosts and the
admin share it. Takes about ten minutes.
"""

from __future__ import annotations

import sys

from tests.attackers import Attacked
from tests.attackers_crowding import ATTACKS, crowd, equip
from tests.hosts import engine, fleet, runs
from tests.hosts.paths import ROOT

FLEET = "bench-crowding"
VICTIMS = {"net12": "debian12", "net13": "debian13"}
PLAY = ROOT / "molecule" / "attackers" / "harden_sshd.yml"
SECONDS = 20


def main() -> int:
    client = engine.connect()
    fleet.up(client, FLEET, {**VICTIMS, "stranger": "debian13"})
    try:
        hosts = {name: Attacked(name, fleet.find(client, FLEET, name)) for name in (*VICTIMS, "stranger")}
        equip(hosts["stranger"], [hosts[name] for name in VICTIMS])
        print("| attack | host | stock | role sshd |\n| --- | --- | --- | --- |")
        stock = measure(hosts)
        runs.play(FLEET, PLAY, {"attacked": ",".join(VICTIMS)}, user="root")
        hardened = measure(hosts)
        for (attack, name), before in stock.items():
            print(f"| {attack} | {VICTIMS[name]} | {before} | {hardened[attack, name]} |")
    finally:
        fleet.down(client, FLEET)
    return 0


def measure(hosts: dict[str, Attacked]) -> dict[tuple[str, str], str]:
    found = {}
    for attack in ATTACKS:
        for name in VICTIMS:
            # Each attack finds all places free, and nobody penalised.
            hosts[name].run("systemctl restart ssh")
            seen = crowd(FLEET, hosts["stranger"], hosts[name], attack, seconds=SECONDS)
            found[attack.name, name] = str(seen)
            print(f"{attack.name}, {name}: {seen}", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
