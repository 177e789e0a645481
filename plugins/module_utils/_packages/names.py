# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of each system for a logical name or a set of names.

The rows are in ``table_*.py``, one file for each family. Each has a row for each logical name: the names of packages,
or the reason why there are none.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError, unknown
from .._core.systems import keys, known
from . import table_debian, table_freebsd, table_redhat
from .rows import Included, PackageTable, Row, Unavailable

if t.TYPE_CHECKING:
    from .._core.os_release import System

__all__ = ["SETS", "TABLES", "asked_system", "checked", "enabling", "logical_names", "meaning", "resolve", "row"]

TABLES: t.Mapping[str, PackageTable] = {
    "debian": table_debian.TABLE,
    "freebsd": table_freebsd.TABLE,
    "redhat": table_redhat.TABLE,
}

SETS: t.Mapping[str, tuple[str, ...]] = {
    "database-client-headers": ("mysql-client-headers", "postgresql-client-headers", "sqlite-headers"),
    # What the extension modules of the standard library are built against, for users of pyenv and uv.
    "build-python": (
        "bzip2-headers",
        "c-toolchain",
        "libffi-headers",
        "ncurses-headers",
        "openssl-headers",
        "pkg-config",
        "readline-headers",
        "sqlite-headers",
        "uuid-headers",
        "xz-headers",
        "zlib-headers",
        "zstd-headers",
    ),
    "directory-headers": ("kerberos-headers", "ldap-headers", "sasl-headers"),
    "image-headers": (
        "freetype-headers",
        "jpeg-headers",
        "lcms-headers",
        "openjpeg-headers",
        "png-headers",
        "tiff-headers",
        "webp-headers",
        "zlib-headers",
    ),
    "python-stack": (
        "c-toolchain",
        "libffi-headers",
        "openssl-headers",
        "pkg-config",
        "python-headers",
        # ansible.builtin.pip reads requirements with it.
        "python-packaging",
        "python-pip",
        "python-venv",
        "zlib-headers",
    ),
    "xml-security": ("xml-headers", "xmlsec-headers", "xslt-headers"),
    "xml-stack": ("xml-headers", "xslt-headers", "zlib-headers"),
}

# How an admin enables a repository that is disabled by default; the more specific key takes precedence.
_ENABLING: t.Mapping[str, t.Mapping[str, str]] = {
    "crb": {
        "rhel": "subscription-manager repos --enable codeready-builder-for-rhel-{major}-$(arch)-rpms",
        "el": "dnf config-manager --set-enabled crb",
    },
    "epel": {
        "rhel": "install the package epel-release for release {major} from EPEL's own site, and enable crb",
        "el": "dnf install epel-release",
    },
}

# By family, the pattern of a package's name and its description.
_NAMES: t.Mapping[str, tuple[t.Pattern[str], str]] = {
    # deb-control(5): lower case, digits, plus, minus, full stop; then an architecture.
    # A last minus is left out, because apt-get reads it as "remove".
    "debian": (
        re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9][a-z0-9-]*)?"),
        "a name has lower-case letters, digits and '+', '-', '.', and may end in ':architecture'",
    ),
    # dnf(8): a name with or without an architecture, a file, or another thing that a package provides.
    "redhat": (
        re.compile(r"[A-Za-z0-9_][\w+.-]*|/[^\s*?=\[\]]+|[A-Za-z0-9_][\w+.:-]*\([^\s*?=]*\)(\([^\s*?=]*\))?", re.ASCII),
        "a name has letters, digits and '+', '-', '.', '_', and may end in '.architecture'; a file and what a package "
        "provides, such as 'perl(JSON)', are names too",
    ),
    # pkg-install(8): a name, or the origin of a port (devel/py-pip) with or without a flavour (devel/py-pip@py311).
    "freebsd": (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*|[a-z0-9-]+/[A-Za-z0-9][A-Za-z0-9+._-]*(@[a-z0-9_]+)?"),
        "a name has letters, digits and '+', '-', '.', '_', and an origin is category/port",
    ),
}


@dataclass(frozen=True)
class ResolvedNames:
    """The requested packages, in order and each once, and the packages of each requested name.

    ``included`` has the reason for each name that needs no package. ``repositories`` are those that are disabled by
    default, each with the requested packages that it has.
    """

    packages: tuple[str, ...]
    by_name: dict[str, list[str]]
    included: dict[str, str]
    repositories: dict[str, list[str]]


