"""Six ways in which sshd holds its port: what a move leaves, what its rollback restores, what a run that died leaves.

Each test plays against all hosts at once and looks at them from inside, past sshd and the network.
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
import uuid
from pathlib import Path

import docker
import pytest

from tests.hosts import engine, fleet
from tests.hosts.paths import CACHE, FLEETS, ROOT

SCENARIO = Path(__file__).parents[1]
FLEET = "molecule-sshd_port_move"
INVENTORY = CACHE / "molecule" / "sshd_port_move" / "inventory"
SSH_CONFIG = FLEETS / FLEET / "ssh_config"
HOSTS = ("service", "redhat", "socket", "generator", "accept", "sysvinit")
OWN = "/etc/ssh/sshd_config.d/00-pyhost-baseline.conf"
DROPIN = "/etc/systemd/system/ssh.socket.d/zz-pyhost-baseline.conf"

LISTENING = r"ss -Hltn | awk '{print $4}' | sed 's/^\*:/0.0.0.0:/' | sort"
# Asks sshd by both families for its banner.
BANNERS = """\
import socket
for address in ("127.0.0.1", "::1"):
    with socket.create_connection((address, 2222), timeout=5) as connection:
        print(connection.recv(8).decode())
"""
# All that a move may touch, and what listens.
SNAPSHOT = rf"""
find /etc/ssh /etc/systemd/system /etc/cron.d /etc/firewalld/zones/public.xml /etc/ufw/user*.rules \
    -type f -exec sha256sum {{}} + 2>/dev/null | sort -k 2
ls -A /var/lib/pyhost.baseline 2>/dev/null | grep -v '[.]record$' || true
{LISTENING}
if command -v firewall-cmd >/dev/null; then firewall-cmd --list-ports; fi
if command -v ufw >/dev/null; then ufw status; fi
"""
# PAM is asked after the key was taken: no look at sshd's configuration can foresee it.
SHUT = rf"""
printf '! grep -q "^Port 2022" {OWN}\n' >/usr/local/bin/shut
sed -i '1i account required pam_exec.so quiet /bin/sh /usr/local/bin/shut' /etc/pam.d/sshd
"""
OPEN = "sed -i '/pam_exec.so/d' /etc/pam.d/sshd"

# Says what a rollback could do outside its sandbox alone.
OUTSIDE = "journalctl -q --no-pager -t pyhost.baseline 2>/dev/null | grep 'once more without the sandbox'"
# A host so slow that its rollback begins before the run has written anything.
SLOW = r"""
cat >/usr/local/bin/firewall-cmd <<'END'
#!/bin/sh
case "$*" in *--add-port*) sleep 17 ;; esac
exec /usr/bin/firewall-cmd "$@"
END
chmod 755 /usr/local/bin/firewall-cmd
"""

# As if a run had died after it wrote 2222 and before anything read that: sshd and its socket still have 22.
RELOAD = {
    "service": "systemctl reload ssh.service",
    "redhat": "systemctl reload sshd.service",
    "socket": "systemctl daemon-reload; systemctl stop ssh.service; systemctl restart ssh.socket",
    "sysvinit": 'kill -HUP "$(cat /run/sshd.pid)"',
}
DIED = rf"""
cp {OWN} /root/own; sed -i 's/2222/22/' {OWN}
if [ -e {DROPIN} ]; then cp {DROPIN} /root/dropin; sed -i 's/2222/22/' {DROPIN}; fi
RELOAD 2>/dev/null
for second in 1 2 3 4 5; do ss -Hltn | grep -q ':22 ' && break; sleep 1; done
cat /root/own >{OWN}
if [ -e /root/dropin ]; then cat /root/dropin >{DROPIN}; fi
"""


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


def inside(client: docker.DockerClient, name: str, script: str) -> str:
    status, output = fleet.execute(fleet.find(client, FLEET, name), script)
    assert status == 0, f"{name}: {script}: {output}"
    return output


def play(path: Path, *arguments: str, master: bool = False) -> str:
    """Play ``path`` by connections of its own, so that only a new login shows whether a port is open."""
    control = "-o ControlMaster=auto -o ControlPersist=30" if master else "-o ControlMaster=no"
    ran = subprocess.run(
        command(path, *arguments),
        cwd=ROOT,
        env=environment(ANSIBLE_SSH_ARGS=control),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return ran.stdout + ran.stderr


def environment(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        **more,
    }


def command(path: Path, *arguments: str) -> list[str]:
    program = Path(sys.executable).parent / "ansible-playbook"
    return [str(program), "-i", str(INVENTORY), "-u", "root", str(path), *arguments]


def kill(token: str) -> None:
    """Kill every process of a play: Ansible's workers are no members of its process group."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if token.encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)


