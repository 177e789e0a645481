"""Settings of the unit tests."""

from __future__ import annotations

from hypothesis import settings

# The same cases on every run: what a search finds belongs into a table, not into somebody else's build.
settings.register_profile("table", derandomize=True, deadline=None)
settings.load_profile("table")
