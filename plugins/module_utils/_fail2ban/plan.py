# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish and what was found on the host to the text of our jail file, and the judgement of the result."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._core.errors import nearest
from . import config as fail2ban
from . import probe as fail2ban_probe
from . import source as fail2ban_source
from . import words as fail2ban_words

if t.TYPE_CHECKING:
    from .stream import JailStream

__all__ = [
    "Composed",
    "Probes",
    "Wish",
    "blind",
    "compose",
    "defeated",
    "differences",
    "explain_rejection",
    "last_words",
    "ports_of",
    "service_names",
    "state_text",
    "toothless",
    "unresolved",
]

Sections = t.Mapping[str, t.Mapping[str, str]]


@dataclass(frozen=True)
class Wish:
    """What the caller asks for: ``[DEFAULT]`` options, jails, and how to choose what they leave open."""

    defaults: t.Mapping[str, t.Any] = field(default_factory=dict)
    jails: t.Mapping[str, t.Mapping[str, t.Any]] = field(default_factory=dict)
    backend: str = "auto"
    banaction: str = "auto"
    ignore_controller: bool = False
    check_sshd: bool = True
    # What sshd lets people in by: "passwords" (too), "keys" (only), or "auto".
    sshd_logins: str = "auto"

    @property
    def enabled(self) -> list[str]:
        """The jails that are to run: a jail that is named runs unless it says ``enabled: false``."""
        return [
            name
            for name, options in self.jails.items()
            if fail2ban.value_text(name, "enabled", options.get("enabled", True)) == "true"
        ]


@dataclass(frozen=True)
class Probes:
    """What the host offers. ``no_journal`` says why fail2ban cannot read the journal, empty where it can."""

    no_journal: str = ""
    # Usable packet filters, the preferred first: keys of fail2ban_probe.BAN_ACTIONS.
    filters: tuple[str, ...] = ()
    # Why pf does not work on a host that has it, an empty text elsewhere.
    no_pf: str = ""
    controller: str | None = None
    passwords: bool = False
    # Whether sshd has a program of its own for a session (OpenSSH 9.8), which the log names.
    session: bool = False
    # The numbers of those users of services that the host has, by name.
    uids: t.Mapping[str, int] = field(default_factory=dict)
    # Expressions for what sshd says of a connection, that fail2ban's filter does not understand.
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Composed:
    """The text of our file and the choices in it."""

    text: str
    backend: str
    banaction: str
    journal: frozenset[str]


def compose(wish: Wish, probes: Probes, others: Sections, filters: t.Mapping[str, str]) -> Composed:
    """Return our file for ``wish``. ``others``: the other jail files; ``filters``: the text of each jail's filter."""
    fail2ban.check_names(wish.defaults, wish.jails)
    fail2ban.check_options("[DEFAULT]", wish.defaults, fail2ban.known_options(others))
    for name, options in wish.jails.items():
        known = fail2ban.known_options(others, filters.get(name, ""))
        fail2ban.check_options(f"[{name}]", options, known | set(wish.defaults))
    defaults, banaction = _defaults(wish, probes, others)
    jails, journal = {}, set()
    for name in wish.jails:
        jails[name] = _jail(wish, probes, name, filters.get(name, ""), others)
        if jails[name].get("backend") == "systemd":
            journal.add(name)
        if probes.controller and "ignoreip" in jails[name]:
            jails[name]["ignoreip"] = fail2ban.with_address(jails[name]["ignoreip"], probes.controller)
    text = fail2ban.render(defaults, jails, controller=probes.controller)
    backend = wish.backend if wish.backend != "auto" else ("auto" if probes.no_journal else "systemd")
    return Composed(text, backend, banaction, frozenset(journal))


