"""What an attacker does, run on a host: prints one JSON object.

attack.py fail ADDRESS password|key USER   one failed login with the real ssh client
attack.py until ADDRESS STATE,... N        asks the port until it is in one of the states, N seconds at most
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

OPTIONS = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10"]
KINDS = {
    # ssh asks the program for the password; its answer, the prompt itself, is wrong.
    "password": ["PreferredAuthentications=password", "PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"],
    "key": ["PasswordAuthentication=no", "KbdInteractiveAuthentication=no"],
}


def fail(address: str, kind: str, user: str) -> dict[str, object]:
    words = [word for option in [*OPTIONS, *KINDS[kind]] for word in ("-o", option)]
    environment = {**os.environ, "SSH_ASKPASS": "/bin/echo", "SSH_ASKPASS_REQUIRE": "force"}
    done = subprocess.run(
        ["timeout", "45", "ssh", *words, f"{user}@{address}", "true"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return {"at": time.time(), "rc": done.returncode, "said": done.stderr.strip()}


def reach(address: str) -> str:
    """Ask the port: "refused" by the packet filter, "open", "penalty" by sshd itself (from OpenSSH 9.8 on), or else."""
    try:
        with socket.create_connection((address, 22), timeout=3) as connection:
            greeting = connection.recv(100)
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return str(error)
    if greeting.startswith(b"SSH-2.0-"):
        return "open"
    return "penalty" if greeting.startswith(b"Not allowed at this time") else repr(greeting)


def until(address: str, states: list[str], seconds: float) -> dict[str, object]:
    end = time.time() + seconds
    while True:
        seen = reach(address)
        if seen in states or time.time() > end:
            return {"at": time.time(), "state": seen}
        time.sleep(0.1)


if __name__ == "__main__":
    verb, address, *words = sys.argv[1:]
    answer = fail(address, *words) if verb == "fail" else until(address, words[0].split(","), float(words[1]))
    print(json.dumps(answer))
