"""What listens on the host, over recorded tables of the kernel."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import ports
from tests.unit.fake_host import FakeHost

LISTEN = [("0.0.0.0", 22), ("::", 22)]
# /proc/net/tcp of a Debian 13 host: sshd on 22 (0016), and one connection to it.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 123 1 0 100 0 0 10 0
   1: 070011AC:08AE 010011AC:C0D4 01 00000000:00000000 02:000A7214 00000000     0        0 456 2 0 20 4 30 10 -1
"""


@pytest.mark.parametrize(
    ("files", "listens", "expected"),
    [
        pytest.param({"/proc/net/tcp": TCP}, LISTEN, True, id="listens"),
        pytest.param({"/proc/net/tcp": TCP}, [("::", 2222)], False, id="does not listen"),
        pytest.param({"/proc/net/tcp": TCP}, [("::", 0x8AE)], False, id="a connection is no listener"),
        pytest.param({}, LISTEN, True, id="a system without /proc/net"),
    ],
)
def test_answering(files: dict[str, str], listens: list[tuple[str, int]], expected: bool) -> None:
    assert ports.is_listening(FakeHost(files), listens) is expected  # type: ignore[arg-type]  # the fake
