"""Unpack collections from the wheel of PyPI's ``ansible``: ``unpack.py WHEEL TARGET NAMESPACE.NAME …``."""

from __future__ import annotations

import sys
import zipfile


def main(wheel: str, target: str, *names: str) -> None:
    wanted = tuple("ansible_collections/{}/".format(name.replace(".", "/")) for name in names)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            # Tests and docs of the dependencies are two thirds of their size and of no use here.
            inside = next((member.filename[len(w) :] for w in wanted if member.filename.startswith(w)), None)
            if inside is None or inside.startswith(("tests/", "docs/", "changelogs/")):
                continue
            member.filename = member.filename.removeprefix("ansible_collections/")
            archive.extract(member, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
