# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""unattended-upgrades on the host: brings a policy in force, and proves that it could install something."""

from __future__ import annotations

import os
import time
import typing as t

from ..._core import timers
from ..._core.errors import BaselineError
from ..._core.host import timers as host_timers
from ..._core.policy_result import PolicyResult
from ..._packages.apt import is_locked
from .. import apt_conf, origins
from .. import unattended_upgrades as uu
from . import apt_state as apt

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host

__all__ = ["PATH", "TIMERS", "apply", "mail_problems"]

PATH = f"{apt.PARTS}/90pyhost-unattended-upgrades"
# By the option that sets their time: first the package lists are fetched, then the upgrades are installed.
TIMERS = {"update_lists_at": "apt-daily.timer", "upgrade_at": "apt-daily-upgrade.timer"}
_LOCK_SECONDS = 120
_UNTOUCHED = "nothing was changed"


def apply(
    host: Host, wish: uu.Policy, drop_ins: t.Mapping[str, str | None], *, units: bool, text: str | None
) -> PolicyResult:
    """Bring ``wish`` (rendered: ``text``) and the timers' ``drop_ins`` in force; ``units``: the timers must fire."""
    outcome = PolicyResult()
    where = apt.system(host)
    paths = {timers.DROP_IN.format(name): content for name, content in drop_ins.items()}
    wished_files = {PATH: text, **paths}
    current = {path: host.read(path) for path in wished_files}
    outcome.before = {path: content for path, content in current.items() if content is not None}
    outcome.after = {path: content for path, content in wished_files.items() if content is not None}

    parts = _staged(host, text) if current[PATH] != text else apt.PARTS
    config = apt.composed(host, parts=parts)
    _require_in_force(host, wish, config, unchanged=_UNTOUCHED)
    _require_program(host, outcome)
    matched = _require_archives(host, wish, where, outcome)
    if matched:
        _require_priority(host, config, where, outcome)
    state = host_timers.read(host, TIMERS.values())
    schedule = {name: host_timers.schedule(host, content) for name, content in drop_ins.items() if content is not None}
    planned = _plan_timers(
        state, {name: current[timers.DROP_IN.format(name)] for name in drop_ins}, outcome, units=units
    )

    if outcome.changed and not host.check_mode:
        if parts != apt.PARTS and text is not None:
            _rehearse(host, wish, where, outcome, parts=parts)
        for path, content in wished_files.items():
            if content != current[path]:
                host.put(path, content)
        moved = any(content != current[path] for path, content in paths.items())
        state = host_timers.bring_in_force(
            host, state, units=units, reload=planned.reload or moved, told=f"{PATH} was written"
        )
        config = apt.composed(host)
        _require_in_force(host, wish, config, unchanged=f"{PATH} was written")
    if not outcome.changed or not host.check_mode:
        host_timers.require_schedule(state, schedule, told="the files were written" if outcome.changed else _UNTOUCHED)
    outcome.warnings += mail_problems(host, config)
    outcome.result = {
        "path": PATH,
        "effective": uu.effective(config),
        "origins": matched,
        "timers": [timer.as_result() for timer in state.values()],
        **outcome.result,
    }
    return outcome


def _staged(host: Host, text: str | None) -> str:
    """Return a copy of the parts directory in which our file holds ``text``."""
    scratch = host.scratch()
    parts = os.path.join(scratch, "apt.conf.d")
    staged = {os.path.join(parts, os.path.basename(path)): host.read(path) for path in host.glob(f"{apt.PARTS}/*")}
    staged[os.path.join(parts, os.path.basename(PATH))] = text
    # The rehearsal's log belongs here too: the host's own tells of real runs.
    staged[apt.redirect(parts)] = (
        f"Dir::Etc::parts {apt_conf.quote(parts)};\nUnattended-Upgrade::LogDir {apt_conf.quote(scratch)};\n"
    )
    host.lay_out({path: content for path, content in staged.items() if content is not None})
    return parts


