# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that a plan can contain, each imported where it is needed.

A host needs one package manager, one updater and not always all roles.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from ..._accounts.host import admin_user_module
    from ..._core.module_result import ModuleResult
    from ..._fail2ban.host import fail2ban_jails_module
    from ..._firewall.host import pf_anchor_module
    from ..._packages.host import packages_module
    from ..._python.host import python_venv_module
    from ..._sshd.host import sshd_config_module
    from ..._updates.host import dnf_automatic_module, freebsd_updates_module, unattended_upgrades_module

    # Ansible sends the files that are imported anywhere in the source.
    SENT = (
        admin_user_module,
        dnf_automatic_module,
        fail2ban_jails_module,
        freebsd_updates_module,
        packages_module,
        pf_anchor_module,
        python_venv_module,
        sshd_config_module,
        unattended_upgrades_module,
    )

__all__ = ["PlannedModule", "load_module"]

_PACKAGES = {
    "packages": "_packages",
    "admin_user": "_accounts",
    "python_venv": "_python",
    "unattended_upgrades": "_updates",
    "dnf_automatic": "_updates",
    "freebsd_updates": "_updates",
    "pf_anchor": "_firewall",
    "fail2ban_jails": "_fail2ban",
    "sshd_config": "_sshd",
}


class PlannedModule(t.NamedTuple):
    """The argument spec of a module, and the function that ensures its options; it plans where the host is planned."""

    arguments: t.Mapping[str, t.Any]
    ensure_options: t.Callable[..., ModuleResult]


def load_module(name: str) -> PlannedModule:
    """Import the module ``name``, one of ``model.MODULES``."""
    above = __name__.rsplit(".", 3)[0]
    found = importlib.import_module(f"{above}.{_PACKAGES[name]}.host.{name}_module")
    return PlannedModule(found.ARGUMENTS, found.ensure_options)
