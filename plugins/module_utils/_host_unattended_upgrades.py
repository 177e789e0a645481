# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""unattended-upgrades on the host: reads apt's configuration, archives and timers, brings a policy in force."""

from __future__ import annotations

import os
import re
import stat
import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.pyhost.baseline.plugins.module_utils import _apt_conf as apt_conf
from ansible_collections.pyhost.baseline.plugins.module_utils import _apt_origins as origins
from ansible_collections.pyhost.baseline.plugins.module_utils import _apt_preferences as preferences
from ansible_collections.pyhost.baseline.plugins.module_utils import _apt_timers as timers
from ansible_collections.pyhost.baseline.plugins.module_utils import _unattended_upgrades as uu
from ansible_collections.pyhost.baseline.plugins.module_utils import _unattended_upgrades_log as log
from ansible_collections.pyhost.baseline.plugins.module_utils._apt import is_locked
from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._host_service import act

if t.TYPE_CHECKING:
    from ansible_collections.pyhost.baseline.plugins.module_utils._host import Host, Ran

__all__ = ["PARTS", "PATH", "Outcome", "apply", "report", "require_apt", "system"]

PARTS = "/etc/apt/apt.conf.d"
PATH = f"{PARTS}/90pyhost-unattended-upgrades"
_MAIN = "/etc/apt/apt.conf"
_PREFERENCES = "/etc/apt/preferences"
_LISTS = "/var/lib/apt/lists"
_LOG = "/var/log/unattended-upgrades/unattended-upgrades.log"
_LOCK_SECONDS = 120
_UNTOUCHED = "nothing was changed"


@dataclass
class Outcome:
    """What a run found and did: ``before`` and ``after`` by file or timer, and what is in force."""

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    result: dict[str, t.Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> list[dict[str, str]]:
        return [
            {
                "before_header": name,
                "after_header": name,
                "before": self.before.get(name, ""),
                "after": self.after.get(name, ""),
            }
            for name in sorted({*self.before, *self.after})
            if self.before.get(name) != self.after.get(name)
        ]


# reading


def require_apt(host: Host) -> None:
    if host.find("apt-config") is None:
        raise BaselineError(
            "unattended-upgrades needs apt, and this host has no apt-config; "
            f"on other systems use another module such as dnf_automatic; {_UNTOUCHED}"
        )


def system(host: Host) -> origins.System:
    """Return what ``${distro_id}`` and ``${distro_codename}`` stand for on the host."""
    text = host.read("/etc/os-release") or ""
    words = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)", text, re.MULTILINE))
    return origins.System(words.get("ID", "linux"), words.get("VERSION_CODENAME", ""))


def composed(host: Host, *, parts: str = PARTS) -> apt_conf.Config:
    """Return the configuration that apt composes, with the (staged) directory ``parts`` in the place of its own."""
    env = {} if parts == PARTS else {"APT_CONFIG": _redirect(parts)}
    ran = host.run(["apt-config", "dump"], env=env)
    if not ran.ok:
        words = ran.words().replace(parts, PARTS)
        raise BaselineError(f"apt rejects its configuration: {words}; {_UNTOUCHED}. Correct that file first")
    return apt_conf.parse_dump(ran.out)


def _redirect(parts: str) -> str:
    return os.path.join(os.path.dirname(parts), "apt.conf")


def files(host: Host) -> list[tuple[str, apt_conf.File]]:
    """Return the configuration files in the order in which apt reads them: the parts, then the main file."""
    names = apt_conf.order(os.path.basename(path) for path in host.glob(f"{PARTS}/*"))
    texts = [(path, host.read(path)) for path in [*(f"{PARTS}/{name}" for name in names), _MAIN]]
    return [(path, apt_conf.parse_file(text)) for path, text in texts if text is not None]


