"""The kernel's tables of sockets."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._core.socket_rows import SocketRow, tcp_rows, udp_rows

# A user's listener on 127.0.0.1:2222, and sshd's connection and listener on port 22 (Debian 13, x86-64).
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 789 1 0 100 0 0 10 0
   1: 070011AC:0016 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 123 1
   1: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 33 0 124 1
"""
# A server of DNS, and a client that is connected to 192.0.2.1:53 (in the form of proc_pid_net(5)).
UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  101: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 321 2 0000000000000000 0
  202: 070011AC:C001 010200C0:0035 01 00000000:00000000 00:00000000 00000000     0        0 322 2 0000000000000000 0
"""


def test_the_tables_of_the_kernel() -> None:
    assert tcp_rows(TCP) == [
        SocketRow("127.0.0.1", 2222, 1001, "789", True),
        SocketRow("172.17.0.7", 22, 0, "456", False),
    ]
    assert tcp_rows(TCP6) == [SocketRow("::", 22, 0, "123", True), SocketRow("2001:db8::1", 8080, 33, "124", True)]
    assert tcp_rows("") == []


def test_udp_listens_where_it_has_no_peer() -> None:
    assert udp_rows(UDP) == [
        SocketRow("0.0.0.0", 53, 101, "321", True),
        SocketRow("172.17.0.7", 49153, 0, "322", False),
    ]
