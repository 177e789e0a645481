"""Two lines in one connection: ``session.py ADDRESS PORT``. The second one waits for the file /run/go.

Prints for each line whether it came back.
"""

import os
import socket
import sys
import time

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
connection.settimeout(5)


def comes_back(line: bytes) -> bool:
    try:
        connection.sendall(line)
        return connection.recv(100) == line
    except OSError:
        return False


print(comes_back(b"one\n"), flush=True)
end = time.monotonic() + 120
while not os.path.exists("/run/go") and time.monotonic() < end:
    time.sleep(0.1)
print(comes_back(b"two\n"), flush=True)
