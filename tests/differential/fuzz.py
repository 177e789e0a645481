"""Run generated configurations through the model and through sshd; shrink what they disagree about."""

from __future__ import annotations

import typing as t

import hypothesis
from hypothesis import HealthCheck, Phase

from tests.differential.compare import Disagreement, Tally, compare
from tests.differential.oracle import Oracle
from tests.differential.trees import Case, cases

__all__ = ["generate", "shrunk"]


def generate(seed: int, count: int) -> list[Case]:
    """Return ``count`` different cases, the same for the same seed."""
    found: list[Case] = []
    _each(seed, count, found.append, (Phase.generate,))
    return list(dict.fromkeys(found))[:count]


def shrunk(oracle: Oracle, seed: int, count: int, found: t.Iterable[Disagreement]) -> Disagreement:
    """Return what hypothesis shrinks the disagreements to that were ``found`` among the cases of ``seed``."""
    smallest: list[Disagreement] = []
    # Asking for one at a time takes long: those of the batch are known.
    agreed = set(generate(seed, count)) - {one.case for one in found}

    def check(case: Case) -> None:
        found = [] if case in agreed else compare(oracle, [case], Tally())
        smallest[:] = found or smallest
        assert not found

    try:
        _each(seed, count, check, (Phase.generate, Phase.shrink))
    except AssertionError:
        return smallest[0]
    raise RuntimeError(f"the disagreement among the {count} cases of seed {seed} did not come back")


def _each(seed: int, count: int, check: t.Callable[[Case], t.Any], phases: tuple[Phase, ...]) -> None:
    settings = hypothesis.settings(
        # hypothesis plays some cases more than once.
        max_examples=count + count // 3,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @hypothesis.seed(seed)
    @settings
    @hypothesis.given(cases())
    def run(case: Case) -> None:
        check(case)

    run()
