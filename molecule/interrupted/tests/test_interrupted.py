"""A first run is killed at named points inside its modules; the next one repairs the host, the third changes nothing.

A trap stands before a program that a module calls. When the module comes to the named words, the trap removes itself
and kills, without mercy, all processes between itself and sshd: the module, sudo and the login's shell.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.paths import CACHE, FLEETS, ROOT

FLEET = "molecule-interrupted"
HOSTS = ("debian12", "debian13")
VARIABLES = {
    "admin_user_name": "deploy",
    "admin_user_authorized_keys": [(CACHE / "hosts" / "id_ed25519.pub").read_text().strip()],
    # The Python stack is left out: it is the work of the package manager, and most of the downloads.
    "baseline_roles": ["admin_user", "auto_updates", "fail2ban", "sshd"],
    # A drop-in of a timer, so that there is a step between writing the policy and its taking effect.
    "auto_updates_schedule": {"upgrade_at": "*-*-* 04:30"},
    "fail2ban_defaults": {"bantime": "2h"},
}

TRAP = r"""
cat >/usr/local/bin/{program} <<'END'
#!/bin/sh
case "$*" in
{words})
    chain=
    pid=$PPID
    while [ "$pid" -gt 1 ]; do
        case "$(cat "/proc/$pid/comm")" in
        sshd*)
            rm -f {traps}
            echo "$0 $*" >/run/trapped
            kill -9 $chain
            exit 1
            ;;
        esac
        chain="$chain $pid"
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
    done
    ;;
esac
exec "$(PATH=/usr/sbin:/usr/bin command -v {program})" "$@"
END
chmod 755 /usr/local/bin/{program}
"""


@dataclass(frozen=True)
class Point:
    """A point at which a run ends: when ``task`` calls one of ``calls``, a program with a pattern for its arguments."""

    task: str
    calls: dict[str, str]
    # Run on the host afterwards.
    left: str = ":"

    @property
    def traps(self) -> str:
        paths = " ".join(f"/usr/local/bin/{program}" for program in self.calls)
        texts = [TRAP.format(program=p, words=words, traps=paths) for p, words in self.calls.items()]
        return "rm -f /run/trapped\n" + "".join(texts)


# A file that another tool or an older release has written in part.
HALF_SUDOERS = r"""
install -d -m 0700 -o deploy -g deploy /home/deploy/.ssh
install -m 0600 -o deploy -g deploy /root/.ssh/authorized_keys /home/deploy/.ssh/
printf 'deploy ALL=(ALL:ALL) NOPA' >/etc/sudoers.d/95-pyhost-deploy
"""
EMPTY_KEYS = "chown root:root /home/deploy/.ssh && : >/home/deploy/.ssh/authorized_keys"

POINTS = {
    # The account and its rule exist, its keys do not.
    "rule-written": Point("Ensure the account, its sudo rule and its keys", {"sudo": "*-l*"}, left=HALF_SUDOERS),
    "policy-written": Point("Set the policy", {"systemctl": "daemon-reload*"}, left=EMPTY_KEYS),
    # Debian 12 starts no fail2ban on a host without /var/log/auth.log, so there is nothing to reload.
    "jails-written": Point("Run the jails", {"fail2ban-client": "*reload*", "systemctl": "*start*fail2ban*"}),
    "sshd-written": Point("Ensure the settings of sshd", {"systemctl": "reload*ssh*"}),
}

# The state in force: who can log in and become root, and the configuration that sshd, fail2ban, apt and systemd use.
STATE = r"""
stat -c '%n %a %U' /home/deploy/.ssh /home/deploy/.ssh/authorized_keys /etc/sudoers.d/95-pyhost-deploy
runuser -u deploy -- sudo -n id -u
sshd -T -C user=root,host=x,addr=192.0.2.1 | grep -E '^(permitrootlogin|passwordauthentication) '
fail2ban-client get sshd bantime
fail2ban-client status sshd | sed -n 's/.*Banned IP list:/banned:/p'
apt-config dump APT::Periodic::Unattended-Upgrade
systemctl show --property=TimersCalendar --value apt-daily-upgrade.timer | grep -o 'OnCalendar=[^;]*'
systemctl show --property=NeedDaemonReload --value apt-daily-upgrade.timer
dpkg --audit
ls -A /usr/local/bin
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
systemctl list-timers --all --no-legend 'pyhost*'
"""


def site() -> subprocess.CompletedProcess[str]:
    """Run the user's own command against both hosts, each time by connections of its own."""
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(FLEETS / FLEET / "inventory.yml"), "-u", "root"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run(
        [*command, "playbooks/site.yml", "-e", json.dumps(VARIABLES)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


def inside(client: docker.DockerClient, name: str, script: str) -> str:
    status, output = fleet.execute(fleet.find(client, FLEET, name), script)
    assert status == 0, output
    return output


def changed(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^(\S+) +: .*changed=(\d+)", run.stdout, re.MULTILINE)}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_run_dies(client: docker.DockerClient, point: Point) -> None:
    """Each of these runs starts with the state that the one before it has left."""
    for name in HOSTS:
        inside(client, name, point.traps)
    run = site()
    output = run.stdout + run.stderr
    for name in HOSTS:
        assert inside(client, name, "cat /run/trapped").startswith("/usr/local/bin/"), output
        assert inside(client, name, "ls /usr/local/bin") == ""
    last = run.stdout.rpartition("\nTASK [")[2]
    assert point.task in last, output
    for name in HOSTS:
        inside(client, name, point.left)


def test_the_next_run_heals(client: docker.DockerClient) -> None:
    run = site()
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(changed(run)) == set(HOSTS)
    assert 0 not in changed(run).values(), run.stdout


def test_the_run_after_changes_nothing() -> None:
    run = site()
    assert run.returncode == 0, run.stdout + run.stderr
    assert changed(run) == dict.fromkeys(HOSTS, 0), run.stdout


@pytest.mark.parametrize("name", HOSTS)
def test_the_state_in_force(client: docker.DockerClient, name: str) -> None:
    assert [line.strip() for line in inside(client, name, STATE).splitlines()] == [
        "/home/deploy/.ssh 700 deploy",
        "/home/deploy/.ssh/authorized_keys 600 deploy",
        "/etc/sudoers.d/95-pyhost-deploy 440 root",
        "0",
        "permitrootlogin no",
        "passwordauthentication no",
        "7200",
        "banned:",
        'APT::Periodic::Unattended-Upgrade "1";',
        "OnCalendar=*-*-* 04:30:00",
        "no",
    ]
