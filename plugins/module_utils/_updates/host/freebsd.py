# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic updates on a FreeBSD host: the script, cron's file, the daily security run, and cron itself.

Read, plan, check, apply, result: each step is a function, and what it hands on is a frozen record.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from ..._core.host.rc import rc_act, rc_enable, rc_state
from ..._core.policy_result import PolicyResult
from ..._core.progress import Progress
from .. import freebsd as updates
from ..freebsd_script import script

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.rc import RcService
    from ..freebsd import BaseSystem, FreebsdUpdatesPolicy

__all__ = ["ensure"]

_TABLES = ("/etc/crontab", "/etc/cron.d/*", "/usr/local/etc/cron.d/*")
# The settings as the jobs of periodic(8) read them: its defaults, and then the files that these name.
_READ_PERIODIC = """
_localbase=$(sysctl -n user.localbase 2> /dev/null)
: "${_localbase:=/usr/local}"
. /etc/defaults/periodic.conf
source_periodic_confs
for name; do
    eval "value=\\${$name-}"
    printf '%s=%s\\n' "$name" "$value"
done
"""


@dataclass(frozen=True)
class _FoundUpdates:
    """The host before the run: the base system, our files, the settings of periodic(8), and cron."""

    base: BaseSystem
    files: t.Mapping[str, str | None]
    periodic: t.Mapping[str, str]
    cron: RcService


@dataclass(frozen=True)
class _UpdatesPlan:
    """The host before and after, as the diff shows it, and what has to be written."""

    before: t.Mapping[str, str]
    after: t.Mapping[str, str]
    files: t.Mapping[str, str | None]
    settings: t.Mapping[str, str]

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def ensure(host: Host, desired: FreebsdUpdatesPolicy | None, *, security_reports: bool | None) -> PolicyResult:
    """Bring the policy ``desired`` into force and verify it; ``None`` removes an earlier one."""
    if host.find("freebsd-version") is None:
        raise BaselineError("this host does not run FreeBSD (it has no freebsd-version)")
    progress = Progress()
    with progress.in_errors():
        base = _gather_base(host)
        obstacle = updates.find_obstacle(desired, base) if desired else None
        if obstacle:
            raise obstacle
        reports = updates.periodic_settings(security_reports)
        found = _gather(host, base, reports)
        plan = _plan(desired, found, reports)
        cron = found.cron
        if plan.is_change and not host.check_mode:
            cron = _apply(host, desired, found, plan, progress)
        return PolicyResult(
            dict(plan.before),
            dict(plan.after),
            _result(host, desired, base, cron, reports),
            updates.competing_jobs(_gather_crontabs(host)) if desired else [],
        )


def _gather(host: Host, base: BaseSystem, reports: t.Mapping[str, str]) -> _FoundUpdates:
    files = {path: host.read(path) for path in (updates.SCRIPT, updates.CRONTAB)}
    return _FoundUpdates(base, files, _gather_periodic(host, reports), rc_state(host, "cron"))


def _plan(desired: FreebsdUpdatesPolicy | None, found: _FoundUpdates, reports: t.Mapping[str, str]) -> _UpdatesPlan:
    files = {
        updates.SCRIPT: script(desired) if desired else None,
        updates.CRONTAB: updates.crontab(desired) if desired else None,
    }
    before = {path: text for path, text in found.files.items() if text is not None}
    after = {path: text for path, text in files.items() if text is not None}
    # Each job of periodic(8) that is managed here runs where no file has its setting.
    effective = {name: (found.periodic.get(name) or "YES").upper() for name in reports}
    if reports:
        before["periodic.conf"], after["periodic.conf"] = _lines(effective), _lines(reports)
    if desired:
        before["cron"], after["cron"] = _describe(found.cron), "enabled, running\n"
    return _UpdatesPlan(
        before,
        after,
        {path: text for path, text in files.items() if text != found.files[path]},
        {name: value for name, value in reports.items() if effective[name] != value},
    )


def _apply(
    host: Host, desired: FreebsdUpdatesPolicy | None, found: _FoundUpdates, plan: _UpdatesPlan, progress: Progress
) -> RcService:
    """Write the files and settings, start cron, and verify that cron has the job."""
    for path, text in plan.files.items():
        host.put(path, text)
        progress.record(f"removed {path}" if text is None else f"wrote {path}")
    if plan.settings:
        _apply_reports(host, plan.settings, progress)
    if desired is None:
        return found.cron
    cron = _ensure_cron(host, found.cron, progress)
    _require_files(host, desired)
    return cron


