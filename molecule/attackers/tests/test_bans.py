"""Nobody can have others banned: not a local user, not a remote client, not whoever controls DNS.

Two jails read the log of sshd at once, in both modes of the filter of fail2ban. They count and do not ban. Each text
names a victim of its own (RFC 5737), which shows the way by which it was counted.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.attackers import FLEET, Attacked
from tests.attackers_bans import LOCAL, helpers, local_script, stranger_texts
from tests.hosts import runs
from tests.hosts.paths import FLEETS, ROOT

HOSTS = {"ban12": "ban13", "ban13": "ban12"}
JAILS = ("sshd", "patient")
# The name that a local user claims: that of the processes of the host's sshd that log logins.
NAMES = {"ban12": "sshd", "ban13": "sshd-session"}
# By way, the address in the text of a local user.
VICTIMS = {way: f"203.0.113.{number}" for number, way in enumerate(LOCAL, 1)}
# The address of the name "connection", the first word in the message of Debian 13's sshd about an idle client.
NAMED = "198.51.100.254"
TEXTS = stranger_texts()
Results = dict[str, t.Any]

PACKAGES = {"ban12": "sudo fail2ban", "ban13": "sudo fail2ban libpam-systemd", "stranger": "python3-paramiko"}
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
dpkg -s PACKAGES >/dev/null 2>&1 || {
    apt-get update -q
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 PACKAGES
}
"""
VICTIM = r"""
id mallory || useradd --create-home --shell /bin/bash mallory
install -d -o mallory -m 700 ~mallory/.ssh
install -o mallory -m 600 ~/.ssh/authorized_keys ~mallory/.ssh/authorized_keys
echo 'mallory ALL=(root) NOPASSWD: /usr/bin/true' > /etc/sudoers.d/mallory
loginctl enable-linger mallory
grep -q NAMED /etc/hosts || echo 'NAMED connection' >> /etc/hosts
printf 'LoginGraceTime 120\nMaxStartups 100\n' > /etc/ssh/sshd_config.d/00-bans.conf
! sshd -T | grep -q persourcepenalties || echo 'PerSourcePenalties no' >> /etc/ssh/sshd_config.d/00-bans.conf
systemctl reload ssh
# Without libpam-systemd, as on lean hosts, a session stays in the unit of sshd.
[ $(hostname) = ban13 ] || sed -i /pam_systemd/d /etc/pam.d/common-session
# Remove what earlier attacks have left.
[ ! -f /var/log/fail2ban.log ] || truncate -s 0 /var/log/fail2ban.log
# A jail of another file: it reads what any user may write, and resolves names.
install -m 640 /dev/null /var/log/auth.log
cat > /etc/fail2ban/jail.d/old.local <<EOF
[old]
enabled = true
filter = sshd
backend = auto
logpath = /var/log/auth.log
usedns = yes
ignoreip = admin.example.org
EOF
"""
PLAY = """
- hosts: ban12,ban13
  gather_facts: false
  roles:
    - role: pyhost.baseline.fail2ban
      vars:
        fail2ban_defaults: {maxretry: 10000}
        # Each end of a connection counts (the mode aggressive), as where sshd takes keys only.
        fail2ban_sshd_logins: keys
        fail2ban_jails:
          sshd: {}
          patient: {filter: sshd, mode: normal}
  tasks:
    - name: Look
      pyhost.baseline.fail2ban_info:
"""


@dataclass(frozen=True)
class Seen:
    """By jail the addresses of counted failures, and the number of idle ones; the attacker; the last that failed."""

    found: dict[str, list[str]]
    idled: dict[str, int]
    stranger: str
    last: str


def address(host: Attacked) -> str:
    return host.run("hostname -I").split()[0]


def put(host: Attacked, path: str, text: str, owner: str = "root") -> None:
    encoded = base64.b64encode(text.encode()).decode()
    host.run(f"echo {encoded} | base64 -d > {path} && chown {owner} {path}")


def found(host: Attacked) -> dict[str, list[str]]:
    """Return the counted failures, without those of the proof, which come from addresses of 127.0.0.0/8."""
    log = host.run("cat /var/log/fail2ban.log")
    counted: dict[str, list[str]] = {jail: [] for jail in JAILS}
    for jail, who in re.findall(r"\[(\w+)\] Found (?!127\.)(\S+) - ", log):
        counted.setdefault(jail, []).append(who)
    return counted