def _defaults(wish: Wish, probes: Probes, others: Sections) -> tuple[dict[str, t.Any], str]:
    # Who answers for a name that somebody's words bring into a log would say who is banned.
    defaults = {"usedns": "no", **wish.defaults}
    if "banaction" not in defaults:
        chosen = wish.banaction
        if chosen == "auto":
            # Without any filter the candidate is judged as if the most likely one were there; see no_filter().
            chosen = fail2ban_probe.BAN_ACTIONS[probes.filters[0] if probes.filters else "nftables"][0]
        defaults["banaction"] = chosen
        defaults.setdefault("banaction_allports", _all_ports(chosen))
        if chosen.startswith("firewallcmd-rich"):
            # What is all ports for jail.conf and every other action, 0:65535, is no range for firewalld.
            defaults.setdefault("port", "0-65535")
    if probes.controller:
        # An ignoreip of ours hides the one that another file gives to all jails: that one is kept in it.
        present = defaults.get("ignoreip", others.get("DEFAULT", {}).get("ignoreip", ""))
        defaults["ignoreip"] = fail2ban.with_address(present, probes.controller)
    return defaults, str(defaults.get("banaction", ""))


def _all_ports(banaction: str) -> str:
    pairs = dict(fail2ban_probe.BAN_ACTIONS.values())
    return pairs.get(banaction, banaction)


def _jail(wish: Wish, probes: Probes, name: str, filter_text: str, others: Sections) -> dict[str, t.Any]:
    options = {"enabled": True, **wish.jails[name]}
    if name not in wish.enabled:
        return options
    backend = fail2ban_source.backend(wish, name, options, others, filter_text, journal=not probes.no_journal)
    if backend:
        options["backend"] = backend
    filter_name = fail2ban.filter_name(name, options, others)
    if str(options.get("backend", "")).startswith("systemd"):
        match = fail2ban_source.journalmatch(filter_name, filter_text, probes.uids)
        # Debian's own file narrows sshd's; what anybody says of another filter's stays.
        if match and (filter_name == "sshd" or "journalmatch" not in others.get(name, {})):
            options = fail2ban_source.selecting(match, name, options, others, filter_text)
    if filter_name == "sshd":
        options = fail2ban_words.counting_once(probes, options, others.get(name, {}), filter_text)
    return options


# Lines that say nothing of their own beside the one that names the cause.
_NOISE = ("test configuration failed", "'allowipv6'", "Found no accessible config files", "Errors in jail")


def explain_rejection(words: str, *, filters: t.Collection[str], actions: t.Collection[str]) -> str:
    """Return fail2ban's own ``words`` about a rejected configuration, with the nearest known filter or action."""
    lines = []
    for line in words.splitlines():
        found = re.fullmatch(r"\S+ \S+ \S+\s+\[\d+\]: (ERROR|WARNING|CRITICAL)\s+(.*)", line.strip())
        if not found or any(noise in found.group(2) for noise in _NOISE):
            continue
        lines.append(found.group(2))
    text = "; ".join(dict.fromkeys(line.rstrip(" .") for line in lines)) or words.strip()
    for kind, known in (("filter", filters), ("action", actions)):
        missing = re.search(rf"Unable to read (?:the )?{kind} '([^']+)'", text)
        near = nearest(missing.group(1), known) if missing else []
        if near:
            text += "; did you mean the {} {}?".format(kind, " or ".join(repr(name) for name in near))
    return text


def defeated(own: str, later: t.Mapping[str, str]) -> list[str]:
    """Return what of our file ``own`` the files ``later`` (path → text, in the order in which they are read) undo."""
    ours = {
        (section, option.lower()): value
        for section, options in fail2ban.options_of(own).items()
        for option, value in options.items()
    }
    last = {}
    for path, text in later.items():
        for section, options in fail2ban.options_of(text).items():
            last.update({(section, option.lower()): (value, path) for option, value in options.items()})
    return [
        f"{path} says {option} = {value} for [{section}], where {ours[section, option] or 'nothing'} is asked"
        for (section, option), (value, path) in last.items()
        if ours.get((section, option), value) != value
    ]


def blind(jail: JailStream, probes: Probes, *, wanted: str = "", empty_logs: t.Collection[str] = ()) -> str | None:
    """Say why ``jail`` would see nothing, ``None`` where it has a source. ``wanted``: the log paths as wished."""
    if jail.journal:
        if probes.no_journal:
            return f"the jail {jail.name} is to read the journal, but {probes.no_journal}"
        return None
    logs = [path for path in jail.log_paths if path not in empty_logs]
    if logs:
        return None
    if jail.log_paths:
        what = f"nothing writes to {', '.join(jail.log_paths)}"
    else:
        what = f"there is no {' and no '.join(wanted.split())}" if wanted else "none of its log files exists"
    why = f"; the journal is no way out: {probes.no_journal}" if probes.no_journal else ""
    return f"the jail {jail.name} would see nothing: {what}{why}"


