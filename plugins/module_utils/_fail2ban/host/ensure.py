# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ensures the requested jails in steps: read, check, plan, apply, read back, prove."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import UNCHANGED, BaselineError, state_of_errors
from ..._core.host.remembered import Remembered
from .. import plan as fail2ban_plan
from ..config import filter_name
from ..controller_access import controller_findings
from ..counting import unproven
from ..findings import no_database
from ..jail_files import overridden_settings
from ..jail_messages import odd_times
from ..jails_result import JailsResult, JailsState
from ..own_files import changed_files, settled_files
from ..plan import HostProbes, differences
from ..stream import expected
from .ban_action import ban_action_files, older_action
from .daemon import Fail2ban, has_actions
from .database import database_problem
from .filter_rules import banned_addresses, filter_findings, remove_other_rules, service_port
from .filter_samples import SamplesResult, try_samples
from .findings import gather_findings
from .loading import check_loaded, load
from .nftables_unit import DROP_IN, drop_in, load_drop_in, requested_drop_in
from .notify import no_sendmail, notify_files_for
from .own_files import remove_other_files, restore_own_files, write_own_files
from .probe import controller, controller_port, probe, takes_passwords
from .proof_record import ProofRecord
from .readings import Readings
from .restore import restore
from .server_log import own_log_lines, recent_log_errors
from .site import compose_for, is_installed, own_path, read_site
from .staging import own_log, read_streams, stage
from .unread import unread_reason, unread_sources

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..plan import ComposedJails, JailsRequest
    from .daemon import Values
    from .site import Site
    from .staging import Streams

__all__ = ["ensure"]

# The backends that may use inotify.
_INOTIFY = ("auto", "pyinotify")


@dataclass(frozen=True)
class _Candidate:
    """What was read: the files, what the host offers, the candidate for our file, and the jails that it defines."""

    site: Site
    probes: HostProbes
    composed: ComposedJails
    streams: Streams
    # The jails that the server of fail2ban would reject.
    rejected: dict[str, BaselineError]
    samples: SamplesResult

    @property
    def differs(self) -> bool:
        return not self.site.has(self.composed)

    @property
    def written(self) -> list[str]:
        """The paths of our files that a change writes or removes."""
        jails = [self.site.path] if self.site.own != self.composed.text else []
        others = changed_files(self.site.files, self.composed.files)
        return [*jails, *(self.site.directory + path for path in others)]


@dataclass(frozen=True)
class _JailsRun:
    """One run that brings its request into force: the host, the request, the candidate, and the running server."""

    host: Host
    request: JailsRequest
    candidate: _Candidate
    fail2ban: Fail2ban
    record: ProofRecord | None


def ensure(host: Host, request: JailsRequest, *, reload: bool, proof: bool) -> JailsResult:
    """Ensure ``request`` on the host: only the file without ``reload``, with test bans if ``proof``."""
    if not is_installed(host):
        return _plan_without_fail2ban(host, request)
    site = read_site(host)
    with own_log(host, request, site):
        candidate = _read(host, request, site)
        warnings = _check(host, request, candidate)
        if not reload:
            return _write_file(host, candidate, warnings)
        record = ProofRecord(host, site, request, candidate.streams, candidate.probes.sshd_log) if proof else None
        run = _JailsRun(host, request, candidate, Fail2ban(host, site), record)
        plan = _plan(run, warnings)
        if host.check_mode:
            return plan
        return _apply(run, plan)


