"""Reports to a host that its packets are too big, as a router on the way to this one would: too_big.py HOST OWN MTU.

The error quotes an answer of the host's port 53 by UDP. Routers, not peers, send it, so nothing says that its sender is
somebody whom the host talks to.
"""

import socket
import struct
import sys


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def main(host: str, own: str, mtu: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    datagram = struct.pack("!HHHH", 53, 5353, 8 + 1400, 0)
    source, target = (socket.inet_pton(family, address) for address in (host, own))
    if family == socket.AF_INET6:
        quoted = (
            struct.pack("!IHBB", 6 << 28, len(datagram) + 1400, socket.IPPROTO_UDP, 64) + source + target + datagram
        )
        # The kernel fills the checksum in.
        message, protocol = struct.pack("!BBHI", 2, 0, 0, mtu) + quoted, socket.IPPROTO_ICMPV6
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + 1400, 1, 0x4000, 64, socket.IPPROTO_UDP, 0)
        quoted = head + source + target + datagram
        empty = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
        message = struct.pack("!BBHHH", 3, 4, checksum(empty), 0, mtu) + quoted
        protocol = socket.IPPROTO_ICMP
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        raw.sendto(message, (host, 0))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
