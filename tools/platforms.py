"""Write docs/platforms.md from docs/platforms.toml, the table of systems and the tables of packages: ``make docs``."""

from __future__ import annotations

import itertools
import sys
import tomllib
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import TARGETS, Target, keys
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.names import TABLES, asked_system, row
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.rows import Included, Row, Unavailable

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "docs" / "platforms.toml"
PAGE = ROOT / "docs" / "platforms.md"
NONE = "none"

HEAD = """\
# Platforms and their evidence

<!-- Written by `make docs` from platforms.toml and the tables of the code. Do not edit by hand. -->

What stands behind each claim:

{kinds}

## Systems

{systems}

The hosts are containers with systemd as process 1 ([test hosts](../tests/hosts/README.md)). They cannot show a kernel
update, a boot loader, SELinux in enforcing mode, or a firewall of the cloud in front of the host.

Written, but **not yet run**: the same scenarios on the distributions' own images of a container registry
([which](../tests/hosts/README.md)), and on FreeBSD 14 and 15 in virtual machines, as the matrix of
[ci.yml](../.github/workflows/ci.yml). Nothing on this page rests on them.

| | what runs it |
| --- | --- |
| controller | Python 3.11 to 3.13 with ansible-core 2.19.14, pinned in `pyproject.toml`, runs all tests |
| | ansible-core 2.18.19 and 2.21.5, by hand: unit tests; the main job from the built collection on Debian 12 and 13 |
| | mitogen 0.3.54 with ansible-core 2.19.14, by hand: the main job, bootstrap.yml, a move of sshd's port on Debian 13 |
| managed host | Python 3.11 and 3.13 by running; 3.8 and later by `ansible-test sanity` (compile and import) |

## Features

EL is Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux.

{features}

{proofs}

## What a package is called

What `packages` takes as a logical name, and what it is on each system. *Italic*: not looked up anywhere yet. Raised
letters name a repository that is off at first. The module says the same for one system:
`ansible localhost -m pyhost.baseline.packages -a "name=python-stack state=resolved system=el9"`.

{packages}

Where the names come from:

{sources}
"""


@dataclass(frozen=True)
class Data:
    """The contents of platforms.toml."""

    kinds: dict[str, str]
    systems: dict[str, str]
    features: list[dict[str, t.Any]]
    package_sources: list[dict[str, t.Any]]

    def kind(self, feature: dict[str, t.Any], system: str) -> str:
        return next((cell["kind"] for cell in feature["cells"] if system in cell["systems"]), NONE)

    def was_looked_up(self, package: str, system: str) -> bool:
        sources = [source for source in self.package_sources if system in source["systems"]]
        return any(source.get("all") or package in source["names"].split() for source in sources)


def load() -> Data:
    return Data(**tomllib.loads(DATA.read_text(encoding="utf-8")))


def status(data: Data) -> dict[str, str]:
    """Return whether each release of the mission is managed, by its key."""
    releases = [(target, release) for target in TARGETS for release in target.releases]
    return {key: _status(data, key, target, release) for key, (target, release) in zip(keys(), releases, strict=True)}


def _status(data: Data, key: str, target: Target, release: str) -> str:
    if release in target.written:
        return f"written, but not run on {data.systems[key]}; refused unless `baseline_allow_unproven: true`"
    stood_in = any(data.kind(feature, key) == "stand-in" for feature in data.features)
    return "managed, but proven on a stand-in only" if stood_in else "managed"


def page(data: Data) -> str:
    return HEAD.format(
        kinds="\n".join(f"- *{kind}*: {words};" for kind, words in data.kinds.items()).rstrip(";") + ".",
        systems=_systems(data),
        features=_features(data),
        proofs="\n".join(_proofs(data)),
        packages=_table(["name", *(_column(data, systems) for systems in columns())], list(_packages(data))),
        sources="\n".join(_sources(data)),
    )


def _table(head: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _systems(data: Data) -> str:
    rows = [[data.systems[key], said] for key, said in status(data).items()]
    rows += [
        ["older releases of these", "refused with a sentence; of a managed distribution they can be allowed knowingly"],
        ["newer releases, and other distributions", "refused with a sentence"],
        ["macOS", "a place to run Ansible from, never a target; refused with a sentence"],
        ["Windows", "neither: run Ansible from WSL or another machine; refused with a sentence"],
    ]
    return _table(["system", "state"], rows)


def _features(data: Data) -> str:
    rows = [[feature["title"], *(data.kind(feature, system) for system in data.systems)] for feature in data.features]
    return _table(["", *data.systems.values()], rows)


def _proofs(data: Data) -> t.Iterator[str]:
    for feature in data.features:
        for cell in feature["cells"]:
            proofs = ", ".join(f"[{path}](../{path})" for path in cell["by"])
            yield f"- {feature['title']}, {cell['kind']}: {proofs}"


def columns() -> list[list[str]]:
    """Return the systems of each column of the table of packages: releases of one distribution with the same rows."""
    releases = iter(keys())
    found: list[list[str]] = []
    for target in TARGETS:
        of_target: list[list[str]] = []
        for key in itertools.islice(releases, len(target.releases)):
            if of_target and _rows(of_target[-1][0]) == _rows(key):
                of_target[-1].append(key)
            else:
                of_target.append([key])
        found += of_target
    return found


def _rows(key: str) -> list[Row | None]:
    return [row(name, asked_system(key)) for name in sorted(TABLES["debian"].rows)]


def _column(data: Data, systems: t.Sequence[str]) -> str:
    """Return the title of a column: ``Debian 12, 13``."""
    distribution, _space, first = data.systems[systems[0]].rpartition(" ")
    others = [data.systems[key].rpartition(" ")[2] for key in systems[1:]]
    return f"{distribution} {', '.join([first, *others])}"


def _packages(data: Data) -> t.Iterator[list[str]]:
    for name in sorted(TABLES["debian"].rows):
        yield [f"`{name}`", *(_cell(data, name, systems) for systems in columns())]


def _cell(data: Data, name: str, systems: t.Sequence[str]) -> str:
    found: Row | None = row(name, asked_system(systems[0]))
    if found is None:
        raise SystemExit(f"{name} is not in the package table of {systems[0]}")
    if isinstance(found, Included):
        return found.where
    if isinstance(found, Unavailable):
        return f"not to be had: {found.why}"
    return ", ".join(_package(data, package, systems) for package in found)


def _package(data: Data, package: str, systems: t.Sequence[str]) -> str:
    looked_up = all(data.was_looked_up(package, system) for system in systems)
    system = asked_system(systems[0])
    held = [table.repositories[key] for table in TABLES.values() for key in system.keys if key in table.repositories]
    marks = "".join(f"<sup>{name}</sup>" for group in held for name, inside in group.items() if package in inside)
    return (package if looked_up else f"*{package}*") + marks


def _sources(data: Data) -> t.Iterator[str]:
    for source in data.package_sources:
        systems = ", ".join(data.systems[key] for key in source["systems"])
        names = "all" if source.get("all") else f"`{'`, `'.join(source['names'].split())}`"
        yield f"- {systems}: {source['title']}: {names}"


def main() -> None:
    PAGE.write_text(page(load()), encoding="utf-8")
    print(f"docs: wrote {PAGE.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
