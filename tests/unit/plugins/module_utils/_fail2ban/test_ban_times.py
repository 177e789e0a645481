"""Ban times that grow by default: only with the filter recidive, and only where nothing else is set."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.ban_times import with_growing_bans

WEEK = 7 * 86400
STOCK = {"bantime": "1w", "findtime": "1d"}
Options = dict[str, t.Any]


def added(
    filter_name: str = "recidive",
    options: Options | None = None,
    defaults: Options | None = None,
    others: dict[str, str] | None = None,
    others_defaults: dict[str, str] | None = None,
) -> Options:
    """Return what is added to the options of the jail."""
    given = options or {}
    grown = with_growing_bans(
        filter_name, given, defaults or {}, STOCK if others is None else others, others_defaults or {"bantime": "10m"}
    )
    assert {name: grown[name] for name in given} == given
    return {name: value for name, value in grown.items() if name not in given}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {"bantime.increment": True, "bantime.maxtime": str(8 * WEEK)}, id="as jail.conf has it"),
        pytest.param({"filter_name": "sshd"}, {}, id="another filter"),
        pytest.param({"options": {"bantime.increment": False}}, {}, id="refused"),
        pytest.param({"defaults": {"bantime.increment": True}}, {}, id="set for all jails"),
        pytest.param({"others": {**STOCK, "bantime.increment": "false"}}, {}, id="refused by another file"),
        pytest.param({"others_defaults": {"bantime.increment": "true"}}, {}, id="set for all by another file"),
        pytest.param(
            {"options": {"bantime": "1d"}}, {"bantime.increment": True, "bantime.maxtime": str(8 * 86400)}, id="shorter"
        ),
        pytest.param(
            {"options": {"bantime.maxtime": "1y"}}, {"bantime.increment": True}, id="a longest time of its own"
        ),
        pytest.param({"options": {"bantime": -1}}, {"bantime.increment": True}, id="for ever"),
        pytest.param({"options": {"bantime": "%(x)s"}}, {"bantime.increment": True}, id="a reference"),
        pytest.param(
            {"others": {}, "others_defaults": {"usedns": "no"}},
            {"bantime.increment": True, "bantime.maxtime": "4800"},
            id="no time anywhere",
        ),
    ],
)
def test_recidive(given: dict[str, t.Any], expected: Options) -> None:
    assert added(**given) == expected
