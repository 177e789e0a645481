# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Debian 12 and 13. Ubuntu 22.04, 24.04 and 26.04 have the same packages under the same names.

docs/platforms.toml records how this is known for each system.
"""

from __future__ import annotations

from .rows import Included, PackageTable

__all__ = ["TABLE"]

TABLE = PackageTable(
    rows={
        # Python and what builds its extension modules
        "c-toolchain": ("build-essential",),
        # The newest Python that the distribution packages, with headers and venv.
        "newest-python": ("python3", "python3-dev", "python3-venv"),
        "pkg-config": ("pkgconf",),
        "python-headers": ("python3-dev",),
        "python-packaging": ("python3-packaging",),
        "python-pip": ("python3-pip",),
        "python-venv": ("python3-venv",),
        # headers of libraries
        "bzip2-headers": ("libbz2-dev",),
        "curl-headers": ("libcurl4-openssl-dev",),
        "freetype-headers": ("libfreetype-dev",),
        "jpeg-headers": ("libjpeg-dev",),
        "kerberos-headers": ("libkrb5-dev",),
        "lcms-headers": ("liblcms2-dev",),
        "ldap-headers": ("libldap-dev",),
        "libffi-headers": ("libffi-dev",),
        "mysql-client-headers": ("default-libmysqlclient-dev",),
        "ncurses-headers": ("libncurses-dev",),
        "odbc-headers": ("unixodbc-dev",),
        "openjpeg-headers": ("libopenjp2-7-dev",),
        "openssl-headers": ("libssl-dev",),
        "png-headers": ("libpng-dev",),
        "postgresql-client-headers": ("libpq-dev",),
        "readline-headers": ("libreadline-dev",),
        "sasl-headers": ("libsasl2-dev",),
        "sodium-headers": ("libsodium-dev",),
        "sqlite-headers": ("libsqlite3-dev",),
        "tiff-headers": ("libtiff-dev",),
        "uuid-headers": ("uuid-dev",),
        "webp-headers": ("libwebp-dev",),
        "xml-headers": ("libxml2-dev",),
        "xmlsec-headers": ("libxmlsec1-dev",),
        "xslt-headers": ("libxslt1-dev",),
        "xz-headers": ("liblzma-dev",),
        "yaml-headers": ("libyaml-dev",),
        "zlib-headers": ("zlib1g-dev",),
        "zstd-headers": ("libzstd-dev",),
        # tools
        "ca-certificates": ("ca-certificates",),
        "curl": ("curl",),
        "gettext": ("gettext",),
        "git": ("git",),
        "process-supervisor": ("supervisor",),
        "rsync": ("rsync",),
        # the host itself
        "automatic-updates": ("unattended-upgrades",),
        # Without python3-systemd the server cannot read the journal; without nftables and the names of ports
        # (/etc/services) it cannot ban.
        "fail2ban": ("fail2ban", "python3-systemd", "nftables", "netbase"),
        "openssh-client": ("openssh-client",),
        "openssh-server": ("openssh-server",),
        "packet-filter": ("nftables",),
        "selinux-tools": Included("no SELinux policy is in force unless the admin installs one"),
        "sudo": ("sudo",),
    },
    exceptions={},
    repositories={},
)