def counted(output: str, what: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(rf"^(\S+) +: .*{what}=(\d+)", output, re.MULTILINE)}


def log_in(name: str, port: int, command: str = "true") -> str:
    user = "deploy" if name == "service" else "root"
    argv = ["ssh", "-F", str(SSH_CONFIG), "-o", "ControlPath=none", "-o", "BatchMode=yes", "-p", str(port)]
    ran = subprocess.run(
        [*argv, f"{user}@{name}", command],
        check=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return ran.stdout


@pytest.mark.parametrize("name", HOSTS)
def test_sshd_is_on_the_new_port_alone(client: docker.DockerClient, name: str) -> None:
    ports = {line.rpartition(":")[2] for line in inside(client, name, LISTENING).splitlines()}
    assert ports == {"2222"}
    # The image's own Python, also where systemd is not.
    assert inside(client, name, f"python3 -c '{BANNERS}'").split() == ["SSH-2.0-", "SSH-2.0-"]
    log_in(name, 2222)


@pytest.mark.parametrize(
    ("name", "dropin"),
    [("socket", True), ("accept", True), ("generator", False), ("service", False), ("redhat", False)],
)
def test_a_socket_that_does_not_follow_sshd_config_has_a_dropin(
    client: docker.DockerClient, name: str, dropin: bool
) -> None:
    assert inside(client, name, f"ls {DROPIN} 2>/dev/null || true").split() == ([DROPIN] if dropin else [])


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("service", "ssh.service"),
        ("redhat", "sshd.service"),
        ("socket", "ssh.service"),
        ("generator", "ssh.service"),
        ("accept", "ssh@"),
    ],
)
def test_the_unit_that_serves_a_login(name: str, unit: str) -> None:
    said = log_in(name, 2222, "systemctl list-units --plain --no-legend --state=running 'ssh*.service'")
    # With Accept=yes every connection that is still open has its own.
    assert {line.startswith(unit) for line in said.splitlines()} == {True}


def test_the_other_port_of_the_main_file_loses(client: docker.DockerClient) -> None:
    said = inside(client, "service", "grep -n '^Port' /etc/ssh/sshd_config; sshd -T | grep ^listenaddress")
    assert said.split("\n")[:3] == [
        said.split("\n")[0].partition(":")[0] + ":Port 22",
        "listenaddress 0.0.0.0:2222",
        "listenaddress [::]:2222",
    ]


def test_the_vendor_file_and_the_crypto_policy_keep_what_is_theirs(client: docker.DockerClient) -> None:
    said = inside(client, "redhat", "sshd -T").splitlines()
    for line in ("permitrootlogin without-password", "x11forwarding no", "syslogfacility AUTHPRIV"):
        assert line in said
    assert "ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr" in said
    assert inside(client, "redhat", "systemctl is-enabled sshd.service").strip() == "enabled"


def test_who_may_reach_the_old_port_may_reach_the_new_one(client: docker.DockerClient) -> None:
    for flags in ("", "--permanent"):
        assert inside(client, "redhat", f"firewall-cmd {flags} --list-ports").split() == ["2222/tcp"]
    rules = inside(client, "service", "ufw show added").splitlines()[1:]
    assert rules == [
        "ufw allow OpenSSH",
        "ufw limit from 192.0.2.0/24 to any port 22 proto tcp comment 'the office'",
        "ufw allow 2222/tcp comment 'sshd, by pyhost.baseline'",
        "ufw limit from 192.0.2.0/24 to any port 2222 proto tcp comment 'sshd, by pyhost.baseline'",
    ]


