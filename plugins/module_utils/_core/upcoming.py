# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tasks will have changed before the one that is planned. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANYTHING", "NOTHING", "Upcoming"]


@dataclass(frozen=True)
class Upcoming:
    """The packages, accounts and ports of sshd that are missing now and will be there when the plan is applied.

    ``None`` stands for any package or account.

    A missing one of these is no error: the plan goes as far as it can be known. Check mode of a single module does not
    know what other tasks of the play will do, so everything may be upcoming.
    """

    packages: frozenset[str] | None = frozenset()
    accounts: frozenset[str] | None = frozenset()
    ssh_ports: frozenset[int] = frozenset()

    def has_package(self, *parts: str) -> bool:
        """Return whether a package will be installed whose name contains one of ``parts``; without parts, any one."""
        if self.packages is None:
            return True
        return any(part in name for name in self.packages for part in parts or ("",))

    def has_account(self, name: str) -> bool:
        return self.accounts is None or name in self.accounts


NOTHING = Upcoming()
ANYTHING = Upcoming(None, None)
