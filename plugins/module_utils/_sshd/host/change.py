# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a wish in force: prove it on a staged copy, guard the door, write, reload, ask the host again, else undo."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import BaselineError
from ..._core.host.rollback import is_armed, resolve_pending_rollback
from ..._core.rollback import PendingRollback
from ..confirmation import ArmedRollback
from ..effective import (
    Effective,
    differences,
    foreign_directives,
    match_exceptions,
    not_in_effect,
    requested_keywords,
    shadowed_directives,
)
from ..match import Connection
from ..plan import FilesPlan, ManagedFiles, managed_files, plan_files
from ..port_holders import PortHolder, PortTaken, deferral_warning
from ..ports import with_explicit_addresses, with_present_ports
from ..settings import SshdSettings, render_settings, require_supported
from ..socket import Listen
from ..tree import Tree, compose
from . import daemon as daemons
from .confirm import ConfirmRequest, armed_rollback, gather_confirmation
from .crypto import CryptoProfile, HostCrypto, plan_preflight, resolve_crypto
from .guard import guard
from .keys import GeneratedKey, generate_host_keys
from .move import PortMove, blocking_holders, holders_after_start, is_outdated, plan_move, unprivileged_port_warnings
from .options import require_files_decide
from .port_access import PortAccess, find_port_access
from .port_holders import present_listens
from .ports import unanswered
from .sshd import Sshd, connections_to_check, find_sshd, incoming_connection, read_tree, stage

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["SshdRequest", "ensure"]

_UNCHANGED = "nothing was changed"
# Stands in an error until it is known what became of the undo.
_AFTERWARDS = "@afterwards@"


@dataclass(frozen=True)
class SshdRequest:
    """What the module was asked to do. ``optional``: keywords (lower case) that an sshd without them may leave out."""

    desired: SshdSettings
    main: str
    dropin: str
    users: tuple[str, ...] = ()
    reload: bool = True
    confirm: ConfirmRequest = ConfirmRequest()
    profile: CryptoProfile = CryptoProfile()
    optional: frozenset[str] = frozenset()


@dataclass
class EffectiveAnswers:
    """What sshd says for each connection: what it should say (``expected``) and, in the composed files, does."""

    expected: dict[Connection, Effective]
    actual: dict[Connection, Effective]
    root: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def first(self) -> Effective:
        return next(iter(self.actual.values()))


def ensure(host: Host, request: SshdRequest) -> dict[str, t.Any]:
    """Bring ``request.desired`` in force and return the module's result."""
    files = managed_files(request.main, request.dropin)
    sshd = find_sshd(host, request.main)
    if sshd is None:
        return _not_installed(host, request, files)
    if os.geteuid():
        raise BaselineError(f"sshd can only be configured by root; {_UNCHANGED}; run the task with become: true")
    rollback_warnings = resolve_pending_rollback(host)
    with host.lock("sshd"):
        try:
            result = _ensure(host, request, files, sshd)
        except PortTaken as error:
            # Taken while sshd moved, so that it went back: all the rest is brought in force without the move.
            result = _ensure(host, _with_present_ports(request, error.listens), files, sshd, holders=error.holders)
    result["warnings"] = rollback_warnings + result["warnings"]
    return result


