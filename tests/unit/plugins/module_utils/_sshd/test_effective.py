from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import (
    listen_addresses,
    parse_effective,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.keywords import ALIASES, KEYWORDS

FIXTURES = Path(__file__).parents[3] / "fixtures" / "sshd"
RECORDED = {name: (FIXTURES / f"sshd-T-{name}").read_text() for name in ("debian12", "debian13")}


@pytest.mark.parametrize("name", RECORDED)
def test_every_keyword_that_sshd_prints_is_known(name: str) -> None:
    assert set(parse_effective(RECORDED[name])) <= set(KEYWORDS)


def test_aliases_stand_for_known_keywords() -> None:
    assert set(ALIASES.values()) <= set(KEYWORDS)
    assert not set(ALIASES) & set(KEYWORDS)


def test_parse_effective() -> None:
    reported = parse_effective(RECORDED["debian13"])
    assert reported["acceptenv"] == ("LANG", "LC_*", "COLORTERM", "NO_COLOR")
    assert reported["subsystem"] == ("sftp /usr/lib/openssh/sftp-server",)
    assert listen_addresses(reported) == [("::", 22), ("0.0.0.0", 22)]


@pytest.mark.parametrize(
    ("answers", "listens"),
    [
        pytest.param(["0.0.0.0:22"], [("0.0.0.0", 22)], id="wildcard of IPv4"),
        pytest.param(["[::]:22"], [("::", 22)], id="wildcard of IPv6"),
        pytest.param(["[::]:22", "0.0.0.0:22"], [("::", 22), ("0.0.0.0", 22)], id="both"),
        pytest.param(["192.0.2.1:2222"], [("192.0.2.1", 2222)], id="a single address"),
        pytest.param(["[2001:db8::1]:22"], [("2001:db8::1", 22)], id="a single address of IPv6"),
        pytest.param(["[fe80::1%eth0]:22"], [("fe80::1%eth0", 22)], id="a zone"),
        pytest.param(["192.0.2.1:2222 rdomain blue"], [("192.0.2.1", 2222)], id="a routing domain"),
        pytest.param([], [], id="none"),
    ],
)
def test_where_sshd_listens(answers: list[str], listens: list[tuple[str, int]]) -> None:
    assert listen_addresses({"listenaddress": tuple(answers)}) == listens
