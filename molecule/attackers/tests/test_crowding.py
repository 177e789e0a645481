"""A stranger takes sshd's places for those who have not logged in: the admin comes in all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attackers import FLEET, Attacked
from tests.attackers_crowding import ATTACKS, Attack, Crowding, crowd, equip, kexinit
from tests.hosts import runs

SCENARIO = Path(__file__).parents[1]
NAMES = ("net12", "net13")
SECONDS = 10
# The others are measured (`make bench`), not promised.
ONE_SOURCE = [attack for attack in ATTACKS if attack.promised]
TASK = "pyhost.baseline.sshd : Ensure the settings of sshd"
# Of documentation: nobody here comes from there.
TRUSTED = ["192.0.2.0/24", "2001:db8::/48"]


def reset(host: Attacked) -> None:
    """Give back the distribution's sshd, and forget whom it has penalised."""
    host.run("rm -f /etc/ssh/sshd_config.d/00-pyhost-baseline.conf; systemctl restart ssh")


@pytest.fixture(scope="module")
def stock(attacked: dict[str, Attacked]) -> dict[str, Crowding]:
    """What the first attack does to the distribution's own settings."""
    equip(attacked["stranger"], [attacked[name] for name in NAMES])
    seen = {}
    for name in NAMES:
        reset(attacked[name])
        # On a busy machine the crowd takes its time to come.
        seen[name] = crowd(FLEET, attacked["stranger"], attacked[name], ONE_SOURCE[0], seconds=SECONDS, gather=10)
        # Those that were accepted and not yet let go.
        reset(attacked[name])
    return seen


@pytest.fixture(scope="module")
def hardened(attacked: dict[str, Attacked], stock: dict[str, Crowding]) -> Iterator[dict[str, Attacked]]:
    assert stock
    variables = {"attacked": ",".join(NAMES), "sshd_trusted_addresses": TRUSTED}
    result = runs.play(FLEET, SCENARIO / "harden_sshd.yml", variables, user="root")
    assert [result[name][TASK].get("msg") for name in NAMES] == [None, None]
    yield {name: attacked[name] for name in NAMES}
    for name in NAMES:
        reset(attacked[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_attack_keeps_the_admin_out_of_a_stock_host(stock: dict[str, Crowding], name: str) -> None:
    """Else the tests below show nothing."""
    assert len(stock[name].errors) > len(stock[name].seconds), str(stock[name])


@pytest.mark.parametrize("attack", ONE_SOURCE, ids=lambda attack: attack.name)
@pytest.mark.parametrize("name", NAMES)
def test_one_source_keeps_nobody_out(
    attacked: dict[str, Attacked], hardened: dict[str, Attacked], name: str, attack: Attack
) -> None:
    seen = crowd(FLEET, attacked["stranger"], hardened[name], attack, seconds=SECONDS)
    assert seen.tried and not seen.errors, f"{seen}: {seen.errors}"
    if attack.mode == "idle":
        assert seen.stranger["seen"] <= 5


@pytest.mark.parametrize("name", NAMES)
def test_what_this_sshd_knows_is_in_force(hardened: dict[str, Attacked], name: str) -> None:
    said = dict(line.split(" ", 1) for line in hardened[name].run("sshd -T").splitlines() if " " in line)
    assert (said["persourcemaxstartups"], said["persourcenetblocksize"]) == ("5", "32:64")
    assert (said["maxstartups"], said["logingracetime"]) == ("100:30:150", "30")
    has_penalties = name == "net13"
    assert said.get("persourcepenaltyexemptlist") == (",".join(TRUSTED) if has_penalties else None)


@pytest.mark.parametrize("name", NAMES)
def test_strict_key_exchange_is_offered(hardened: dict[str, Attacked], name: str) -> None:
    """Terrapin (CVE-2023-48795) needs a side that does not know it."""
    assert re.search(rb"kex-strict-s-v00@openssh\.com", kexinit(hardened[name]))
