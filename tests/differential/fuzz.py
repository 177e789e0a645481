"""Generated configurations, the same for the same seed."""

from __future__ import annotations

import hypothesis
from hypothesis import HealthCheck, Phase

from tests.differential.trees import Case, cases

__all__ = ["generate"]


def generate(seed: int, count: int) -> list[Case]:
    """Return ``count`` different cases."""
    found: list[Case] = []
    settings = hypothesis.settings(
        # hypothesis plays some cases more than once.
        max_examples=count + count // 3,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @hypothesis.seed(seed)
    @settings
    @hypothesis.given(cases())
    def draw(case: Case) -> None:
        found.append(case)

    draw()
    return list(dict.fromkeys(found))[:count]
