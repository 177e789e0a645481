# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic updates on a FreeBSD host: the script, cron's file, the daily security run, and cron itself."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..._core.host.rc import rc_act, rc_enable, rc_state
from ..._core.policy_result import PolicyResult
from .. import freebsd as updates
from ..freebsd_script import script

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.rc import RcService
    from ..freebsd import Base, Policy

__all__ = ["ensure"]

_UNTOUCHED = "nothing was changed"
_TABLES = ("/etc/crontab", "/etc/cron.d/*", "/usr/local/etc/cron.d/*")
# What the jobs of periodic(8) see: its defaults, and after them whatever files these name.
_ASK_PERIODIC = """
_localbase=$(sysctl -n user.localbase 2> /dev/null)
: "${_localbase:=/usr/local}"
. /etc/defaults/periodic.conf
source_periodic_confs
for name; do
    eval "value=\\${$name-}"
    printf '%s=%s\\n' "$name" "$value"
done
"""


def ensure(host: Host, wish: Policy | None, *, security_reports: bool | None) -> PolicyResult:
    """Bring the policy ``wish`` in force and prove it; ``None`` takes away what an earlier one left."""
    if host.find("freebsd-version") is None:
        raise BaselineError(f"this host is no FreeBSD (it has no freebsd-version); {_UNTOUCHED}")
    base = _base(host)
    why = updates.why_never(wish, base) if wish else None
    if why:
        raise BaselineError(f"{why}; {_UNTOUCHED}")
    files = {
        updates.SCRIPT: (host.read(updates.SCRIPT), script(wish) if wish else None),
        updates.CRONTAB: (host.read(updates.CRONTAB), updates.crontab(wish) if wish else None),
    }
    outcome = PolicyResult(
        {path: old for path, (old, _new) in files.items() if old is not None},
        {path: new for path, (_old, new) in files.items() if new is not None},
    )
    reports = updates.periodic_wish(security_reports)
    wrong = _plan_reports(outcome, reports, _periodic(host, reports))
    cron = rc_state(host, "cron")
    if wish:
        outcome.before["cron"], outcome.after["cron"] = _describe(cron), "enabled, running\n"
    if outcome.changed and not host.check_mode:
        for path, (old, new) in files.items():
            if new != old:
                host.put(path, new)
        _carry_out_reports(host, reports, wrong)
        if wish:
            cron = _start(host, cron)
            _require_files(host, wish)
    outcome.warnings = updates.rivals(_tables(host)) if wish else []
    outcome.result.update(_result(host, wish, base, cron, reports))
    return outcome


def _base(host: Host) -> Base:
    sysctl = host.run(["sysctl", "-n", "security.jail.jailed", "kern.securelevel"])
    # -N: without it pkg(7) would fetch pkg(8).
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


def _periodic(host: Host, names: t.Iterable[str]) -> dict[str, str]:
    """Return what periodic(8) makes of its files; a setting that nobody names is an empty text."""
    asked = list(names)
    if not asked:
        return {}
    ran = host.run(["/bin/sh", "-c", _ASK_PERIODIC, "sh", *asked])
    if not ran.ok:
        raise BaselineError(f"the settings of periodic(8) cannot be read: {ran.message()}; {_UNTOUCHED}")
    return {name: value for name, _equals, value in (line.partition("=") for line in ran.out.splitlines())}


def _plan_reports(outcome: PolicyResult, wished: t.Mapping[str, str], present: t.Mapping[str, str]) -> list[str]:
    """Note in ``outcome`` what periodic(8) does and shall do; return the settings that have to be written."""
    # Where nobody names a setting, each job of periodic(8) that is asked for here runs.
    effective = {name: (present.get(name) or "YES").upper() for name in wished}
    wrong = [name for name, value in wished.items() if effective[name] != value]
    if wished:
        outcome.before["periodic.conf"] = _lines(effective)
        outcome.after["periodic.conf"] = _lines(wished)
    return wrong


def _lines(settings: t.Mapping[str, str]) -> str:
    return "".join(f'{name}="{value}"\n' for name, value in settings.items())


def _carry_out_reports(host: Host, wished: t.Mapping[str, str], wrong: t.Sequence[str]) -> None:
    if not wrong:
        return
    ran = host.run(["sysrc", "-f", updates.PERIODIC, *(f"{name}={wished[name]}" for name in wrong)])
    if not ran.ok:
        raise BaselineError(f"sysrc cannot write {updates.PERIODIC}: {ran.message()}; it was left as it was")
    present = _periodic(host, wrong)
    lost = [name for name in wrong if present.get(name, "").upper() != wished[name]]
    if lost:
        told = ", ".join(f"{name} is {present.get(name)!r}" for name in lost)
        raise BaselineError(
            f"{updates.PERIODIC} was written, but is not in force: {told}. /etc/periodic.conf.local and "
            "/usr/local/etc/periodic.conf are read after it and win; remove the setting there"
        )


def _start(host: Host, cron: RcService) -> RcService:
    told = f"{updates.CRONTAB} was written, but nobody reads it"
    if not cron.enabled:
        rc_enable(host, "cron", unchanged=told)
    if not cron.running:
        rc_act(host, "start", "cron", unchanged=told)
    if cron.enabled and cron.running:
        return cron
    cron = rc_state(host, "cron")
    if not (cron.enabled and cron.running):
        raise BaselineError(f"cron is {_describe(cron).strip()} after its start; {told}")
    return cron


def _require_files(host: Host, wish: Policy) -> None:
    """Read the files again: cron's one has to hold our one job, for cron passes over one that it cannot read."""
    jobs = updates.jobs_of(host.read(updates.CRONTAB) or "")
    if jobs != updates.jobs_of(updates.crontab(wish)) or host.read(updates.SCRIPT) != script(wish):
        raise BaselineError(f"{updates.CRONTAB} or {updates.SCRIPT} does not hold what was written; run again")


def _describe(cron: RcService) -> str:
    return f"{'enabled' if cron.enabled else 'disabled'}, {'running' if cron.running else 'stopped'}\n"


def _tables(host: Host) -> dict[str, str]:
    paths = [path for pattern in _TABLES for path in host.glob(pattern)]
    return {path: host.read(path) or "" for path in paths if path != updates.CRONTAB}


def _result(
    host: Host, wish: Policy | None, base: Base, cron: RcService, reports: t.Mapping[str, str]
) -> dict[str, t.Any]:
    kernels = {dict(base.versions or {}).get(name) for name in ("installed_kernel", "running_kernel")}
    job = updates.jobs_of(updates.crontab(wish))[0] if wish else None
    return {
        "path": updates.CRONTAB,
        "base_by": base.by,
        "versions": dict(base.versions or {}),
        "reboot_required": len(kernels) > 1 or host.stat(f"{updates.STATE}.reboot") is not None,
        "job": {"when": job[0], "command": job[1]} if job else None,
        "cron": {"enabled": cron.enabled, "running": cron.running},
        "security_reports": dict(reports),
    }
