"""What is said of pip-audit's answers: found, clean, or not asked, which must never look like clean."""

from __future__ import annotations

import typing as t

import pytest

from tools.audit import judge

CLEAN = {"name": "ruff", "version": "1", "vulns": []}
SILENT = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (1)"}
WEAK = {
    "name": "docker",
    "version": "7.2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["7.2.1"]}],
}


@pytest.mark.parametrize(
    ("packages", "required", "status", "words"),
    [
        pytest.param([CLEAN], True, 0, "no known vulnerabilities in 1 packages", id="clean"),
        pytest.param([CLEAN, WEAK], False, 1, "docker 7.2.0: PYSEC-1, mended in 7.2.1", id="found"),
        pytest.param([SILENT, WEAK], False, 1, "docker 7.2.0: PYSEC-1, mended in 7.2.1", id="found among the silent"),
        pytest.param(
            [CLEAN, SILENT],
            False,
            0,
            "LEFT OUT: PyPI's JSON API answered for 1 of 2 packages; nothing is known of the others. The workflow "
            "asks, and fails there.",
            id="not asked",
        ),
        pytest.param(
            [SILENT],
            True,
            1,
            "PyPI's JSON API answered for 0 of 1 packages (not for rich …), and PYHOST_AUDIT is required",
            id="not asked in the workflow",
        ),
        pytest.param(
            [],
            True,
            1,
            "PyPI's JSON API answered for 0 of 0 packages (not for any …), and PYHOST_AUDIT is required",
            id="no network",
        ),
    ],
)
def test_verdict(packages: list[dict[str, t.Any]], required: bool, status: int, words: str) -> None:
    verdict = judge(packages, required=required)
    assert (verdict.status, verdict.lines[0]) == (status, words)


@pytest.mark.parametrize("known", ["PYSEC-1", "CVE-2026-1"])
def test_an_accepted_vulnerability_is_passed_over(known: str) -> None:
    assert judge([WEAK], required=True, accepted={known: "not reachable"}).status == 0
