"""Which image of a registry stands for which system, and what is said where it cannot be built."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest
import yaml
from docker.errors import APIError, BuildError, ImageNotFound

from tests.hosts import images
from tests.hosts.engine import EngineError
from tests.hosts.paths import REGISTRY, ROOT
from tests.hosts.registry_images import Image, choice, ensure, find, known, tag


def scenario_systems() -> set[str]:
    """Return every system that a scenario names, as what its hosts are."""
    files = [ROOT / ".config/molecule/config.yml", *ROOT.glob("molecule/*/molecule.yml")]
    platforms = [one for file in files for one in (yaml.safe_load(file.read_text()) or {}).get("platforms", [])]
    # A machine from outside (tests/hosts/outside.py) has no image; a snapshot (snapshots.py) is made of its system's.
    return {one.get("image", one["name"]).partition("+")[0] for one in platforms if "outside" not in one}


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
    ids=["unset", "empty", "packages", "registry", "other-images"],
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
    assert find(system, chosen) in known().values()


def test_an_unknown_image_is_reported_with_the_known_ones() -> None:
    with pytest.raises(
        EngineError, match="no image of a registry is known for 'slackware'; known are alma10, alma9, cent"
    ):
        find("el9", {"el9": "slackware"})


@pytest.mark.parametrize("image", known().values(), ids=lambda image: image.name)
def test_an_image_has_what_a_bare_host_has(image: Image) -> None:
    found = image.installed(images.BARE)
    if image.name == "debian12-sysvinit":
        assert found == images.load(image.name).included()
    elif image.name.startswith(("debian", "ubuntu")):
        assert (image.family, found) == ("debian", sorted(images.BARE))
    else:
        assert image.family == "redhat"
        assert found == [
            *("ca-certificates", "dbus", "iproute", "openssh-server", "python3", "systemd", "systemd-udev"),
        ]


@pytest.mark.parametrize("family", ["debian", "redhat"])
def test_each_family_has_its_script_in_the_build(family: str) -> None:
    text = (REGISTRY / "Dockerfile").read_text()
    assert f"{family}.sh" in text
    assert (REGISTRY / f"{family}.sh").is_file()
    assert text.endswith('\nSTOPSIGNAL SIGRTMIN+3\nCMD ["/sbin/init"]\n')


def test_the_dockerfile_takes_each_argument_that_it_is_given() -> None:
    text = (REGISTRY / "Dockerfile").read_text()
    taken = {line.split()[1].partition("=")[0] for line in text.splitlines() if line.startswith("ARG ")}
    assert taken == set(known()["debian12"].arguments(images.BARE, ""))
    assert "\nFROM ${IMAGE}\n" in text


def test_the_tag_holds_all_that_the_image_is_made_of() -> None:
    image = known()["debian12"]
    first = tag(image, images.BARE, "")
    assert re.fullmatch(r"pyhost-baseline-test:registry-debian12-[0-9a-f]{12}", first)
    others = [
        tag(image, images.BARE, "registry.example.org/"),
        tag(image, images.BARE[1:], ""),
        tag(dataclasses.replace(image, command="false"), images.BARE, ""),
        tag(dataclasses.replace(image, image="debian:13"), images.BARE, ""),
    ]
    assert len({first, *others}) == 5


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
def test_a_failed_build_is_reported_with_the_engines_message(error: Exception, words: str) -> None:
    with pytest.raises(EngineError, match=rf"the engine cannot build debian12 of \S+/images.toml: .*{words}") as raised:
        ensure(FakeImages(error), known()["debian12"], images.BARE)  # type: ignore[arg-type]  # a fake of the part that is used
    assert "\n" not in str(raised.value)


def test_the_build_gets_the_arguments_of_the_row_and_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYHOST_REGISTRY", "registry.example.org/")
    engine = FakeImages(None)
    name = ensure(engine, known()["rocky10"], ["python3", "udev"])  # type: ignore[arg-type]  # a fake of what is used
    [options] = engine.built
    assert options == {
        "path": str(REGISTRY),
        "tag": name,
        "rm": True,
        "buildargs": {
            "IMAGE": "registry.example.org/rockylinux/rockylinux:10",
            "FAMILY": "redhat",
            "PACKAGES": "python3 systemd-udev",
            "COMMAND": "true",
        },
    }


def test_an_image_that_is_there_is_not_built() -> None:
    engine = FakeImages(None, has=True)
    ensure(engine, known()["debian13"], images.BARE)  # type: ignore[arg-type]  # a fake of the part that is used
    assert engine.built == []


def test_the_workflow_names_scenarios_and_images_that_there_are() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    matrix = jobs["registry"]["strategy"]["matrix"]
    assert [one for one in matrix["scenario"] if not (ROOT / "molecule" / one / "molecule.yml").is_file()] == []
    for one in matrix["include"]:
        assert (ROOT / "molecule" / one["scenario"] / "molecule.yml").is_file()
        chosen = choice({"PYHOST_IMAGES": one["images"]})
        assert chosen is not None
        assert all(find(system, chosen) for system in chosen)
