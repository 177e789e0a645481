"""Images made of the distributions' own, where a container registry is at hand: ``PYHOST_IMAGES=registry``.

The names of systems are those of ``systems/``. ``PYHOST_IMAGES=registry,el9=alma9,debian13=ubuntu2604`` puts another
folder of ``registry/`` in a system's place, so that every scenario runs on every system that it makes sense on.
``PYHOST_REGISTRY`` is what stands before the names of the images: ``registry.example.org/mirror/``.
"""

from __future__ import annotations

import hashlib
import os
import typing as t
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound

from tests.hosts.engine import EngineError
from tests.hosts.paths import REGISTRY

__all__ = ["choice", "ensure", "folder", "tag"]

REPOSITORY = "pyhost-baseline-test"
# Enterprise Linux has no image of its own.
_DEFAULTS = {"el9": "rocky9", "el10": "rocky10"}


def choice(environment: t.Mapping[str, str]) -> dict[str, str] | None:
    """Return which folder stands for which system, ``None`` where images are built from packages (the default)."""
    kind, *pairs = environment.get("PYHOST_IMAGES", "").split(",")
    if kind in ("", "packages") and not pairs:
        return None
    if kind != "registry" or any("=" not in pair for pair in pairs):
        raise EngineError(
            f"PYHOST_IMAGES is {environment['PYHOST_IMAGES']!r}, but has to be 'packages', 'registry', or "
            "'registry,SYSTEM=FOLDER,…' with folders of tests/hosts/registry/"
        )
    return {**_DEFAULTS, **dict(pair.split("=", 1) for pair in pairs)}


def folder(name: str, chosen: t.Mapping[str, str]) -> Path:
    """Return the folder whose Dockerfile stands for the system ``name``."""
    found = REGISTRY / chosen.get(name, name)
    if not (found / "Dockerfile").is_file():
        known = ", ".join(sorted(path.parent.name for path in REGISTRY.glob("*/Dockerfile")))
        raise EngineError(f"no image of a registry is known for {found.name!r}; known are {known}")
    return found


def tag(path: Path, prefix: str) -> str:
    """Name the image by all that is in its folder and where it comes from; what the registry changes is not in it."""
    files = [(file.name, file.read_text()) for file in sorted(path.iterdir())]
    return f"{REPOSITORY}:registry-{path.name}-{hashlib.sha256(repr((prefix, files)).encode()).hexdigest()[:12]}"


def ensure(client: docker.DockerClient, path: Path) -> str:
    """Return the tag of the image of ``path``, building it where the engine does not have it."""
    prefix = os.environ.get("PYHOST_REGISTRY", "")
    name = tag(path, prefix)
    try:
        client.images.get(name)
    except ImageNotFound:
        print(f"tests/hosts: building {name} from a registry's image", flush=True)
        try:
            client.images.build(path=str(path), tag=name, rm=True, buildargs={"REGISTRY": prefix})
        except (APIError, BuildError) as error:
            words = " ".join(str(error.explanation if isinstance(error, APIError) else error.msg).split())
            raise EngineError(
                f"the engine cannot build {path.name} from tests/hosts/registry/{path.name}/Dockerfile: {words}; "
                "PYHOST_REGISTRY names another registry, and without PYHOST_IMAGES no registry is needed"
            ) from error
    return name
