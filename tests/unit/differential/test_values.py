"""What `make fuzz` draws, held against what the model knows."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.keywords import ALIASES, GLOBAL, KEYWORDS
from tests.differential.fuzz import generate
from tests.differential.values import ANYWHERE, NEW, NOT_DRAWN, SELDOM, VALUES
from tests.differential.values import GLOBAL as OUTSIDE


def test_every_keyword_is_drawn_or_there_is_a_reason() -> None:
    drawn = {*VALUES, *(name.lower() for name in SELDOM)}
    assert {*KEYWORDS, *ALIASES} - drawn == {name.lower() for name in NOT_DRAWN}


def test_the_tables_say_where_a_keyword_may_stand_as_the_model_does() -> None:
    outside = {name.lower() for name in OUTSIDE if name.lower() in KEYWORDS}
    # Since OpenSSH 9.5 a Subsystem may stand in a block.
    assert outside - {"subsystem"} == GLOBAL & outside
    assert not GLOBAL & {name.lower() for name in ANYWHERE}
    assert not GLOBAL - {*outside, *(name.lower() for name in [*NEW, *NOT_DRAWN])}


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    assert generate(7, 20) == generate(7, 20) != generate(8, 20)
    assert len(set(generate(7, 20))) == 20