def _ensure(
    host: Host, request: SshdRequest, files: ManagedFiles, sshd: Sshd, *, holders: t.Sequence[PortHolder] = ()
) -> dict[str, t.Any]:
    """Do one pass; ``holders`` says who holds the desired port, on whose account ``request`` has the present one."""
    tree = read_tree(host, request.main)
    texts = {path: host.read(path) for path in (files.main, *files.own)}
    require_supported(request.desired, sshd.release)
    request, left_out = _without_unknown(sshd, request)
    crypto = resolve_crypto(sshd, request.profile, request.desired, files, tree, texts)
    desired = with_explicit_addresses(crypto.joined(request.desired), compose(tree) if tree.files else (), files.own)
    request = replace(request, desired=desired)
    planned = plan_files(
        files, texts, render_settings(request.desired, [*left_out, *crypto.left_out]) if request.desired else None
    )
    candidate = tree.with_files(planned.after)
    answers = _prove(sshd, request, files, candidate, staged_only=bool(planned.changes))

    pid_file = answers.first.get("pidfile", ("none",))[0]
    daemon = daemons.find_daemon(host, pid_file, program=sshd.program)
    base = next(iter(answers.actual))
    require_files_decide(sshd, daemon, request.desired, answers.expected, root=answers.root)
    planned, move = plan_move(sshd, base, request.desired, planned, answers.first, daemon)
    wrong = daemons.start_obstacle(host, daemon, move.after, pid_file=pid_file) if request.reload else ""
    if wrong:
        raise BaselineError(f"{wrong}; {_UNCHANGED}")
    found = blocking_holders(host, daemon, move) if request.reload else []
    if found and holders:
        raise BaselineError(
            f"sshd can neither move nor stay: {'; '.join(map(str, found))}; {_UNCHANGED}; end that process"
        )
    if found:
        present = present_listens(host, daemon) or move.before
        return _ensure(host, _with_present_ports(request, present), files, sshd, holders=found)
    pending = bool(planned.changes) or crypto.changes
    outdated = request.reload and is_outdated(host, daemon, crypto.loaded_with(tree), move)
    if pending or outdated:
        answers.warnings += guard(sshd, answers.root, base, request.users)
    port_access = find_port_access(host, move.old_ports, move.ports)
    reloaded = False
    confirmation = gather_confirmation(sshd, request.confirm, answers.root, base)
    if request.confirm.phase == "plan" and pending and not outdated:
        without = plan_preflight(sshd, _effective_now(sshd, base), answers.first, crypto)
        confirmation = replace(confirmation, preflight=without)
    generated: list[GeneratedKey] = []
    if (pending or outdated) and not host.check_mode and request.confirm.phase != "plan":
        generated = generate_host_keys(host, crypto.needed, beside=[key.path for key in crypto.keys])
        whole = planned.joined(*crypto.files(generated))
        program = sshd.program
        with armed_rollback(
            host,
            request.confirm,
            whole.changes,
            program=program,
            daemon=daemon,
            pid_file=pid_file,
            port_access=port_access,
        ) as armed, _opened(host, port_access):
            reloaded = _apply(host, request, files, whole, sshd, answers, daemon, move=move, armed=armed)
        if armed:
            confirmation = replace(confirmation, armed=ArmedRollback(armed.seconds, armed.boot, armed.base))
    directives = compose(candidate, sshd.release)
    shadowed = shadowed_directives(directives, request.desired, files.own)
    others = match_exceptions(directives, request.desired, files.own)
    return {
        "changed": pending or outdated,
        "diff": _diff(planned, outdated and not crypto.changes, daemon, port_access) + crypto.diff(generated),
        "path": planned.path,
        "crypto": crypto.result(generated),
        "effective": _effective(request.desired, answers),
        "left_out": left_out,
        "shadowed": shadowed,
        "exceptions": others,
        "reloaded": reloaded,
        "ports": move.ports,
        "port_held_by": [one.result() for one in holders],
        "firewall": {"kind": port_access.kind, "opened": port_access.descriptions},
        "selinux_ports": list(port_access.labels),
        "version": sshd.version(),
        "warnings": [
            *([deferral_warning(holders, move.ports)] if holders else []),
            *(unprivileged_port_warnings(host, move) if pending else []),
            *answers.warnings,
            *map(_exception_warning, others),
            *(str(one) for one in generated if one.replaces),
        ],
        "confirmation": confirmation.as_json(),
    }


def _not_installed(host: Host, request: SshdRequest, files: ManagedFiles) -> dict[str, t.Any]:
    """In check mode an earlier task may only have pretended to install sshd."""
    if not host.check_mode:
        raise BaselineError(f"sshd is not installed; {_UNCHANGED}; install openssh-server first")
    text = render_settings(request.desired) if request.desired else ""
    return {
        "changed": bool(text),
        "diff": [{"before_header": files.dropin, "after_header": files.dropin, "before": "", "after": text}],
        "path": files.dropin,
        "crypto": HostCrypto(request.profile.name).result(),
        "effective": {},
        "left_out": [],
        "shadowed": [],
        "exceptions": [],
        "reloaded": False,
        "ports": [],
        "port_held_by": [],
        "firewall": {"kind": "", "opened": []},
        "selinux_ports": [],
        "version": "",
        "warnings": ["sshd is not installed yet, so it could not be asked whether it takes these settings"],
        "confirmation": {},
    }


