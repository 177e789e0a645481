# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files of fail2ban: their order, includes and sections, as fail2ban's own reader reads them.

See jail.conf(5). fail2ban's reader is a ConfigParser in which a semicolon starts an inline comment. It reads the files
named in the section INCLUDES before and after the file that names them.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import typing as t

from .._core.errors import BaselineError

__all__ = ["merge_sections", "overridden_settings", "parse_sections", "read_order", "read_with_includes"]

Sections = t.Dict[str, t.Dict[str, str]]
# The lists of files that stand for included files.
Includes = t.Dict[t.Tuple[str, ...], t.List[str]]
# fail2ban leaves out a file that includes the present one. With files that have a .local, which it does not leave out,
# it goes on until Python ends the recursion.
_DEEPEST = 100


def parse_sections(text: str) -> Sections:
    """Return the sections of the jail, filter or action file ``text``: section → option → value as written.

    Option names are in lower case. Lines that fail2ban rejects are left out: its own check reports them.
    """
    # Without a default section, [DEFAULT] is a section like any other.
    parser = configparser.RawConfigParser(default_section="", inline_comment_prefixes=(";",), strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(text)
    return {section: dict(parser.items(section)) for section in parser.sections()}


def read_order(paths: t.Iterable[str], directory: str, name: str) -> list[str]:
    """Return those of ``paths`` that fail2ban reads for ``name`` (``jail``), in its order. The last value counts."""
    known = sorted(paths)
    parts = f"{directory}/{name}.d/"
    return [
        *(path for path in known if path == f"{directory}/{name}.conf"),
        *(path for path in known if path.startswith(parts) and path.endswith(".conf")),
        *(path for path in known if path == f"{directory}/{name}.local"),
        *(path for path in known if path.startswith(parts) and path.endswith(".local")),
    ]


def read_with_includes(
    path: str, read: t.Callable[[str], str | None], known: Includes | None = None
) -> list[tuple[str, str]]:
    """Return ``path`` and the files that it includes with their texts, in the order in which fail2ban reads them.

    ``read`` returns the text of a file, ``None`` if the file does not exist. Includes without an end are an error.
    ``known``: what fail2ban keeps while it reads several files. Like fail2ban, files that include each other are taken
    as the first of them was.
    """
    lists: Includes = {} if known is None else known

    def listed(paths: list[str], parents: tuple[str, ...]) -> list[str]:
        key = tuple(paths)
        if key not in lists:
            if len(parents) > _DEEPEST:
                raise BaselineError("the files that it includes include each other", where=paths[0])
            lists[key] = [one for path in paths for one in walk(path, parents)]
        return lists[key]

    def walk(path: str, parents: tuple[str, ...]) -> list[str]:
        text = read(path)
        if text is None:
            return []
        sections = parse_sections(text)
        # As in each section, an option that it does not have is that of [DEFAULT].
        includes = {**sections.get("DEFAULT", {}), **sections["INCLUDES"]} if "INCLUDES" in sections else {}
        before, after = (
            [
                one
                for file in _named(path, includes.get(option, ""))
                if file not in parents
                for one in listed(_with_local(file), (*parents, path))
            ]
            for option in ("before", "after")
        )
        return [*before, path, *after]

    return [(one, read(one) or "") for one in walk(path, ())]


def _named(path: str, names: str) -> list[str]:
    return [os.path.join(os.path.dirname(path), name) for name in names.split("\n") if name]


def _with_local(path: str) -> list[str]:
    """Return an included file and the one with the suffix ``.local``. fail2ban reads it even if the first is absent."""
    return list(dict.fromkeys([path, os.path.splitext(path)[0] + ".local"]))


def merge_sections(texts: t.Iterable[str]) -> Sections:
    """Return the sections of several files as fail2ban composes them (values as written). The last value counts."""
    merged: Sections = {}
    for text in texts:
        for section, options in parse_sections(text).items():
            merged.setdefault(section, {}).update(options)
    return merged


def overridden_settings(own: str, later: t.Iterable[tuple[str, str]]) -> list[str]:
    """Return the settings of our file ``own`` that the files ``later`` (path and text, in reading order) override."""
    ours = parse_sections(own)
    last: dict[tuple[str, str], tuple[str, str]] = {}
    for path, text in later:
        for section, options in parse_sections(text).items():
            for option, value in options.items():
                requested = ours.get(section, {}).get(option)
                if requested is not None:
                    known = last.get((section, option), (requested, ""))[0]
                    last[section, option] = (_with_known(value, option, known), path)
    return [
        f"{path}: {option} = {value} for [{section}], but {ours[section][option] or 'an empty value'} is requested"
        for (section, option), (value, path) in last.items()
        if value != ours[section][option]
    ]


def _with_known(value: str, option: str, known: str) -> str:
    """Return ``value`` with ``%(known/OPTION)s`` replaced by the value that the option had before."""
    return re.sub(rf"%\(known/{re.escape(option)}\)s", lambda _found: known, value)