def archives(host: Host) -> list[origins.Archive]:
    """Return the configured archives whose index is on the host."""
    ran = host.run(["apt-get", "indextargets"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot read its sources: {ran.words()}; {_UNTOUCHED}")
    return origins.parse_targets(ran.out)


def pins(host: Host) -> dict[str, str]:
    """Return the text of each file of apt_preferences(5)."""
    names = apt_conf.order((os.path.basename(path) for path in host.glob(f"{_PREFERENCES}.d/*")), suffix=".pref")
    found = {}
    for path in [_PREFERENCES, *(f"{_PREFERENCES}.d/{name}" for name in names)]:
        info = host.stat(path)
        if info is not None and stat.S_ISREG(info.st_mode):
            found[path] = host.read(path) or ""
    return found


def pinned_down(host: Host, config: apt_conf.Config, where: origins.System) -> tuple[list[str], bool]:
    """Return a sentence for each origin whose archives all have a priority at which apt upgrades nothing.

    The second value says whether packages that are pinned by name may be upgraded all the same. An allowlist lifts
    nothing over such a pin (tried with unattended-upgrade on Debian 13). Without preferences apt is not asked.
    """
    there = pins(host)
    if not there:
        return [], False
    ran = host.run(["apt-cache", "policy"])
    if not ran.ok:
        raise BaselineError(f"apt rejects its preferences: {ran.words()}; {_UNTOUCHED}. Correct that file first")
    ranked = preferences.parse_policy(ran.out)
    barred = {pattern: preferences.barred(pattern, ranked, where) for pattern in origins.allowed(config)}
    lifted = any(preferences.lifts(text) for text in there.values())
    told = [
        "every archive that {} matches has a priority below 100 in apt, which upgrades no installed package to a "
        "version from there ({}){}; see the pins in {} and apt_preferences(5)".format(
            origins.substitute(pattern, where),
            ", ".join(f"{archive} has {priority}" for archive, priority in archives),
            ", except perhaps packages that are pinned by name" if lifted else "",
            ", ".join(there),
        )
        for pattern, archives in barred.items()
        if archives
    ]
    return told, lifted


def timers_state(host: Host) -> dict[str, timers.Timer]:
    """Return the two timers; an empty dict where systemd does not run (cron.daily starts apt's work there)."""
    names = [unit for name in timers.TIMERS.values() for unit in (name, timers.service(name))]
    ran = host.run(["systemctl", "show", "--property", timers.PROPERTIES, "--", *names])
    return timers.parse_timers(ran.out) if ran.ok else {}


# acting


def apply(
    host: Host, wish: uu.Policy, drop_ins: t.Mapping[str, str | None], *, units: bool, text: str | None
) -> Outcome:
    """Bring ``wish`` (rendered: ``text``) and the timers' ``drop_ins`` in force; ``units``: the timers must fire."""
    outcome = Outcome()
    where = system(host)
    paths = {timers.DROP_IN.format(name): content for name, content in drop_ins.items()}
    wished_files = {PATH: text, **paths}
    current = {path: host.read(path) for path in wished_files}
    outcome.before = {path: content for path, content in current.items() if content is not None}
    outcome.after = {path: content for path, content in wished_files.items() if content is not None}

    parts = _staged(host, text) if current[PATH] != text else PARTS
    config = composed(host, parts=parts)
    _require_in_force(host, wish, config, unchanged=_UNTOUCHED)
    _require_program(host, outcome)
    matched = _require_archives(host, wish, where, outcome)
    if matched:
        _require_priority(host, config, where, outcome)
    state = timers_state(host)
    schedule = {name: _schedule(host, content) for name, content in drop_ins.items() if content is not None}
    stale = _plan_timers(state, {name: current[timers.DROP_IN.format(name)] for name in drop_ins}, outcome, units=units)

    if outcome.changed and not host.check_mode:
        if parts != PARTS and text is not None:
            _rehearse(host, wish, where, outcome, parts=parts)
        for path, content in wished_files.items():
            if content != current[path]:
                _put(host, path, content)
        moved = any(content != current[path] for path, content in paths.items())
        state = _start_timers(host, state, units=units, reload=stale or moved)
        config = composed(host)
        _require_in_force(host, wish, config, unchanged=f"{PATH} was written")
    if not outcome.changed or not host.check_mode:
        _require_schedule(state, schedule, told="the files were written" if outcome.changed else _UNTOUCHED)
    outcome.warnings += _mail_problems(host, config)
    outcome.result = {
        "path": PATH,
        "effective": uu.effective(config),
        "origins": matched,
        "timers": [timer.as_result() for timer in state.values()],
        **outcome.result,
    }
    return outcome


def _put(host: Host, path: str, content: str | None) -> None:
    if content is None:
        host.remove(path)
    else:
        host.make_directory(os.path.dirname(path))
        host.write(path, content)


def _staged(host: Host, text: str | None) -> str:
    """Return a copy of the parts directory in which our file holds ``text``."""
    scratch = host.scratch()
    parts = os.path.join(scratch, "apt.conf.d")
    staged = {os.path.join(parts, os.path.basename(path)): host.read(path) for path in host.glob(f"{PARTS}/*")}
    staged[os.path.join(parts, os.path.basename(PATH))] = text
    # The rehearsal's log belongs here too: the host's own tells of real runs.
    staged[_redirect(parts)] = (
        f"Dir::Etc::parts {apt_conf.quote(parts)};\nUnattended-Upgrade::LogDir {apt_conf.quote(scratch)};\n"
    )
    host.lay_out({path: content for path, content in staged.items() if content is not None})
    return parts


def _rehearse(host: Host, wish: uu.Policy, where: origins.System, outcome: Outcome, *, parts: str) -> None:
    """Let unattended-upgrade itself say, before anything is written, that it would allow the wished origins."""
    ran = host.run(["unattended-upgrade", "--dry-run", "--debug"], env={"APT_CONFIG": _redirect(parts)})
    wished = ", ".join(origins.substitute(pattern, where) for pattern in wish.lists[uu.LISTS["origins"]])
    if f"Allowed origins are: {wished}\n" in ran.out + ran.err:
        return
    if "Lock could not be acquired" in ran.out + ran.err:
        outcome.warnings.append("unattended-upgrade was not rehearsed: another package manager is running")
        return
    words = "\n".join((ran.out + ran.err).strip().splitlines()[-5:])
    raise BaselineError(f"unattended-upgrade does not accept the policy (rc={ran.rc}): {words}; {_UNTOUCHED}")


def _require_in_force(host: Host, wish: uu.Policy, config: apt_conf.Config, *, unchanged: str) -> None:
    keys = uu.defeated(wish, config)
    if not keys:
        return
    later = [(path, file) for path, file in files(host) if path == _MAIN or path > PATH]
    by_key = {key: uu.culprits(key, later) for key in keys}
    told = [
        "{} is {}{}".format(
            key,
            _shown(config, key, wish),
            f" because of {' and '.join(places)}" if places else "",
        )
        for key, places in by_key.items()
    ]
    raise BaselineError(
        f"the wish is not in force: {'; '.join(told)}. These files are read after {PATH} and win; "
        f"remove those lines or wish the same; {unchanged}",
        shadowed_by=by_key,
    )


def _shown(config: apt_conf.Config, key: str, wish: uu.Policy) -> str:
    if key in wish.lists:
        return "[{}] (wished: [{}])".format(", ".join(config.items(key)), ", ".join(wish.lists[key]))
    return f"{config.value(key)!r} (wished: {wish.values[key]!r})"


def _require_program(host: Host, outcome: Outcome) -> None:
    if host.find("unattended-upgrade") is not None:
        return
    if not host.check_mode:
        raise BaselineError(f"the package unattended-upgrades is not installed; install it first; {_UNTOUCHED}")
    outcome.warnings.append(
        "the package unattended-upgrades is not installed yet; it must be before this runs for real"
    )


def _mail_problems(host: Host, config: apt_conf.Config) -> list[str]:
    address = uu.effective(config)["mail_to"]
    if not address or host.find("mail") or host.find("sendmail"):
        return []
    return [f"no report will reach {address}: the host has neither mail nor sendmail"]


def _require_archives(host: Host, wish: uu.Policy, where: origins.System, outcome: Outcome) -> list[dict[str, t.Any]]:
    """Return each wished origin with the archives that it allows; one that allows none is an error."""
    patterns = wish.lists.get(uu.LISTS["origins"], ())
    if not patterns:
        return []
    known = archives(host)
    lost = origins.unmatched(patterns, known, where)
    missing = _missing_indexes(host) if lost else []
    if missing and host.check_mode:
        outcome.warnings.append(
            f"whether an archive is allowed by {' and '.join(lost)} cannot be said yet: the index is missing of "
            f"{', '.join(missing)}"
        )
        lost = []
    elif missing:
        ran = _update(host)
        outcome.result["lists_updated"] = True
        known = archives(host)
        lost = origins.unmatched(patterns, known, where)
        # apt-get ends well also where it could not fetch a list; what counts is whether ours is there.
        still = _missing_indexes(host) if lost else []
        if still:
            raise BaselineError(
                f"origins: whether {' and '.join(lost)} matches an archive cannot be said, because the lists of "
                f"{', '.join(still)} cannot be fetched: {ran.words()}; {_UNTOUCHED}"
            )
    if lost:
        raise BaselineError(_no_archive(lost, known, where), archives=[str(archive) for archive in known])
    return origins.table(patterns, known, where)


def _no_archive(lost: t.Sequence[str], known: t.Sequence[origins.Archive], where: origins.System) -> str:
    there = "; ".join(str(archive) for archive in known) or "none"
    return (
        f"origins: {' and '.join(origins.substitute(pattern, where) for pattern in lost)} matches no archive that apt "
        f"is configured for, so it would never install anything; {_UNTOUCHED}. The archives are: {there}"
    )


def _require_priority(host: Host, config: apt_conf.Config, where: origins.System, outcome: Outcome) -> None:
    """Raise where the preferences let an origin upgrade nothing; warn where only packages pinned by name are left."""
    told, lifted = pinned_down(host, config, where)
    if told and not lifted:
        raise BaselineError(f"origins: {'; '.join(told)}; {_UNTOUCHED}")
    outcome.warnings += [f"origins: {sentence}" for sentence in told]


def _missing_indexes(host: Host) -> list[str]:
    ran = host.run(["apt-get", "--print-uris", "update"])
    names = [os.path.basename(path) for path in host.glob(f"{_LISTS}/*Release")]
    return origins.missing_indexes(ran.out, names) if ran.ok else []


def _update(host: Host) -> Ran:
    """Fetch the package lists; on a host that has just booted, apt-daily.service may hold their lock for a while."""
    deadline = time.monotonic() + _LOCK_SECONDS
    ran = host.run(["apt-get", "-qq", "update"])
    while is_locked(ran.err) and time.monotonic() < deadline:
        time.sleep(2)
        ran = host.run(["apt-get", "-qq", "update"])
    return ran


# timers


def _schedule(host: Host, drop_in: str) -> dict[str, str]:
    """Return the drop-in's settings as systemd normalises them; a timer with a wrong one would not start."""
    settings = {}
    for key, verb, line, what in (
        ("OnCalendar", "calendar", "Normalized form", "a calendar time of systemd.time(7), such as *-*-* 04:00"),
        ("RandomizedDelaySec", "timespan", "Human", "a time span of systemd.time(7), such as 30m"),
    ):
        value = re.search(rf"^{key}=(.+)$", drop_in, re.MULTILINE)
        if value:
            ran = host.run(["systemd-analyze", verb, "--", value.group(1)])
            if not ran.ok:
                raise BaselineError(f"schedule: {value.group(1)!r} is not {what}; {_UNTOUCHED}")
            settings[key] = timers.normalized(ran.out, line)
    return settings


def _require_schedule(
    state: t.Mapping[str, timers.Timer], schedule: t.Mapping[str, t.Mapping[str, str]], *, told: str
) -> None:
    """Raise where another drop-in of a timer defeats ours."""
    for name, settings in schedule.items():
        timer = state[name]
        wrong = timer.differs(settings)
        if wrong:
            ours = os.path.basename(timers.DROP_IN)
            others = [path for path in timer.drop_ins if os.path.basename(path) > ours]
            raise BaselineError(
                f"schedule: {name} has {' and '.join(wrong)}, because of {' or '.join(others) or 'systemd'}; "
                f"remove that setting or wish the same; {told}",
                shadowed_by=others,
            )


def _plan_timers(
    state: t.Mapping[str, timers.Timer], current: t.Mapping[str, str | None], outcome: Outcome, *, units: bool
) -> bool:
    """Add the timers to ``outcome``; say whether systemd is older than the ``current`` drop-ins."""
    if not state:
        if any(timers.DROP_IN.format(name) in outcome.after for name in current):
            raise BaselineError(f"schedule: systemd does not run here, so its timers cannot be set; {_UNTOUCHED}")
        outcome.warnings.append("systemd does not run here; apt's work is started by cron.daily, if cron runs")
    stale = [name for name, timer in state.items() if not timer.knows(current.get(name))]
    for name, timer in state.items():
        # That is a change, although no file changes.
        outcome.before[name] = timer.describe() + ("older than its files\n" if name in stale else "")
        outcome.after[name] = "enabled, active\n" if units and not timer.fires else timer.describe()
    return bool(stale)


def _start_timers(
    host: Host, state: t.Mapping[str, timers.Timer], *, units: bool, reload: bool
) -> dict[str, timers.Timer]:
    """Reload, unmask, enable and start what needs it, and prove that the timers will fire."""
    told = f"{PATH} was written"
    masked = [timer.name for timer in state.values() if units and timer.file_state.startswith("masked")]
    masked += [timer.service for timer in state.values() if units and timer.service_masked]
    if masked:
        act(host, "unmask", *masked, unchanged=told)
    if reload or masked:
        act(host, "daemon-reload", unchanged=told)
    off = [timer.name for timer in state.values() if units and not timer.enabled]
    if off:
        act(host, "enable", *off, unchanged=told)
    idle = [timer.name for timer in state.values() if units and not timer.running]
    if idle:
        # An elapsed timer counts as started already.
        act(host, "restart", *idle, unchanged=told)
    after = timers_state(host) if state else {}
    for timer in after.values():
        if units and not (timer.fires and timer.next):
            raise BaselineError(f"{timer.name} will not fire: it is {timer.describe().strip()}; {told}")
    return after


# reporting


def report(host: Host) -> dict[str, t.Any]:
    """Return what unattended_upgrades_info tells: the policy in force, what it comes to, and what is wrong with it."""
    where, config, parsed = system(host), composed(host), files(host)
    known, state = archives(host), timers_state(host)
    patterns = origins.allowed(config)
    installed = host.find("unattended-upgrade") is not None
    problems = uu.problems(config, parsed)
    problems += [
        f"the origin {origins.substitute(pattern, where)} matches no archive that apt is configured for"
        for pattern in origins.unmatched(patterns, known, where)
        if pattern != origins.OBSOLETE
    ]
    problems += pinned_down(host, config, where)[0]
    problems += [f"{timer.name} will not fire: it is {timer.describe().strip()}" for timer in timers.silent(state)]
    problems += _mail_problems(host, config)
    if not installed:
        problems.append("the package unattended-upgrades is not installed: nothing is upgraded automatically")
    return {
        "installed": installed,
        "effective": uu.effective(config),
        "origins": origins.table(patterns, known, where),
        "archives": [str(archive) for archive in known],
        "timers": [timer.as_result() for timer in state.values()],
        "last_run": log.last_run(host.read(_LOG) or ""),
        "reboot_required": host.stat("/var/run/reboot-required") is not None,
        "reboot_required_by": sorted(set((host.read("/var/run/reboot-required.pkgs") or "").split())),
        "pending": _pending(host),
        "problems": problems,
    }


def _pending(host: Host) -> list[dict[str, t.Any]]:
    ran = host.run(["apt-get", "--simulate", "--quiet", "upgrade", "--with-new-pkgs"])
    if not ran.ok:
        raise BaselineError(f"apt-get cannot tell the pending upgrades: {ran.words()}; {_UNTOUCHED}")
    return log.pending(ran.out)
