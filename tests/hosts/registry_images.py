"""Images made of the distributions' own, where a container registry is at hand: ``PYHOST_IMAGES=registry``.

The names of systems are those of ``systems/``. ``PYHOST_IMAGES=registry,el9=alma9,debian13=ubuntu2604`` puts another
row of ``registry/images.toml`` in a system's place, so that every scenario runs on every system that it makes sense on.
``PYHOST_REGISTRY`` is what stands before the names of the images: ``registry.example.org/mirror/``.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
import typing as t
from dataclasses import dataclass

import docker
from docker.errors import APIError, BuildError, ImageNotFound

from tests.hosts.engine import EngineError
from tests.hosts.paths import REGISTRY

__all__ = ["Image", "choice", "ensure", "find", "known", "tag"]

REPOSITORY = "pyhost-baseline-test"
# Enterprise Linux has no image of its own.
_DEFAULTS = {"el9": "rocky9", "el10": "rocky10"}
# What Red Hat's family calls a package of a bare host; PAM's module is in its package systemd.
REDHAT = {"iproute2": "iproute", "udev": "systemd-udev", "libpam-systemd": "systemd", "systemd-sysv": "systemd"}


@dataclass(frozen=True)
class Image:
    """A row of registry/images.toml."""

    name: str
    image: str
    family: str
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    command: str = "true"

    def installed(self, bare: t.Sequence[str]) -> list[str]:
        """Return the packages that the image gets, as its family calls them."""
        wanted = (set(bare) | set(self.packages)) - set(self.without)
        return sorted({REDHAT.get(name, name) for name in wanted} if self.family == "redhat" else wanted)

    def arguments(self, bare: t.Sequence[str], prefix: str) -> dict[str, str]:
        """Return the arguments of registry/Dockerfile; ``prefix`` is what stands before the names of images."""
        return {
            "IMAGE": f"{prefix}{self.image}",
            "FAMILY": self.family,
            "PACKAGES": " ".join(self.installed(bare)),
            "COMMAND": self.command,
        }


def choice(environment: t.Mapping[str, str]) -> dict[str, str] | None:
    """Return which row stands for which system, ``None`` where images are built from packages (the default)."""
    kind, *pairs = environment.get("PYHOST_IMAGES", "").split(",")
    if kind in ("", "packages") and not pairs:
        return None
    if kind != "registry" or any("=" not in pair for pair in pairs):
        raise EngineError(
            f"PYHOST_IMAGES is {environment['PYHOST_IMAGES']!r}, but has to be 'packages', 'registry', or "
            "'registry,SYSTEM=NAME,…' with names of tests/hosts/registry/images.toml"
        )
    return {**_DEFAULTS, **dict(pair.split("=", 1) for pair in pairs)}


def known() -> dict[str, Image]:
    """Return the images of registry/images.toml by their names."""
    rows = tomllib.loads((REGISTRY / "images.toml").read_text())
    return {name: Image(name, **{key: _frozen(value) for key, value in row.items()}) for name, row in rows.items()}


def _frozen(value: t.Any) -> t.Any:
    return tuple(value) if isinstance(value, list) else value


def find(name: str, chosen: t.Mapping[str, str]) -> Image:
    """Return the image that stands for the system ``name``."""
    images, wanted = known(), chosen.get(name, name)
    if wanted not in images:
        raise EngineError(f"no image of a registry is known for {wanted!r}; known are {', '.join(sorted(images))}")
    return images[wanted]


def tag(image: Image, bare: t.Sequence[str], prefix: str) -> str:
    """Name the image by all that it is made of and where it comes from; what the registry changes is not in it."""
    files = [(file.name, file.read_text()) for file in sorted(REGISTRY.iterdir()) if file.name != "images.toml"]
    recipe = repr((image.arguments(bare, prefix), files)).encode()
    return f"{REPOSITORY}:registry-{image.name}-{hashlib.sha256(recipe).hexdigest()[:12]}"


def ensure(client: docker.DockerClient, image: Image, bare: t.Sequence[str]) -> str:
    """Return the tag of ``image`` with a ``bare`` host's packages, building it where the engine does not have it."""
    prefix = os.environ.get("PYHOST_REGISTRY", "")
    name = tag(image, bare, prefix)
    try:
        client.images.get(name)
    except ImageNotFound:
        print(f"tests/hosts: building {name} from a registry's image", flush=True)
        try:
            client.images.build(path=str(REGISTRY), tag=name, rm=True, buildargs=image.arguments(bare, prefix))
        except (APIError, BuildError) as error:
            words = " ".join(str(error.explanation if isinstance(error, APIError) else error.msg).split())
            raise EngineError(
                f"the engine cannot build {image.name} of tests/hosts/registry/images.toml: {words}; "
                "PYHOST_REGISTRY names another registry, and without PYHOST_IMAGES no registry is needed"
            ) from error
    return name
