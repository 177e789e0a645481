# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last run in the log of unattended-upgrade(8)."""

from __future__ import annotations

import re
import typing as t

__all__ = ["has_succeeded", "last_run"]

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (\w+) (.*)")
_START = "Starting unattended upgrades script"
_UPGRADED = "Packages that will be upgraded: "
# The last message of a run that did all that there was to do.
_COMPLETE = ("All upgrades installed", "No packages found that can be upgraded unattended")


def last_run(text: str) -> dict[str, t.Any] | None:
    """Return the last run in the log that was no dry run, ``None`` where there is none."""
    runs: list[list[tuple[str, str, str]]] = []
    for match in filter(None, map(_LINE.fullmatch, text.splitlines())):
        time, level, message = match.groups()
        if message == _START:
            runs.append([])
        # The next run logs its check of battery and network before its start.
        if runs and not message.startswith("Checking if "):
            runs[-1].append((time, level, message))
    real = [run for run in runs if not any("dry-run" in message for _time, _level, message in run)]
    return _summary(real[-1]) if real else None


def _summary(run: list[tuple[str, str, str]]) -> dict[str, t.Any]:
    upgraded = [message[len(_UPGRADED) :].split() for _time, _level, message in run if message.startswith(_UPGRADED)]
    return {
        "started": run[0][0],
        "finished": run[-1][0],
        "upgraded": sorted(name for names in upgraded for name in names),
        "errors": [message for _time, level, message in run if level in ("ERROR", "CRITICAL")],
        "messages": [message for _time, level, message in run if level != "DEBUG"],
    }


def has_succeeded(run: t.Mapping[str, t.Any] | None) -> bool:
    """Say whether the run that :func:`last_run` returned came to its end without an error."""
    return bool(run and not run["errors"] and any(message.startswith(_COMPLETE) for message in run["messages"]))
