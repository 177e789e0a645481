"""A stranger crowds sshd while the admin logs in: the attack on a host of a fleet, and how many logins come through."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.attackers import Attacked
from tests.hosts.paths import FLEETS, ROOT

__all__ = ["ATTACKS", "Attack", "Crowding", "crowd", "equip", "kexinit", "login"]

_SCRIPT = ROOT / "molecule" / "attackers" / "files" / "crowd.py"
_MANY = 50
# A prefix of documentation's kind: nothing else on the bridge has it.
_SIX = "fd00:5ca1"


@dataclass(frozen=True)
class Attack:
    """What the stranger does: ``mode`` of crowd.py, connections (at once or a second), from how many addresses.

    ``promised``: the admin's logins come through, all of them.
    """

    name: str
    mode: str
    count: int
    sources: int = 1
    family: int = 4
    promised: bool = False


ATTACKS = (
    Attack("130 idle connections, one address", "idle", 130, promised=True),
    Attack("1,000 connections a second, one address", "flood", 1000, promised=True),
    Attack("130 idle connections, 50 addresses of one IPv6 /64", "idle", 130, _MANY, 6, promised=True),
    Attack("130 idle connections, 50 addresses", "idle", 130, _MANY),
    Attack("500 idle connections, 50 addresses", "idle", 500, _MANY),
    Attack("1,000 connections a second, 50 addresses", "flood", 1000, _MANY),
)


@dataclass
class Crowding:
    """What was seen: the admin's logins, with the seconds of each that came through, and the stranger's counts."""

    tried: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stranger: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        slowest = f", slowest {max(self.seconds):.1f} s" if self.seconds else ""
        return f"{len(self.seconds)} of {self.tried}{slowest}"


def equip(stranger: Attacked, victims: Sequence[Attacked]) -> None:
    """Give the stranger its script and its further addresses, and every host one of IPv6 (the engine gives none)."""
    own = _own(stranger)
    prefix = own.rpartition(".")[0].rpartition(".")[0]
    lines = [f"ip address replace {prefix}.201.{number}/16 dev eth0" for number in range(1, _MANY)]
    lines += [f"ip -6 address replace {_SIX}::1:{number:x}/64 dev eth0 nodad" for number in range(1, _MANY + 1)]
    script = _SCRIPT.read_text()
    stranger.run("\n".join([*lines, f"cat > /root/crowd.py <<'END'\n{script}END"]))
    for number, victim in enumerate(victims, start=1):
        victim.run(f"ip -6 address replace {_SIX}::2:{number:x}/64 dev eth0 nodad")


def login(fleet: str, name: str, *, seconds: int = 30) -> tuple[float, str]:
    """Log in anew from the controller; return the seconds it took and, where it failed, the client's message."""
    config = str(FLEETS / fleet / "ssh_config")
    started = time.monotonic()
    argv = ["ssh", "-F", config, "-o", "ControlPath=none", "-o", f"ConnectTimeout={seconds}", f"root@{name}", "true"]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return float(seconds), f"no login within {seconds} s"
    return time.monotonic() - started, "" if done.returncode == 0 else done.stderr.strip() or str(done.returncode)


def crowd(
    fleet: str, stranger: Attacked, victim: Attacked, attack: Attack, *, seconds: float, gather: float = 2
) -> Crowding:
    """Attack, and log in meanwhile for ``seconds``, one login after the other; the first after ``gather`` seconds."""
    own, there = _own(stranger), _own(victim, attack.family)
    prefix = own.rpartition(".")[0].rpartition(".")[0]
    if attack.family == 6:
        sources = [f"{_SIX}::1:{number:x}" for number in range(1, attack.sources + 1)]
    else:
        sources = [own, *(f"{prefix}.201.{number}" for number in range(1, attack.sources))]
    words = f"{attack.mode} {there} {attack.count} {gather + seconds} --sources {' '.join(sources)}"
    seen = Crowding()
    with ThreadPoolExecutor(1) as pool:
        attacking = pool.submit(stranger.run, f"ulimit -n 8192; python3 /root/crowd.py {words}")
        # The connections are there after a moment.
        time.sleep(gather)
        end = time.monotonic() + seconds - 2
        while time.monotonic() < end:
            took, error = login(fleet, victim.name)
            seen.tried += 1
            if error:
                seen.errors.append(error)
            else:
                seen.seconds.append(took)
            time.sleep(0.1)
        seen.stranger = json.loads(attacking.result())
    return seen


def kexinit(host: Attacked) -> bytes:
    """Return the first packet of the host's sshd, which names its algorithms in the clear, as it goes over the wire.

    The host asks itself: sshd may still refuse the stranger for its earlier connections.
    """
    script = (
        f"import socket; one = socket.create_connection(({_own(host)!r}, 22), 10); file = one.makefile('rb'); "
        "file.readline(); one.send(b'SSH-2.0-test\\r\\n'); "
        "print(file.read(int.from_bytes(file.read(4), 'big')).hex())"
    )
    return bytes.fromhex(host.run(f'python3 -c "{script}"').strip())


def _own(host: Attacked, family: int = 4) -> str:
    scope = "scope global" if family == 6 else ""
    found = re.findall(r"inet6? ([^/]+)/", host.run(f"ip -o -{family} address show dev eth0 {scope}"))
    return str(found[0])
