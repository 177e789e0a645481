"""The paths, the armed state and the record of a rollback."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import (
    armed_text,
    parse_armed,
    parse_record,
    rollback_paths,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(armed_text("abc", 17.6), ("abc", 18.0), id="whole"),
        pytest.param("abc\n", ("abc", 0.0), id="cut-short"),
        pytest.param("", ("", 0.0), id="empty"),
    ],
)
def test_parse_armed(text: str, expected: tuple[str, float]) -> None:
    assert parse_armed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "token=a\ntrigger=timeout\nwhen=1795345721\nproblems=\n",
            "on 2026-11-22 11:08:41 UTC the host rolled its sshd configuration back, "
            "because nobody confirmed the change in time",
            id="timeout",
        ),
        pytest.param(
            "token=a\ntrigger=boot\nwhen=0\nproblems=x=y could not be restored\n",
            "on 1970-01-01 00:00:00 UTC the host rolled its sshd configuration back, because the host was started "
            "again before the change was confirmed; some of it failed: x=y could not be restored",
            id="problems",
        ),
        pytest.param(
            "token=$(id)\ntrigger=\x1b[2J\nwhen=99999999999999\nproblems=\x1b[2J" + "x" * 3000 + "\n",
            "on 1970-01-01 00:00:00 UTC the host rolled its sshd configuration back, because of a reason that its "
            "record does not name; some of it failed: \\x1b[2J" + "x" * 1996 + "… (1004 more characters)",
            id="of no rollback",
        ),
    ],
)
def test_record_as_a_sentence(text: str, expected: str) -> None:
    assert parse_record(text).sentence("sshd configuration") == expected


@pytest.mark.parametrize(
    ("trigger", "is_confirmed", "is_rolled_back"),
    [
        ("confirmed", True, False),
        ("timeout", False, True),
        ("boot", False, True),
        ("asked", False, True),
        # No script writes these: they say nothing about the change.
        ("", False, False),
        ("Confirmed", False, False),
        ("confirmed or asked", False, False),
    ],
)
def test_what_a_record_says(trigger: str, is_confirmed: bool, is_rolled_back: bool) -> None:
    record = parse_record(f"token=a\ntrigger={trigger}\nwhen=0\n")
    assert (record.is_confirmed, record.is_rolled_back) == (is_confirmed, is_rolled_back)


def test_a_rollback_that_was_asked_for() -> None:
    sentence = parse_record("token=a\ntrigger=asked\nwhen=0\n").sentence("firewall configuration")
    assert sentence.endswith("the host rolled its firewall configuration back, because it was asked to")


@pytest.mark.parametrize(
    ("kernel", "folder"),
    [("Linux", "/var/lib/pyhost.baseline/rollback-sshd"), ("FreeBSD", "/var/db/pyhost.baseline/rollback-sshd")],
)
def test_the_folder_is_where_the_system_keeps_its_state(kernel: str, folder: str) -> None:
    assert rollback_paths(kernel, "sshd").folder == folder
