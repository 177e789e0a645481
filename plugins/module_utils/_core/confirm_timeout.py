# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change waits for its confirmation before it is rolled back, in seconds. Pure."""

from __future__ import annotations

from .errors import BaselineError

__all__ = ["LEAST_SECONDS", "MOST_SECONDS", "check_seconds"]

# A shorter time rolls good changes back, as a login takes some seconds. A longer one is no rescue.
LEAST_SECONDS, MOST_SECONDS = 15, 3600


def check_seconds(seconds: int) -> None:
    """Refuse a ``confirm_timeout`` that is too short for a login or too long to be a rescue."""
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise BaselineError(
            f"{seconds} seconds are not from {LEAST_SECONDS} to {MOST_SECONDS}", option="confirm_timeout"
        )
