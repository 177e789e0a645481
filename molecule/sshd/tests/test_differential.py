"""A small, always equal sample of ``make fuzz``: the model of sshd_config(5) against the sshd of this host."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from tests.differential.compare import Speller, Tally, compare
from tests.differential.fuzz import generate
from tests.differential.oracle import Oracle
from tests.differential.provenance import prove
from tests.differential.trees import Case
from tests.hosts.paths import FLEETS

SEED = 1
COUNT = 300


@pytest.fixture(scope="session")
def sample() -> list[Case]:
    return generate(SEED, COUNT)


@pytest.fixture(scope="session")
def speller(host: Host) -> Speller:
    ssh_config = FLEETS / "molecule-sshd" / "ssh_config"
    name = host.backend.host.name
    return Speller(Oracle(name, ["ssh", "-F", str(ssh_config), f"deploy@{name}", "sudo -n"]))


def test_the_model_agrees_with_sshd(speller: Speller, sample: list[Case]) -> None:
    tally = Tally()
    found = compare(speller.oracle, sample, tally, speller)
    assert not found, f"{len(found)} disagreements, the first: {found[0]}"
    assert tally.counts["compared"] > COUNT / 2, str(tally)


def test_the_line_that_is_named_decides(speller: Speller, sample: list[Case]) -> None:
    tally = Tally()
    found = prove(speller, sample, tally, seed=SEED)
    assert not found, f"{len(found)} lines, the first: {found[0]}"
    assert tally.counts["lines proven to decide"] > COUNT / 6, str(tally)
