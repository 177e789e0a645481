"""Which image of a registry stands for which system, and what is said where it cannot be built."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from docker.errors import APIError, BuildError, ImageNotFound

from tests.hosts import images
from tests.hosts.engine import EngineError
from tests.hosts.paths import REGISTRY, ROOT
from tests.hosts.registry_images import choice, ensure, folder, tag

FOLDERS = sorted(path.parent for path in REGISTRY.glob("*/Dockerfile"))
# The names of BARE's packages on Red Hat's family, where PAM's module is in the package systemd.
REDHAT = {"iproute2": "iproute", "udev": "systemd-udev", "libpam-systemd": "systemd", "systemd-sysv": "systemd"}


def scenario_systems() -> set[str]:
    """Return every system that a scenario names, as what its hosts are."""
    files = [ROOT / ".config/molecule/config.yml", *ROOT.glob("molecule/*/molecule.yml")]
    platforms = [one for file in files for one in (yaml.safe_load(file.read_text()) or {}).get("platforms", [])]
    # A machine from outside (tests/hosts/outside.py) has no image; a snapshot (snapshots.py) is made of its system's.
    return {one.get("image", one["name"]).partition("+")[0] for one in platforms if "outside" not in one}


def installed(path: Path) -> set[str]:
    """Return the packages that the Dockerfile in ``path`` installs."""
    found = re.search(r" install [^\\]*\\\n +(.*) \\\n", (path / "Dockerfile").read_text())
    assert found is not None
    return set(found[1].split())


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ({}, None),
        ({"PYHOST_IMAGES": ""}, None),
        ({"PYHOST_IMAGES": "packages"}, None),
        ({"PYHOST_IMAGES": "registry"}, {"el9": "rocky9", "el10": "rocky10"}),
        (
            {"PYHOST_IMAGES": "registry,el9=alma9,debian13=ubuntu2604"},
            {"el9": "alma9", "el10": "rocky10", "debian13": "ubuntu2604"},
        ),
    ],
    ids=["unset", "empty", "packages", "registry", "other-folders"],
)
def test_choice(words: dict[str, str], chosen: dict[str, str] | None) -> None:
    assert choice(words) == chosen


@pytest.mark.parametrize("value", ["registrys", "registry,", "registry,el9", "packages,el9=alma9", ",el9=alma9"])
def test_a_choice_that_is_none_is_an_error(value: str) -> None:
    with pytest.raises(
        EngineError, match=re.escape(f"PYHOST_IMAGES is {value!r}, but has to be 'packages', 'registry'")
    ):
        choice({"PYHOST_IMAGES": value})


@pytest.mark.parametrize("system", sorted(scenario_systems()))
def test_each_system_of_a_scenario_has_an_image(system: str) -> None:
    chosen = choice({"PYHOST_IMAGES": "registry"})
    assert chosen is not None
    assert folder(system, chosen) in FOLDERS


def test_a_folder_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        EngineError, match="no image of a registry is known for 'slackware'; known are alma10, alma9, cent"
    ):
        folder("el9", {"el9": "slackware"})


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_image_has_what_a_bare_host_has(path: Path) -> None:
    text = (path / "Dockerfile").read_text()
    assert "\nARG REGISTRY=\nFROM ${REGISTRY}" in text, "PYHOST_REGISTRY has to count"
    assert text.endswith('\nSTOPSIGNAL SIGRTMIN+3\nCMD ["/sbin/init"]\n')
    if path.name == "debian12-sysvinit":
        assert installed(path) == set(images.load(path.name).included())
    elif path.name.startswith(("debian", "ubuntu")):
        assert installed(path) == set(images.BARE)
    else:
        assert installed(path) == {REDHAT.get(package, package) for package in images.BARE}


def test_the_tag_holds_all_that_the_image_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:12\n")
    first = tag(tmp_path, "")
    assert re.fullmatch(rf"pyhost-baseline-test:registry-{tmp_path.name}-[0-9a-f]{{12}}", first)
    assert tag(tmp_path, "registry.example.org/") != first
    (tmp_path / "Dockerfile").write_text("FROM debian:13\n")
    assert tag(tmp_path, "") != first


class FakeImages:
    """An engine without the image, which records the build and ends it with ``error``."""

    def __init__(self, error: Exception | None, *, has: bool = False) -> None:
        self.images, self.error, self.has = self, error, has
        self.built: list[dict[str, t.Any]] = []

    def get(self, _name: str) -> None:
        if not self.has:
            raise ImageNotFound("no such image")

    def build(self, **options: t.Any) -> None:
        self.built.append(options)
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BuildError("Get https://registry.example.org/v2/:\n dial tcp: no such host", iter(())), "no such host; "),
        (APIError("500", explanation="manifest for debian:12 not found"), "manifest for debian:12 not found; "),
    ],
    ids=["no-registry", "no-image"],
)
def test_a_failed_build_is_told_in_the_words_of_the_engine(error: Exception, words: str) -> None:
    with pytest.raises(
        EngineError, match=rf"the engine cannot build debian12 from \S+/debian12/Dockerfile: .*{words}"
    ) as told:
        ensure(FakeImages(error), REGISTRY / "debian12")  # type: ignore[arg-type]  # a fake of the part that is used
    assert "\n" not in str(told.value)


def test_the_build_gets_the_folder_and_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYHOST_REGISTRY", "registry.example.org/")
    engine = FakeImages(None)
    path = REGISTRY / "rocky10"
    name = ensure(engine, path)  # type: ignore[arg-type]  # a fake of the part that is used
    [options] = engine.built
    assert options == {
        "path": str(path),
        "tag": name,
        "rm": True,
        "buildargs": {"REGISTRY": "registry.example.org/"},
    }


def test_an_image_that_is_there_is_not_built() -> None:
    engine = FakeImages(None, has=True)
    ensure(engine, REGISTRY / "debian13")  # type: ignore[arg-type]  # a fake of the part that is used
    assert engine.built == []


def test_the_workflow_names_scenarios_and_images_that_there_are() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    matrix = jobs["registry"]["strategy"]["matrix"]
    assert [one for one in matrix["scenario"] if not (ROOT / "molecule" / one / "molecule.yml").is_file()] == []
    for one in matrix["include"]:
        assert (ROOT / "molecule" / one["scenario"] / "molecule.yml").is_file()
        chosen = choice({"PYHOST_IMAGES": one["images"]})
        assert chosen is not None
        assert all(folder(system, chosen) in FOLDERS for system in chosen)
