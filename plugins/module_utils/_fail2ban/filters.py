# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the user's own: what they may contain, their sample lines, and the text of their files.

See jail.conf(5), section FILTER FILES. A filter of ours is ``filter.d/NAME.local``: fail2ban needs no ``NAME.conf``
beside it, and no package installs a file of that name.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import UNCHANGED, BaselineError, state_of_errors, unknown
from .config import check_value, render, value_text
from .own_files import OwnFile
from .packet_filters import normal_address

__all__ = [
    "FilterSample",
    "UserFilter",
    "check_foreign",
    "check_included",
    "filter_files",
    "filter_path",
    "parse_filters",
]

# The options of a filter file that a jail reads (fail2ban's filterreader). The names in _LISTS hold one item a line.
_DEFINITION = ("prefregex", "failregex", "ignoreregex", "datepattern", "journalmatch", "maxlines")
_LISTS = ("failregex", "ignoreregex", "journalmatch", "before")
_SAMPLES = ("matches", "ignores")
_KNOWN = (*_DEFINITION, "before", *_SAMPLES)
# The tags of fail2ban that name who is banned, and the groups that they stand for.
_WHO = re.compile(
    r"<(?:HOST|ADDR|IP[46]|SUBNET|DNS|F-(?:ID|IP[46]|ADDR|SUBNET|DNS|MLFID))/?>|\(\?P<(?:host|ip4|ip6|dns|fid)>"
)


@dataclass(frozen=True)
class FilterSample:
    """A sample of the log: one line, or several that belong together. ``address``: the one that it has to yield."""

    text: str
    address: str = ""


@dataclass(frozen=True)
class UserFilter:
    """A filter: the options of its file, and the samples that it has to match (``matches``) or not (``ignores``)."""

    options: t.Mapping[str, str]
    matches: tuple[FilterSample, ...]
    ignores: tuple[FilterSample, ...] = ()

    @property
    def text(self) -> str:
        """The text of its file."""
        includes = {"before": self.options["before"]} if "before" in self.options else {}
        # An empty ignoreregex overrides that of an included file.
        definition = {"ignoreregex": "", **{name: value for name, value in self.options.items() if name != "before"}}
        return render({}, {**({"INCLUDES": includes} if includes else {}), "Definition": definition})


def filter_path(name: str) -> str:
    """Return the path of the filter ``name`` below the directory of fail2ban."""
    return f"/filter.d/{name}.local"


def filter_files(filters: t.Mapping[str, UserFilter]) -> dict[str, OwnFile]:
    """Return the files of ``filters``: path below the directory of fail2ban → file."""
    return {filter_path(name): OwnFile(one.text) for name, one in filters.items()}


def check_included(name: str, definition: UserFilter, known: t.Collection[str]) -> None:
    """Refuse an included file that is not in ``known``. fail2ban ignores such an include."""
    for file in definition.options.get("before", "").split("\n"):
        if file and file not in known:
            raise BaselineError(
                unknown("file in filter.d", file, known), where=f"[{name}]", option="filters", state=UNCHANGED
            )


def check_foreign(name: str, paths: t.Iterable[str]) -> None:
    """Refuse a filter ``name`` for which other files exist (``paths``): those of a package or of somebody else."""
    found = ", ".join(paths)
    if found:
        raise BaselineError(
            f"there is a filter of this name already, which this task does not change: {found}",
            where=f"[{name}]",
            option="filters",
            state=UNCHANGED,
            hint=f"choose another name; to extend that filter, write before: {name}.conf and "
            "%(known/failregex)s as the first failregex, and set filter of the jail",
        )


def parse_filters(given: t.Mapping[str, t.Any]) -> dict[str, UserFilter]:
    """Return the filters in the input ``given``. An invalid one is an error."""
    with state_of_errors(UNCHANGED):
        return {str(name): _parse(str(name), options) for name, options in given.items()}