def test_a_ban_bites_at_the_new_port(client: docker.DockerClient) -> None:
    ban, unban = (f"fail2ban-client set sshd {verb} 203.0.113.9" for verb in ("banip", "unbanip"))
    rules = inside(client, "service", f"{ban}; sleep 1; nft list ruleset; {unban}")
    ports = re.findall(r"tcp dport \{(.*?)\} ip6? saddr @\w+-set-sshd", rules)
    # 22 stays among them: a local user who holds the other port keeps sshd there.
    assert {tuple(re.findall(r"\d+", listed)) for listed in ports} == {("22", "2222")}


def test_a_move_that_nobody_confirms_is_rolled_back(client: docker.DockerClient) -> None:
    for name in HOSTS:
        inside(client, name, SHUT)
    before = {name: inside(client, name, SNAPSHOT) for name in HOSTS}
    inside(client, "redhat", SLOW)
    try:
        users = {"service": "deploy"}
        user = f"{{{{ {users}[inventory_hostname] | default('root') }}}}"
        extra = {"desired": {"Port": 2022}, "ansible_port": 2222, "ansible_user": user}
        output = play(SCENARIO / "change.yml", "-e", json.dumps(extra))
        assert counted(output, "failed") == dict.fromkeys(HOSTS, 1), output
        words = " ".join(output.split())
        assert "took longer than the 15 seconds of confirm_timeout, so the host started to roll it back" in words
        for name in HOSTS:
            # Where the machine is busy, the play may end before the rollback does.
            wait_for(client, name, "test ! -e /var/lib/pyhost.baseline/rollback-sshd")
            inside(client, name, f"! {OUTSIDE}; rm -rf /var/lib/pyhost.baseline")
            assert inside(client, name, SNAPSHOT) == before[name], output
            log_in(name, 2222)
    finally:
        inside(client, "redhat", "rm -f /usr/local/bin/firewall-cmd")
        for name in HOSTS:
            inside(client, name, OPEN)


