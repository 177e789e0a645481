# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux 9 and 10, and of Fedora 42 and later.

The names were read in documentation; docs/platforms.toml records the source of each.
"""

from __future__ import annotations

from .rows import PackageTable

__all__ = ["TABLE"]

# Not fail2ban-firewalld: it would install firewalld on a host that has none, which starts at the next boot and allows
# only port 22. Its one file names the action that our own file names where firewalld runs.
_FAIL2BAN = ("fail2ban-server", "fail2ban-systemd")

TABLE = PackageTable(
    rows={
        # Python and what builds its extension modules
        "c-toolchain": ("gcc", "gcc-c++", "make"),
        "newest-python": ("python3", "python3-devel", "python3-pip"),
        "pkg-config": ("pkgconf-pkg-config",),
        "python-headers": ("python3-devel",),
        "python-packaging": ("python3-packaging",),
        "python-pip": ("python3-pip",),
        # The module venv is part of it.
        "python-venv": ("python3",),
        # headers of libraries
        "bzip2-headers": ("bzip2-devel",),
        "curl-headers": ("libcurl-devel",),
        "freetype-headers": ("freetype-devel",),
        "jpeg-headers": ("libjpeg-turbo-devel",),
        "kerberos-headers": ("krb5-devel",),
        "lcms-headers": ("lcms2-devel",),
        "ldap-headers": ("openldap-devel",),
        "libffi-headers": ("libffi-devel",),
        "mysql-client-headers": ("mariadb-connector-c-devel",),
        "ncurses-headers": ("ncurses-devel",),
        "odbc-headers": ("unixODBC-devel",),
        "openjpeg-headers": ("openjpeg2-devel",),
        "openssl-headers": ("openssl-devel",),
        "png-headers": ("libpng-devel",),
        "postgresql-client-headers": ("libpq-devel",),
        "readline-headers": ("readline-devel",),
        "sasl-headers": ("cyrus-sasl-devel",),
        "sodium-headers": ("libsodium-devel",),
        "sqlite-headers": ("sqlite-devel",),
        "tiff-headers": ("libtiff-devel",),
        "uuid-headers": ("libuuid-devel",),
        "webp-headers": ("libwebp-devel",),
        "xml-headers": ("libxml2-devel",),
        "xmlsec-headers": ("xmlsec1-devel", "xmlsec1-openssl-devel", "libtool-ltdl-devel"),
        "xslt-headers": ("libxslt-devel",),
        "xz-headers": ("xz-devel",),
        "yaml-headers": ("libyaml-devel",),
        "zlib-headers": ("zlib-devel",),
        "zstd-headers": ("libzstd-devel",),
        # tools
        "ca-certificates": ("ca-certificates",),
        # The package curl conflicts with the curl-minimal that small images have; both have the command.
        "curl": ("/usr/bin/curl",),
        "gettext": ("gettext",),
        "git": ("git",),
        "process-supervisor": ("supervisor",),
        "rsync": ("rsync",),
        # the host itself
        "automatic-updates": ("dnf-automatic",),
        # Not the package fail2ban: it installs a mail client, and not the module that reads the journal.
        "fail2ban": (*_FAIL2BAN, "nftables", "openssh-clients"),
        "openssh-client": ("openssh-clients",),
        "openssh-server": ("openssh-server",),
        "packet-filter": ("firewalld",),
        "selinux-tools": ("policycoreutils-python-utils",),
        "sudo": ("sudo",),
    },
    exceptions={
        # The system's own Python is 3.9; 3.12 is packaged as well since release 9.4.
        "el9": {"newest-python": ("python3.12", "python3.12-devel", "python3.12-pip")},
        "fedora": {
            # Python's own compiler flags name files of redhat-rpm-config.
            "c-toolchain": ("gcc", "gcc-c++", "make", "redhat-rpm-config"),
            "automatic-updates": ("dnf5-plugin-automatic",),
            # Renamed from openjpeg2-devel in Fedora 41.
            "openjpeg-headers": ("openjpeg-devel",),
        },
    },
    # CRB is CodeReady Linux Builder. What is not named here is in BaseOS and AppStream.
    repositories={
        "el9": {
            "crb": ("libyaml-devel", "openjpeg2-devel", "unixODBC-devel", "xmlsec1-devel", "xmlsec1-openssl-devel"),
            "epel": (*_FAIL2BAN, "libsodium-devel", "supervisor"),
        },
        "el10": {
            "crb": ("libyaml-devel", "openjpeg2-devel", "unixODBC-devel", "xmlsec1-devel", "xmlsec1-openssl-devel"),
            "epel": (*_FAIL2BAN, "libsodium-devel", "supervisor"),
        },
    },
)
