"""A local user takes a port: ``listener.py HOW ADDRESS PORT``; stays until it is ended.

``listen`` answers as an sshd would, ``bind`` takes the port without listening, ``wait`` listens as soon as the folder
of sshd's drop-ins changes: between the plan of a run and sshd's own bind.
"""

from __future__ import annotations

import os
import socket
import sys
import time

FOLDER = "/etc/ssh/sshd_config.d"


def main() -> None:
    how, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write("\x1b[2Jsshd")
    if how == "wait":
        before = os.stat(FOLDER).st_mtime_ns
        while os.stat(FOLDER).st_mtime_ns == before:
            time.sleep(0.001)
    own = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if how != "bind":
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    own.bind((address, port))
    if how == "bind":
        time.sleep(3600)
    own.listen(5)
    while True:
        visitor, _whence = own.accept()
        visitor.send(b"SSH-2.0-OpenSSH_10.0p2\r\n")
        visitor.close()


if __name__ == "__main__":
    main()