def _rehearse(host: Host, wish: uu.Policy, where: origins.System, outcome: PolicyResult, *, parts: str) -> None:
    """Let unattended-upgrade itself say, before anything is written, that it would allow the wished origins."""
    ran = host.run(["unattended-upgrade", "--dry-run", "--debug"], env={"APT_CONFIG": apt.redirect(parts)})
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
    later = [(path, file) for path, file in apt.files(host) if path == apt.MAIN or path > PATH]
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


def _require_program(host: Host, outcome: PolicyResult) -> None:
    if host.find("unattended-upgrade") is not None:
        return
    if not host.check_mode:
        raise BaselineError(f"the package unattended-upgrades is not installed; install it first; {_UNTOUCHED}")
    outcome.warnings.append(
        "the package unattended-upgrades is not installed yet; it must be before this runs for real"
    )


def mail_problems(host: Host, config: apt_conf.Config) -> list[str]:
    """Return a sentence where reports are wished and nothing could send them."""
    address = uu.effective(config)["mail_to"]
    if not address or host.find("mail") or host.find("sendmail"):
        return []
    return [f"no report will reach {address}: the host has neither mail nor sendmail"]


def _require_archives(
    host: Host, wish: uu.Policy, where: origins.System, outcome: PolicyResult
) -> list[dict[str, t.Any]]:
    """Return each wished origin with the archives that it allows; one that allows none is an error."""
    patterns = wish.lists.get(uu.LISTS["origins"], ())
    if not patterns:
        return []
    known = apt.archives(host)
    lost = origins.unmatched(patterns, known, where)
    missing = apt.missing_indexes(host) if lost else []
    if missing and host.check_mode:
        outcome.warnings.append(
            f"whether an archive is allowed by {' and '.join(lost)} cannot be said yet: the index is missing of "
            f"{', '.join(missing)}"
        )
        lost = []
    elif missing:
        ran = _update(host)
        outcome.result["lists_updated"] = True
        known = apt.archives(host)
        lost = origins.unmatched(patterns, known, where)
        # apt-get ends well also where it could not fetch a list; what counts is whether ours is there.
        still = apt.missing_indexes(host) if lost else []
        if still:
            raise BaselineError(
                f"origins: whether {' and '.join(lost)} matches an archive cannot be said, because the lists of "
                f"{', '.join(still)} cannot be fetched: {ran.message()}; {_UNTOUCHED}"
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


def _require_priority(host: Host, config: apt_conf.Config, where: origins.System, outcome: PolicyResult) -> None:
    """Raise where the preferences let an origin upgrade nothing; warn where only packages pinned by name are left."""
    told, lifted = apt.pinned_down(host, config, where)
    if told and not lifted:
        raise BaselineError(f"origins: {'; '.join(told)}; {_UNTOUCHED}")
    outcome.warnings += [f"origins: {sentence}" for sentence in told]


def _update(host: Host) -> CommandResult:
    """Fetch the package lists; on a host that has just booted, apt-daily.service may hold their lock for a while."""
    deadline = time.monotonic() + _LOCK_SECONDS
    ran = host.run(["apt-get", "-qq", "update"])
    while is_locked(ran.err) and time.monotonic() < deadline:
        time.sleep(2)
        ran = host.run(["apt-get", "-qq", "update"])
    return ran


def _plan_timers(
    state: t.Mapping[str, timers.Timer], current: t.Mapping[str, str | None], outcome: PolicyResult, *, units: bool
) -> host_timers.Plan:
    """Plan the timers and add them to ``outcome``; where systemd does not run, a schedule is an error."""
    if not state:
        if any(timers.DROP_IN.format(name) in outcome.after for name in current):
            raise BaselineError(f"schedule: systemd does not run here, so its timers cannot be set; {_UNTOUCHED}")
        outcome.warnings.append("systemd does not run here; apt's work is started by cron.daily, if cron runs")
    planned = host_timers.plan(state, current, units=units)
    outcome.before.update(planned.before)
    outcome.after.update(planned.after)
    return planned
