# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jail file of this collection: options, their values, and its text. See jail.conf(5)."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._core.errors import UNCHANGED, BaselineError, unknown
from .jail_files import parse_sections

__all__ = [
    "HEADER",
    "TIMES",
    "check_names",
    "check_options",
    "check_value",
    "controller_of",
    "filter_name",
    "first_set",
    "known_options",
    "render",
    "seconds",
    "value_text",
    "with_address",
]

Options = t.Mapping[str, t.Any]

HEADER = "# Managed by the module pyhost.baseline.fail2ban_jails, which replaces this file as a whole."
_CONTROLLER = "# The controller's address, kept in ignoreip: "

# The options of fail2ban's readers (jailreader, filterreader), and those that [DEFAULT] and the actions of jail.conf
# refer to.
# fmt: off
_OPTIONS = frozenset(
    [
        "action", "action_", "action_mw", "action_mwl", "backend", "banaction", "banaction_allports",
        "bantime", "bantime.factor", "bantime.formula", "bantime.increment", "bantime.maxtime",
        "bantime.multipliers", "bantime.overalljails", "bantime.rndtime", "chain", "datepattern", "destemail",
        "enabled", "fail2ban_agent", "failregex", "filter", "findtime", "ignorecache", "ignorecommand",
        "ignoreip", "ignoreregex", "ignoreself", "journalmatch", "logencoding", "logpath", "logtimezone",
        "maxlines", "maxmatches", "maxretry", "mode", "mta", "port", "prefregex", "protocol", "sender",
        "usedns",
    ]
)
# fmt: on
TIMES = ("bantime", "findtime", "bantime.maxtime", "bantime.rndtime")
_WHOLE = ("maxretry", "maxmatches", "maxlines")
_BOOLEANS = ("enabled", "ignoreself", "bantime.increment", "bantime.overalljails")
# Lists of these options are joined by blanks. Lists of all other options have one item on each line.
_BY_BLANK = ("ignoreip", "bantime.multipliers")
_USEDNS = ("yes", "warn", "no", "raw")
_RESERVED = ("DEFAULT", "INCLUDES", "Definition", "Init", "Thread")

_DAY = 86400.0
_YEAR = 365.25 * _DAY
_UNITS = (
    (r"days?|da|dd?", _DAY),
    (r"weeks?|wee?|ww?", 7 * _DAY),
    (r"months?|mon?", _YEAR / 12),
    (r"years?|yea?|yy?", _YEAR),
    (r"seconds?|sec?|ss?", 1.0),
    (r"minutes?|min?|mm?", 60.0),
    (r"hours?|hou?|hh?", 3600.0),
)


def first_set(option: str, sources: t.Iterable[t.Mapping[str, t.Any]], usual: str) -> t.Any:
    """Return ``option`` of the first of ``sources`` that sets it, ``usual`` if none does."""
    return next((source[option] for source in sources if option in source), usual)


def seconds(text: t.Any) -> float | None:
    """Return fail2ban's time ``text`` (``600``, ``10m``, ``1d 12h``, ``-1``) in seconds, ``None`` if it is none."""
    words = str(text).strip().lower()
    if re.fullmatch(r"-?\d+(\.\d+)?", words):
        return float(words)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*", words)
    if not parts or "".join(number + unit for number, unit in parts) != re.sub(r"\s", "", words):
        return None
    total = 0.0
    for number, unit in parts:
        factor = next((factor for pattern, factor in _UNITS if re.fullmatch(pattern, unit)), None)
        if factor is None:
            return None
        total += float(number) * factor
    return total


def value_text(where: str, name: str, value: t.Any) -> str:
    """Return ``value`` as it is written in a jail file: booleans in lower case, list items by blank or line."""
    if isinstance(value, bool):
        # YAML reads an unquoted yes and no as booleans.
        words = ("yes", "no") if name == "usedns" else ("true", "false")
        return words[0] if value else words[1]
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        items = [value_text(where, name, item) for item in value]
        return (" " if name in _BY_BLANK else "\n").join(items)
    if isinstance(value, str):
        return "\n".join(line.strip() for line in value.strip().split("\n"))
    raise BaselineError(
        f"the option {name!r} has the value {value!r}, which cannot be written in a jail file",
        where=where,
        hint="give a string, number, boolean or list",
    )


def _section(name: str, options: t.Mapping[str, str]) -> list[str]:
    lines = [f"[{name}]"]
    for option, text in options.items():
        first, *rest = text.split("\n")
        lines += [f"{option} = {first}".rstrip(), *(f"    {line}" for line in rest)]
    return lines


def render(defaults: Options, jails: t.Mapping[str, Options], *, controller: str | None = None) -> str:
    """Return the text of our jail file: ``[DEFAULT]`` first, then the jails, in the given order."""
    sections = {"DEFAULT": defaults, **jails} if defaults else dict(jails)
    lines = [HEADER]
    if controller:
        lines.append(_CONTROLLER + controller)
    for name, options in sections.items():
        texts = {option: value_text(f"[{name}]", option, value) for option, value in options.items()}
        lines += ["", *_section(name, texts)]
    return "\n".join(lines) + "\n"


