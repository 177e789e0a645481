# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thing is called on which system: logical names and sets to the distribution's packages. Data, and its look-up.

A system is added by adding its key (see ``System.keys``) to the rows below; the more specific key wins.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._os_release import System

__all__ = ["PACKAGES", "SETS", "checked", "logical_names", "resolve"]

Row = t.Mapping[str, t.Tuple[str, ...]]

# Names of the Debian family were looked up in the archives of Debian 12 and 13; Ubuntu 22.04 and later have the same.
PACKAGES: t.Mapping[str, Row] = {
    # Python and what builds its extension modules
    "c-toolchain": {"debian": ("build-essential",)},
    "pkg-config": {"debian": ("pkgconf",)},
    "python-headers": {"debian": ("python3-dev",)},
    "python-packaging": {"debian": ("python3-packaging",)},
    "python-pip": {"debian": ("python3-pip",)},
    "python-venv": {"debian": ("python3-venv",)},
    # headers of libraries
    "bzip2-headers": {"debian": ("libbz2-dev",)},
    "curl-headers": {"debian": ("libcurl4-openssl-dev",)},
    "freetype-headers": {"debian": ("libfreetype-dev",)},
    "jpeg-headers": {"debian": ("libjpeg-dev",)},
    "kerberos-headers": {"debian": ("libkrb5-dev",)},
    "lcms-headers": {"debian": ("liblcms2-dev",)},
    "ldap-headers": {"debian": ("libldap-dev",)},
    "libffi-headers": {"debian": ("libffi-dev",)},
    "mysql-client-headers": {"debian": ("default-libmysqlclient-dev",)},
    "ncurses-headers": {"debian": ("libncurses-dev",)},
    "odbc-headers": {"debian": ("unixodbc-dev",)},
    "openjpeg-headers": {"debian": ("libopenjp2-7-dev",)},
    "openssl-headers": {"debian": ("libssl-dev",)},
    "png-headers": {"debian": ("libpng-dev",)},
    "postgresql-client-headers": {"debian": ("libpq-dev",)},
    "readline-headers": {"debian": ("libreadline-dev",)},
    "sasl-headers": {"debian": ("libsasl2-dev",)},
    "sodium-headers": {"debian": ("libsodium-dev",)},
    "sqlite-headers": {"debian": ("libsqlite3-dev",)},
    "tiff-headers": {"debian": ("libtiff-dev",)},
    "uuid-headers": {"debian": ("uuid-dev",)},
    "webp-headers": {"debian": ("libwebp-dev",)},
    "xml-headers": {"debian": ("libxml2-dev",)},
    "xmlsec-headers": {"debian": ("libxmlsec1-dev",)},
    "xslt-headers": {"debian": ("libxslt1-dev",)},
    "xz-headers": {"debian": ("liblzma-dev",)},
    "yaml-headers": {"debian": ("libyaml-dev",)},
    "zlib-headers": {"debian": ("zlib1g-dev",)},
    "zstd-headers": {"debian": ("libzstd-dev",)},
    # tools
    "ca-certificates": {"debian": ("ca-certificates",)},
    "curl": {"debian": ("curl",)},
    "gettext": {"debian": ("gettext",)},
    "git": {"debian": ("git",)},
    "rsync": {"debian": ("rsync",)},
    # the host itself
    "openssh-client": {"debian": ("openssh-client",)},
    "openssh-server": {"debian": ("openssh-server",)},
    "packet-filter": {"debian": ("nftables",)},
    "sudo": {"debian": ("sudo",)},
    # The server alone is blind without the journal's reader, and toothless without a packet filter's tool and the names
    # of ports (/etc/services).
    "fail2ban": {"debian": ("fail2ban", "python3-systemd", "nftables", "netbase")},
    "unattended-upgrades": {"debian": ("unattended-upgrades",)},
}

SETS: t.Mapping[str, tuple[str, ...]] = {
    "database-client-headers": ("mysql-client-headers", "postgresql-client-headers", "sqlite-headers"),
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
    "xml-stack": ("xml-headers", "xslt-headers", "zlib-headers"),
}

# deb-control(5): lower case, digits, plus, minus, full stop; then an architecture.
# A last minus is left out, because apt-get reads it as "remove".
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9][a-z0-9-]*)?")


@dataclass(frozen=True)
class Resolved:
    """The packages of the wish, in order and once each, and which wished name each comes from."""

    packages: tuple[str, ...]
    by_name: dict[str, list[str]]


def logical_names() -> list[str]:
    """Return every logical name and every set, sorted."""
    return sorted([*PACKAGES, *SETS])


def resolve(names: t.Sequence[str], system: System, *, alone: bool = False) -> Resolved:
    """Turn logical names, sets and plain package names into the packages of ``system``.

    ``alone`` is for removal: a logical name that is also the name of one of its packages then means that package
    only, so that removing fail2ban does not take the packet filter along.
    """
    by_name = {name: _packages_of(checked(name), system, alone=alone) for name in names}
    packages = dict.fromkeys(package for found in by_name.values() for package in found)
    return Resolved(tuple(packages), by_name)


def _packages_of(name: str, system: System, *, alone: bool) -> list[str]:
    if name in SETS:
        parts = [_packages_of(part, system, alone=alone) for part in SETS[name]]
        return list(dict.fromkeys(package for part in parts for package in part))
    if name not in PACKAGES:
        return [name]
    row = PACKAGES[name]
    for key in system.keys:
        if key in row:
            return [name] if alone and name in row[key] else list(row[key])
    raise BaselineError(f"the logical name {name!r} has no packages for {system.title} yet; nothing was changed")


def checked(name: str) -> str:
    """Return ``name`` where it can be that of a package; else raise."""
    if _NAME.fullmatch(name):
        return name
    if "=" in name or "/" in name:
        reason = "versions and releases are chosen in apt's preferences (apt_preferences(5)), not here"
    elif "*" in name:
        reason = "patterns are not expanded; list the packages"
    else:
        reason = "a name has lower-case letters, digits and '+', '-', '.', and may end in ':architecture'"
    raise BaselineError(f"{name!r} is not the name of a package: {reason}; nothing was changed")