def _with_present_ports(request: SshdRequest, listens: t.Collection[Listen]) -> SshdRequest:
    return replace(request, desired=with_present_ports(request.desired, listens))


def _without_unknown(sshd: Sshd, request: SshdRequest) -> tuple[SshdRequest, list[str]]:
    """Return ``request`` without those of its defaults that this sshd is too old for, and a sentence for each."""
    unknown = sshd.unknown_keywords(request.desired.only(request.optional)) if request.optional else frozenset()
    words = [f"{name}: this OpenSSH does not know the keyword" for name in sorted(unknown)]
    return replace(request, desired=request.desired.without({name.lower() for name in unknown})), words


def _prove(
    sshd: Sshd, request: SshdRequest, files: ManagedFiles, candidate: Tree, *, staged_only: bool
) -> EffectiveAnswers:
    """Ask sshd about the candidate, before anything is written; a wish that would not be in force is an error."""
    host, desired = sshd.host, request.desired
    directives = compose(candidate, sshd.release)
    who, mute = connections_to_check(desired, incoming_connection(host), request.users)
    # What sshd itself would say if no other file spoke of it: the wish in sshd's own spelling.
    silenced = {(directive.file, directive.number) for directive in foreign_directives(directives, desired, files.own)}
    root = stage(host, candidate) if staged_only else ""
    actual = {one: sshd.effective(one, root=root) for one in who}
    expected = actual
    if silenced:
        apart = stage(host, candidate, without=silenced)
        expected = {one: sshd.effective(one, root=apart) for one in who}
    _compare(sshd, request, files, candidate, expected, actual, _UNCHANGED)
    warnings = [f"no account fits the block 'Match {text}', so sshd was not asked about it" for text in mute]
    return EffectiveAnswers(expected, actual, root, warnings)


def _compare(
    sshd: Sshd,
    request: SshdRequest,
    files: ManagedFiles,
    tree: Tree,
    expected: t.Mapping[Connection, Effective],
    actual: t.Mapping[Connection, Effective],
    unchanged: str,
) -> None:
    answers = [(one, expected[one], actual[one]) for one in actual]
    found = differences(compose(tree, sshd.release), request.desired, files.own, answers, sshd.release)
    if found:
        raise not_in_effect(found, unchanged)


def _effective_now(sshd: Sshd, base: Connection) -> Effective:
    try:
        return sshd.effective(base)
    except BaselineError:
        # What stands on the host now is broken; the proven candidate replaces it.
        return {}


def _require_pending_rollback(host: Host, armed: PendingRollback | None) -> None:
    """Stop where the host's undo has begun while this run was still at it: nobody would take back what it writes."""
    if armed and not is_armed(host, armed.token):
        raise BaselineError(
            f"the change took longer than the {armed.seconds} seconds of confirm_timeout, so that the host began to "
            f"take it back; {_AFTERWARDS}; give it more time"
        )


