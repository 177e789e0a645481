"""The whole table of packages against the host's own archive: no name in it is invented, and all go together."""

from __future__ import annotations

import shlex

from testinfra.host import Host

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import TABLES


def test_the_archive_has_every_package_of_the_table(host: Host) -> None:
    names = {package for row in TABLES["debian"].rows.values() if isinstance(row, tuple) for package in row}
    ran = host.run(f"LC_ALL=C apt-get --simulate --no-install-recommends install {shlex.join(sorted(names))}")
    assert ran.rc == 0, ran.stderr
    assert "Inst libxmlsec1-dev " in ran.stdout
