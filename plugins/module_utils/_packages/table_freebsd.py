# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of FreeBSD 14 and 15. Each package includes its headers, and the base system includes many.

Ports of Python modules are named by their origin (devel/py-pip), which pkg takes too: their package's name starts with
the version of the default Python (py311-pip), which changes within a release.

The names were read in documentation and not tried on FreeBSD; docs/platforms.toml records the source of each.
"""

from __future__ import annotations

from .rows import Included, PackageTable

__all__ = ["TABLE"]

_BASE = Included("part of FreeBSD's base system")

TABLE = PackageTable(
    rows={
        # Python and what builds its extension modules
        "c-toolchain": Included("clang and make are part of FreeBSD's base system"),
        # Newer Pythons may be packaged, but the modules sqlite3 and pip are packaged for the default one.
        "newest-python": ("python3", "databases/py-sqlite3", "devel/py-pip"),
        "pkg-config": ("pkgconf",),
        "python-headers": ("python3",),
        "python-packaging": ("devel/py-packaging",),
        "python-pip": ("devel/py-pip",),
        "python-venv": ("python3",),
        # headers of libraries
        "bzip2-headers": _BASE,
        "curl-headers": ("curl",),
        "freetype-headers": ("freetype2",),
        "jpeg-headers": ("jpeg-turbo",),
        "kerberos-headers": _BASE,
        "lcms-headers": ("lcms2",),
        "ldap-headers": ("openldap26-client",),
        "libffi-headers": ("libffi",),
        "mysql-client-headers": ("mariadb-connector-c",),
        "ncurses-headers": _BASE,
        "odbc-headers": ("unixODBC",),
        "openjpeg-headers": ("openjpeg",),
        "openssl-headers": _BASE,
        "png-headers": ("png",),
        "postgresql-client-headers": ("postgresql18-client",),
        "readline-headers": ("readline",),
        "sasl-headers": ("cyrus-sasl",),
        "sodium-headers": ("libsodium",),
        # Python's module sqlite3 is a package of its own.
        "sqlite-headers": ("sqlite3", "databases/py-sqlite3"),
        "tiff-headers": ("tiff",),
        "uuid-headers": _BASE,
        "webp-headers": ("webp",),
        "xml-headers": ("libxml2",),
        "xmlsec-headers": ("xmlsec1",),
        "xslt-headers": ("libxslt",),
        "xz-headers": _BASE,
        "yaml-headers": ("libyaml",),
        "zlib-headers": _BASE,
        "zstd-headers": ("zstd",),
        # tools
        "ca-certificates": ("ca_root_nss",),
        "curl": ("curl",),
        "gettext": ("gettext",),
        "git": ("git",),
        "process-supervisor": ("sysutils/py-supervisor",),
        "rsync": ("rsync",),
        # the host itself
        "automatic-updates": Included("cron runs FreeBSD's own freebsd-update and pkg (the module freebsd_updates)"),
        "fail2ban": ("security/py-fail2ban",),
        "openssh-client": _BASE,
        "openssh-server": _BASE,
        "packet-filter": Included("pf is part of FreeBSD's base system"),
        "selinux-tools": Included("FreeBSD has no SELinux"),
        "sudo": ("sudo",),
    },
    exceptions={},
    repositories={},
)
