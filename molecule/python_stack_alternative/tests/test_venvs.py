"""Virtual environments: there, whole, and their owners' alone."""

from __future__ import annotations

import pytest
from testinfra.host import Host

RECREATED = ("/srv/envs/of-root", "/srv/envs/half", "/srv/shop/upgraded")
OF_SHOP = ("/srv/shop/venv", "/srv/shop/list", "/srv/shop/by-uv", "/srv/shop/by-pip", "/srv/shop/private", *RECREATED)
VENVS = {**dict.fromkeys(OF_SHOP, "shop"), "/srv/mail-app/deep/venv": "mail-app", "/opt/tools/venv": "root"}


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
    [
        ("/srv/shop/venv", "idna"),
        ("/srv/shop/venv", "markupsafe._speedups"),
        ("/srv/mail-app/deep/venv", "six"),
        ("/srv/shop/list", "shop, six; assert six.__version__ == '1.16.0'"),
        ("/srv/shop/by-uv", "idna, six; assert six.__version__ == '1.16.0'"),
        ("/srv/shop/by-pip", "six; assert six.__version__ == '1.16.0'"),
        ("/srv/shop/upgraded", "six"),
    ],
)
def test_its_requirements_load(host: Host, path: str, module: str) -> None:
    assert host.run("%s/bin/python -c %s", path, f"import {module}").rc == 0


def test_packages_by_logical_distribution_and_virtual_name(host: Host) -> None:
    assert host.run("msgfmt --version").rc == 0
    # Debian 13 has renamed the package; the old name is provided by the new one.
    assert host.run("ldconfig -p | grep -q libmagic.so.1").rc == 0


@pytest.mark.parametrize("path", RECREATED)
def test_a_new_one_has_taken_the_place_of_the_old_one(host: Host, path: str) -> None:
    version = host.check_output("python3 -c 'import platform; print(platform.python_version())'")
    assert f"version = {version}" in host.file(f"{path}/pyvenv.cfg").content_string
    assert host.file(f"{path}/lib").listdir() == [f"python{version.rpartition('.')[0]}"]
    assert not host.file(f"{path}.before-recreate").exists


def test_one_that_was_refused_is_as_it_was(host: Host) -> None:
    assert "version = 3.9.2" in host.file("/srv/shop/gone/pyvenv.cfg").content_string
    assert host.file("/srv/shop/gone/lib").listdir() == ["python3.9"]
    assert not host.file("/srv/shop/none/pyvenv.cfg").exists


@pytest.mark.parametrize("path", ["/srv/shop/private", "/srv/shop/venv"])
def test_the_group_can_use_it_and_others_cannot(host: Host, path: str) -> None:
    assert host.run("cd / && runuser -u www-data -- %s/bin/python -c 'import pip'", path).rc == 0
    assert host.run("cd / && runuser -u mail-app -- %s/bin/python -c 'import pip'", path).rc != 0


def test_nothing_of_the_run_is_left(host: Host) -> None:
    assert host.check_output("find /srv /opt -name '.pyhost-*' -o -name '*.failed'") == ""
    # uv makes its lock file for everybody to write.
    assert host.check_output("find /srv/shop/by-uv -perm -002 ! -type l") == ""
