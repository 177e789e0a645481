# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module firewall and its controller's half hand to each other: written and read. Pure.

The host may be hostile, so each field has a type and bounds (``_core/answer_fields.py``).
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .._core.answer_fields import InvalidConfirmation, invalid_answer, list_field, mapping_field, number_field
from .._core.phase import ArmedRollback, parse_armed_rollback
from .probes import MOST_PROBES, Probes

__all__ = ["FirewallConfirmation", "parse_firewall_confirmation"]

_LAST_PORT = 65535


@dataclass(frozen=True)
class FirewallConfirmation:
    """The rollback that is armed, and the ports to try from outside."""

    armed: ArmedRollback | None = None
    probes: Probes = Probes()

    def as_json(self) -> dict[str, t.Any]:
        """Return what the module answers; :func:`parse_firewall_confirmation` reads it."""
        return asdict(self)


def parse_firewall_confirmation(answer: t.Any, *, seconds: int) -> FirewallConfirmation:
    """Read ``answer``, the field ``confirmation`` of the module's result; ``seconds``: confirm_timeout of the task."""
    field = "confirmation.probes"
    try:
        fields = mapping_field(answer, "confirmation", ("armed", "probes"))
        probes = mapping_field(fields["probes"], field, ("open", "closed"))
        ports = list_field(probes["open"], f"{field}.open", MOST_PROBES)
        return FirewallConfirmation(
            armed=parse_armed_rollback(fields["armed"], topic="firewall", seconds=seconds),
            probes=Probes(
                tuple(number_field(port, f"{field}.open", 1, _LAST_PORT) for port in ports),
                number_field(probes["closed"], f"{field}.closed", 0, _LAST_PORT),
            ),
        )
    except InvalidConfirmation as error:
        raise invalid_answer(error) from error
