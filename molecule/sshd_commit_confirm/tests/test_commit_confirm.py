"""Changes of sshd that nobody confirms: the host comes back by itself, with the files that it had, byte for byte.

Each test plays one change against both hosts at once and looks at them from inside, past sshd and the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.paths import FLEETS, ROOT

FLEET = "molecule-sshd_commit_confirm"
INVENTORY = FLEETS / FLEET / "inventory.yml"
SSH_CONFIG = FLEETS / FLEET / "ssh_config"
CHANGE = Path(__file__).parents[1] / "change.yml"
HOSTS = ("debian12", "debian13")
SECONDS = 30
# For changes that nobody confirms, where it only has to elapse: the least that confirm_timeout may be.
ELAPSES = 15
# What the timer (one second) and sshd's restart may take on a busy machine: 6 seconds were seen.
LATE = 15

# All that a change may touch, and what sshd does with it.
SNAPSHOT = r"""
find /etc/ssh /etc/systemd/system /etc/cron.d -printf '%p %m %u:%g %l\n' 2>/dev/null | sort
find /etc/ssh -type f -exec sha256sum {} + | sort
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
systemctl list-timers --all --no-legend 'pyhost*'
ss -ltnH | awk '{print $4}' | sort
sshd -T -C user=deploy,host=x,addr=192.0.2.1
"""
SHUT_PORT = """
nft add table inet shut
nft 'add chain inet shut in { type filter hook input priority 0; }'
nft add rule inet shut in iifname eth0 tcp dport 2222 drop
"""
# PAM is asked after the key was taken: no look at sshd's configuration can foresee it.
SHUT_ACCOUNT = r"""
printf '%s\n' '! grep -qi "^MaxSessions 7" /etc/ssh/sshd_config.d/00-pyhost-baseline.conf' >/usr/local/bin/shut
sed -i '1i account required pam_exec.so quiet /bin/sh /usr/local/bin/shut' /etc/pam.d/sshd
"""
# The host's network goes at the moment when the host has confirmed: its answer is lost.
CUT = r"""
cat >/run/cut.nft <<'END'
add table inet cut
add chain inet cut in { type filter hook input priority -100; policy drop; }
add chain inet cut out { type filter hook output priority -100; policy drop; }
END
cat >/run/cut.sh <<'END'
until [ -e /var/lib/pyhost.baseline/rollback-sshd/armed ]; do sleep 0.05; done
while [ -e /var/lib/pyhost.baseline/rollback-sshd/armed ]; do :; done
nft -f /run/cut.nft
sleep 45
nft delete table inet cut
END
rm -f /run/cut.done
setsid sh -c 'sh /run/cut.sh; touch /run/cut.done' >/dev/null 2>&1 </dev/null &
"""
OPEN_ALL = """
nft delete table inet shut 2>/dev/null || true
nft delete table inet cut 2>/dev/null || true
sed -i '/pam_exec.so/d' /etc/pam.d/sshd
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture
def hosts(client: docker.DockerClient) -> t.Iterator[dict[str, Inside]]:
    inside = {name: Inside(client, name) for name in HOSTS}
    try:
        yield inside
    finally:
        kill_plays()
        for host in inside.values():
            host.run(OPEN_ALL)


class Inside:
    """A host seen from inside its container."""

    def __init__(self, client: docker.DockerClient, name: str) -> None:
        self.client, self.name = client, name

    def run(self, script: str) -> str:
        status, words = fleet.execute(fleet.find(self.client, FLEET, self.name), script)
        assert status == 0, f"{self.name}: {script}: {words}"
        return words

    def snapshot(self) -> str:
        return self.run(SNAPSHOT)

    def wait_for(self, script: str, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, _rest = fleet.execute(fleet.find(self.client, FLEET, self.name), script)
            if status == 0:
                return
            time.sleep(0.2)
        raise AssertionError(f"{self.name}: not within {seconds} seconds: {script}")

    def moment(self, unit: str, prop: str) -> int:
        return int(self.run(f"systemctl show --value --property {prop} {unit}"))

    def wait_until_moved(self) -> float:
        """Wait until the change is in force and unconfirmed; return when its rollback is due, by the host's clock."""
        self.wait_for("test -e /var/lib/pyhost.baseline/rollback-sshd/armed && ss -ltnH | grep -q :2222", seconds=90)
        return float(self.run("sed -n 2p /var/lib/pyhost.baseline/rollback-sshd/armed"))


# In the environment of every process of a play: Ansible's workers are no members of its process group.
_TOKEN = f"pyhost-test-{uuid.uuid4().hex}"


def kill_plays() -> None:
    """Kill every process of the plays, as if the controller had lost power."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if _TOKEN.encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)


def start(desired: dict[str, t.Any], *, seconds: int = SECONDS, port: int = 22) -> subprocess.Popen[str]:
    """Start the play without control masters, as a controller would have it that comes back later."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "PYHOST_TEST_PLAY": _TOKEN,
    }
    variables = json.dumps({"desired": desired, "seconds": seconds, "ansible_port": port})
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(INVENTORY), str(CHANGE), "-e", variables],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def play(desired: dict[str, t.Any], *, seconds: int = SECONDS) -> str:
    return ended(start(desired, seconds=seconds))


