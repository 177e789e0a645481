# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf-automatic on the host, of dnf 4 or dnf 5: brings its configuration and its timer in force."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import service
from ..._core.host import timers as host_timers
from ..._core.policy_result import PolicyResult
from .. import dnf_automatic as dnf

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Order", "ensure"]

_UNTOUCHED = "nothing was changed"
# The timers whose units override download_updates and apply_updates, so that the file alone would not say what happens.
_OVERRIDING = ("dnf-automatic-notifyonly.timer", "dnf-automatic-download.timer", "dnf-automatic-install.timer")
_PLUGINS = ("/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so", "/usr/lib/*/dnf5/plugins/automatic_cmd_plugin.so")
_CACHES = ("/var/cache/libdnf5/*/repodata/repomd.xml", "/var/cache/dnf/*/repodata/repomd.xml")
# dnf-automatic's own reading of the file $1: what it does not know or does not understand is not in the answer.
_ASK_DNF4 = """
import json, sys
from dnf.automatic.main import AutomaticConfig
from dnf.const import VERSION
found = AutomaticConfig(sys.argv[1])
def plain(value):
    return value if isinstance(value, (bool, int, str)) else ", ".join(value)
sections = ("commands", "emitters", "email", "command", "command_email")
print(json.dumps({"version": VERSION, "sections": {
    name: {key: plain(getattr(part, key)) for key in part._options}
    for name, part in ((name, getattr(found, name)) for name in sections)
}, "base": {key: found._parser.getValue("base", key) for key in found._parser.options("base")}
    if found._parser.hasSection("base") else {}}))
"""


@dataclass(frozen=True)
class Order:
    """What is wished: the keys of automatic.conf, the timer's drop-in (``None``: no own), and whether it fires."""

    keys: t.Mapping[dnf.Key, str | None]
    drop_in: str | None
    enabled: bool


@dataclass(frozen=True)
class Program:
    """The dnf-automatic of the host: its generation (4 or 5), and the interpreter of that of dnf 4."""

    generation: int
    python: str = ""

    @property
    def timer(self) -> str:
        return "dnf5-automatic.timer" if self.generation == 5 else "dnf-automatic.timer"


@dataclass(frozen=True)
class Reading:
    """What a configuration comes to, the keys that the program knows, and its version."""

    values: dict[dnf.Key, str]
    known: frozenset[dnf.Key]
    version: str


def ensure(host: Host, order: Order) -> PolicyResult:
    """Bring ``order`` in force and prove it."""
    program = _find(host)
    if program is None or (host.check_mode and program.generation == 5 and not _has_timer(host, program)):
        return _predicted(host, order)
    current = host.read(dnf.CONF)
    reading = _read(host, program, current)
    wished = dnf.settled(order.keys, reading.known, version=reading.version)
    text = dnf.edited(current, wished, path=dnf.CONF)
    path = timers.DROP_IN.format(program.timer)
    files = {dnf.CONF: (current, text), path: (host.read(path), order.drop_in)}
    outcome = PolicyResult(
        {name: old for name, (old, _new) in files.items() if old is not None},
        {name: new for name, (_old, new) in files.items() if new is not None},
    )
    # Each reading starts dnf's own Python: a run that has nothing to write needs one.
    _require_in_force(wished, reading if text == current else _read(host, program, text), told=_UNTOUCHED)
    settings = host_timers.schedule(host, order.drop_in) if order.drop_in else {}
    state = _timers(host, program)
    planned = host_timers.plan(
        {program.timer: state[program.timer]}, {program.timer: files[path][0]}, units=order.enabled
    )
    others = [timer for name, timer in state.items() if name != program.timer and (timer.enabled or timer.running)]
    outcome.before.update({**planned.before, **{timer.name: timer.describe() for timer in others}})
    outcome.after.update({**planned.after, **{timer.name: "disabled, inactive\n" for timer in others}})
    own = state[program.timer]
    if not order.enabled and (own.enabled or own.running):
        outcome.after[own.name] = "disabled, inactive\n"
    _require_advisories(host, order, outcome)

    if outcome.changed and not host.check_mode:
        for name, (old, new) in files.items():
            if new != old:
                host.put(name, new)
        off = [timer.name for timer in others] + ([] if order.enabled else [own.name])
        if off:
            service.act(host, "disable", *off, unchanged=f"{dnf.CONF} was written")
            service.act(host, "stop", *off, unchanged=f"{dnf.CONF} was written")
        moved = planned.reload or files[path][0] != order.drop_in
        state = host_timers.bring_in_force(
            host, {own.name: own}, units=order.enabled, reload=moved, told=f"{dnf.CONF} was written"
        )
        reading = _read(host, program, host.read(dnf.CONF))
        _require_in_force(wished, reading, told=f"{dnf.CONF} was written")
    if not outcome.changed or not host.check_mode:
        host_timers.require_schedule(
            state, {own.name: settings}, told="the files were written" if outcome.changed else _UNTOUCHED
        )
    outcome.result.update(
        path=dnf.CONF,
        version=reading.version,
        effective=_sections(reading.values),
        timer=state[own.name].as_result(),
        disabled_timers=[timer.name for timer in others],
    )
    return outcome


