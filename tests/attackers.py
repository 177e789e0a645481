"""The scenario attackers: its fleet, and what the tests of all its topics share."""

from __future__ import annotations

from dataclasses import dataclass

from docker.models.containers import Container

from tests.hosts import fleet

__all__ = ["FLEET", "Attacked"]

FLEET = "molecule-attackers"


@dataclass(frozen=True)
class Attacked:
    """One host of the scenario."""

    name: str
    container: Container

    def run(self, script: str) -> str:
        """Run ``script`` by sh as root through the engine and return its output; another status than 0 fails."""
        status, output = fleet.execute(self.container, script)
        assert status == 0, f"{self.name}: {script}: {output}"
        return output

    def status(self, script: str) -> tuple[int, str]:
        """Run ``script`` as :meth:`run` does and return its exit status and output."""
        return fleet.execute(self.container, script)
