"""The Python stack proven by use: extension modules build from source in a fresh environment, and load.

Takes a minute or two on the host and reaches for PyPI; what it makes lies in a directory that it removes.
"""

from __future__ import annotations

import os
import typing as t

import pytest
from testinfra.host import Host

# Each needs other headers: PostgreSQL's client library, libxml2 and libxslt, MariaDB's or MySQL's client library.
MODULES = {"psycopg2": "psycopg2", "lxml": "lxml.etree", "mysqlclient": "MySQLdb"}
SOURCES = {name: MODULES[name] for name in os.environ.get("PYHOST_SOURCES", " ".join(MODULES)).split()}


@pytest.fixture(scope="module")
def environment(host: Host) -> t.Iterator[str]:
    """A virtual environment on the host in which ``SOURCES`` were built from source."""
    directory = host.check_output("mktemp -d /var/tmp/pyhost-acceptance.XXXXXXXX")
    try:
        host.check_output("python3 -m venv %s/venv", directory)
        # No optimisation: only whether they build and load is asked, and it saves minutes.
        built = host.run(
            f"CFLAGS=-O0 TMPDIR=%s %s/venv/bin/pip --no-cache-dir install --no-binary %s {' %s' * len(SOURCES)}",
            directory,
            directory,
            ",".join(SOURCES),
            *SOURCES,
        )
        assert built.rc == 0, built.stdout[-3000:] + built.stderr[-3000:]
        yield f"{directory}/venv"
    finally:
        host.run("rm -rf -- %s", directory)


@pytest.mark.parametrize("module", SOURCES.values())
def test_it_was_built_from_source_and_loads(host: Host, environment: str, module: str) -> None:
    """Extension modules (psycopg2, lxml, mysqlclient) were built from source, and load."""
    loaded = host.run("%s/bin/python -c %s", environment, f"import {module} as m; print(m.__file__)")
    assert loaded.rc == 0, loaded.stderr
    assert loaded.stdout.startswith(environment)


def test_the_systems_own_python_is_left_to_the_system(host: Host) -> None:
    """The system's own Python is left to the system."""
    assert host.run("python3 -m pip list --user --format=freeze").stdout.strip() == ""
