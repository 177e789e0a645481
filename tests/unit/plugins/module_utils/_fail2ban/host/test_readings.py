"""What is read once for all jails, and anew by a later look."""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.readings import Readings
from tests.unit.fake_fail2ban import LOG, NFT
from tests.unit.fake_host import Expected, FakeHost


def test_a_command_runs_once_for_each_look() -> None:
    host: t.Any = FakeHost(commands=[Expected(NFT, out="before"), Expected(NFT, rc=1, out="after")])
    first = Readings(host)
    assert [first.run(NFT).out, first.run(tuple(NFT)).out] == ["before", "before"]
    assert (first.again().run(NFT).rc, first.run(NFT).rc) == (1, 0)
    host.done()


def test_two_commands_are_two() -> None:
    host: t.Any = FakeHost(commands=[Expected(NFT, out="all"), Expected(["nft", "-t", *NFT[1:]], out="rules")])
    readings = Readings(host)
    assert [readings.run(argv).out for argv in (NFT, ["nft", "-t", *NFT[1:]], NFT)] == ["all", "rules", "all"]


def test_a_log_is_read_once_for_each_look() -> None:
    host: t.Any = FakeHost({LOG: "one\ntwo\n"})
    readings = Readings(host)
    assert readings.read(LOG, last=4) == "two\n"
    host.files[LOG] = "three\n"
    assert (readings.read(LOG, last=4), readings.read(LOG, last=6)) == ("two\n", "three\n")
    assert readings.again().read(LOG, last=4) == "ree\n"


def test_a_log_that_is_not_there() -> None:
    host: t.Any = FakeHost()
    assert Readings(host).read(LOG, last=4) is None
