"""The fleet of the scenario: each host, asked through the engine, past all that an attack has done to its network."""

from __future__ import annotations

import pytest

from tests.attackers import FLEET, Attacked
from tests.hosts import engine, fleet


@pytest.fixture(scope="session")
def attacked() -> dict[str, Attacked]:
    """Return the scenario's hosts by name; a name that is not there is a KeyError of the test that needs it."""
    client = engine.connect()
    return {name: Attacked(name, fleet.find(client, FLEET, name)) for name in fleet.names(client, FLEET)}