def _plan_without_fail2ban(host: Host, request: JailsRequest) -> JailsResult:
    """Return the planned state where fail2ban is upcoming."""
    if not host.upcoming.has_package("fail2ban"):
        raise BaselineError(
            "fail2ban is not installed on this host",
            hint="install the package fail2ban, as the role pyhost.baseline.fail2ban does",
        )
    stock = {"sshd": "journalmatch = _COMM=sshd"}
    stock.update({name: one.text for name, one in request.filters.items()})
    filters = {name: stock.get(filter_name(name, options, {}), "") for name, options in request.jails.items()}
    is_freebsd = host.platform.is_freebsd
    probes = HostProbes(
        # FreeBSD has no journal, and pf only. Whether pf works is checked when fail2ban is installed.
        no_journal="journald does not run on this host" if is_freebsd else "",
        packet_filter="pf" if is_freebsd else "",
        controller=controller(host) if request.ignore_controller else None,
        passwords=takes_passwords(host, request),
    )
    composed = fail2ban_plan.compose(request, probes, {"sshd": {"backend": "systemd"}}, filters)
    # Files of others may be there before the package is, and stay.
    _require_effective(composed, read_site(host))
    unknown = "fail2ban is not installed yet, so the settings could not be checked by fail2ban"
    if request.filters:
        unknown += ", and the sample lines of filters were not tried"
    host.known_after_apply.append(unknown)
    path = own_path(host)
    reports = notify_files_for(host, request.notify, os.path.dirname(os.path.dirname(path)), "")
    files = {**composed.files, **reports, **ban_action_files([composed.text])}
    after = JailsState(composed.text, files=files)
    return JailsResult(JailsState(None), after, composed, path)


def _read(host: Host, request: JailsRequest, site: Site) -> _Candidate:
    """Probe the host, compose the candidate, and let fail2ban read and load it in a staged copy of its files."""
    remembered = Remembered(host, "fail2ban")
    probes = probe(remembered, request, own=site.own)
    composed = compose_for(remembered, request, probes, site)
    _require_effective(composed, site)
    directory = stage(host, site, composed)
    # Filters first: their errors name the line and the expression.
    of_journal = {filter_name(name, request.jails[name], site.others) for name in composed.journal}
    samples = try_samples(host, directory, request.filters, of_journal)
    streams = read_streams(host, site, directory, remembered=remembered)
    return _Candidate(site, probes, composed, *load(remembered, streams), samples)


def _require_effective(composed: ComposedJails, site: Site) -> None:
    """Raise if a file that is read later overrides a requested setting."""
    overridden = overridden_settings(composed.text, site.later)
    if overridden:
        raise BaselineError(
            f"settings would not take effect because files that fail2ban reads after {site.path} override them: "
            + "; ".join(overridden),
            state=UNCHANGED,
            hint="remove these settings, or request the same values",
        )


def _check(host: Host, request: JailsRequest, candidate: _Candidate) -> list[str]:
    """Raise if a requested jail would not work, unless packages are upcoming that may mend it; return warnings."""
    found = gather_findings(host, request, candidate.probes, candidate.site, candidate.streams)
    errors, warnings = _controller_findings(host, request, candidate)
    errors = [*found.errors, *errors, *filter(None, [no_sendmail(host, request.notify)])]
    if errors and not host.upcoming.has_package():
        raise BaselineError("; ".join(errors), state=UNCHANGED)
    host.known_after_apply += errors
    rejected = check_loaded(candidate.rejected, request.enabled)
    return [*rejected, *found.warnings, *warnings, *candidate.samples.warnings]


def _controller_findings(host: Host, request: JailsRequest, candidate: _Candidate) -> tuple[list[str], list[str]]:
    """Return errors and warnings about jails that can ban the controller, where it is to be ignored."""
    address = candidate.probes.controller
    if address is None:
        return [], []
    port = controller_port(host)
    return controller_findings(candidate.streams, request.enabled, address, port=port, service_port=service_port)


def _write_file(host: Host, candidate: _Candidate, warnings: list[str]) -> JailsResult:
    """Write our files only and leave the service as it is."""
    site, composed = candidate.site, candidate.composed
    if candidate.differs and not host.check_mode:
        _write(host, candidate)
    before = JailsState(site.own, files=site.files)
    after = JailsState(composed.text, files=settled_files(site.files, composed.files))
    filters = candidate.samples.addresses
    return JailsResult(before, after, composed, site.path, warnings=warnings, filters=filters)


def _write(host: Host, candidate: _Candidate) -> None:
    """Write our files, all or none. At any moment a jail on the disk has its filter."""
    site, composed = candidate.site, candidate.composed
    try:
        write_own_files(host, site.directory, site.files, composed.files)
        if site.own != composed.text:
            host.write(site.path, composed.text)
        remove_other_files(host, site.directory, site.files, composed.files)
    except BaselineError:
        with contextlib.suppress(BaselineError):
            host.put(site.path, site.own)
            restore_own_files(host, site.directory, site.files, composed.files)
        raise


