"""The table at the end of a run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._plan.table import table_lines


def part(role: str, *, in_force: bool = True, headers: t.Sequence[str] = (), **given: t.Any) -> dict[str, t.Any]:
    found = {"role": role, "in_force": in_force, "unproven": [], "evidence": ["sshd -T", "/x"]}
    return {**found, "differences": [{"after_header": one} for one in headers], **given}


@pytest.mark.parametrize(
    ("before", "after", "row"),
    [
        pytest.param([part("sshd")], [], "sshd  in force  in force  sshd -T", id="nothing to do"),
        pytest.param(
            [part("sshd", in_force=False, headers=["/a"])],
            [part("sshd")],
            "sshd  differs in /a  in force  sshd -T",
            id="applied",
        ),
        pytest.param(
            [part("sshd", in_force=False, headers=["/a", "/b", "/c", "/d"])],
            [],
            "sshd  differs in /a, /b and 2 more  not changed  sshd -T",
            id="check mode",
        ),
        pytest.param(
            [part("sshd", in_force=False, unproven=["sshd"])],
            [part("sshd", in_force=False)],
            "sshd  not proven: sshd  not in force  sshd -T",
            id="still not in force",
        ),
        pytest.param(
            [part("sshd", in_force=False)], [part("sshd")], "sshd  not in force  in force  sshd -T", id="no diff"
        ),
        pytest.param(
            [part("f", evidence=[]), part("f", in_force=False, headers=[""])],
            [part("f"), part("f")],
            "f  differs in f  in force  sshd -T; sshd -T",
            id="a role of two requests",
        ),
    ],
)
def test_rows(before: list[t.Any], after: list[t.Any], row: str) -> None:
    head, found = table_lines({"parts": before}, {"parts": after} if after else {})
    assert head.split() == ["role", "before", "now", "evidence"]
    assert " ".join(found.split()) == " ".join(row.split())


def test_columns_are_aligned_and_long_texts_cut() -> None:
    lines = table_lines({"parts": [part("a"), part("admin_user", in_force=False, headers=["/x" * 60])]}, {})
    assert lines[1] == f"a           {'in force'.ljust(72)}  in force     sshd -T"
    assert lines[2].startswith("admin_user  differs in /x/x") and "…  not changed" in lines[2]


def test_a_run_without_a_plan_has_no_rows() -> None:
    assert len(table_lines({}, {})) == 1
