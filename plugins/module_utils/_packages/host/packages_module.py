# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module packages, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..._core.module_result import ModuleResult
from ..model import (
    PackagesDifference,
    PackagesRequest,
    PackagesResult,
    compare_packages,
)
from ..names import asked_system, meaning, resolve
from .manager import (
    gather_system,
    open_package_manager,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Install, upgrade or remove the packages of ``options``, or only return what their names mean."""
    if options["system"] and options["state"] != "resolved":
        raise BaselineError("the option is for state=resolved only", option="system")
    if options["system"]:
        return ModuleResult(False, fields=meaning(options["name"], asked_system(options["system"])))
    system = gather_system(host)
    facts = {"ansible_facts": {"pyhost_system": system.as_fact()}}
    if options["state"] == "resolved":
        return ModuleResult(False, fields={**meaning(options["name"], system), **facts})
    resolved = resolve(options["name"], system, alone=options["state"] == "absent")
    request = PackagesRequest(
        packages=resolved.packages,
        state=options["state"],
        recommends=options["install_recommends"],
        update_cache=options["update_cache"],
        cache_valid_time=options["cache_valid_time"],
        lock_timeout=options["lock_timeout"],
        repositories=resolved.repositories,
        enable_repositories=options["enable_repositories"],
    )
    found = open_package_manager(host, system).ensure(request)
    difference = compare_packages(found.before, found.after)
    fields = {"resolved": resolved.by_name, **_fields(found, difference), **facts}
    return ModuleResult(found.changed, _diff(found, difference), found.warnings, fields)


def _fields(found: PackagesResult, difference: PackagesDifference) -> dict[str, t.Any]:
    return {
        "installed": difference.installed,
        "upgraded": difference.upgraded,
        "removed": difference.removed,
        "cache_updated": found.cache_updated,
        "repositories_enabled": list(found.repositories_enabled),
    }


def _diff(found: PackagesResult, difference: PackagesDifference) -> dict[str, str]:
    """Return the diff of the packages that differ."""
    differing = sorted(difference.names)
    before, after = (
        "".join(f"{name} {versions[name]}\n" for name in differing if name in versions)
        for versions in (found.before, found.after)
    )
    enabled = "".join(f"repository {name} enabled\n" for name in found.repositories_enabled)
    return {"before": before, "after": enabled + after}
