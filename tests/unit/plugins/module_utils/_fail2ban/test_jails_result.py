"""The state of jails as one mapping, and what counts as a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jails_result import JailsResult, JailsState
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import OwnFile
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import ComposedJails

STATE = JailsState("[sshd]\n", {"running": True}, {"sshd": {"maxretry": 5}, "other": {}})
COMPOSED = ComposedJails("", "systemd", "nftables", frozenset())


def test_all_but_the_file_as_one_mapping() -> None:
    assert STATE.running() == {
        "service running": True,
        "sshd runs": True,
        "sshd maxretry": 5,
        "other runs": True,
    }


@pytest.mark.parametrize(
    ("different", "shown"),
    [
        pytest.param({"packet_filter": {"sshd": ["no rule"]}}, "sshd differs in the packet filter", id="rules"),
        pytest.param({"unread": {"sshd": "/x.journal"}}, "sshd does not read", id="a journal"),
        pytest.param({"database": "is corrupt"}, "database", id="the database"),
        pytest.param({"file": None}, None, id="our file"),
        pytest.param({"drop_in": "[Service]\n"}, None, id="the drop-in"),
        pytest.param({"files": {"/filter.d/x.local": OwnFile("")}}, None, id="another file"),
    ],
)
def test_what_is_a_change(different: dict[str, object], shown: str | None) -> None:
    other = replace(STATE, **different)  # type: ignore[arg-type]
    assert set(other.running()) - set(STATE.running()) == ({shown} if shown else set())
    assert JailsResult(other, STATE, COMPOSED, "/x").changed
    assert not JailsResult(other, other, COMPOSED, "/x").changed
