"""How fast bans are with many sources and many bans: ``make bench-bans``; ``COUNT`` bans (2000), ``SYSTEM`` (debian12).

Starts a host with the role fail2ban and an attacker. Programs that try passwords attack it one after another; printed
is how many passwords sshd refused, and how long after the third one. Then 200 addresses fail three times at sshd at
once and go on. Prints how many of them were banned, the seconds from the third failure to the ban, and to the last
connection that sshd answered, and whether a connection that was open before went on. Then it bans COUNT documentation
addresses, and prints what a run without changes costs with them as a ratio to one without bans, and how long fail2ban
takes to restore them after a restart. The figures depend on the machine.
"""

from __future__ import annotations

import datetime
import json
import re
import statistics
import sys
import time
import typing as t

import yaml

from tests.hosts import engine, fleet, runs
from tests.hosts.paths import FLEETS
from tests.password_attackers import TOOLS, attack_with, prepare
from tests.siege import Host

FLEET = "bench-bans"
SOURCES, MAXRETRY, ROUNDS = 200, 3, 3
CHUNK = 200
GOES_ON_SECONDS = 10
# In the mode for keys only, a connection that sends something else than SSH is a failure. Each source prints the
# seconds from its last allowed failure to the last connection that sshd answered, and whether an earlier one goes on.
ATTACK = """
import json, socket, sys, threading, time
def connect(source, seconds):
    link = socket.create_connection((sys.argv[1], 22), seconds, (source, 0))
    link.settimeout(seconds)
    return link, link.recv(100)
def answers(link):
    answer = b""
    try:
        link.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        while part := link.recv(100):
            answer += part
    except OSError:
        pass
    return bool(answer)
def attack(source):
    early, _banner = connect(source, 30)
    for _attempt in range(int(sys.argv[2])):
        answers(connect(source, 30)[0])
    failed, last = time.monotonic(), 0
    while time.monotonic() < failed + int(sys.argv[3]):
        try:
            if connect(source, 1)[1]:
                last = time.monotonic() - failed
        except OSError:
            pass
        time.sleep(0.05)
    early.settimeout(2)
    print(json.dumps([source, last, answers(early)]))
threads = [threading.Thread(target=attack, args=(source,)) for source in sys.stdin.read().split()]
for one in threads: one.start()
for one in threads: one.join()
"""
PLAY = [
    {
        "hosts": "victim",
        "gather_facts": False,
        "roles": ["pyhost.baseline.fail2ban"],
        "vars": {
            "fail2ban_sshd_logins": "keys",
            "fail2ban_defaults": {"maxretry": MAXRETRY, "bantime": 86400},
        },
    }
]
BANNED = re.compile(r"^(\S+ \S+)\s.*\[sshd\] Ban (\S+)$", re.MULTILINE)
FOUND = re.compile(r"^(\S+ \S+)\s.*\[sshd\] Found (\S+) - ", re.MULTILINE)


def main(count: int, system: str) -> int:
    client = engine.connect()
    fleet.up(client, FLEET, {"victim": system, "attacker": "debian13"})
    try:
        play = FLEETS / FLEET / "play.yml"
        play.write_text("---\n" + yaml.safe_dump(PLAY))
        victim, attacker = (Host(name, fleet.find(client, FLEET, name)) for name in ("victim", "attacker"))
        runs.play(FLEET, play, {"fail2ban_sshd_logins": "passwords"}, user="root")
        try_passwords(victim, attacker)
        runs.play(FLEET, play, {}, user="root")
        attack(victim, attacker)
        victim.run("fail2ban-client unban --all")
        many(victim, count, lambda: runs.play(FLEET, play, {}, user="root"))
    finally:
        fleet.down(client, FLEET)
    return 0


def try_passwords(victim: Host, attacker: Host) -> None:
    """Print how many passwords each program can try, and when sshd refused the last one.

    Afterwards sshd takes more connections at a time than the sources of the next attack open.
    """
    prepare(victim, attacker)
    for tool in TOOLS:
        seen = attack_with(tool, victim, attacker)
        late = f"{seen.seconds_after(MAXRETRY):.2f} s" if seen.banned_at else "not banned"
        print(f"{tool}: passwords, third to last one     {len(seen.refused)}, {late}")
    victim.run("fail2ban-client unban --all")


def attack(victim: Host, attacker: Host) -> None:
    """Fail from many sources at once, and print how fast each was banned."""
    prefix = victim.address("IPv4").rsplit(".", 2)[0]
    sources = [f"{prefix}.200.{number}" for number in range(1, SOURCES + 1)]
    attacker.run("; ".join(f"ip address add {source}/16 dev eth0" for source in sources))
    attacker.run(f"cat >/root/attack.py <<'END'\n{ATTACK}\nEND")
    words = f"{victim.address('IPv4')} {MAXRETRY} {GOES_ON_SECONDS}"
    ends = [
        json.loads(line)
        for line in attacker.run(f"echo {' '.join(sources)} | python3 /root/attack.py {words}").splitlines()
        if line.startswith("[")
    ]
    log = victim.run("cat /var/log/fail2ban.log")
    failures: dict[str, list[str]] = {}
    for when, source in FOUND.findall(log):
        failures.setdefault(source, []).append(when)
    late = [
        (moment(when) - moment(failures[source][MAXRETRY - 1])).total_seconds()
        for when, source in BANNED.findall(log)
        if len(failures.get(source, [])) >= MAXRETRY
    ]
    failed = sum(len(found) >= MAXRETRY for found in failures.values())
    print(f"sources that failed {MAXRETRY} times at once        {failed} of {SOURCES}")
    print(f"of these banned                        {len(late)}")
    print(f"third failure to ban                   {spread(late)}")
    banned = {source for _when, source in BANNED.findall(log)}
    ends = [one for one in ends if one[0] in banned]
    answered = [last for _source, last, _goes_on in ends]
    print(f"third failure to the last answer       {spread(answered)}")
    print(f"earlier connections that went on       {sum(goes_on for _source, _last, goes_on in ends)} of {len(ends)}")


def spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s"


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace(",", "."))


def many(victim: Host, count: int, run: t.Callable[[], object]) -> None:
    """Ban ``count`` addresses, and print what a run without changes and a restart cost with them."""
    without = median(run)
    addresses = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(count)]
    for start in range(0, count, CHUNK):
        victim.run(f"fail2ban-client set sshd banip {' '.join(addresses[start : start + CHUNK])}")
    wait(victim, count)
    with_bans = median(run)
    print(f"a run without changes, no ban          {without:.2f} s")
    print(f"a run without changes, {count} bans / none   {with_bans / without:.2f}")
    started = time.monotonic()
    victim.run("systemctl restart fail2ban")
    wait(victim, count)
    print(f"a restart restores {count} bans after        {time.monotonic() - started:.0f} s")


def median(run: t.Callable[[], object]) -> float:
    """Return the median of the seconds of some runs. The first one may prove bans again and is not counted."""
    run()
    spans = []
    for _round in range(ROUNDS):
        started = time.monotonic()
        run()
        spans.append(time.monotonic() - started)
    return statistics.median(spans)


def wait(victim: Host, count: int) -> None:
    """Wait until the packet filter has ``count`` addresses of the benchmark."""
    while int(victim.run("nft list ruleset | grep -oE '198[.]18[.][0-9]+[.][0-9]+' | wc -l")) < count:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
