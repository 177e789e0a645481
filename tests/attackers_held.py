"""What the tests of things that hold share: runs of Ansible as text, and watchers of hosts and of the controller."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

from tests.attackers import FLEET, Attacked
from tests.hosts.paths import FLEETS, ROOT

__all__ = ["ansible", "attempt", "controller_watch", "watch"]

# Run as nobody: everything that it sees of processes and of the folders where anybody may write, until it is stopped.
LOOKER = r"""
import json, os, sys, time
commands, files = set(), {}

def look(path):
    entry = os.lstat(path)
    text = ""
    if os.path.isfile(path) and entry.st_size < 1000000:
        with open(path, errors="replace") as file:
            text = file.read()
    files[path] = (oct(entry.st_mode & 0o7777), entry.st_uid, text)

while not os.path.exists("/run/held-stop"):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                commands.add(file.read().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    for root in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/var/lib/pyhost.baseline"):
        for folder, _below, names in os.walk(root):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                try:
                    if path not in files:
                        look(path)
                except OSError:
                    pass
    time.sleep(0.05)
json.dump({"commands": sorted(commands), "files": files}, sys.stdout)
"""
Seen = dict[str, t.Any]


def ansible(command: str, arguments: t.Sequence[str], *, inventory: Path | None = None) -> str:
    """Run ``ansible COMMAND`` as a user would and return all that it printed; a traceback fails."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        # A master connection would answer for a login that a test has shaped.
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
    }
    path = inventory or FLEETS / FLEET / "inventory.yml"
    done = subprocess.run(
        [sys.executable, "-m", "ansible", command, "-i", str(path), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return output


def attempt(path: Path, hosts: str, tasks: t.Sequence[dict[str, t.Any]], *, inventory: Path | None = None) -> list[str]:
    """Play ``tasks`` on ``hosts`` as root and return the lines that say which failed; the play is in ``path``."""
    may_fail = [{**task, "ignore_errors": True, "ignore_unreachable": True} for task in tasks]
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": may_fail}]))
    output = ansible("playbook", ["-u", "root", str(path)], inventory=inventory)
    return [line for line in output.splitlines() if line.startswith("fatal: ")]


@contextlib.contextmanager
def watch(host: Attacked) -> t.Iterator[Seen]:
    """Have nobody look around on ``host`` during the block; what it saw is in the yielded dict afterwards."""
    host.run(f"rm -f /run/held-stop; cat >/usr/local/bin/looker <<'END'\n{LOOKER}\nEND\n")
    seen: Seen = {}
    run = "nice setpriv --reuid=nobody --regid=nogroup --clear-groups python3 /usr/local/bin/looker"
    looker = threading.Thread(target=lambda: seen.update(json.loads(host.run(run))))
    looker.start()
    try:
        yield seen
    finally:
        host.run("touch /run/held-stop")
        looker.join(timeout=60)


@contextlib.contextmanager
def controller_watch() -> t.Iterator[set[str]]:
    """Collect the command lines of the processes that the controller starts during the block."""
    seen: set[str] = set()
    before = set(os.listdir("/proc"))
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for name in set(os.listdir("/proc")) - before:
                with contextlib.suppress(OSError):
                    seen.add(
                        (Path("/proc") / name / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
            stop.wait(0.1)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        stop.set()
        looker.join(timeout=10)
