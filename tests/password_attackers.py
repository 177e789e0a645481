"""Programs that try passwords at sshd side by side, run on one host against another: what sshd still answers them."""

from __future__ import annotations

import json
import time

from tests.siege import Host

__all__ = ["TOOLS", "prepare", "refused_passwords"]

TOOLS = {
    "hydra": "hydra -I -t 16 -l plain -P /root/words ssh://{}",
    "medusa": "medusa -M ssh -t 16 -u plain -P /root/words -h {}",
    "ncrack": "ncrack -T5 --user plain -P /root/words ssh://{}",
    "nmap": "nmap -p 22 --script ssh-brute --script-args userdb=/root/users,passdb=/root/words {}",
}
_SECONDS = 12
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


def refused_passwords(victim: Host, attacker: Host, tool: str) -> tuple[list[float], str]:
    """Attack ``victim`` with ``tool``; return when sshd refused a password, and what the program printed."""
    mine = attacker.address("IPv4")
    # Failures of an earlier attack would count as well.
    victim.run("fail2ban-client reload --restart --unban sshd")
    assert victim.wait(lambda: not victim.filter_holds(mine))
    started = time.time()
    command = TOOLS[tool].format(victim.address("IPv4"))
    printed = attacker.run(f"timeout {_SECONDS} {command} 2>&1 || true")
    words = f"journalctl --quiet --output json --since @{int(started)} _UID=0 SYSLOG_IDENTIFIER=sshd"
    lines = victim.run(f"{words} + SYSLOG_IDENTIFIER=sshd-session | grep -F 'Failed password for' || true").splitlines()
    entries = [json.loads(line) for line in lines]
    times = [int(one["__REALTIME_TIMESTAMP"]) / 1e6 for one in entries if f" from {mine} " in str(one["MESSAGE"])]
    return sorted(one for one in times if one >= started), printed
