"""A small, always equal sample of ``make fuzz``: the model of sshd_config(5) against the sshd of this host."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from testinfra.host import Host

from tests.differential.compare import Disagreement, Speller, Tally, compare
from tests.differential.fuzz import generate
from tests.differential.oracle import Oracle
from tests.differential.provenance import prove
from tests.differential.trees import Case
from tests.hosts.paths import FLEETS

SEED = 1
COUNT = 200


@pytest.fixture(scope="session")
def sample() -> list[Case]:
    return generate(SEED, COUNT)


@dataclass
class Played:
    """The sample as it was compared: what sshd was asked with, where the model is wrong, and how much was compared."""

    speller: Speller
    found: list[Disagreement]
    tally: Tally


@pytest.fixture(scope="module")
def played(host: Host, sample: list[Case]) -> Played:
    ssh_config = FLEETS / "molecule-sshd" / "ssh_config"
    name = host.backend.host.name
    speller = Speller(Oracle(name, ["ssh", "-F", str(ssh_config), f"deploy@{name}", "sudo -n"]))
    tally = Tally()
    return Played(speller, compare(speller.oracle, sample, tally, speller), tally)


def test_the_model_agrees_with_sshd(played: Played) -> None:
    assert not played.found, f"{len(played.found)} disagreements, the first: {played.found[0]}"
    assert played.tally.counts["compared"] > COUNT / 2, str(played.tally)


def test_the_line_that_is_named_decides(played: Played, sample: list[Case]) -> None:
    found = prove(played.speller, sample, played.tally, seed=SEED)
    assert not found, f"{len(found)} lines, the first: {found[0]}"
    assert played.tally.counts["lines proven to decide"] > COUNT / 10, str(played.tally)
