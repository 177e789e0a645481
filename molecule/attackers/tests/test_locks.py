"""A local user takes everything predictable that he can, and every role runs all the same, in its usual time."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.attackers import FLEET, Attacked
from tests.hosts.runs import ad_hoc, play

HOSTS = ("local12", "local13")
TOPICS = ("sshd", "fail2ban", "unattended_upgrades", "dnf_automatic", "freebsd_updates", "pf_anchor", "python_venv")
RUNTIME = "/run/pyhost.baseline"

# What the user does: names of an earlier release and names that he guesses, in each folder that he can write.
_TAKE = """
import fcntl, os, sys, time
names = ["pyhost.baseline", "pyhost-baseline-updates", "pyhost.baseline.test-bans"]
topics = sys.argv[1:]
held = []
for number, topic in enumerate(topics):
    for folder in ("/run/lock", "/var/lock", "/tmp", "/var/tmp", "/dev/shm", "/run"):
        path = f"{folder}/pyhost.baseline.{topic}.lock"
        try:
            held.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
            fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pass
for folder in ("/run/lock", "/tmp", "/var/tmp", "/dev/shm", "/run"):
    for number, name in enumerate(names):
        try:
            [os.mkfifo, lambda path: os.symlink("/etc/shadow", path), os.mkdir][number](f"{folder}/{name}")
        except OSError:
            pass
    try:
        os.mkdir(f"{folder}/pyhost.baseline.d", 0o777)
    except OSError:
        pass
print(len(held), flush=True)
time.sleep(600)
"""

Results = dict[str, dict[str, dict[str, t.Any]]]


@pytest.fixture(scope="module", name="taken")
def _taken(attacked: dict[str, Attacked]) -> t.Iterator[dict[str, Attacked]]:
    """Return the hosts on which the user ``mallory`` holds what he could take."""
    hosts = {name: attacked[name] for name in HOSTS}
    for host in hosts.values():
        host.run("id mallory >/dev/null 2>&1 || useradd -m mallory")
        host.run(f"cat >/home/mallory/take.py <<'END'\n{_TAKE}\nEND")
        topics = " ".join(TOPICS)
        host.run(
            "cd / && setsid runuser -u mallory -- python3 /home/mallory/take.py "
            f"{topics} >/home/mallory/held 2>&1 </dev/null &"
        )
        host.run("for i in $(seq 50); do [ -s /home/mallory/held ] && exit; sleep 0.1; done; exit 1")
    yield hosts
    for host in hosts.values():
        host.status("pkill -u mallory; rm -rf /tmp/pyhost* /var/tmp/pyhost* /run/lock/pyhost* /dev/shm/pyhost*")


@pytest.fixture(scope="module", name="ran")
def _ran(taken: dict[str, Attacked], tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return what the roles answered on the hosts that are taken; a lock that is not free fails after 30 seconds."""
    key = (Path(__file__).parents[3] / ".cache" / "hosts" / "id_ed25519.pub").read_text().strip()
    variables = {
        "admin_user_name": "deploy",
        "admin_user_authorized_keys": [key],
        "python_stack_packages": ["python-venv"],
        "python_stack_venvs": [{"path": "/srv/locks/venv", "owner": "nobody"}],
    }
    playbook = tmp_path_factory.mktemp("locks") / "roles.yml"
    roles = ["admin_user", "python_stack", "auto_updates", "fail2ban", "sshd"]
    tasks = [{"ansible.builtin.import_role": {"name": f"pyhost.baseline.{role}"}} for role in roles]
    text = [{"hosts": ",".join(HOSTS), "gather_facts": False, "tasks": tasks}]
    playbook.write_text(yaml.safe_dump(text))
    return play(FLEET, playbook, variables, user="root")


@pytest.mark.parametrize("name", HOSTS)
def test_no_lock_of_his_stops_a_role(ran: Results, name: str) -> None:
    failed = {task: result.get("msg") for task, result in ran[name].items() if result.get("failed")}
    assert failed == {}


@pytest.mark.parametrize("name", HOSTS)
def test_what_runs_for_root_is_roots_alone(ran: Results, taken: dict[str, Attacked], name: str) -> None:
    assert taken[name].run(f"stat -c '%F %U:%G %a' {RUNTIME}").strip() == "directory root:root 700"
    status, _output = taken[name].status(f"runuser -u mallory -- ls {RUNTIME}")
    assert status != 0
    # Locks, code and kept answers: no file of them is another user's, and nobody else may write there.
    assert taken[name].run(f"find {RUNTIME} ! -user root -o ! -type l -perm /022") == ""
    kinds = taken[name].run(f"ls {RUNTIME} | sed 's/.*[.]//' | sort -u").split()
    assert set(kinds) <= {"lock", "code", "answers", "loaded"}


@pytest.mark.parametrize("name", HOSTS)
def test_nothing_of_ours_lies_where_he_can_write(ran: Results, taken: dict[str, Attacked], name: str) -> None:
    found = taken[name].run(
        "find /run/lock /tmp /var/tmp /dev/shm -xdev -iname '*pyhost*' ! -user mallory 2>/dev/null || true"
    )
    assert found == ""


@pytest.mark.parametrize("name", HOSTS)
def test_a_folder_that_is_not_roots_is_named(taken: dict[str, Attacked], name: str) -> None:
    host = taken[name]
    host.run(f"rm -rf {RUNTIME}; install -d -o mallory -m 0777 {RUNTIME}")
    arguments = {"settings": {"MaxAuthTries": 4}, "confirm": False}
    try:
        answer = ad_hoc(FLEET, "pyhost.baseline.sshd_config", arguments, user="root", host=name)
        assert answer["failed"]
        assert RUNTIME in answer["msg"]
        assert "mallory" in answer["msg"]
        assert "this task changed nothing" in answer["msg"]
    finally:
        host.run(f"rm -rf {RUNTIME}")
    again = ad_hoc(FLEET, "pyhost.baseline.sshd_config", arguments, user="root", host=name)
    assert not again.get("failed"), again
