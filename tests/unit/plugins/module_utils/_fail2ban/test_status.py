from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.status import counts_of, parse_ban

NOW = datetime.datetime(2026, 11, 22, 10, 55, 59)


@pytest.mark.parametrize(
    ("line", "ban"),
    [
        pytest.param(
            "192.0.2.77 \t2026-11-22 10:50:59 + 600 = 2026-11-22 11:00:59",
            {"address": "192.0.2.77", "since": "2026-11-22 10:50:59", "bantime": 600, "remaining": 300},
            id="as recorded on Debian 13",
        ),
        pytest.param(
            "2001:db8::77 \t2026-11-22 10:30:59 + 600 = 2026-11-22 10:40:59",
            {"address": "2001:db8::77", "since": "2026-11-22 10:30:59", "bantime": 600, "remaining": 0},
            id="over, and about to be taken back",
        ),
        pytest.param(
            "192.0.2.77 \t2026-11-22 10:50:59 + -1 = 9999-12-31 23:59:59",
            {"address": "192.0.2.77", "since": "2026-11-22 10:50:59", "bantime": -1, "remaining": None},
            id="for ever",
        ),
        pytest.param(
            "192.0.2.77",
            {"address": "192.0.2.77", "since": None, "bantime": None, "remaining": None},
            id="without times",
        ),
    ],
)
def test_parse_ban(line: str, ban: dict[str, t.Any]) -> None:
    assert parse_ban(line, NOW) == ban


def test_counts_of_a_recorded_answer() -> None:
    status = [
        ("Filter", [("Currently failed", 1), ("Total failed", 6), ("Journal matches", ["_COMM=sshd"])]),
        ("Actions", [("Currently banned", 2), ("Total banned", 9), ("Banned IP list", ["192.0.2.1", "192.0.2.2"])]),
    ]
    assert counts_of(status) == {"failures": 1, "failures_total": 6, "banned": 2, "banned_total": 9}
