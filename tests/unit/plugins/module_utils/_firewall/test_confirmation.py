"""What a host may answer about a change of its firewall, and that nothing else gets through."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.phase import ArmedRollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import BASE
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.confirmation import (
    FirewallConfirmation,
    parse_firewall_confirmation,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.probes import Probes

WHOLE = FirewallConfirmation(ArmedRollback(45, "systemd", BASE, "0" * 32, "firewall"), Probes((22, 80), 61000))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
)


def sent(confirmation: FirewallConfirmation) -> t.Any:
    """Return ``confirmation`` as the controller gets it."""
    return json.loads(json.dumps(confirmation.as_json()))


@pytest.mark.parametrize("confirmation", [WHOLE, FirewallConfirmation()])
def test_what_the_module_writes_is_what_the_controller_reads(confirmation: FirewallConfirmation) -> None:
    assert parse_firewall_confirmation(sent(confirmation), seconds=45) == confirmation


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"probes": {"open": [0], "closed": 1}}, "confirmation.probes.open is 0"),
        ({"probes": {"open": [65536], "closed": 1}}, "confirmation.probes.open is 65536"),
        ({"probes": {"open": ["22"], "closed": 1}}, "confirmation.probes.open is a text"),
        ({"probes": {"open": list(range(1, 18)), "closed": 1}}, "confirmation.probes.open has 17 entries"),
        ({"probes": {"open": [], "closed": -1}}, "confirmation.probes.closed is -1"),
        ({"probes": {"open": []}}, "confirmation.probes.closed is missing"),
        ({"probes": None}, "confirmation.probes is null"),
        ({"host": "192.0.2.9"}, "confirmation.host is no field"),
    ],
)
def test_a_field_that_is_unfit_is_refused_by_its_name(change: dict[str, t.Any], field: str) -> None:
    with pytest.raises(BaselineError, match=f"is not one of this module: {field}"):
        parse_firewall_confirmation({**sent(WHOLE), **change}, seconds=45)


@given(JSON)
def test_any_answer_is_read_or_refused(answer: t.Any) -> None:
    try:
        assert isinstance(parse_firewall_confirmation(answer, seconds=45), FirewallConfirmation)
    except BaselineError as error:
        assert "so nothing of it was used on this controller" in error.problem