def ended(process: subprocess.Popen[str]) -> str:
    """Return what the play printed, on one line, as its messages are folded."""
    output, _rest = process.communicate(timeout=180)
    return " ".join(output.split())


def log_in(name: str, user: str = "deploy") -> None:
    """A real client comes in, on the old port, over a connection of its own."""
    argv = ["ssh", "-F", str(SSH_CONFIG), "-o", "ControlPath=none", "-o", "BatchMode=yes", f"{user}@{name}"]
    subprocess.run([*argv, "sudo -n true"], check=True, timeout=20, stdin=subprocess.DEVNULL)


def test_a_confirmed_change_leaves_nothing_behind(hosts: dict[str, Inside]) -> None:
    play({"MaxSessions": 8})
    output = play({"MaxSessions": 9})
    assert output.count("changed=1") == len(hosts), output
    for host in hosts.values():
        assert "maxsessions 9" in host.snapshot()
        # Only what became of it, for a controller to which the answer was lost.
        assert host.run("ls -A /var/lib/pyhost.baseline").split() == ["rollback-sshd.record"]
        host.run("grep -qx trigger=confirmed /var/lib/pyhost.baseline/rollback-sshd.record")
        host.run("test -z \"$(find /etc/systemd/system -name 'pyhost-rollback*')\"")
    assert play({"MaxSessions": 9}).count("changed=0") == len(hosts)
    for host in hosts.values():
        host.run("test ! -e /var/lib/pyhost.baseline")


@pytest.mark.parametrize(
    ("desired", "come_in_by", "then"),
    [({"MaxSessions": 8}, 22, 22), ({"Port": 2222}, 22, 2222), ({"Port": 22}, 2222, 22)],
    ids=["same-port", "new-port", "back"],
)
def test_a_lost_answer_to_the_confirmation_is_no_rollback(
    hosts: dict[str, Inside], desired: dict[str, t.Any], come_in_by: int, then: int
) -> None:
    for host in hosts.values():
        host.run(CUT)
    output = ended(start(desired, port=come_in_by))
    assert output.count("changed=1") == output.count("failed=0") == len(hosts), output
    assert output.count("the answer to the confirmation was lost") == len(hosts), output
    assert "rolled_back" not in output and "sudo there does not" not in output, output
    for host in hosts.values():
        host.run("test -e /run/cut.done")
        assert f":{then} " in host.run("ss -ltnH")
        host.run("test ! -e /var/lib/pyhost.baseline/rollback-sshd")


def test_a_shut_port_is_rolled_back(hosts: dict[str, Inside]) -> None:
    for host in hosts.values():
        host.run(SHUT_PORT)
    before = {name: host.snapshot() for name, host in hosts.items()}
    output = play({"Port": 2222}, seconds=ELAPSES)
    assert output.count("failed=1") == len(hosts), output
    assert output.count("port 2222: Connection timed out") >= len(hosts), output
    assert output.count("packets are dropped on the way: check the firewalls") >= len(hosts), output
    assert output.count("the host rolled the change back by itself: its files are as they were") >= len(hosts), output
    for name, host in hosts.items():
        assert host.snapshot() == before[name]
        log_in(name)


def test_a_login_that_pam_refuses_is_rolled_back(hosts: dict[str, Inside]) -> None:
    for host in hosts.values():
        host.run(SHUT_ACCOUNT)
    before = {name: host.snapshot() for name, host in hosts.items()}
    output = play({"MaxSessions": 7}, seconds=ELAPSES)
    assert output.count("failed=1") == len(hosts), output
    assert output.count("Connection closed by") >= len(hosts), output
    assert output.count("it may refuse the account after it accepted the key (PAM") >= len(hosts), output
    for name, host in hosts.items():
        assert host.snapshot() == before[name]
        log_in(name)


