"""The file of our ban action: when it is needed, its text, and jails that run another version."""

from __future__ import annotations

import ast
import re
import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.config import HEADER
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ban_action, nftables_action
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.own_files import is_own_text
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.packet_filters import ACTION_FILE, BAN_ACTIONS
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream
from tests.unit.fake_fail2ban import ACTION, ACTION_TEXT, DIGEST, JAIL, FakeServer

STOCK = JailStream("shop", "auto", (("set", "shop", "addaction", "nftables"),))


@pytest.mark.parametrize(
    ("texts", "is_needed"),
    [
        *(pytest.param([f"[DEFAULT]\nbanaction = {one}\n"], True, id=one) for one in BAN_ACTIONS["nftables"]),
        pytest.param(["banaction = nftables", "pyhost-nftables.py[blocktype=drop]"], True, id="in another file"),
        pytest.param(["banaction = nftables[type=allports]"], False, id="the stock action"),
        pytest.param([], False, id="no jail"),
    ],
)
def test_when_the_file_is_needed(texts: list[str], is_needed: bool) -> None:
    assert list(ban_action.ban_action_files(texts)) == ([ACTION_FILE] if is_needed else [])


def test_its_text_is_a_program_that_needs_only_the_standard_library() -> None:
    file = ban_action.ban_action_files(["pyhost-nftables.py"])[ACTION_FILE]
    with open(nftables_action.__file__, encoding="utf-8") as source:
        assert file.text.replace(f'"{DIGEST}"', '""').split("\n", 1) == [HEADER, source.read()]
    assert re.fullmatch("[0-9a-f]{12}", DIGEST)
    imports = [node for node in ast.walk(ast.parse(file.text)) if isinstance(node, ast.ImportFrom)]
    assert [(node.module, node.level) for node in imports] == [("__future__", 0)]
    assert (file.private, is_own_text(file.text), ACTION) == (False, True, f"/etc/fail2ban{ACTION_FILE}")


@pytest.mark.parametrize(
    ("jail", "digest", "is_requested", "is_older"),
    [
        pytest.param(JAIL, DIGEST, True, False, id="the same"),
        pytest.param(JAIL, "0123456789ab", True, True, id="another one"),
        pytest.param(STOCK, "0123456789ab", True, False, id="a jail with the stock action"),
        pytest.param(JAIL, "0123456789ab", False, False, id="about to be removed"),
    ],
)
def test_a_jail_that_runs_another_version(jail: JailStream, digest: str, is_requested: bool, is_older: bool) -> None:
    assert ACTION_TEXT
    server = FakeServer()
    server.answers["get", "sshd", "action", "pyhost-nftables", "digest"] = digest
    files = ban_action.ban_action_files(["pyhost-nftables.py"] if is_requested else [])
    assert ban_action.older_action(server, jail, files) == (
        ["another version of pyhost-nftables.py runs"] if is_older else []
    )


def test_it_runs_without_the_name_of_its_file() -> None:
    """fail2ban 1.0.2 and 1.1.0 load it in different ways, and not all of them set ``__file__``."""
    module: dict[str, t.Any] = {"__name__": "pyhost-nftables"}
    exec(compile(ACTION_TEXT, "pyhost-nftables.py", "exec"), module)  # noqa: S102  # as the server of fail2ban does
    assert module["Action"](types.SimpleNamespace(name="sshd"), "pyhost-nftables").digest == DIGEST
