"""The role by its defaults: what it promises is there. That all of it builds from source is asked by `default`."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.mark.parametrize(
    "command", ["gcc --version", "make --version", "pkg-config --version", "python3 -m pip --version"]
)
def test_a_tool_runs(host: Host, command: str) -> None:
    assert host.run(command).rc == 0


@pytest.mark.parametrize(
    "library", ["libpq", "libmariadb", "sqlite3", "libxml-2.0", "libxslt", "zlib", "libffi", "openssl", "python3"]
)
def test_a_librarys_headers_are_found(host: Host, library: str) -> None:
    assert host.run("pkg-config --exists %s", library).rc == 0


def test_recommended_packages_stay_out(host: Host) -> None:
    assert not host.package("manpages-dev").is_installed
