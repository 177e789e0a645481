"""What a stranger says to a sshd, run on a host with Debian's python3-paramiko.

stranger.py ADDRESS < JSON   [[way, text], ...]: each text once, by a connection of its own; prints how many were said
stranger.py ADDRESS idle     two connections that say nothing, or only who they are, until sshd ends them
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import paramiko
from paramiko.common import cMSG_DISCONNECT, cMSG_SERVICE_REQUEST, cMSG_USERAUTH_REQUEST

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
HERE = "SSH-2.0-stranger"


def drain(sock: socket.socket, seconds: float) -> None:
    """Read until sshd ends the connection."""
    sock.settimeout(seconds)
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


def line(sock: socket.socket, text: str) -> None:
    sock.sendall(text.encode() + b"\r\n")
    drain(sock, 5)


def banner(sock: socket.socket, text: str) -> None:
    sock.sendall(f"SSH-2.0-{text}\r\n".encode())
    drain(sock, 0.5)


def packet(sock: socket.socket, text: str) -> None:
    sock.sendall(f"{HERE}\r\n{text}\r\n".encode())
    drain(sock, 5)


def kex(sock: socket.socket, text: str) -> None:
    """Offer ``text`` as the only method of the key exchange (RFC 4253, 7.1)."""
    lists = [text.encode(), b"ssh-ed25519", *[b"aes256-ctr"] * 2, *[b"hmac-sha2-256"] * 2, *[b"none"] * 2, b"", b""]
    payload = b"\x14" + os.urandom(16) + b"".join(struct.pack("!I", len(one)) + one for one in lists) + bytes(5)
    padding = 8 - (len(payload) + 5) % 8 + 8
    sock.sendall(HERE.encode() + b"\r\n" + struct.pack("!IB", len(payload) + padding + 1, padding) + payload)
    sock.sendall(os.urandom(padding))
    drain(sock, 5)


def request(user: str, service: str, method: str, *more: object) -> paramiko.Message:
    asked = paramiko.Message()
    asked.add_byte(cMSG_USERAUTH_REQUEST)
    for word in (user, service, method):
        asked.add_string(word)
    for item in more:
        asked.add_boolean(item) if isinstance(item, bool) else asked.add_string(item)
    return asked


def disconnect(code: int, text: str) -> paramiko.Message:
    said = paramiko.Message()
    said.add_byte(cMSG_DISCONNECT)
    said.add_int(code)
    said.add_string(text)
    said.add_string("en")
    return said


def messages(way: str, text: str) -> list[paramiko.Message]:
    key = paramiko.ECDSAKey.generate()
    blob, name = key.asbytes(), key.get_name()
    none = request("nobody-here", "ssh-connection", "none")
    return {
        "user": lambda: [request(text, "ssh-connection", "none")],
        "password": lambda: [request(text, "ssh-connection", "password", False, "wrong")],
        "keyboard": lambda: [request("root", "ssh-connection", "keyboard-interactive", "", text)],
        "changed": lambda: [none, request(text, "ssh-connection", "none")],
        "service": lambda: [none, request("nobody-here", text, "none")],
        "method": lambda: [request("root", "ssh-connection", text)],
        "algorithm": lambda: [request("root", "ssh-connection", "publickey", False, text, blob)],
        "host": lambda: [request("root", "ssh-connection", "hostbased", name, blob, text, text, b"")],
        "bye 3": lambda: [disconnect(3, text)],
        "bye 11": lambda: [none, disconnect(11, text)],
        "bye 14": lambda: [none, disconnect(14, text)],
    }[way]()


def speak(sock: socket.socket, way: str, text: str) -> None:
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = 60
    transport.start_client(timeout=60)
    asked = paramiko.Message()
    asked.add_byte(cMSG_SERVICE_REQUEST)
    asked.add_string("ssh-userauth")
    transport._send_message(asked)
    for message in messages(way, text):
        # paramiko's own thread ends with the first answer that it did not ask for.
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            transport._send_message(message)
    time.sleep(0.5 if way != "password" else 4)
    transport.close()


def certificate(address: str, text: str) -> None:
    """Offer a certificate for root with the key ID ``text``, by the real ssh client."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ca", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", text, "-f", f"{folder}/{name}"], check=True
            )
        sign = ["ssh-keygen", "-q", "-s", f"{folder}/ca", "-I", text, "-n", "root", f"{folder}/key.pub"]
        subprocess.run(sign, check=True)
        options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        ssh = ["timeout", "60", "ssh", *words, "-i", f"{folder}/key", f"root@{address}", "true"]
        subprocess.run(ssh, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


RAW = {"line": line, "banner": banner, "packet": packet, "kex": kex}


def say(address: str, way: str, text: str) -> bool:
    """Say it; again where a busy sshd did not let it be said."""
    for _attempt in range(8):
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            try_to_say(address, way, text)
            return True
        time.sleep(1)
    return False


def try_to_say(address: str, way: str, text: str) -> None:
    if way == "certificate":
        certificate(address, text)
        return
    with socket.create_connection((address, 22), 30) as sock:
        if way in RAW:
            with contextlib.suppress(OSError):
                RAW[way](sock, text)
        else:
            speak(sock, way, text)


def idle(address: str) -> None:
    silent, named = (socket.create_connection((address, 22), 30) for _number in range(2))
    named.sendall(f"{HERE}\r\n".encode())
    for sock in (silent, named):
        drain(sock, 30)


if __name__ == "__main__":
    address, *verb = sys.argv[1:]
    if verb == ["idle"]:
        idle(address)
    else:
        # sshd's MaxStartups begins to drop at ten.
        threading.excepthook = lambda _arguments: None
        texts = json.load(sys.stdin)
        with ThreadPoolExecutor(5) as pool:
            print(sum(pool.map(lambda pair: say(address, *pair), texts)))
