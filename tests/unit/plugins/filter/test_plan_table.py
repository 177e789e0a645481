"""The filter is the table."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.filter.plan_table import FilterModule


def test_the_filter_takes_a_plan_and_a_proof() -> None:
    plan_table = FilterModule().filters()["plan_table"]
    assert plan_table({"parts": []}) == plan_table({"parts": []}, {}) == ["role  before  now  evidence"]