def _has_timer(host: Host, program: Program) -> bool:
    timer = host_timers.read(host, [program.timer]).get(program.timer)
    return timer is not None and timer.load != "not-found"


def _predicted(host: Host, order: Order) -> PolicyResult:
    """Return what check mode knows where the package is not installed yet: the file that would be written."""
    current = host.read(dnf.CONF)
    after = {dnf.CONF: dnf.edited(current, order.keys, path=dnf.CONF)}
    outcome = PolicyResult({} if current is None else {dnf.CONF: current}, after)
    outcome.warnings.append(
        "dnf-automatic is not installed yet, so neither its own reading of the settings nor its timer is known"
    )
    outcome.result.update(path=dnf.CONF, version="", effective={}, timer={}, disabled_timers=[])
    return outcome


def _find(host: Host) -> Program | None:
    """Return the program of the host; none is an error, but not in check mode, which did not install it."""
    if any(host.glob(pattern) for pattern in _PLUGINS):
        return Program(5)
    path = host.find("dnf-automatic")
    if path is None and host.check_mode:
        return None
    if path is None:
        raise BaselineError(
            "dnf-automatic is not installed: install dnf-automatic (dnf 4) or dnf5-plugin-automatic (dnf 5) first; "
            f"{_UNTOUCHED}"
        )
    # The program's own interpreter is the one that can import dnf.
    shebang = (host.read(path) or "").partition("\n")[0]
    return Program(4, shebang[2:].split()[0] if shebang.startswith("#!/") else "/usr/bin/python3")


def _read(host: Host, program: Program, text: str | None) -> Reading:
    """Return what dnf makes of ``text`` in the place of automatic.conf."""
    if program.generation == 5:
        vendor = host.read(dnf.VENDOR)
        values = dnf.composed((dnf.VENDOR, vendor), (dnf.CONF, text))
        version = host.run(["dnf5", "--version"]).out.partition("\n")[0].replace(" version ", " ")
        return Reading(values, frozenset(dnf.KNOWN_TO_DNF5), version)
    dnf.entries(text or "", path=dnf.CONF)
    scratch = os.path.join(host.scratch(), "automatic.conf")
    host.lay_out({scratch: text or ""})
    ran = host.run([program.python, "-c", _ASK_DNF4, scratch])
    if not ran.ok:
        words = ran.message().replace(scratch, dnf.CONF)
        raise BaselineError(f"dnf-automatic cannot read its configuration: {words}; {_UNTOUCHED}")
    said = json.loads(ran.out)
    values = {(name, key): _shown(value) for name, part in said["sections"].items() for key, value in part.items()}
    base = {("base", key): value for key, value in said["base"].items()}
    return Reading({**values, **base}, frozenset(values), f"dnf {said['version']}")


def _shown(value: t.Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _sections(values: t.Mapping[dnf.Key, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (section, key), value in sorted(values.items()):
        found.setdefault(section, {})[key] = value
    return found


def _require_in_force(wished: t.Mapping[dnf.Key, str | None], reading: Reading, *, told: str) -> None:
    wrong = dnf.defeated(wished, reading.values)
    if wrong:
        raise BaselineError(
            f"the wish is not in force in {dnf.CONF} as {reading.version} reads it: {'; '.join(wrong)}; {told}"
        )


def _timers(host: Host, program: Program) -> dict[str, timers.Timer]:
    names = [program.timer, *(_OVERRIDING if program.generation == 4 else ())]
    state = host_timers.read(host, names)
    if program.timer not in state or state[program.timer].load == "not-found":
        raise BaselineError(f"systemd has no {program.timer}, so nothing would be upgraded; {_UNTOUCHED}")
    return {name: timer for name, timer in state.items() if timer.load != "not-found"}


def _require_advisories(host: Host, order: Order, outcome: PolicyResult) -> None:
    """Raise where security upgrades are wished and no repository says which upgrades are of that kind."""
    if order.keys.get(("commands", "upgrade_type")) != "security" or not order.enabled:
        return
    known = _repositories(host)
    if not known and not host.check_mode:
        host.run(["dnf", "-q", "makecache"])
        known = _repositories(host)
    if not known:
        outcome.warnings.append("no repository's metadata is on this host yet, so advisories could not be looked for")
    elif not any(known.values()):
        raise BaselineError(
            "upgrade_type is security, but no repository of this host publishes advisories (updateinfo), so nothing "
            f"would ever be installed: {', '.join(sorted(known))}; wish upgrade_type default, as on CentOS Stream; "
            f"{_UNTOUCHED}"
        )
    outcome.result["advisories"] = {name: bool(there) for name, there in sorted(known.items())}


def _repositories(host: Host) -> dict[str, bool]:
    """Return each enabled repository whose metadata is on the host, and whether advisories are among it."""
    ran = host.run(["dnf", "-q", "repolist", "--enabled"])
    enabled = {line.split()[0] for line in ran.out.splitlines()[1:] if line.strip()}
    found: dict[str, bool] = {}
    for path in (path for pattern in _CACHES for path in host.glob(pattern)):
        # The folder is the repository's id with a hash of its address: baseos-1a2b3c….
        name = os.path.basename(os.path.dirname(os.path.dirname(path))).rpartition("-")[0]
        if name in enabled:
            found[name] = found.get(name, False) or 'type="updateinfo"' in (host.read(path) or "")
    return found
