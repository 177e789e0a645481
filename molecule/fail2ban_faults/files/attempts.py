"""Failed logins with the real ssh client, run on a host: prints one JSON object.

attempts.py count              how much each attempt costs: {"noshell, one key": 1, …}, over loopback
attempts.py neighbour ADDRESS  how three attempts at ADDRESS end, and a fourth one after the ban
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

LOG = "/var/log/fail2ban.log"
ACCOUNTS = ("plain", "unknown", "nologin", "noshell", "notexec", "locked", "expired", "denied")
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10")
BY_PASSWORD = ("PreferredAuthentications=password", "PubkeyAuthentication=no")
BY_KEY = ("PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "IdentitiesOnly=yes")
KINDS = {
    "one password": (*BY_PASSWORD, "NumberOfPasswordPrompts=1"),
    "three passwords": (*BY_PASSWORD, "NumberOfPasswordPrompts=3"),
    "one key": (*BY_KEY, "IdentityFile=/root/key1"),
    "seven keys": (*BY_KEY, *(f"IdentityFile=/root/key{number}" for number in range(1, 8))),
}


def attempt(user: str, kind: str, address: str, source: str = "") -> str:
    """Return what ssh says. It asks a program for the password; its answer, the prompt itself, is wrong."""
    options = [*OPTIONS, *KINDS[kind], *([f"BindAddress={source}"] if source else [])]
    words = [word for option in options for word in ("-o", option)]
    done = subprocess.run(
        ["timeout", "60", "ssh", "-F", "none", *words, f"{user}@{address}", "true"],
        env={**os.environ, "SSH_ASKPASS": "/bin/echo", "SSH_ASKPASS_REQUIRE": "force"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stderr.strip()


def found(source: str) -> int:
    with open(LOG) as log:
        return len(re.findall(rf"\[sshd\] (?:Found|Ignore) {re.escape(source)}(?![\w.:])", log.read()))


def count() -> dict[str, int]:
    start = int(time.time()) % 50000
    sources = {}
    for number, (user, kind) in enumerate(((user, kind) for user in ACCOUNTS for kind in KINDS), start):
        source = f"127.{10 + number // 200 % 200}.{number // 40000}.{1 + number % 200}"
        sources[f"{user}, {kind}"] = source
        attempt(user, kind, "127.0.0.1", source)
    # The jail reads an entry within a second or two, on a busy machine somewhat later.
    time.sleep(8)
    return {name: found(source) for name, source in sources.items()}


def neighbour(address: str) -> list[str]:
    # sshd of OpenSSH 9.8 refuses a failing address by itself after some attempts at once.
    said = [attempt(user, "one key", address) for user in ("plain", "unknown", "noshell")]
    end = time.time() + 30
    while time.time() < end:
        said[3:] = [attempt("plain", "one key", address)]
        if "refused" in said[-1]:
            break
        time.sleep(1)
    return said


if __name__ == "__main__":
    print(json.dumps(count() if sys.argv[1] == "count" else neighbour(sys.argv[2])))