def test_a_killed_controller_changes_nothing_for_long(hosts: dict[str, Inside]) -> None:
    for host in hosts.values():
        host.run(SHUT_PORT)
    before = {name: host.snapshot() for name, host in hosts.items()}
    start({"Port": 2222}, seconds=ELAPSES)
    due = {name: host.wait_until_moved() for name, host in hosts.items()}
    kill_plays()
    for host in hosts.values():
        host.run("pkill -KILL -u deploy || true")
    for name, host in hosts.items():
        host.wait_for("test -e /var/lib/pyhost.baseline/rollback-sshd.record", seconds=ELAPSES + 10)
        when = float(re.findall(r"when=(\d+)", host.run("cat /var/lib/pyhost.baseline/rollback-sshd.record"))[0])
        assert due[name] - 2 <= when <= due[name] + LATE
        host.wait_for("test ! -e /var/lib/pyhost.baseline/rollback-sshd", seconds=5)
        assert host.snapshot().replace("rollback-sshd.record\n", "") == before[name]
        log_in(name)
    # The next run tells what happened, once.
    message = "the host rolled its sshd configuration back, because nobody confirmed the change in time"
    assert message in play({"MaxSessions": 9})
    assert message not in play({"MaxSessions": 9})


def test_the_next_run_waits_for_the_rollback_of_a_dead_one(hosts: dict[str, Inside]) -> None:
    for host in hosts.values():
        host.run(SHUT_PORT)
    start({"Port": 2222})
    for host in hosts.values():
        host.wait_until_moved()
    kill_plays()
    for host in hosts.values():
        host.run(OPEN_ALL)
        # The new port is the only one: the next run comes in by it, and the rollback moves it back during that run.
    output = ended(start({"MaxSessions": 9}, port=2222))
    assert "because nobody confirmed the change in time" in output, output
    assert output.count("failed=0") == len(hosts), output
    for name, host in hosts.items():
        assert ":2222" not in host.run("ss -ltnH")
        log_in(name)


def test_a_cut_network_is_survived(hosts: dict[str, Inside], client: docker.DockerClient) -> None:
    for host in hosts.values():
        host.run(SHUT_PORT)
    before = {name: host.snapshot() for name, host in hosts.items()}
    process = start({"Port": 2222}, seconds=ELAPSES)
    try:
        for name, host in hosts.items():
            host.wait_until_moved()
            fleet.cut(client, FLEET, name)
        for host in hosts.values():
            host.wait_for("test -e /var/lib/pyhost.baseline/rollback-sshd.record", seconds=ELAPSES + 10)
    finally:
        for name in hosts:
            fleet.join(client, FLEET, name)
    output = ended(process)
    assert output.count("failed=1") == len(hosts), output
    assert output.count("the host rolled the change back by itself") >= len(hosts), output
    for name, host in hosts.items():
        assert host.snapshot() == before[name]
        log_in(name)


@pytest.mark.parametrize("pull_plug", [False, True], ids=["shutdown", "plug-pulled"])
def test_a_host_that_was_off_boots_with_what_it_had(
    hosts: dict[str, Inside], client: docker.DockerClient, pull_plug: bool
) -> None:
    for host in hosts.values():
        host.run(SHUT_PORT)
    before = {name: host.snapshot() for name, host in hosts.items()}
    # So long that only the boot can be what brings the old configuration back.
    start({"Port": 2222}, seconds=900)
    for host in hosts.values():
        host.wait_until_moved()
    kill_plays()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: fleet.stop(client, FLEET, name, pull_plug=pull_plug), hosts))
    for name in hosts:
        fleet.start(client, FLEET, name)
    for name, host in hosts.items():
        assert host.snapshot().replace("rollback-sshd.record\n", "") == before[name]
        # Before sshd, so that it never listened with the configuration that was not confirmed.
        rolled_back = host.moment("pyhost-rollback-sshd-boot.service", "ExecMainExitTimestampMonotonic")
        assert 0 < rolled_back <= host.moment("ssh.service", "ExecMainStartTimestampMonotonic")
        # All of it inside its sandbox.
        host.run("! journalctl -q --no-pager -t pyhost.baseline | grep 'once more without the sandbox'")
        log_in(name)
    message = "because the host was started again before the change was confirmed"
    assert message in play({"MaxSessions": 9})