def _plan(run: _JailsRun, warnings: list[str]) -> JailsResult:
    """Return the state of the host and the state that the request means, without a change."""
    candidate, fail2ban = run.candidate, run.fail2ban
    values, readings = fail2ban.values(candidate.streams), Readings(run.host)
    found = _filter_findings(run, values, readings)
    unread, present = _unread(run, values, readings), drop_in(run.host)
    server, pid = fail2ban.server, fail2ban.unit.main_pid
    problem = database_problem(run.host, server, pid, candidate.site.database) if server else None
    if server:
        odd = odd_times(own_log_lines(readings, server), list(values))
        warnings = [*warnings, *no_database(server.ask("get", "dbfile")), *odd]
    before = JailsState(
        candidate.site.own, fail2ban.service(), values, found, unread, present, problem, candidate.site.files
    )
    after = JailsState(
        candidate.composed.text,
        {"running": True, "enabled": True},
        {name: expected(jail) for name, jail in candidate.streams.items()},
        drop_in=requested_drop_in(run.host, candidate.streams.values()),
        files=settled_files(candidate.site.files, candidate.composed.files),
    )
    return JailsResult(
        before,
        after,
        candidate.composed,
        candidate.site.path,
        warnings=warnings,
        filters=candidate.samples.addresses,
        unproven=run.record.missing(fail2ban) if run.record and server else [],
    )


def _filter_findings(run: _JailsRun, running: Values, readings: Readings) -> dict[str, list[str]]:
    """Return, by requested jail, how the packet filter differs from what the jail requests."""
    findings = {}
    for name in run.request.enabled if run.fail2ban.server else []:
        jail = run.candidate.streams.get(name)
        # A jail that is about to be restarted for other actions is compared after that.
        if jail is None or not has_actions(running.get(name), jail):
            continue
        rules = run.record.rules(run.fail2ban, name) if run.record else []
        server = run.fail2ban.require_server()
        found = older_action(server, jail, run.candidate.composed.files)
        found += filter_findings(readings, server, jail, rules)
        if found:
            findings[name] = found
    return findings


def _unread(run: _JailsRun, running: t.Container[str], readings: Readings, *, is_new: bool = False) -> dict[str, str]:
    """Return, by jail, the source that it does not read. ``is_new``: whether these jails have just been restarted."""
    server, streams = run.fail2ban.server, run.candidate.streams
    if server is None:
        return {}
    # A backend with options (systemd[journalpath=…]) reads other files, and one that polls watches none.
    journals = [name for name, jail in streams.items() if jail.backend == "systemd" and name in running]
    files = {name: jail.log_paths for name, jail in streams.items() if jail.backend in _INOTIFY and name in running}
    return unread_sources(readings, server, run.fail2ban.unit.main_pid, journals=journals, files=files, is_new=is_new)


def _apply(run: _JailsRun, plan: JailsResult) -> JailsResult:
    """Carry out ``plan``, read the result back from the server, and prove that bans take effect."""
    fail2ban, proofs = run.fail2ban, {}
    banned = _banned(fail2ban, plan) if plan.changed else {}
    with _restored_on_error(run, plan):
        if plan.changed:
            _bring_into_force(run, plan, banned)
            with state_of_errors(_state(run, plan, "fail2ban was started or reloaded")):
                plan = replace(plan, warnings=[*plan.warnings, *_read_back(run, plan)])
        if run.record:
            done = _state(run, plan, "fail2ban was started or reloaded") if plan.changed else "no setting was changed"
            with state_of_errors(f"{done}, and the next run removes any test ban that is left"):
                proofs = run.record.prove(fail2ban, banned)
    doubts = [unproven(name, proof["counts_reason"]) for name, proof in proofs.items() if proof.get("counts_reason")]
    return replace(
        plan,
        reloaded=fail2ban.reloaded,
        restarted=fail2ban.restarted,
        proof=proofs,
        warnings=[*plan.warnings, *fail2ban.warnings, *doubts],
        unproven=[],
    )