def _gather_base(host: Host) -> BaseSystem:
    sysctl = host.run(["sysctl", "-n", "security.jail.jailed", "kern.securelevel"])
    # Without -N pkg(7) would fetch pkg(8).
    has_pkg = host.run(["pkg", "-N"]).ok
    packaged = has_pkg and host.run(["pkg", "which", "-q", "/usr/bin/uname"]).ok
    listed = host.run(["pkg", "repositories", "-e", "-l"]) if packaged else None
    versions = host.run(["freebsd-version", "-k", "-r", "-u"])
    return updates.base_of(
        sysctl.out,
        has_pkg=has_pkg,
        uname_is_packaged=packaged,
        repositories=listed.out if listed and listed.ok else None,
        versions=updates.versions_of(versions.out) if versions.ok else {},
    )


def _gather_periodic(host: Host, names: t.Iterable[str]) -> dict[str, str]:
    """Return the settings as periodic(8) reads its files; one that no file has is an empty text."""
    requested = list(names)
    if not requested:
        return {}
    ran = host.run(["/bin/sh", "-c", _READ_PERIODIC, "sh", *requested])
    if not ran.ok:
        raise BaselineError(f"the settings of periodic(8) cannot be read: {ran.message()}")
    return {name: value for name, _equals, value in (line.partition("=") for line in ran.out.splitlines())}


def _lines(settings: t.Mapping[str, str]) -> str:
    return "".join(f'{name}="{value}"\n' for name, value in settings.items())


def _apply_reports(host: Host, settings: t.Mapping[str, str], progress: Progress) -> None:
    ran = host.run(["sysrc", "-f", updates.PERIODIC, *(f"{name}={value}" for name, value in settings.items())])
    if not ran.ok:
        raise BaselineError(f"sysrc cannot write this file: {ran.message()}", where=updates.PERIODIC)
    progress.record(f"wrote {updates.PERIODIC}")
    present = _gather_periodic(host, settings)
    wrong = [name for name, value in settings.items() if present.get(name, "").upper() != value]
    if wrong:
        values = ", ".join(f"{name} is {present.get(name)!r}" for name in wrong)
        raise BaselineError(
            f"the requested settings are not in force: {values}",
            where=updates.PERIODIC,
            hint="/etc/periodic.conf.local and /usr/local/etc/periodic.conf are read after it and take precedence; "
            "remove the setting there",
        )


def _ensure_cron(host: Host, cron: RcService, progress: Progress) -> RcService:
    if cron.enabled and cron.running:
        return cron
    if not cron.enabled:
        rc_enable(host, "cron")
        progress.record("enabled cron")
    if not cron.running:
        rc_act(host, "start", "cron")
        progress.record("started cron")
    cron = rc_state(host, "cron")
    if not (cron.enabled and cron.running):
        raise BaselineError(f"cron is {_describe(cron).strip()} after its start, so nothing would be updated")
    return cron


def _require_files(host: Host, desired: FreebsdUpdatesPolicy) -> None:
    """Read the files again: cron's file must have our one job, because cron ignores a file that it cannot read."""
    jobs = updates.jobs_of(host.read(updates.CRONTAB) or "")
    if jobs != updates.jobs_of(updates.crontab(desired)) or host.read(updates.SCRIPT) != script(desired):
        raise BaselineError(
            f"{updates.CRONTAB} or {updates.SCRIPT} does not have the content that was written", hint="run again"
        )


def _describe(cron: RcService) -> str:
    return f"{'enabled' if cron.enabled else 'disabled'}, {'running' if cron.running else 'stopped'}\n"


def _gather_crontabs(host: Host) -> dict[str, str]:
    paths = [path for pattern in _TABLES for path in host.glob(pattern)]
    return {path: host.read(path) or "" for path in paths if path != updates.CRONTAB}


def _result(
    host: Host, desired: FreebsdUpdatesPolicy | None, base: BaseSystem, cron: RcService, reports: t.Mapping[str, str]
) -> dict[str, t.Any]:
    kernels = {dict(base.versions or {}).get(name) for name in ("installed_kernel", "running_kernel")}
    job = updates.jobs_of(updates.crontab(desired))[0] if desired else None
    return {
        "path": updates.CRONTAB,
        "base_by": base.by,
        "versions": dict(base.versions or {}),
        "reboot_required": len(kernels) > 1 or host.stat(f"{updates.STATE}.reboot") is not None,
        "job": {"when": job[0], "command": job[1]} if job else None,
        "cron": {"enabled": cron.enabled, "running": cron.running},
        "security_reports": dict(reports),
    }
