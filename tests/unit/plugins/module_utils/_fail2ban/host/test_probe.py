"""Which packet filter fail2ban is given, over transcripts. Those of pf are written down from pfctl(8), not recorded."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.findings import no_packet_filter
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import probe as glue
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest
from tests.unit.fake_host import Expected, FakeHost

NFT = ["nft", "-c", "add table inet pyhost-baseline-trial"]
INFO = ["pfctl", "-s", "info"]
RULES = ["pfctl", "-s", "rules"]
ENABLED = "Status: Enabled for 0 days 01:02:03           Debug: Urgent\n"


@pytest.mark.parametrize(
    ("programs", "commands", "filters", "why"),
    [
        pytest.param(["nft"], [Expected(NFT)], ("nftables",), "", id="nftables"),
        pytest.param(["nft"], [Expected(NFT, rc=1)], (), "", id="nftables that the kernel refuses"),
        pytest.param([], [], (), "", id="nothing"),
        pytest.param(
            ["pfctl"], [Expected(INFO, out=ENABLED), Expected(RULES, out='anchor "f2b/*" all\n')], ("pf",), "", id="pf"
        ),
        pytest.param(
            ["pfctl"], [Expected(INFO, out=ENABLED), Expected(RULES)], (), "no anchor", id="pf without the anchor"
        ),
        pytest.param(
            ["pfctl"], [Expected(INFO, rc=1, err="pfctl: /dev/pf: No such file")], (), "No such file", id="no pf"
        ),
    ],
)
def test_usable_filters(programs: list[str], commands: list[Expected], filters: tuple[str, ...], why: str) -> None:
    host = FakeHost({}, commands, programs=programs)
    found, reason = glue.usable_filters(t.cast(t.Any, host))
    assert found == filters
    assert why in reason
    assert bool(why) == bool(reason)
    host.done()


def test_why_pf_does_not_work_is_said() -> None:
    why = "the rules of pf have no anchor for fail2ban"
    assert why in str(no_packet_filter(JailsRequest(), HostProbes(no_pf=why)))


ASKED = ["fail2ban-regex", "--config", "/etc/fail2ban", "--usedns=no", "--out", "ip", "/scratch/sshd.log"]
ASKED += ["/etc/fail2ban/filter.d/sshd.conf[mode=aggressive]"]


@pytest.mark.parametrize(
    ("programs", "commands", "wordings"),
    [
        pytest.param(["fail2ban-regex"], [Expected(ASKED, out="192.0.2.2\n")], ["connection from"], id="Debian 13"),
        pytest.param(["fail2ban-regex"], [Expected(ASKED)], ["connection from", "<ADDR> port"], id="Debian 12"),
        pytest.param(["fail2ban-regex"], [Expected(ASKED, out="192.0.2.1\n192.0.2.2\n")], [], id="one that knows both"),
        pytest.param(["fail2ban-regex"], [Expected(ASKED, rc=255, err="no")], [], id="one that does not answer"),
        pytest.param([], [], [], id="none to ask"),
    ],
)
def test_messages_that_the_filter_does_not_match(
    programs: list[str], commands: list[Expected], wordings: list[str]
) -> None:
    host = FakeHost({}, commands, programs=programs)
    found = glue.find_missed_expressions(t.cast(t.Any, host), "/etc/fail2ban")
    host.done()
    assert len(found) == len(wordings)
    assert all(words in expression for words, expression in zip(wordings, found, strict=True))