@pytest.fixture(scope="module")
def played(attacked: dict[str, Attacked], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Results]]:
    """Prepare the hosts and run the role on the two that are attacked."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: attacked[name].run(INSTALL.replace("PACKAGES", PACKAGES[name])), PACKAGES))
        list(pool.map(lambda name: attacked[name].run(VICTIM.replace("NAMED", NAMED)), HOSTS))
    for name in HOSTS:
        for file, text in helpers().items():
            put(attacked[name], f"/home/mallory/{file}", text, "mallory")
    put(attacked["stranger"], "/root/stranger.py", (ROOT / "molecule/attackers/files/stranger.py").read_text())
    path: Path = tmp_path_factory.mktemp("bans") / "converge.yml"
    path.write_text(PLAY)
    return runs.play(FLEET, path, {}, user="root")


def write_as_a_local_user(name: str) -> None:
    ssh = ["ssh", "-F", str(FLEETS / FLEET / "ssh_config"), "-o", "ControlPath=none", f"mallory@{name}", "bash -s"]
    script = local_script(NAMES[name], VICTIMS)
    done = subprocess.run(ssh, input=script, capture_output=True, text=True, check=False, timeout=400)
    assert "the end" in done.stdout, done.stderr
    # A way that does not exist on the host, such as a user manager, has no effect.
    print(f"{name}: {done.stdout}{done.stderr}")


def speak_as_a_stranger(stranger: Attacked, target: str) -> None:
    put(stranger, f"/root/{target}.json", json.dumps(list(TEXTS.values())))
    assert int(stranger.run(f"python3 /root/stranger.py {target} < /root/{target}.json")) == len(TEXTS)


def end(host: Attacked, other: Attacked, times: int) -> dict[str, list[str]]:
    """Let another host fail for the ``times``-th time. By then all earlier failures are counted."""
    last = address(other)
    other.run(f"ssh -o BatchMode=yes -o StrictHostKeyChecking=no the-last@{address(host)} true 2>/dev/null || true")
    log = "/var/log/fail2ban.log"
    counted = " && ".join(f"[ $(grep -c '.{jail}. Found {last} ' {log}) -ge {times} ]" for jail in JAILS)
    host.run(f"for i in $(seq 300); do {counted} && break; sleep 0.1; done; {counted}")
    return found(host)


def grace(host: Attacked, seconds: int) -> None:
    file = "/etc/ssh/sshd_config.d/00-bans.conf"
    host.run(f"sed -i 's/^LoginGraceTime .*/LoginGraceTime {seconds}/' {file}; systemctl reload ssh")


@pytest.fixture(scope="module")
def seen(attacked: dict[str, Attacked], played: dict[str, dict[str, Results]]) -> dict[str, Seen]:
    """Play all attacks, and one failure at the end. By then fail2ban has counted all of them."""
    assert set(played) == set(HOSTS)

    def suffer(name: str) -> Seen:
        host, other, stranger = attacked[name], attacked[HOSTS[name]], attacked["stranger"]
        mine = address(stranger)
        with ThreadPoolExecutor() as pool:
            written = pool.submit(write_as_a_local_user, name)
            for work in (written, pool.submit(speak_as_a_stranger, stranger, address(host))):
                work.result()
        before = end(host, other, 1)
        grace(host, 3)
        stranger.run(f"python3 /root/stranger.py {address(host)} idle")
        grace(host, 120)
        after = end(host, other, 2)
        idled = {jail: after[jail].count(mine) - before[jail].count(mine) for jail in JAILS}
        return Seen(after, idled, mine, address(other))

    with ThreadPoolExecutor() as pool:
        return dict(zip(HOSTS, pool.map(suffer, HOSTS), strict=True))


each_host = pytest.mark.parametrize("name", HOSTS)


@each_host
def test_nothing_that_a_local_user_writes_is_counted(name: str, seen: dict[str, Seen]) -> None:
    assert len(LOCAL) >= 20
    counted = {who for jail in JAILS for who in seen[name].found[jail]}
    assert not {way for way, victim in VICTIMS.items() if victim in counted}


@each_host
def test_no_text_of_a_stranger_names_another(name: str, seen: dict[str, Seen]) -> None:
    assert len(TEXTS) >= 45
    counted = {who for jail in JAILS for who in seen[name].found[jail]}
    assert not {said for victim, said in TEXTS.items() if victim in counted}


@each_host
def test_whoever_is_counted_has_failed(name: str, seen: dict[str, Seen]) -> None:
    """Nothing else is counted: no address of a word in a message of sshd, and nothing that is not an address."""
    here = seen[name]
    assert set(here.found["sshd"]) == {here.stranger, here.last}
    assert set(here.found["patient"]) == {here.stranger, here.last}
    log = seen[name].found
    # The sender of each text that ends a connection before a login counts too.
    assert log["sshd"].count(here.stranger) > log["patient"].count(here.stranger) > len(TEXTS) / 4


@each_host
def test_who_idles_is_counted_as_himself(name: str, seen: dict[str, Seen], attacked: dict[str, Attacked]) -> None:
    here = seen[name]
    assert NAMED not in here.found["sshd"] + here.found["patient"]
    assert "Determined IP using DNS" not in attacked[name].run("cat /var/log/fail2ban.log")
    # Two connections. The sshd of Debian 12 ends them without a message. No password was tried.
    assert here.idled == {"sshd": 2 if name == "ban13" else 0, "patient": 0}


@each_host
def test_no_jail_of_ours_looks_a_name_up(name: str, seen: dict[str, Seen], attacked: dict[str, Attacked]) -> None:
    assert seen
    asked = {
        jail: attacked[name].run(f"fail2ban-client get {jail} usedns").strip() for jail in ("sshd", "patient", "old")
    }
    assert asked == {"sshd": "no", "patient": "no", "old": "yes"}


@each_host
def test_the_report_names_what_is_left(name: str, played: dict[str, dict[str, Results]]) -> None:
    warned = played[name]["Look"]["warnings_found"]
    about = [words for words in warned if "the jail old" in words]
    for words in ("by the jail old: it reads /var/log/auth.log", "usedns is yes", "admin.example.org"):
        assert any(words in said for said in about)
    ours = "any local user", "resolves names", "never bans the addresses"
    assert not [said for said in set(warned) - set(about) if any(words in said for words in ours)]