def _parse(name: str, given: t.Any) -> UserFilter:
    where = f"[{name}]"
    if not re.fullmatch(r"[A-Za-z0-9_][\w-]*", name):
        raise BaselineError(f"{name!r} is not a valid name for a filter", hint="use letters, digits, '-' and '_'")
    if not isinstance(given, dict):
        raise BaselineError(
            f"the filter is {given!r}, but has to be a mapping such as {{failregex: […], matches: […]}}", where=where
        )
    for option in given:
        if option not in _KNOWN and not re.fullmatch(r"_\w+", str(option)):
            raise BaselineError(
                unknown("filter option", str(option), _KNOWN),
                where=where,
                hint="a name of your own that the expressions refer to, such as _daemon, begins with '_'",
            )
    options = {str(name): _option(where, str(name), value) for name, value in given.items() if name not in _SAMPLES}
    if not options.get("failregex"):
        raise BaselineError("failregex is missing: a filter without it finds nothing", where=where)
    _check_who(where, options)
    matches, ignores = (_samples(where, kind, given.get(kind) or []) for kind in _SAMPLES)
    if not matches:
        raise BaselineError(
            "matches is missing: without a sample line nothing shows that the filter finds anything",
            where=where,
            hint="add at least one line of the log, as the program writes it",
        )
    return UserFilter(options, matches, ignores)


def _option(where: str, name: str, value: t.Any) -> str:
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(items) != 1 and name not in _LISTS:
        raise BaselineError(f"{name} has to be one value", where=where)
    lines = [line for item in items for line in _written(where, name, item).split("\n")]
    for line in lines:
        if line != line.strip():
            raise BaselineError(
                f"{name} begins or ends with a blank, which fail2ban removes: {line!r}", where=where, hint="write \\s"
            )
        check_value(where, name, line)
    if name == "before":
        for line in lines:
            if not re.fullmatch(r"[\w.+-]+\.(?:conf|local)", line):
                raise BaselineError(
                    f"before is {line!r}, but has to be a file in filter.d such as common.conf", where=where
                )
    return "\n".join(line for line in lines if line)


def _written(where: str, name: str, value: t.Any) -> str:
    # A block of YAML ends with a line break. Blanks at the ends of a line are refused, not removed.
    text = value.rstrip("\n") if isinstance(value, str) else value_text(where, name, value)
    # `%` begins a reference, %(name)s. As a character of its own fail2ban wants it doubled; a doubled one stays.
    return re.sub(r"%%|%(?!\([^)]+\)s)", "%%", text)


def _check_who(where: str, options: t.Mapping[str, str]) -> None:
    """Refuse a failregex that names nobody. A prefregex or a reference may do that for it."""
    if _WHO.search(options.get("prefregex", "")):
        return
    for expression in options["failregex"].split("\n"):
        if not _WHO.search(expression) and "%(" not in expression:
            raise BaselineError(
                f"failregex has no address: {expression!r}", where=where, hint="write <HOST> where the address is"
            )


def _samples(where: str, kind: str, given: t.Any) -> tuple[FilterSample, ...]:
    if not isinstance(given, (list, tuple)):
        given = [given]
    return tuple(_sample(where, kind, one) for one in given)


def _sample(where: str, kind: str, given: t.Any) -> FilterSample:
    address = ""
    if isinstance(given, dict):
        unknown_names = sorted(set(given) - {"line", "address"})
        if unknown_names or "line" not in given or kind == "ignores":
            raise BaselineError(
                f"{kind} has the entry {given!r}, but an entry has to be a line"
                + (", or {line: …, address: …}" if kind == "matches" else ""),
                where=where,
            )
        address = str(given.get("address", ""))
        if address and normal_address(address) is None:
            raise BaselineError(f"{kind} has the address {address!r}, which is none", where=where)
        given = given["line"]
    text = given.rstrip("\n") if isinstance(given, str) else ""
    if not text.strip():
        raise BaselineError(f"{kind} has the entry {given!r}, but has to contain lines of a log", where=where)
    return FilterSample(text, normal_address(address) or "")
