# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether unattended-upgrade can run on the host, and when it and the package lists last succeeded. Reads only."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass

from ..._core.host.python_scripts import CODE_FILES, OWN_PATH, interpreter
from ..._core.host.remembered import Remembered
from .. import freshness
from .. import unattended_upgrades as uu
from .. import unattended_upgrades_log as log
from . import apt_state

if t.TYPE_CHECKING:
    from ..._core.host.host import CommandResult, Host
    from ..apt_conf import AptConfig
    from ..origins import Archive

__all__ = ["UpdateAges", "find_obstacles", "gather_ages", "gather_last_run"]

_PROGRAM = "unattended-upgrade"
# Runs the script in sys.argv for its help. It imports apt, and apt its configuration.
_CODE = (
    OWN_PATH
    + CODE_FILES
    + """
import contextlib, io, json, runpy
del sys.argv[0]
sys.argv.append("--help")
status = 0
try:
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    status = end.code or 0
if not status:
    json.dump(code_files(), sys.stdout)
sys.exit(status)
"""
)
# What the answer of `apt-get check` depends on, beside apt itself and its configuration.
_READ_BY_APT = (
    *("/var/lib/dpkg/status", "/var/lib/dpkg/arch", "/var/lib/dpkg/updates", "/var/lib/dpkg/updates/*"),
    *(apt_state.LISTS, f"{apt_state.LISTS}/*", "/etc/apt/*", "/etc/apt/*/*"),
)
_LOG = "/var/log/unattended-upgrades/unattended-upgrades.log"
_STATE = "/var/lib/apt/periodic"
# Changed when lists were really fetched. apt.systemd.daily touches update-stamp after an `apt-get update` that fetched
# nothing, too, because that succeeds without a network: it counts where nothing else is known.
_LISTS_STAMPS = (f"{_STATE}/update-success-stamp", apt_state.LISTS)
_LISTS_ATTEMPT = f"{_STATE}/update-stamp"
# The dry run touches unattended-upgrades-stamp; apt.systemd.daily touches this one after a run that succeeded.
_SUCCESS_STAMP = f"{_STATE}/upgrade-stamp"
# The latest of them is when automatic updates began on this host. An image may be older than the host.
_BEGIN = (
    "/etc/machine-id",
    "/var/lib/dpkg/info/unattended-upgrades.list",
    apt_state.POLICY,
    f"{apt_state.PARTS}/20auto-upgrades",
)


@dataclass(frozen=True)
class UpdateAges:
    """Hours since the lists were fetched and since the last success (``None``: not known), and what is too old."""

    lists: int | None
    success: int | None
    problems: tuple[str, ...]


def find_obstacles(host: Host, config: AptConfig) -> list[str]:
    """Return a sentence for each reason for which every run of unattended-upgrade would fail."""
    remembered = Remembered(host, "unattended_upgrades")
    question = [f"{name}={value}" for name, value in config.entries]
    sentences = []
    started = _start(remembered, question)
    if not started.ok:
        # The last line of a traceback names the cause.
        lines = (started.err or started.out).strip().splitlines()
        sentences.append(f"unattended-upgrade cannot start: {lines[-1] if lines else f'rc={started.rc}'}")
    # It does not take the lock, so that it can be asked while a package manager runs.
    argv = ["apt-get", "-q", "-o", "Debug::NoLocking=true", "check"]
    files = [path for pattern in _READ_BY_APT for path in host.glob(pattern)]
    checked = remembered.run(argv, question=[*argv, *question], files=files)
    if not checked.ok:
        sentences.append(f"unattended-upgrade stops at the state of the packages: {checked.message()}")
    if started.ok and started.out.startswith("["):
        remembered.keep(json.loads(started.out))
    return sentences


def _start(remembered: Remembered, question: t.Sequence[str]) -> CommandResult:
    """Start unattended-upgrade for its help; if it does start, return the files of its code in JSON."""
    host = remembered.host
    python, path = interpreter(host, _PROGRAM), host.find(_PROGRAM)
    if not python or path is None:
        return host.run([_PROGRAM, "--help"])
    argv = [*python, "-c", _CODE, path]
    return remembered.run(argv, question=[*argv, *question], files=[path])


def gather_last_run(host: Host) -> dict[str, t.Any] | None:
    """Return the last run in the log of unattended-upgrade."""
    return log.last_run(host.read(_LOG) or "")


def gather_ages(host: Host, config: AptConfig, allowed: t.Sequence[Archive], limit: int) -> UpdateAges:
    """Return the ages of lists and of the last success, and what of them is above ``limit`` (in hours).

    The days that the policy's intervals exceed one are added to the limit.
    """
    now, policy = time.time(), uu.effective(config)
    lists = [when for when in (_mtime(host, path) for path in _LISTS_STAMPS) if when]
    if not _mtime(host, _LISTS_STAMPS[0]):
        lists += filter(None, [_mtime(host, _LISTS_ATTEMPT)])
    success = [when for when in (_mtime(host, _SUCCESS_STAMP), _last_success(host)) if when]
    times = freshness.UpdateTimes(
        now=now,
        policy_at=max(_mtime(host, path) or 0 for path in _BEGIN),
        lists_at=max(lists) if lists else None,
        success_at=max(success) if success else None,
    )
    problems = freshness.age_problems(
        times,
        lists_limit=_limit(policy, "update_lists_interval", limit),
        success_limit=_limit(policy, "upgrade_interval", limit),
    )
    # An admin who has switched the check off knows that the archives are old.
    if uu.as_bool(config.value("Acquire::Check-Valid-Until") or "true"):
        problems += freshness.expired(_gather_releases(host), allowed, now)
    return UpdateAges(freshness.hours(now, times.lists_at), freshness.hours(now, times.success_at), tuple(problems))


def _limit(policy: t.Mapping[str, t.Any], interval: str, limit: int) -> int | None:
    """Return the limit for work that is done at each ``interval`` of days, ``None`` where the policy turns it off."""
    days = policy[interval]
    if not policy["enabled"] or days == 0:
        return None
    return limit + 24 * max(0, days - 1) if isinstance(days, int) else limit


def _last_success(host: Host) -> float | None:
    run = gather_last_run(host)
    # The log is in the host's local time, and so is the module.
    return time.mktime(time.strptime(run["finished"], "%Y-%m-%d %H:%M:%S")) if run and log.has_succeeded(run) else None


def _gather_releases(host: Host) -> list[freshness.ReleaseFile]:
    texts = (host.read(path) for path in host.glob(f"{apt_state.LISTS}/*Release"))
    return [freshness.parse_release(text) for text in texts if text]


def _mtime(host: Host, path: str) -> float | None:
    found = host.stat(path)
    return found.st_mtime if found else None
