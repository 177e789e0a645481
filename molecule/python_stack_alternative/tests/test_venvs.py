"""Virtual environments: there, whole, and their owners' alone."""

from __future__ import annotations

import pytest
from testinfra.host import Host

VENVS = {"/srv/shop/venv": "shop", "/srv/mail-app/deep/venv": "mail-app", "/opt/tools/venv": "root"}


@pytest.mark.parametrize(("path", "owner"), VENVS.items())
def test_everything_in_it_belongs_to_its_owner(host: Host, path: str, owner: str) -> None:
    assert host.check_output("find %s ! -user %s", path, owner) == ""


@pytest.mark.parametrize(("path", "owner"), VENVS.items())
def test_its_owner_can_install_into_it(host: Host, path: str, owner: str) -> None:
    assert host.run("cd / && runuser -u %s -- %s/bin/pip install --dry-run --no-index pip", owner, path).rc == 0


def test_group_and_mode(host: Host) -> None:
    directory = host.file("/srv/shop/venv")
    assert (directory.group, directory.mode) == ("www-data", 0o750)


@pytest.mark.parametrize(
    ("path", "module"),
    [("/srv/shop/venv", "idna"), ("/srv/shop/venv", "markupsafe._speedups"), ("/srv/mail-app/deep/venv", "six")],
)
def test_its_requirements_load(host: Host, path: str, module: str) -> None:
    assert host.run("%s/bin/python -c %s", path, f"import {module}").rc == 0


def test_packages_by_logical_distribution_and_virtual_name(host: Host) -> None:
    assert host.run("msgfmt --version").rc == 0
    # Debian 13 has renamed the package; the old name is provided by the new one.
    assert host.run("ldconfig -p | grep -q libmagic.so.1").rc == 0
