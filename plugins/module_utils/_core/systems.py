# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which systems the collection manages, and what it says to all others. Data, and its look-up.

docs/platforms.toml has the same releases with the evidence behind them; a unit test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .os_release import ENTERPRISE_LINUX, System

__all__ = ["TARGETS", "Target", "complaint", "keys", "known", "not_a_target", "supported_words", "unproven"]


@dataclass(frozen=True)
class Target:
    """A distribution of the mission; releases are ``VERSION_ID``, of which only the part before the dot counts where
    ``majors`` is true.

    ``supported`` releases have been run with all roles. For the ``written`` ones everything is there, from manuals and
    sources, and was never run: who knows that may go on. Older ones than the first of all are refused because they are
    ``aged``.
    """

    title: str
    ids: tuple[str, ...]
    supported: tuple[str, ...]
    aged: str
    majors: bool = True
    written: tuple[str, ...] = ()
    # Whether an admin may go on on an aged release knowingly: where something of it can work.
    may_be_allowed: bool = True

    @property
    def releases(self) -> tuple[str, ...]:
        return tuple(sorted((*self.supported, *self.written), key=_number))

    def release(self, version: str) -> str:
        return version.partition(".")[0] if self.majors else version


_END_OF_LIFE = "which is past its end of life"

TARGETS: tuple[Target, ...] = (
    Target("Debian", ("debian",), ("12", "13"), _END_OF_LIFE),
    Target(
        "Ubuntu",
        ("ubuntu",),
        ("22.04", "24.04", "26.04"),
        "which is past the end of its standard support",
        majors=False,
    ),
    Target(
        "Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux",
        ENTERPRISE_LINUX,
        ("9", "10"),
        "whose own Python is too old for Ansible",
        may_be_allowed=False,
    ),
    Target("Fedora", ("fedora",), ("43",), _END_OF_LIFE, written=("42", "44")),
    Target("FreeBSD", ("freebsd",), (), _END_OF_LIFE, written=("14", "15")),
)

_WAY_OUT = "take it out of the inventory or choose others with '--limit'"


def complaint(system: System, *, allow_end_of_life: bool = False, allow_unproven: bool = False) -> str | None:
    """Say why ``system`` cannot be a target, ``None`` where it can."""
    target = _target(system)
    if target is None:
        return _sentence(system, "which pyhost.baseline does not manage")
    release = target.release(system.version)
    if release in target.supported:
        return None
    if system.version and _number(release) < _number(target.releases[0]):
        if not target.supported or not target.may_be_allowed:
            # CentOS ended its releases years before those that they were built from.
            return _sentence(system, _END_OF_LIFE if system.id == "centos" else target.aged)
        if allow_end_of_life:
            return None
        way_out = "move it to one of those, or say 'baseline_allow_end_of_life: true' to go on where nothing was proven"
        return _sentence(system, target.aged, way_out)
    if release in target.written:
        if allow_unproven:
            return None
        what = "for which everything is written from manuals and sources, but on which nothing was ever run"
        way_out = f"{_WAY_OUT}, or say 'baseline_allow_unproven: true' to be the first, on a host that you can lose"
        return _sentence(system, what, way_out)
    return _sentence(system, "a release on which nothing was proven")


def unproven(system: System) -> str | None:
    """Return what has to be told of ``system`` where it was allowed knowingly, ``None`` where all of it was run."""
    target = _target(system)
    if target is None or target.release(system.version) not in target.written:
        return None
    return f"pyhost.baseline was never run on {system.title}: be sure of another way in (a console) before you go on"


def _target(system: System) -> Target | None:
    return next((one for one in TARGETS if system.id in one.ids), None)


def _sentence(system: System, what: str, way_out: str = _WAY_OUT) -> str:
    return (
        f"the host runs {system.title}, {what}; pyhost.baseline manages {supported_words()}; "
        f"the host was left as it was; {way_out}"
    )


def not_a_target(name: str) -> str:
    """Return the sentence for a system that Ansible runs on and this collection does not manage."""
    return (
        f"the host runs {name}, which is a place to run Ansible from, never a target of pyhost.baseline; "
        f"the host was left as it was; {_WAY_OUT}"
    )


def supported_words() -> str:
    """Return the supported systems in words: ``Debian 12 and 13, Ubuntu 22.04, 24.04 and 26.04``."""
    return ", ".join(f"{target.title} {_in_words(target.supported)}" for target in TARGETS if target.supported)


def _in_words(releases: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(releases[:-1]), releases[-1])))


def known(key: str) -> System | None:
    """Return the system of the mission that ``key`` names: ``debian13``, ``ubuntu24.04``, ``el9`` and so on.

    ``el9`` stands for Red Hat Enterprise Linux 9 and its rebuilds, each of which has its own key too.
    """
    match = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", key)
    if match is None:
        return None
    name, version = match.groups()
    system = System("centos" if name == "el" else name, version, ("debian",) if name == "ubuntu" else (), key)
    for target in TARGETS:
        if system.id in target.ids and target.release(version) in target.releases:
            return system
    return None


def keys() -> list[str]:
    """Return a key of each release of the mission; Enterprise Linux is ``el9`` and ``el10``."""
    return [
        f"{'el' if target.ids == ENTERPRISE_LINUX else target.ids[0]}{release}"
        for target in TARGETS
        for release in target.releases
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
