"""The scenario fail2ban_attack: its hosts, and an attack on one of them by another."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from docker.models.containers import Container

from tests.hosts import fleet
from tests.hosts.paths import FLEETS, ROOT

SCENARIO = "fail2ban_attack"
FLEET = f"molecule-{SCENARIO}"
# Who is attacked, and with what.
KINDS = {"h12": "password", "h12-lean": "key", "h13": "key", "h13-socket": "password"}
FAMILIES = ("IPv4", "IPv6")
USERS = {"IPv4": "deploy", "IPv6": "nobody-here"}
MAXRETRY, BANTIME = 3, 25
# How long an attempt takes whose answer the ban drops.
LAST_SECONDS = "8"
# Of the second attack, which is to outlast what comes after it.
LONG_SECONDS = 3600

Answer = dict[str, Any]


@dataclass
class Host:
    """One host of the scenario, asked through the engine: a ban, a penalty or a reboot is not in the way."""

    name: str
    container: Container
    known: dict[str, str] = field(default_factory=dict, repr=False)

    def run(self, script: str) -> str:
        status, words = fleet.execute(self.container, script)
        assert status == 0, f"{self.name}: {script}: {words}"
        return words

    def address(self, family: str) -> str:
        """Return its address; a host that was switched off and on may have another (``forget``)."""
        if family not in self.known:
            words = self.run(f"ip -o -{family[-1]} address show dev eth0 scope global")
            self.known[family] = re.findall(r"inet6? ([^/]+)/", words)[0]
        return self.known[family]

    def forget(self) -> None:
        self.known.clear()

    def attack(self, *words: str) -> Answer:
        answer: Answer = json.loads(self.run("python3 /root/attack.py " + " ".join(words)))
        return answer

    def found(self, address: str, jail: str = "sshd") -> int:
        """Return how many failures of ``address`` the jail has counted."""
        return int(self.run(f"grep -cF '[{jail}] Found {address} ' /var/log/fail2ban.log || true"))

    def ban_lasted(self, address: str) -> float:
        """Return the seconds from the failure that ``address`` was banned for to the end of the ban, by fail2ban's log.

        fail2ban counts from the failure, whose time its log gives in whole seconds.
        """
        log = self.run("cat /var/log/fail2ban.log")
        failed = re.findall(rf"\[sshd\] Found {re.escape(address)} - (.+)$", log, re.MULTILINE)[MAXRETRY - 1]
        ended = re.findall(rf"^(\S+ \S+),.* \[sshd\] Unban {re.escape(address)}$", log, re.MULTILINE)[0]
        begin, end = map(datetime.datetime.fromisoformat, (failed, ended))
        return (end - begin).total_seconds()

    def bantime(self, address: str, jail: str = "sshd") -> int:
        """Return for how many seconds the server holds ``address``."""
        output = self.run(f"fail2ban-client get {jail} banip --with-time")
        return int(re.findall(rf"^{re.escape(address)} \s*\S+ \S+ \+ (\d+) =", output, re.MULTILINE)[0])

    def refuses_since(self, address: str) -> float:
        """Wait until the packet filter refuses ``address``; return the time."""
        seen = f"nft list ruleset | grep -qwF {address}"
        return float(self.run(f"for i in $(seq 300); do {seen} && break; sleep 0.1; done; date +%s.%N"))

    def banned(self, jail: str = "sshd") -> list[str]:
        # A server that is starting does not answer yet.
        return self.run(f"fail2ban-client get {jail} banip 2>/dev/null || true").split()

    def filter_holds(self, address: str) -> bool:
        return re.search(rf"(?<![\w.:]){re.escape(address)}(?![\w.:])", self.run("nft list ruleset")) is not None

    def wait(self, what: Callable[[], bool], seconds: float = 15) -> bool:
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def counts(self, address: str, wanted: int, jail: str = "sshd", *, seconds: float = 15) -> bool:
        """Wait until ``jail`` has found ``wanted`` failures of ``address``."""
        return self.wait(lambda: self.found(address, jail) >= wanted, seconds)


@dataclass
class Siege:
    """What was seen of one attack: by family the counts after each attempt, and the seconds to and of the ban."""

    counted: dict[str, list[int]] = field(default_factory=dict)
    early: dict[str, bool] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    to_cut: dict[str, float] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    in_filter: dict[str, bool] = field(default_factory=dict)
    bantime: dict[str, int] = field(default_factory=dict)
    lasted: dict[str, float] = field(default_factory=dict)
    let_in: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    ticks: dict[str, list[float]] = field(default_factory=dict)


def at_once(what: Callable[[str], Any], names: Sequence[str] = tuple(KINDS)) -> dict[str, Any]:
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(what, names), strict=True))


class Session:
    """A session that was there before the attack: a tick a fifth of a second, each noted when it comes."""

    def __init__(self, argv: list[str]) -> None:
        self.ticks: list[float] = []
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout
        while self._process.stdout.read(1):
            self.ticks.append(time.time())

    def end(self) -> list[float]:
        self.ticks.append(time.time())
        self._process.terminate()
        self._process.wait()
        return self.ticks


def session(victim: str, via: Host | None, address: str) -> Session:
    ticking = "timeout 300 sh -c 'while printf .; do sleep 0.2; done'"
    if via is None:
        config = str(FLEETS / FLEET / "ssh_config")
        return Session(["timeout", "300", "ssh", "-F", config, "-o", "ControlPath=none", f"root@{victim}", ticking])
    words = f'ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR root@{address} "{ticking}"'
    return Session(["docker", "exec", via.container.id or "", "timeout", "300", "sh", "-c", words])


def besiege(hosts: dict[str, Host], name: str) -> Siege:
    victim, bystander = hosts[name], hosts["bystander"]
    siege = Siege()
    addresses = {family: victim.address(family) for family in FAMILIES}
    sessions = {"admin": session(name, None, ""), "bystander": session(name, bystander, addresses["IPv4"])}
    try:
        assert victim.wait(lambda: all(one.ticks for one in sessions.values())), "no session before the attack"
        attack_and_wait(siege, hosts, victim, addresses)
    finally:
        siege.ticks = {who: one.end() for who, one in sessions.items()}
    return siege


def attack_and_wait(siege: Siege, hosts: dict[str, Host], victim: Host, addresses: dict[str, str]) -> None:
    attacker, bystander = hosts["attacker"], hosts["bystander"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda family: cut(siege, victim, attacker, family, addresses[family]), FAMILIES))
    for family in FAMILIES:
        words = f"timeout 15 ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR root@{addresses[family]} echo in"
        siege.others[family] = bystander.run(f"{words} 2>&1 || true").strip()
    for family in FAMILIES:
        seen = attacker.attack("until", addresses[family], "open", str(BANTIME + 30))
        siege.let_in[family] = seen["state"]
        siege.lasted[family] = victim.ban_lasted(attacker.address(family))


def cut(siege: Siege, victim: Host, attacker: Host, family: str, address: str) -> None:
    """Fail exactly maxretry times, each counted before the next, and look at the port."""
    mine = attacker.address(family)
    siege.counted[family], siege.said[family] = [], []
    for attempt in range(1, MAXRETRY + 1):
        # Once the ban is in force no answer comes, so the last attempt does not wait for one.
        seconds = "45" if attempt < MAXRETRY else LAST_SECONDS
        answer = attacker.attack("fail", address, KINDS[victim.name], USERS[family], seconds)
        siege.said[family].append(answer["said"])
        if attempt < MAXRETRY:
            victim.counts(mine, attempt, seconds=10)
            # What would count twice comes a moment later.
            time.sleep(0.5)
            siege.counted[family].append(victim.found(mine))
            siege.early[family] = mine in victim.banned()
    siege.to_cut[family] = victim.refuses_since(mine) - answer["at"]
    siege.counted[family].append(victim.found(mine))
    siege.in_filter[family] = victim.filter_holds(mine)
    siege.bantime[family] = victim.bantime(mine)
    siege.state[family] = attacker.attack("until", address, "refused", "0")["state"]


@dataclass
class Second:
    """What was seen of the second attack: who is banned, for how many seconds, and whether from all ports."""

    banned: set[str] = field(default_factory=set)
    bantime: dict[str, int] = field(default_factory=dict)
    on_all_ports: dict[str, bool] = field(default_factory=dict)


def ban_again(second: Second, hosts: dict[str, Host], name: str, family: str) -> None:
    """Fail until the attacker is banned for the second time. How often, fail2ban makes depend on the first one."""
    victim, attacker = hosts[name], hosts["attacker"]
    mine, address = attacker.address(family), victim.address(family)

    def failed_and_banned() -> bool:
        attacker.attack("fail", address, KINDS[name], USERS[family], LAST_SECONDS)
        return victim.wait(lambda: mine in victim.banned(), 2)

    # OpenSSH 9.8 and later refuses who fails for a while, which is no failure for fail2ban.
    assert victim.wait(failed_and_banned, 60)
    second.banned.add(mine)
    # fail2ban bans at once, and prolongs the ban a moment later.
    victim.wait(lambda: victim.bantime(mine) > LONG_SECONDS)
    second.bantime[family] = victim.bantime(mine)
    held = rf"set addr6?-set-recidive {{[^}}]*elements = {{[^}}]*(?<![\w.:]){re.escape(mine)}[,\s]"
    second.on_all_ports[family] = victim.wait(lambda: re.search(held, victim.run("nft list ruleset")) is not None)


def play(scenario: str, *words: str, dies: bool = False) -> str:
    """Run the scenario's play again, to its end or (``dies``) to its failure; return what it printed."""
    playbook = str(sys.executable).replace("python", "ansible-playbook").rstrip("0123456789.")
    inventory = str(FLEETS / f"molecule-{scenario}" / "inventory.yml")
    done = subprocess.run(
        [playbook, "-i", inventory, "-u", "root", str(ROOT / "molecule" / scenario / "converge.yml"), *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode != 0) is dies, done.stdout + done.stderr
    return done.stdout + done.stderr