def test_without_systemd_cron_takes_a_move_back_at_the_next_boot(client: docker.DockerClient) -> None:
    name, token = "sysvinit", f"pyhost-test-{uuid.uuid4().hex}"
    inside(client, name, SHUT)
    before = inside(client, name, SNAPSHOT)
    # So long that only the boot can be what brings the old port back.
    extra = json.dumps({"desired": {"Port": 2022}, "seconds": 900, "ansible_port": 2222})
    variables = environment(PYHOST_TEST_PLAY=token, ANSIBLE_SSH_ARGS="-o ControlMaster=no")
    argv = command(SCENARIO / "change.yml", "--limit", name, "-e", extra)
    try:
        subprocess.Popen(argv, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(client, name, "test -e /var/lib/pyhost.baseline/rollback-sshd/armed && ss -Hltn | grep -q :2022")
    finally:
        kill(token)
    fleet.stop(client, FLEET, name, pull_plug=True)
    # The engine may have given it another address.
    (INVENTORY / "fleet.yml").write_text(fleet.start(client, FLEET, name).read_text())
    wait_for(client, name, "test -e /var/lib/pyhost.baseline/rollback-sshd.record")
    assert "trigger=boot\n" in inside(client, name, "cat /var/lib/pyhost.baseline/rollback-sshd.record")
    inside(client, name, f"rm -r /var/lib/pyhost.baseline; {OPEN}")
    assert inside(client, name, SNAPSHOT) == before
    log_in(name, 2222)


def wait_for(client: docker.DockerClient, name: str, script: str) -> None:
    deadline = time.monotonic() + 90
    while fleet.execute(fleet.find(client, FLEET, name), script)[0]:
        assert time.monotonic() < deadline, f"{name}: not within 90 seconds: {script}"
        time.sleep(0.3)


def test_a_run_that_died_is_healed_by_the_next(client: docker.DockerClient) -> None:
    for name in HOSTS:
        kind = name if name in RELOAD else "socket"
        inside(client, name, DIED.replace("RELOAD", RELOAD[kind]))
        assert ":2222" not in inside(client, name, LISTENING)
    output = play(SCENARIO / "converge.yml")
    assert counted(output, "changed") == dict.fromkeys(HOSTS, 1), output
    for name in HOSTS:
        ports = {line.rpartition(":")[2] for line in inside(client, name, LISTENING).splitlines()}
        assert ports == {"2222"}, output


def test_a_socket_gets_its_own_port_back_where_none_is_asked(client: docker.DockerClient) -> None:
    """Asked without /run/sshd, too."""
    extra = {"desired": {}, "ansible_port": 2222, "bare": True}
    output = play(SCENARIO / "change.yml", "--limit", "socket,accept", "-e", json.dumps(extra), master=True)
    assert counted(output, "changed") == {"socket": 1, "accept": 1}, output
    for name in ("socket", "accept"):
        assert inside(client, name, LISTENING).split() == ["0.0.0.0:22"]
        assert inside(client, name, f"ls {DROPIN} 2>/dev/null || true") == ""
        log_in(name, 22)


def settings_of_the_generators_host(desired: dict[str, object], *, port: int, changed: int) -> None:
    extra = {"desired": desired, "ansible_port": port, "seconds": 60}
    output = play(SCENARIO / "change.yml", "--limit", "generator", "-e", json.dumps(extra), master=True)
    assert counted(output, "changed") == {"generator": changed}, output


BOTH = ["0.0.0.0:22", "[::]:22"]


@pytest.mark.parametrize(
    ("desired", "come_in_by", "listening", "is_ours"),
    [
        ({"Port": 22}, 2222, BOTH, False),
        # Ubuntu's generator takes a wildcard of one family for both and does not read AddressFamily.
        ({"ListenAddress": "0.0.0.0"}, 22, ["0.0.0.0:22"], True),
        ({"AddressFamily": "inet"}, 22, ["0.0.0.0:22"], True),
        ({"ListenAddress": ["0.0.0.0:22", "0.0.0.0:2022", "[::]:2022"]}, 22, ["0.0.0.0:22", "0.0.0.0:2022"], True),
        ({"Port": 22}, 22, BOTH, False),
    ],
    ids=["as-it-was", "one-address", "one-family", "one-family-on-one-port", "back"],
)
def test_what_the_generator_does_not_follow_is_in_force(
    client: docker.DockerClient, desired: dict[str, object], come_in_by: int, listening: list[str], is_ours: bool
) -> None:
    settings_of_the_generators_host(desired, port=come_in_by, changed=1)
    assert sorted(inside(client, "generator", LISTENING).split()) == sorted(listening)
    assert (DROPIN in inside(client, "generator", f"ls {DROPIN} 2>/dev/null || true")) is is_ours
    log_in("generator", 22)
    settings_of_the_generators_host(desired, port=22, changed=0)


@pytest.mark.parametrize(("name", "says"), [("override.conf", ""), ("zzz.conf", "zzz.conf is read last")])
def test_an_admins_drop_in_of_the_generators_socket(client: docker.DockerClient, name: str, says: str) -> None:
    path = f"/etc/systemd/system/ssh.socket.d/{name}"
    write = f"mkdir -p {Path(path).parent}; printf '[Socket]\\nListenStream=2200\\n' >{path}"
    restart = "systemctl daemon-reload; systemctl stop ssh.service; systemctl restart ssh.socket"
    inside(client, "generator", f"{write}; {restart}")
    assert ":2200" in inside(client, "generator", LISTENING)
    try:
        extra = json.dumps({"desired": {"Port": 22}, "ansible_port": 22, "seconds": 60})
        output = play(SCENARIO / "change.yml", "--limit", "generator", "-e", extra, master=True)
        if says:
            # It beats ours, so the change is refused and the file named.
            assert counted(output, "failed") == {"generator": 1} and says in " ".join(output.split()), output
        else:
            assert counted(output, "changed") == {"generator": 1}, output
            assert ":2200" not in inside(client, "generator", LISTENING)
            settings_of_the_generators_host({"Port": 22}, port=22, changed=0)
    finally:
        inside(client, "generator", f"rm {path}; {restart}")
    log_in("generator", 22)
