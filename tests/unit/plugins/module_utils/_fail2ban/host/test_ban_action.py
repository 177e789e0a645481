"""The file of our ban action: when it is needed, its text, and jails that run another version."""

from __future__ import annotations

import ast

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ban_action, nftables_action
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.packet_filters import BAN_ACTIONS
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import ACTION, DIGEST, JAIL, FakeServer

STOCK = JailStream("shop", "auto", (("set", "shop", "addaction", "nftables"),))


@pytest.mark.parametrize(
    ("banaction", "jails", "is_needed"),
    [
        *(pytest.param(one, [], True, id=one) for one in BAN_ACTIONS["nftables"]),
        pytest.param("pyhost-nftables.py[blocktype=drop]", [STOCK], True, id="with an option"),
        pytest.param("nftables", [STOCK, JAIL], True, id="one of two jails"),
        pytest.param("nftables", [STOCK], False, id="the stock action"),
        pytest.param("", [], False, id="no jail"),
    ],
)
def test_when_the_file_is_needed(banaction: str, jails: list[JailStream], is_needed: bool) -> None:
    assert (ban_action.requested_action(banaction, jails) is not None) is is_needed


def test_its_text_is_a_program_that_needs_only_the_standard_library() -> None:
    text = str(ban_action.requested_action("pyhost-nftables.py", []))
    with open(nftables_action.__file__, encoding="utf-8") as source:
        assert text.split("\n", 1) == ["# Managed by the module pyhost.baseline.fail2ban_jails.", source.read()]
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    assert [(node.module, node.level) for node in imports] == [("__future__", 0)]


def test_its_place() -> None:
    assert ban_action.action_path("/etc/fail2ban") == ACTION


@pytest.mark.parametrize(
    ("jail", "digest", "banaction", "is_older"),
    [
        pytest.param(JAIL, DIGEST, "pyhost-nftables.py", False, id="the same"),
        pytest.param(JAIL, "0123456789ab", "pyhost-nftables.py", True, id="another one"),
        pytest.param(STOCK, "0123456789ab", "pyhost-nftables.py", False, id="a jail with the stock action"),
        pytest.param(JAIL, "0123456789ab", "nftables", False, id="about to be removed"),
    ],
)
def test_a_jail_that_runs_another_version(jail: JailStream, digest: str, banaction: str, is_older: bool) -> None:
    server = FakeServer()
    server.answers["get", "sshd", "action", "pyhost-nftables", "digest"] = digest
    found = ban_action.older_action(server, jail, ban_action.requested_action(banaction, []))
    assert found == (["another version of pyhost-nftables.py runs"] if is_older else [])