def controller_of(text: str | None) -> str | None:
    """Return the address of the controller in the header of our file, ``None`` if there is none."""
    lines = (text or "").splitlines()
    return next((line[len(_CONTROLLER) :].strip() for line in lines if line.startswith(_CONTROLLER)), None)


def with_address(value: t.Any, address: str) -> t.Any:
    """Return the ``ignoreip`` ``value`` (string or list) with ``address`` added."""
    text = value_text("ignoreip", "ignoreip", value)
    return text if address in re.split(r"[\s,]+", text) else f"{text} {address}".strip()


def filter_name(jail: str, options: Options, others: t.Mapping[str, t.Mapping[str, str]]) -> str:
    """Return the name of the filter of ``jail``: from ``options``, else from ``others``, else the name of the jail."""
    written = options.get("filter") or others.get(jail, {}).get("filter") or jail
    name = re.split(r"[\[\s]", str(written).strip(), maxsplit=1)[0]
    return jail if "%(__name__)s" in name else name


def known_options(others: t.Mapping[str, t.Mapping[str, str]], *filters: str) -> set[str]:
    """Return the valid options of a jail: those of fail2ban, of the files ``others``, and parameters of ``filters``."""
    known = set(_OPTIONS)
    for options in others.values():
        known.update(options)
    for text in filters:
        for options in parse_sections(text).values():
            known.update(options)
    return known


def check_names(defaults: Options, jails: t.Mapping[str, Options]) -> None:
    """Refuse names of jails and options that are invalid in a jail file or that fail2ban uses otherwise."""
    for name in jails:
        if not re.fullmatch(r"[\w.+-]+", name) or name in _RESERVED:
            raise BaselineError(
                f"{name!r} is not a valid name for a jail",
                hint="use letters, digits, '-', '_' and '.'"
                + (" (options of all jails belong to 'defaults')" if name == "DEFAULT" else ""),
            )
    for where, options in {"DEFAULT": defaults, **jails}.items():
        if not isinstance(options, dict):
            raise BaselineError(
                f"the options are {options!r}, but have to be a mapping such as {{maxretry: 3}}", where=f"[{where}]"
            )
        for option in options:
            if not re.fullmatch(r"[A-Za-z_][\w.?/-]*", str(option)):
                raise BaselineError(f"{option!r} is not a valid name for an option", where=f"[{where}]")


def check_options(where: str, options: Options, known: t.Collection[str]) -> None:
    """Refuse an option that nothing reads, and a value that fail2ban would refuse or misread."""
    values = " ".join(value_text(where, name, value) for name, value in options.items())
    referred = set(re.findall(r"%\(([^)]+)\)s", values))
    for name, value in options.items():
        if not _is_known(name, known) and name not in referred:
            raise BaselineError(
                unknown("jail option", name, known),
                where=where,
                state=UNCHANGED,
                hint=f"use a variable of your own as %({name})s in the same section",
            )
        check_value(where, name, value)


def _is_known(name: str, known: t.Collection[str]) -> bool:
    # fail2ban reads names in lower case. Its own options are written that way, parameters of filters may not be.
    return name in known or (name.lower() in known and name.lower() not in _OPTIONS)


def check_value(where: str, name: str, value: t.Any) -> None:
    """Refuse a value that fail2ban would refuse or misread."""
    text = value_text(where, name, value)
    if "%(" in text:
        return
    # Configurations are read with `;` as the sign of a comment within a line, and with `#` and `;` at its start.
    cut = re.search(r"\s;.*|^[#;].*", text, re.MULTILINE)
    wrong = _wrong_value(name, text)
    if wrong:
        raise BaselineError(f"{name} is {text!r}, but has to be {wrong}", where=where)
    if cut:
        raise BaselineError(
            f"{name} contains {cut.group().strip()!r}, which fail2ban reads as a comment",
            where=where,
            hint="write ';' without a blank before it (in an expression: \\x3b)",
        )


def _wrong_value(name: str, text: str) -> str | None:
    """Return what ``text`` would have to be as the value of the option ``name``, ``None`` if it is that."""
    if name in TIMES and seconds(text) is None:
        return "a time such as 600, 10m, 1h or 1d 12h"
    # fail2ban takes both and bans nobody.
    if name == "bantime" and seconds(text) == 0:
        return "longer than 0, or -1 for bans without an end"
    if name == "findtime" and (seconds(text) or 0) <= 0:
        return "longer than 0"
    if name in _WHOLE and not re.fullmatch(r"[1-9]\d*", text):
        return "a whole number from 1"
    if name in _BOOLEANS and text not in ("true", "false"):
        return "true or false"
    # fail2ban takes any other word for "no".
    if name == "usedns" and text not in _USEDNS:
        return f"one of {', '.join(_USEDNS)}"
    bad = [item for item in re.split(r"[\s,]+", text) if not _is_ignored(item)] if name == "ignoreip" else []
    return f"addresses, networks and host names ({bad[0]!r} is none of them)" if bad else None


def _is_ignored(item: str) -> bool:
    """Return whether ``item`` can be ignored: an address or network by its form has to be one."""
    if not item or not re.fullmatch(r"[\d.]+(/.*)?|[^/]*:[^/]*:.*", item):
        return True
    try:
        ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False
    return True
