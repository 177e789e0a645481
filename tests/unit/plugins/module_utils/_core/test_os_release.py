"""Which system a host says it is; Debian's files are recorded, the others' written after their publishers' pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System, parse_os_release

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "packages"


@pytest.mark.parametrize(
    ("fixture", "keys", "title"),
    [
        pytest.param("debian12", ("debian12", "debian"), "Debian GNU/Linux 12 (bookworm)", id="debian12"),
        pytest.param("debian13", ("debian13", "debian"), "Debian GNU/Linux 13 (trixie)", id="debian13"),
        pytest.param("ubuntu24.04", ("ubuntu24.04", "ubuntu", "debian"), "Ubuntu 24.04.3 LTS", id="ubuntu"),
        pytest.param("rocky9", ("rocky9.4", "rocky", "el9", "el", "redhat"), "Rocky Linux 9.4 (Blue Onyx)", id="el9"),
    ],
)
def test_keys_go_from_most_to_least_specific(fixture: str, keys: tuple[str, ...], title: str) -> None:
    system = parse_os_release((FIXTURES / f"os-release-{fixture}").read_text())

    assert (system.keys, system.title) == (keys, title)


@pytest.mark.parametrize(
    ("text", "system"),
    [
        pytest.param("", System("linux", title="linux"), id="no file"),
        pytest.param("ID=arch\nNAME='Arch Linux'\n", System("arch", title="Arch Linux"), id="rolling, single quotes"),
        pytest.param("# ID=no\nnonsense\nID=void\n", System("void", title="void"), id="comment and nonsense"),
        pytest.param('ID=x\nNAME="open', System("x", title='"open'), id="quote left open"),
    ],
)
def test_odd_files_are_read_as_far_as_they_go(text: str, system: System) -> None:
    assert parse_os_release(text) == system


@pytest.mark.parametrize(
    ("system", "keys"),
    [
        pytest.param(System("rhel", "9.6", ("fedora",)), ("rhel9.6", "rhel", "el9", "el", "redhat"), id="rhel"),
        pytest.param(
            System("centos", "10", ("rhel", "fedora")), ("centos10", "centos", "el10", "el", "redhat"), id="stream"
        ),
        pytest.param(System("fedora", "43"), ("fedora43", "fedora", "redhat"), id="fedora"),
        pytest.param(System("freebsd", "14.3"), ("freebsd14.3", "freebsd14", "freebsd"), id="freebsd"),
        pytest.param(System("freebsd", "15"), ("freebsd15", "freebsd"), id="freebsd without a minor release"),
        pytest.param(System("debian"), ("debian",), id="testing has no VERSION_ID"),
        pytest.param(System("ol", "9.6", ("fedora",)), ("ol9.6", "ol", "fedora"), id="of no family that is known"),
    ],
)
def test_families_are_those_of_the_packages(system: System, keys: tuple[str, ...]) -> None:
    assert system.keys == keys


@pytest.mark.parametrize(
    ("system", "family", "manager"),
    [
        pytest.param(System("debian", "13"), "debian", "apt", id="debian"),
        pytest.param(System("ubuntu", "24.04", ("debian",)), "debian", "apt", id="ubuntu"),
        pytest.param(System("ubuntu", "24.04"), "debian", "apt", id="ubuntu without ID_LIKE"),
        pytest.param(System("rhel", "9.6", ("fedora",)), "redhat", "dnf", id="rhel"),
        pytest.param(System("rocky", "9.4", ("rhel", "centos", "fedora")), "redhat", "dnf", id="rocky"),
        pytest.param(System("fedora", "43"), "redhat", "dnf", id="fedora"),
        pytest.param(System("freebsd", "14.3"), "freebsd", "pkg", id="freebsd"),
        pytest.param(System("alpine", "3.22"), "", "", id="of no family that is known"),
    ],
)
def test_the_fact_that_roles_choose_by(system: System, family: str, manager: str) -> None:
    assert system.as_fact() == {
        "id": system.id,
        "version": system.version,
        "family": family,
        "package_manager": manager,
        "title": "an unnamed system",
    }