def _apply(
    host: Host,
    request: SshdRequest,
    files: ManagedFiles,
    planned: FilesPlan,
    sshd: Sshd,
    answers: EffectiveAnswers,
    daemon: daemons.SshdDaemon,
    *,
    move: PortMove,
    armed: PendingRollback | None,
) -> bool:
    """Write, reload, and ask the host again; whatever fails on the way is undone."""
    pid_file = answers.first.get("pidfile", ("none",))[0]
    socket_unit = daemon.socket_unit
    moved = move.is_move or bool(
        socket_unit and (socket_unit.path in planned.changes or socket_unit.is_stale(host, move.after))
    )
    try:
        _require_pending_rollback(host, armed)
        _write(host, files, planned.changes, planned.access)
        reloaded = request.reload and daemons.reload(
            host, daemon, pid_file=pid_file, moved=moved, unchanged=_AFTERWARDS
        )
        actual = {one: sshd.effective(one, unchanged=_AFTERWARDS) for one in answers.actual}
        _compare(sshd, request, files, read_tree(host, request.main), answers.expected, actual, _AFTERWARDS)
        taken = holders_after_start(host, daemons.with_current_pid(host, daemon, pid_file), move) if reloaded else []
        wrong = [str(one) for one in taken] or (unanswered(move.after) if reloaded else [])
        if wrong:
            raise daemons.no_answer_error(host, daemon, wrong, _AFTERWARDS)
        _require_pending_rollback(host, armed)
    except (BaselineError, OSError) as error:
        outcome = "the files are as they were before"
        # Asked before sshd goes back: who is in its way may be gone a moment later.
        now = daemons.with_current_pid(host, daemon, pid_file)
        taken = holders_after_start(host, now, move, str(error)) if request.reload else []
        # What was not written (the disk is full) is not put back either.
        written = [path for path in planned.changes if host.read(path) != planned.before[path]]
        if written:
            _write(host, files, {path: planned.before[path] for path in written}, {})
        alive = False
        if request.reload:
            alive = daemons.recover(host, daemon, pid_file=pid_file, moved=moved, expected=move.before)
            outcome += " and sshd answers with them" if alive else ", but sshd does not answer: look at it at once"
        words = str(error) if _AFTERWARDS in str(error) else f"{error}; {_AFTERWARDS}"
        words = words.replace(_AFTERWARDS, outcome)
        if taken and alive and move.is_move and not any(one.uid == 0 for one in taken):
            raise PortTaken(words, move.before, taken) from error
        details = error.details if isinstance(error, BaselineError) else {}
        raise BaselineError(words, **details) from error
    return reloaded


@contextlib.contextmanager
def _opened(host: Host, port_access: PortAccess) -> t.Iterator[None]:
    """Let clients into the new ports before sshd goes there; a change that fails takes that back too."""
    try:
        port_access.open(host, unchanged=_UNCHANGED)
        yield
    except BaselineError:
        port_access.close(host)
        raise


def _write(
    host: Host,
    files: ManagedFiles,
    changes: t.Mapping[str, str | None],
    access: t.Mapping[str, tuple[int, int, int]],
) -> None:
    # A file is there before the main file includes it, and goes after the main file does no more.
    for path in sorted(changes, key=lambda path: (changes[path] is None, path == files.main)):
        text = changes[path]
        if text is None:
            host.remove(path)
        else:
            host.make_directory(os.path.dirname(path))
            new = host.stat(path) is None
            secret = path in access or path in (files.main, *files.own)
            host.write(path, text, mode=0o600 if secret else 0o644)
            if new and path in access:
                user, group, mode = access[path]
                os.chown(path, user, group)
                os.chmod(path, mode)


def _effective(desired: SshdSettings, answers: EffectiveAnswers) -> dict[str, dict[str, t.Any]]:
    reported = {}
    for connection, effective in answers.actual.items():
        values = {
            keyword: effective[keyword] for keyword in requested_keywords(desired, connection) if keyword in effective
        }
        reported[connection.specification()] = {
            keyword: list(lines) if len(lines) > 1 else lines[0] for keyword, lines in values.items()
        }
    return reported


def _diff(
    planned: FilesPlan, outdated: bool, daemon: daemons.SshdDaemon, port_access: PortAccess
) -> list[dict[str, str]]:
    entries = [
        {"before_header": path, "after_header": path, "before": planned.before[path] or "", "after": text or ""}
        for path, text in planned.changes.items()
    ]
    if outdated and not entries:
        name = daemon.service or "sshd"
        was = "runs with an older configuration\n" if daemon.running else f"{daemon.state or 'not running'}\n"
        was = f"{daemon.at_boot}: not started at boot\n" if daemon.at_boot else was
        entries.append({"before_header": name, "after_header": name, "before": was, "after": "runs with the files\n"})
    if port_access.openings:
        name, opened = f"rules of {port_access.kind}", "".join(f"{words}\n" for words in port_access.descriptions)
        entries.append({"before_header": name, "after_header": name, "before": "", "after": opened})
    return entries


def _exception_warning(entry: t.Mapping[str, t.Any]) -> str:
    return "{file}:{line} sets {keyword} {value} for connections that match {criteria}".format(**entry)
