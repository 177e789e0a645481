"""Programs that try passwords at sshd side by side, run on one host against another: what sshd still answers them."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass

from tests.siege import Host

__all__ = ["TOOLS", "Attack", "attack_with", "prepare"]

TOOLS = {
    "hydra": "hydra -I -t 16 -l plain -P /root/words ssh://{}",
    "medusa": "medusa -M ssh -t 16 -u plain -P /root/words -h {}",
    "ncrack": "ncrack -T5 --user plain -P /root/words ssh://{}",
    "nmap": "nmap -p 22 --script ssh-brute --script-args userdb=/root/users,passdb=/root/words {}",
}
_SECONDS = 12
_VERDICT_SECONDS = 5
_NUMBERS = itertools.count(1)
_VICTIM = """
id plain >/dev/null 2>&1 || useradd -m -s /bin/bash plain
echo 'plain:a long password' | chpasswd
settings=/etc/ssh/sshd_config.d/00-passwords.conf
printf 'PasswordAuthentication yes\\nMaxStartups 1000\\n' >$settings
# That of OpenSSH 9.8 and later would refuse the attacker before fail2ban does.
! sshd -T | grep -q persourcepenalties || echo 'PerSourcePenalties no' >>$settings
chmod 600 $settings
for unit in ssh sshd; do ! systemctl -q is-active $unit || { systemctl reload $unit; break; }; done
"""
_ATTACKER = """
apt-get -qq update && apt-get -qq install -y --no-install-recommends hydra medusa ncrack nmap >/dev/null 2>&1
seq 1000 1499 >/root/words; echo plain >/root/users
"""


def prepare(victim: Host, attacker: Host) -> None:
    """Have ``victim`` accept passwords, and install the programs on ``attacker``."""
    victim.run(_VICTIM)
    attacker.run(_ATTACKER)


@dataclass(frozen=True)
class Attack:
    """When sshd refused a password, when fail2ban logged the ban (0: not at all), and what the program printed."""

    refused: list[float]
    banned_at: float
    printed: str

    def seconds_after(self, failure: int) -> float:
        """Return the seconds from the failure of that number to the last answer of sshd."""
        return self.refused[-1] - self.refused[failure - 1]


def attack_with(tool: str, victim: Host, attacker: Host) -> Attack:
    """Attack ``victim`` with ``tool`` from an address of its own: failures of an earlier attack would count as well."""
    own = attacker.address("IPv4")
    network = own.rsplit(".", 2)[0]
    mine = f"{network}.201.{next(_NUMBERS)}"
    route = f"ip route replace {network}.0.0/16 dev eth0 src"
    attacker.run(f"ip address replace {mine}/32 dev eth0; {route} {mine}")
    started = time.time()
    command = TOOLS[tool].format(victim.address("IPv4"))
    printed = attacker.run(f"timeout {_SECONDS} {command} 2>&1 || true")
    attacker.run(f"{route} {own}; ip address delete {mine}/32 dev eth0")
    victim.wait(lambda: mine in victim.banned())
    # sshd logs a wrong password two to three seconds after it has come (PAM).
    time.sleep(_VERDICT_SECONDS)
    words = f"journalctl --quiet --output json --since @{int(started)} _UID=0 SYSLOG_IDENTIFIER=sshd"
    lines = victim.run(f"{words} + SYSLOG_IDENTIFIER=sshd-session | grep -F 'Failed password for' || true").splitlines()
    entries = [json.loads(line) for line in lines]
    times = [int(one["__REALTIME_TIMESTAMP"]) / 1e6 for one in entries if f" from {mine} " in str(one["MESSAGE"])]
    ban = victim.run(
        f"grep -F '[sshd] Ban {mine}' /var/log/fail2ban.log | tail -n 1 | cut -d' ' -f1,2 | tr , . || true"
    )
    banned_at = float(victim.run(f"date -d '{ban.strip()}' +%s.%N")) if ban.strip() else 0.0
    return Attack(sorted(one for one in times if one >= started), banned_at if banned_at >= started else 0.0, printed)