def no_filter(wish: Wish, probes: Probes) -> str | None:
    """Say that the choice of a ban action was left to us and there is none to choose, else ``None``."""
    if probes.filters or wish.banaction != "auto" or "banaction" in wish.defaults:
        return None
    if probes.no_pf:
        return f"no packet filter works on this host, so that no ban could bite; {probes.no_pf}"
    return (
        "no packet filter works on this host (firewall-cmd, nft and iptables were tried), so that no ban could bite; "
        "install the package nftables"
    )


def toothless(jail: JailStream, present: t.Container[str]) -> str | None:
    """Say why bans of ``jail`` would never bite, ``None`` where its packet filter is there (or is not known to us)."""
    if not jail.actions:
        return f"the jail {jail.name} has no action: it would count failures and ban nobody"
    for action in jail.actions:
        tool = fail2ban_probe.tool_of(action)
        if tool and tool.program not in present:
            return (
                f"the jail {jail.name} bans with {action}, but there is no {tool.program} on this host; "
                f"install the package {tool.package}"
            )
    return None


def ports_of(jail: JailStream) -> list[str]:
    """Return the ports on which the actions of ``jail`` ban, each as it is written; none for one on all ports."""
    found = []
    for command in jail.values("action"):
        told = {str(pair[0]): str(pair[1]) for pair in _pairs(command) if len(pair) == 2}
        commands = (told.get("actionstart", ""), told.get("actionban", ""))
        if "port" in told and fail2ban_probe.by_port(*commands, actiontype=told.get("actiontype", "")):
            found.append(told["port"])
    return list(dict.fromkeys(found))


def service_names(jail: JailStream) -> list[str]:
    """Return the ports of ``jail`` that are written as names of services (``ssh``), which /etc/services resolves."""
    words = (word for port in ports_of(jail) for word in re.split(r"[\s,:]+", port))
    # firewalld has ranges with a dash.
    return list(dict.fromkeys(word for word in words if word and not re.fullmatch(r"\d+(-\d+)?", word)))


def _pairs(arguments: tuple[t.Any, ...]) -> list[t.Sequence[t.Any]]:
    """Return the (property, value) pairs of an ``action`` command's arguments, whichever of its two forms it has."""
    return [*arguments[1]] if len(arguments) == 2 else [arguments[1:]]


def unresolved(jail: JailStream, names: t.Collection[str]) -> str | None:
    """Say that the packet filter cannot know the services ``names`` of ``jail``, ``None`` where there are none."""
    if not names:
        return None
    return (
        f"the jail {jail.name} bans on the port {', '.join(names)}, a service whose number this host does not know "
        "(/etc/services), so that no ban could bite; install the package netbase, or give the jail's port as a number"
    )


def last_words(log: t.Iterable[str], *, lines: int = 8) -> list[str]:
    """Return the last errors and warnings of fail2ban's ``log``, without what only its developers can read."""
    kept = []
    for line in log:
        found = re.search(r"\b(ERROR|WARNING|CRITICAL)\s+(.*)", line)
        if not found or " -- exec: " in line or re.search(r"-- (returned|killed|timed)", line):
            continue
        words = re.sub(r"^[0-9a-f]{6,} -- ", "", found.group(2))
        kept.append(re.sub(r" info 'ActionInfo\(\{'ip': '([^']*)'.*\}\)'", r" for \1", words))
    # What was said several times counts as said last.
    return list(dict.fromkeys(reversed(kept)))[:lines][::-1]


def differences(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> dict[str, tuple[t.Any, t.Any]]:
    """Return the keys whose values differ: key → (before, after); an absent key counts as ``None``."""
    keys = [*after, *(key for key in before if key not in after)]
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def state_text(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """Return the two states as text, one ``key = value`` a line; only what differs, a diff has no use for the rest."""
    wrong = differences(before, after)
    sides = ([(key, pair[side]) for key, pair in wrong.items() if pair[side] is not None] for side in (0, 1))
    first, second = ("".join(f"{key} = {_one_line(value)}\n" for key, value in side) for side in sides)
    return first, second


def _one_line(value: t.Any) -> str:
    first, *rest = str(value).split("\n")
    return first + (" …" if rest else "")
