"""Listens on ports of both families and answers: a line to each connection of TCP, and each datagram as it came."""

import selectors
import socket
import sys


def listen(kind: int, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET6, kind)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    found.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        found.listen(64)
    return found


def main(words: list) -> None:
    kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    selector = selectors.DefaultSelector()
    for word in words:
        port, protocol = word.split("/")
        selector.register(listen(kinds[protocol], int(port)), selectors.EVENT_READ)
    while True:
        for key, _events in selector.select():
            listening = key.fileobj
            assert isinstance(listening, socket.socket)
            if listening.type == socket.SOCK_STREAM:
                client, _address = listening.accept()
                client.sendall(b"here\n")
                client.close()
            else:
                data, address = listening.recvfrom(65535)
                listening.sendto(data, address)


main(sys.argv[1:])
