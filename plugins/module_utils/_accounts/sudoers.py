# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's rule of sudoers(5): its file, its line, and the staged main file for the check. Pure."""

from __future__ import annotations

import os
import re

__all__ = ["file_name", "former_file_name", "includes", "is_ours", "listed", "rule", "staged_main"]

_INCLUDE = re.compile(r'^([@#]include(?:dir)?[ \t]+)("?)([^"\n]+?)("?[ \t]*)$', re.MULTILINE)


def file_name(account: str) -> str:
    """Return the name of the file, which is unique for the account.

    sudo ignores names with a dot, and uses the last of several matching rules. No name of an account contains ``+``.
    """
    return f"95-pyhost-{account.replace('.', '+')}"


def former_file_name(account: str) -> str:
    """Return the name of earlier releases, which was the same for ``a.b`` and ``a_b``; empty if it has not changed."""
    name = f"95-pyhost-{account.replace('.', '_')}"
    return "" if name == file_name(account) else name


def rule(account: str, sudo: str) -> str:
    """Return the rule; with ``sudo`` as ``nopasswd`` no password is asked for."""
    return f"{account} ALL=(ALL:ALL) {'NOPASSWD: ' if sudo == 'nopasswd' else ''}ALL\n"


def is_ours(text: str | None, account: str) -> bool:
    """Return whether a file contains only our rule for ``account``."""
    return text in (rule(account, "nopasswd"), rule(account, "password"))


def includes(main: str, directory: str) -> bool:
    """Return whether the text of the main file includes ``directory``."""
    return any(
        "includedir" in match[1] and os.path.normpath(match[3]) == directory for match in _INCLUDE.finditer(main)
    )


def staged_main(main: str, directory: str, staged: str) -> str:
    """Return the main file's text with ``staged`` instead of ``directory``; other relative includes become absolute."""
    above = os.path.dirname(directory)

    def moved(match: re.Match[str]) -> str:
        path = os.path.join(above, match[3])
        where = staged if "includedir" in match[1] and os.path.normpath(path) == directory else path
        return f"{match[1]}{match[2]}{where}{match[4]}"

    return _INCLUDE.sub(moved, main)


def listed(rights: str) -> bool:
    """Return whether ``sudo -l -U`` lists the rule."""
    return bool(
        re.search(r"^[ \t]+\(ALL(?:[ \t]*:[ \t]*ALL)?\)[ \t]*(?:[A-Z_]+:[ \t]*)*ALL[ \t]*$", rights, re.MULTILINE)
    )
