"""A small, always equal sample of ``make fuzz``: the model of sshd_config(5) against the sshd of this host."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from tests.differential.compare import Tally, compare
from tests.differential.fuzz import generate
from tests.differential.oracle import Oracle
from tests.differential.trees import Case
from tests.hosts.paths import FLEETS

SEED = 1
COUNT = 300


@pytest.fixture(scope="session")
def sample() -> list[Case]:
    return generate(SEED, COUNT)


def test_the_model_agrees_with_sshd(host: Host, sample: list[Case]) -> None:
    ssh_config = FLEETS / "molecule-sshd" / "ssh_config"
    name = host.backend.host.name
    oracle = Oracle(name, ["ssh", "-F", str(ssh_config), f"deploy@{name}", "sudo -n"])
    tally = Tally()
    found = compare(oracle, sample, tally)
    assert not found, f"{len(found)} disagreements, the first: {found[0]}"
    assert tally.counts["compared"] > COUNT / 2, str(tally)
