# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin's rule of sudoers(5): its file, its line, and the staged main file for the check. Pure."""

from __future__ import annotations

import os
import re
import typing as t

__all__ = [
    "file_name",
    "former_file_name",
    "includes",
    "is_ignored",
    "is_ours",
    "listed",
    "rule",
    "staged_main",
    "unread_rules",
]

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


def is_ignored(name: str) -> bool:
    """Return whether sudo passes over a file of this name in an included folder."""
    return "." in name or name.endswith("~")


def unread_rules(main: str, directory: str, files: t.Mapping[str, str], account: str) -> tuple[str, str]:
    """Return why sudo does not read a rule for ``account`` that is in ``files`` of ``directory``, and what to do.

    Both are empty where no such rule is there, or where sudo reads it.
    """
    begins = re.compile(rf"^[ \t]*{re.escape(account)}[ \t]", re.MULTILINE)
    named = [path for path, text in sorted(files.items()) if begins.search(text)]
    if named and not includes(main, directory):
        return (
            f"{os.path.dirname(directory)}/sudoers does not include {directory}, so that sudo does not read {named[0]}",
            f"add the line '@includedir {directory}' with visudo",
        )
    ignored = [path for path in named if is_ignored(os.path.basename(path))]
    if ignored:
        return (
            f"sudo ignores {ignored[0]}, as the name of the file contains '.' or ends with '~'",
            "rename the file",
        )
    return "", ""


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
