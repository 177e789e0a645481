"""Images of bare systems: mmdebstrap builds the root, `docker import` takes it, a hash of the recipe names it.

``PYHOST_IMAGES`` chooses a registry's images instead, see registry_images.py.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import tomllib
import typing as t
from dataclasses import asdict, dataclass, field
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from tests.hosts import registry_images
from tests.hosts.engine import EngineError
from tests.hosts.paths import CACHE, SYSTEMS

# What a cloud's smallest image has and no more: no sudo, no fail2ban, no packet filter, no recommended package.
BARE = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "openssh-server",
    "python3",
    "systemd",
    "systemd-sysv",
    "udev",
)
REPOSITORY = "pyhost-baseline-test"


@dataclass(frozen=True)
class System:
    """A recipe: systems/NAME.toml, and systems/NAME/ (optional) laid over the root; ``overlay`` maps path to source."""

    name: str
    suite: str
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    commands: tuple[str, ...] = ()
    overlay: dict[str, str] = field(default_factory=dict)

    def included(self) -> list[str]:
        return sorted((set(BARE) | set(self.packages)) - set(self.without))

    def tag(self) -> str:
        """Name the image by all that it is made of, so that a changed recipe is a new image."""
        texts = {target: (SYSTEMS / source).read_text() for target, source in self.overlay.items()}
        recipe = json.dumps([{**asdict(self), "overlay": texts}, self.included()], sort_keys=True).encode()
        return f"{REPOSITORY}:{self.name}-{hashlib.sha256(recipe).hexdigest()[:12]}"


def names() -> list[str]:
    """List the systems that every test runs on; one that its recipe marks ``by_name_only`` is built where asked for."""
    paths = SYSTEMS.glob("*.toml")
    return sorted(path.stem for path in paths if not tomllib.loads(path.read_text()).get("by_name_only"))


def load(name: str) -> System:
    """Read systems/NAME.toml; an unknown system is an error that lists the known ones."""
    path = SYSTEMS / f"{name}.toml"
    if not path.is_file():
        raise EngineError(f"unknown system {name!r}; known are {', '.join(names())}")
    recipe = tomllib.loads(path.read_text())
    # The folders of other systems that the recipe names come first, so that its own files win.
    overlay = {
        str(path.relative_to(SYSTEMS / folder)): path
        for folder in (*recipe.get("overlays", ()), name)
        for path in sorted((SYSTEMS / folder).rglob("*"))
        if path.is_file()
    }
    return System(
        name=name,
        suite=recipe["suite"],
        packages=tuple(recipe.get("packages", ())),
        without=tuple(recipe.get("without", ())),
        components=tuple(recipe.get("components", ("main",))),
        commands=tuple(recipe.get("commands", ())),
        overlay={target: str(path.relative_to(SYSTEMS)) for target, path in sorted(overlay.items())},
    )


def ensure(client: docker.DockerClient, name: str) -> str:
    """Return the tag of the image of ``name``, building it (about a minute) where the engine does not have it.

    Whoever wants the same image meanwhile waits for that build: another scenario, or another clone on the machine.
    """
    chosen = registry_images.choice(os.environ)
    if chosen is not None:
        return registry_images.ensure(client, registry_images.find(name, chosen), BARE)
    system = load(name)
    tag = system.tag()
    once(client, tag, lambda: _build(client, system, tag))
    return tag


def once(client: docker.DockerClient, tag: str, build: t.Callable[[], None]) -> None:
    """Run ``build`` where the engine has no image ``tag``, by one process of this machine at a time."""
    if not _exists(client, tag):
        with (Path(tempfile.gettempdir()) / f"{tag.replace(':', '-')}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _exists(client, tag):
                build()


def _exists(client: docker.DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def _build(client: docker.DockerClient, system: System, tag: str) -> None:
    if not shutil.which("mmdebstrap"):
        raise EngineError("mmdebstrap is missing: `apt-get install mmdebstrap` (Debian family)")
    print(f"tests/hosts: building {tag} with mmdebstrap (about a minute)", flush=True)
    work = CACHE / "images"
    work.mkdir(parents=True, exist_ok=True)
    tar, log = work / f"{system.name}.{os.getpid()}.tar", work / f"{system.name}.log"
    folders = sorted({str(Path(path).parent) for path in system.overlay})
    argv = [
        "mmdebstrap",
        "--variant=minbase",
        f"--components={','.join(system.components)}",
        f"--include={','.join(system.included())}",
        # A mirror's copy may be older than its Release file allows; for a disposable test image that is fine.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        # Every host makes its own host keys at its first boot.
        '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
        *(f'--customize-hook=mkdir -p "$1"/{folder}' for folder in folders),
        *(f"--customize-hook=upload {SYSTEMS / source} /{path}" for path, source in system.overlay.items()),
        *(f'--customize-hook=chroot "$1" sh -ec {shlex.quote(command)}' for command in system.commands),
        system.suite,
        str(tar),
    ]
    try:
        with log.open("wb") as output:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if done.returncode:
            raise EngineError(f"mmdebstrap failed for {system.name} (rc={done.returncode}); its words are in {log}")
        repository, label = tag.split(":")
        client.api.import_image_from_file(str(tar), repository=repository, tag=label)
    finally:
        Path(tar).unlink(missing_ok=True)
