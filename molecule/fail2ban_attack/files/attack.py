"""What an attacker does, run on a host: prints one JSON object.

attack.py fail ADDRESS password|key USER [SECONDS]   one failed login with the real ssh client, ended after SECONDS
attack.py until ADDRESS STATE,... N        asks the port until it is in one of the states, N seconds at most
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import time

OPTIONS = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10"]
KINDS = {
    # ssh asks the program for the password; its answer, the prompt itself, is wrong.
    "password": ["PreferredAuthentications=password", "PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"],
    "key": ["PasswordAuthentication=no", "KbdInteractiveAuthentication=no"],
}


def fail(address: str, kind: str, user: str, seconds: str = "45") -> dict[str, object]:
    words = [word for option in [*OPTIONS, *KINDS[kind]] for word in ("-o", option)]
    environment = {**os.environ, "SSH_ASKPASS": "/bin/echo", "SSH_ASKPASS_REQUIRE": "force"}
    done = subprocess.run(
        ["timeout", seconds, "ssh", *words, f"{user}@{address}", "true"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return {"at": time.time(), "rc": done.returncode, "said": done.stderr.strip()}


def reach(address: str) -> str:
    """Ask the port as a scanner does, by a lone SYN: "refused" by the packet filter, or "open".

    sshd hears nothing of it. A connection that is opened and closed would be one more failed login where fail2ban's
    filter is aggressive: it would ban again, and create rules that have to be missing.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    mine, sequence = random.randrange(20000, 60000), random.randrange(2**32)
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as probe:
        # A connected socket gets the error "port unreachable" of ICMP.
        probe.connect((address, 0))
        probe.settimeout(3)
        probe.send(syn(probe, address, mine, sequence))
        end = time.time() + 3
        while time.time() < end:
            try:
                packet = probe.recv(2000)
            except ConnectionRefusedError:
                return "refused"
            except OSError as error:
                return str(error)
            header = packet[(packet[0] & 15) * 4 :] if family == socket.AF_INET else packet
            theirs, to, _sequence, acknowledged, _offset, flags = struct.unpack("!HHIIBB", header[:14])
            if (theirs, to, acknowledged) == (22, mine, (sequence + 1) % 2**32):
                return "open" if flags & 18 == 18 else f"flags {flags:#x}"
    return "no answer"


def syn(probe: socket.socket, address: str, mine: int, sequence: int) -> bytes:
    """Return a SYN to port 22 (RFC 9293). The checksum is ours to make over IPv4; over IPv6 the kernel makes it."""
    segment = struct.pack("!HHIIBBHHH", mine, 22, sequence, 0, 5 << 4, 2, 64240, 0, 0)
    if probe.family == socket.AF_INET6:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 16)
        return segment
    ends = socket.inet_aton(probe.getsockname()[0]) + socket.inet_aton(address)
    total = sum(struct.unpack("!16H", ends + struct.pack("!HH", socket.IPPROTO_TCP, len(segment)) + segment))
    total = (total & 0xFFFF) + (total >> 16)
    return segment[:16] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + segment[18:]


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