@contextlib.contextmanager
def _restored_on_error(run: _JailsRun, plan: JailsResult) -> t.Iterator[None]:
    """Restore our files and the jails if an error occurs, unless this is the first run and no jail ran before."""
    try:
        yield
    except BaselineError as error:
        if run.candidate.differs and (plan.before.jails or run.candidate.site.own is not None):
            if plan.before.drop_in != plan.after.drop_in:
                with contextlib.suppress(BaselineError):
                    load_drop_in(run.host, plan.before.drop_in)
            files = run.candidate.composed.files
            error.state = restore(run.host, run.fail2ban, run.candidate.site, plan.before.jails, files)
        raise


def _banned(fail2ban: Fail2ban, plan: JailsResult) -> dict[str, list[str]]:
    """Return the addresses that each jail has banned before the change."""
    server = fail2ban.server
    return {name: banned_addresses(server, name) for name in plan.before.jails} if server else {}


def _bring_into_force(run: _JailsRun, plan: JailsResult, banned: t.Mapping[str, list[str]]) -> None:
    """Write our files, start the server or reload its jails, and restart the jails that differ in the packet filter."""
    candidate, fail2ban = run.candidate, run.fail2ban
    changed = _changed_by_files(run) if candidate.differs else []
    if candidate.differs:
        _write(run.host, candidate)
    if plan.before.drop_in != plan.after.drop_in:
        with state_of_errors(_state(run, plan, "fail2ban was not reloaded")):
            load_drop_in(run.host, plan.after.drop_in)
    with state_of_errors(_state(run, plan, "fail2ban may have been started or reloaded")):
        if plan.before.database:
            fail2ban.renew_database(candidate.streams, banned)
        else:
            fail2ban.bring_into_force(candidate.streams, plan.before.jails, changed=changed)
        for name in dict.fromkeys([*plan.before.packet_filter, *plan.before.unread]):
            fail2ban.restart_jail(name)
        for name in plan.before.packet_filter:
            remove_other_rules(run.host, fail2ban.require_server(), candidate.streams[name])


def _state(run: _JailsRun, plan: JailsResult, service: str) -> str:
    """Return the state of the host after the first change, for errors."""
    written = run.candidate.written
    written += [DROP_IN] if plan.before.drop_in != plan.after.drop_in else []
    if not written:
        return f"no file was changed, and {service}"
    listed = " and ".join([part for part in (", ".join(written[:-1]), written[-1]) if part])
    return f"{listed} {'were' if len(written) > 1 else 'was'} written, and {service}"


def _changed_by_files(run: _JailsRun) -> list[str]:
    """Return the jails that the candidate defines otherwise than the present files."""
    try:
        present = read_streams(run.host, run.candidate.site)
    except BaselineError:
        # The present files are invalid. The candidate, which was checked, replaces the invalid one.
        present = {}
    return [name for name, jail in run.candidate.streams.items() if present.get(name) != jail]


def _read_back(run: _JailsRun, plan: JailsResult) -> list[str]:
    """Raise if a requested jail does not run as expected; return warnings about the jails of other files."""
    running = run.fail2ban.values(run.candidate.streams)
    unread = _unread(run, running, Readings(run.host), is_new=True) if plan.before.unread else {}
    if unread:
        why, hint = unread_reason(run.host, run.fail2ban.require_server())
        raise BaselineError(
            f"jails do not read {min(unread.values())}, which is written: {', '.join(unread)}"
            + (f"; {why}" if why else ""),
            hint=hint or "run `systemctl restart fail2ban`",
        )
    warnings = [
        f"the jail {name}, which no file defines, still runs" for name in running if name not in plan.after.jails
    ]
    for name, values in plan.after.jails.items():
        wrong = differences(running[name], values) if name in running else {}
        if name in running and not wrong:
            continue
        found = ", ".join(f"{key} is {was!r} instead of {right!r}" for key, (was, right) in wrong.items())
        found = found or "the server has no such jail"
        if name in run.request.jails:
            logged = "\n".join(recent_log_errors(run.host, run.fail2ban.require_server()))
            raise BaselineError(
                f"the jail {name} does not run as requested: {found}",
                hint="see the log of fail2ban, which reports:\n" + (logged or "nothing"),
            )
        warnings.append(f"the jail {name}, which another file defines, does not run as that file defines it: {found}")
    return warnings