def logical_names() -> list[str]:
    """Return every logical name and every set, sorted."""
    return sorted([*TABLES["debian"].rows, *SETS])


def resolve(names: t.Sequence[str], system: System, *, alone: bool = False) -> ResolvedNames:
    """Turn logical names, sets and plain package names into the packages of ``system``.

    ``alone`` is for removal: a logical name that is also the name of one of its packages then means that package
    only, so that removing fail2ban does not remove the packet filter.
    """
    by_name = {name: _packages_of(checked(name, system.family), system, alone=alone) for name in names}
    packages = tuple(dict.fromkeys(package for found in by_name.values() for package in found))
    parts = dict.fromkeys(part for name in names for part in SETS.get(name, (name,)))
    rows = {part: row(part, system) for part in parts if part in TABLES["debian"].rows}
    included = {part: found.where for part, found in rows.items() if isinstance(found, Included)}
    return ResolvedNames(packages, by_name, included, _repositories(packages, system))


def row(name: str, system: System) -> Row | None:
    """Return the row of the logical ``name`` on ``system``, ``None`` where the system has no table."""
    table = _table(system)
    if table is None:
        return None
    for key in system.keys:
        if name in table.exceptions.get(key, {}):
            return table.exceptions[key][name]
    return table.rows[name]


def enabling(repository: str, system: System) -> str:
    """Return how an admin enables ``repository`` on ``system``."""
    commands = _ENABLING[repository]
    major = system.version.partition(".")[0]
    return next(commands[key] for key in system.keys if key in commands).format(major=major)


def meaning(names: t.Sequence[str], system: System) -> dict[str, t.Any]:
    """Return what ``names`` stand for on ``system``, as fields of a module's result."""
    if _table(system) is None:
        raise BaselineError(
            f"no packages are known for {system.title}", hint=f"the known systems are {', '.join(keys())}"
        )
    found = resolve(names, system)
    return {
        "system": system.title,
        "resolved": found.by_name,
        "included": found.included,
        "repositories": {
            name: {"enable": enabling(name, system), "packages": packages}
            for name, packages in found.repositories.items()
        },
    }


def asked_system(key: str) -> System:
    """Return the system that ``key`` names; a key that the tables do not have raises."""
    system = known(key)
    if system is None:
        raise BaselineError(
            unknown("system", key, keys()),
            option="system",
            state=UNCHANGED,
            hint=f"the known systems are {', '.join(keys())}, rhel9, rocky9 and so on",
        )
    return system


def _table(system: System) -> PackageTable | None:
    return next((TABLES[key] for key in system.keys if key in TABLES), None)


def _repositories(packages: t.Sequence[str], system: System) -> dict[str, list[str]]:
    table = _table(system)
    keys = [key for key in system.keys if table is not None and key in table.repositories]
    if table is None or not keys:
        return {}
    found = {name: [one for one in packages if one in has] for name, has in table.repositories[keys[0]].items()}
    return {name: some for name, some in found.items() if some}


def _packages_of(name: str, system: System, *, alone: bool) -> list[str]:
    if name in SETS:
        parts = [_packages_of(part, system, alone=alone) for part in SETS[name]]
        return list(dict.fromkeys(package for part in parts for package in part))
    if name not in TABLES["debian"].rows:
        return [name]
    found = row(name, system)
    if found is None:
        raise BaselineError(f"the logical name {name!r} has no packages for {system.title} yet")
    if isinstance(found, Unavailable):
        raise BaselineError(f"{name!r} is not available on {system.title}: {found.why}", state=UNCHANGED)
    if isinstance(found, Included):
        return []
    return [name] if alone and name in found else list(found)


def checked(name: str, family: str = "") -> str:
    """Return ``name`` if it is a valid name of a package of ``family`` (of any family without one); else raise."""
    if any(pattern.fullmatch(name) for key, (pattern, _form) in _NAMES.items() if family in (key, "")):
        return name
    if "*" in name:
        reason = "patterns are not expanded; list the packages"
    elif "=" in name or ("/" in name and family != "redhat"):
        reason = "versions and releases are chosen in apt_preferences(5) or by dnf-versionlock(8), not here"
    else:
        reason = _NAMES.get(family, _NAMES["debian"])[1]
    raise BaselineError(f"{name!r} is not the name of a package: {reason}", state=UNCHANGED)
