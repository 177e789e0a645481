"""Which connections a configuration is checked for."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.connections import (
    connections_to_check,
    example_connection,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection, read_criteria
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings

ROOT = Connection("root", address="192.0.2.7")


def test_connections_to_check() -> None:
    desired = build_settings(
        {"Port": 22},
        [
            {"criteria": {"user": "upload"}, "settings": {"X11Forwarding": False}},
            {"criteria": {"group": "no-such-group"}, "settings": {"X11Forwarding": False}},
        ],
    )
    asked, mute = connections_to_check(desired, ROOT, ["root", "nobody-such"])
    assert [one.user for one in asked] == ["root", "root", "nobody-such", "upload"]
    assert mute == ["group no-such-group"]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        pytest.param(["User vera Address 198.51.100.0/24"], "user=vera,host=198.51.100.1,addr=198.51.100.1", id="one"),
        pytest.param(["User v*", "LocalPort 2022"], "user=vx,host=192.0.2.7,addr=192.0.2.7,lport=2022", id="nested"),
        pytest.param(["all"], "user=root,host=192.0.2.7,addr=192.0.2.7", id="everybody"),
        pytest.param(["User a", "User b"], "", id="nobody is both"),
        pytest.param(["Group no-such-group"], "", id="no member"),
        pytest.param(["Address 10.0.0.0/33"], "", id="no network"),
        pytest.param(["Address fe80::%eth0/64"], "", id="a network with a zone"),
        pytest.param(["User !root"], "", id="an exclusion alone"),
    ],
)
def test_an_example_of_a_block(criteria: list[str], expected: str) -> None:
    found = example_connection([read_criteria(one.split(), where="f:1") for one in criteria], ROOT)
    assert (found.specification() if found else "") == expected


def test_an_example_of_a_group_is_a_member() -> None:
    found = example_connection([read_criteria(["Group", "no-such-group,root"], where="f:1")], ROOT)
    assert found and found.user == "root" and "root" in found.groups
