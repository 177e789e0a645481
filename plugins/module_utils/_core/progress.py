# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has changed so far, so that an error says it truly."""

from __future__ import annotations

import contextlib

from .errors import UNCHANGED, state_of_errors

__all__ = ["Progress"]


class Progress:
    """The steps of a run that have changed something, in their order: the ``state`` of an error that comes afterwards.

    Whoever changes something records it; whoever starts the run puts all of it into :meth:`in_errors`.
    """

    def __init__(self) -> None:
        self._steps: list[str] = []

    def record(self, step: str) -> None:
        """Note a ``step`` in the past tense, such as "updated the package index"."""
        if step not in self._steps:
            self._steps.append(step)

    def describe(self) -> str:
        """Return the sentence about all steps."""
        if not self._steps:
            return UNCHANGED
        return f"this task {', '.join(self._steps)}, and changed nothing else"

    def in_errors(self) -> contextlib.AbstractContextManager[None]:
        """Let errors from inside that name no ``state`` of their own say what has been changed when they come."""
        return state_of_errors(self.describe)
