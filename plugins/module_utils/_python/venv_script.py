# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script for the Python of a virtual environment: it reports the distributions in it and the unmet requirements.

Pure: the script is a text. It runs as the environment's owner, on Python 3.8 and later, with the modules that pip has.
"""

from __future__ import annotations

__all__ = ["SCRIPT"]

SCRIPT = r'''
import json, os, platform, re, stat, sys
from importlib import metadata

try:
    import pip
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    pip = None

request = json.loads(sys.argv[1])
found, unmet, undecided, seen = {}, [], [], set()


def name_of(text):
    return re.sub(r"[-_.]+", "-", text).lower()


for one in metadata.distributions():
    name = one.metadata["Name"]
    if name and one.version:
        found.setdefault(name_of(name), one)


def report(**more):
    versions = {name: one.version for name, one in found.items()}
    python = {"python": platform.python_version(), "pip": getattr(pip, "__version__", "")}
    print(json.dumps({**python, "distributions": versions, "unmet": unmet, "undecided": undecided, **more}))
    sys.exit()


def read(path):
    """Return the lines of a requirements file; without O_NONBLOCK a pipe would block."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(number, encoding="utf-8", errors="replace") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                report(problem="the requirements file %s is not a regular file" % path)
            text = file.read(1 << 20)
    except OSError as error:
        report(problem="the owner cannot read the requirements file %s: %s" % (path, error.strerror))
    return [line for line in (re.sub(r"(^|\s+)#.*", "", line).strip() for line in text.splitlines()) if line]


def applies(requirement, extras):
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or [""])


def evaluate(requirement, extras):
    """Record a requirement, or one of its own requirements, that is not met."""
    if not applies(requirement, extras):
        return
    name = name_of(requirement.name)
    one = found.get(name)
    if one is None or not requirement.specifier.contains(one.version, prereleases=True):
        unmet.append(str(requirement))
        return
    key = (name, frozenset(requirement.extras))
    if key in seen:
        return
    seen.add(key)
    for text in one.requires or []:
        try:
            evaluate(Requirement(text), requirement.extras)
        except InvalidRequirement:
            pass


requirements = read(request["file"]) if request["file"] else request["requirements"]
if pip:
    for text in requirements:
        # Options, addresses, paths, variables and continued lines.
        if re.match(r"[-./]", text) or re.search(r"://|@|\$\{|\\$|\s--?\w|\.(whl|zip|tar\.\w+)$", text):
            undecided.append(text)
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            undecided.append(text)
        else:
            evaluate(requirement, ())
report()
'''
