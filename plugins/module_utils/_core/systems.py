# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which systems the collection manages, and the error for every other one. Pure: data and its look-up.

docs/platforms.toml lists the same releases with the evidence for each; a unit test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import BaselineError
from .os_release import ENTERPRISE_LINUX, System

__all__ = ["TARGETS", "Target", "keys", "known", "not_a_target", "refusal", "supported_releases", "unproven_warning"]


@dataclass(frozen=True)
class Target:
    """A distribution that the collection manages. A release is a ``VERSION_ID``, up to the dot if ``majors`` is true.

    All roles have been run on the ``supported`` releases. The code for the ``written`` ones was written from manuals
    and sources and never run; a user who knows that may allow them. Releases older than the first of all are refused,
    and ``end_of_life`` is the reason.
    """

    title: str
    ids: tuple[str, ...]
    supported: tuple[str, ...]
    end_of_life: str
    majors: bool = True
    written: tuple[str, ...] = ()
    # Whether the user may allow releases past their end of life, because parts of the collection work there.
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

_EXCLUDE = "take the host out of the inventory or choose other hosts with '--limit'"


def refusal(system: System, *, allow_end_of_life: bool = False, allow_unproven: bool = False) -> BaselineError | None:
    """Return why ``system`` cannot be a target, ``None`` if it can."""
    target = _target(system)
    if target is None:
        return _refused(system, "which pyhost.baseline does not manage")
    release = target.release(system.version)
    if release in target.supported:
        return None
    if system.version and _number(release) < _number(target.releases[0]):
        if not target.supported or not target.may_be_allowed:
            # CentOS releases ended years before the RHEL releases that they were built from.
            return _refused(system, _END_OF_LIFE if system.id == "centos" else target.end_of_life)
        if allow_end_of_life:
            return None
        hint = "upgrade the host, or set 'baseline_allow_end_of_life: true' to continue on an untested release"
        return _refused(system, target.end_of_life, hint)
    if release in target.written:
        if allow_unproven:
            return None
        reason = "for which the code was written from manuals and sources and never run"
        hint = f"{_EXCLUDE}, or set 'baseline_allow_unproven: true' to be the first, on a host that you can lose"
        return _refused(system, reason, hint)
    return _refused(system, "a release that was never tested")


def unproven_warning(system: System) -> str | None:
    """Return the warning for a ``system`` on which nothing was ever run, ``None`` for any other."""
    target = _target(system)
    if target is None or target.release(system.version) not in target.written:
        return None
    return f"pyhost.baseline was never run on {system.title}: make sure that you have another way in, such as a console"


def _target(system: System) -> Target | None:
    return next((one for one in TARGETS if system.id in one.ids), None)


def _refused(system: System, reason: str, hint: str = _EXCLUDE) -> BaselineError:
    hint = f"{hint} (pyhost.baseline manages {supported_releases()})"
    return BaselineError(f"the host runs {system.title}, {reason}", hint=hint)


def not_a_target(name: str) -> BaselineError:
    """Return the error for a system that can run Ansible and is never managed."""
    return BaselineError(f"the host runs {name}, which can run Ansible but is never a managed host", hint=_EXCLUDE)


def supported_releases() -> str:
    """Return the supported systems as text: ``Debian 12 and 13, Ubuntu 22.04, 24.04 and 26.04``."""
    return ", ".join(f"{target.title} {_enumerated(target.supported)}" for target in TARGETS if target.supported)


def _enumerated(releases: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(releases[:-1]), releases[-1])))


def known(key: str) -> System | None:
    """Return the managed system that ``key`` names: ``debian13``, ``ubuntu24.04``, ``el9`` and so on.

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
    """Return a key for each release that is managed or written; Enterprise Linux is ``el9`` and ``el10``."""
    return [
        f"{'el' if target.ids == ENTERPRISE_LINUX else target.ids[0]}{release}"
        for target in TARGETS
        for release in target.releases
    ]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
