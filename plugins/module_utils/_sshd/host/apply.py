# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a planned change of sshd: arm the rollback, open the firewall, write, reload, ask again; else revert."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError, state_of_errors
from ..._core.host.armed import NotRestored, armed_rollback, require_armed, rollback_to_come
from ..port_holders import PortHolder, PortTaken
from . import daemon as daemons
from .check_effective import require_in_effect
from .confirm import rollback_request
from .keys import GeneratedKey, generate_host_keys
from .move import holders_after_start
from .ports import unanswered
from .sshd import read_tree

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.rollback import PendingRollback
    from ..plan import ManagedFiles
    from .change_plan import ChangePlan
    from .port_access import PortAccess

__all__ = ["AppliedChange", "apply_change"]

_LOOK = "look at the host at once"


@dataclass(frozen=True)
class AppliedChange:
    """What was done: the host keys that were made, whether sshd was made to read its files, the armed rollback."""

    generated: tuple[GeneratedKey, ...] = ()
    is_reloaded: bool = False
    armed: PendingRollback | None = None


def apply_change(host: Host, plan: ChangePlan, port_access: PortAccess) -> AppliedChange:
    """Apply ``plan``. Whatever fails on the way is reverted before the error is raised."""
    generated = generate_host_keys(host, plan.crypto.needed, beside=[key.path for key in plan.crypto.keys])
    plan = replace(plan, written=plan.written.joined(*plan.crypto.files(generated)))
    paths = plan.request.confirm.paths
    rollback = armed_rollback(host, rollback_request(plan, port_access), paths)
    with rollback as armed, _opened_ports(host, port_access):
        restarts_socket = _restarts_socket(host, plan)
        try:
            is_reloaded = _write_and_verify(host, plan, armed, moved=restarts_socket)
        except (BaselineError, OSError) as error:
            raise _revert(host, plan, error, armed, moved=restarts_socket) from error
    return AppliedChange(tuple(generated), is_reloaded, armed)


@contextlib.contextmanager
def _opened_ports(host: Host, port_access: PortAccess) -> t.Iterator[None]:
    """Let clients into the new ports before sshd listens there; after a failure the firewall is as before.

    Rules that cannot be removed are left to the host's rollback.
    """
    try:
        with state_of_errors("sshd was not changed, and the firewall is as it was before"):
            port_access.open(host)
        yield
    except BaselineError as error:
        left = port_access.close(host)
        if not left:
            raise
        state = f"{error.state}, but these rules could not be removed from {port_access.kind}: {', '.join(left)}"
        raise _with_state(NotRestored, error, state) from error


def _restarts_socket(host: Host, plan: ChangePlan) -> bool:
    """Say whether sshd listens elsewhere after the change, or its socket unit has to be started anew."""
    unit = plan.daemon.socket_unit
    if plan.move.is_move or unit is None:
        return plan.move.is_move
    return unit.path in plan.written.changes or unit.is_stale(host, plan.move.after)


def _write_and_verify(host: Host, plan: ChangePlan, armed: PendingRollback | None, *, moved: bool) -> bool:
    """Write, reload and ask the host again; return whether there was a daemon to reload."""
    require_armed(host, armed, plan.request.confirm.paths)
    _write(host, plan.state.files, plan.written.changes, plan.written.access)
    is_reloaded = plan.request.reload and daemons.reload(host, plan.daemon, pid_file=plan.answers.pid_file, moved=moved)
    _require_effect_on_host(host, plan)
    if is_reloaded:
        _require_answer(host, plan)
    require_armed(host, armed, plan.request.confirm.paths)
    return is_reloaded


def _require_effect_on_host(host: Host, plan: ChangePlan) -> None:
    sshd, files = plan.state.sshd, plan.state.files
    answers = replace(plan.answers, actual={one: sshd.effective(one) for one in plan.answers.actual})
    require_in_effect(sshd, plan.request, files, read_tree(host, files.main), answers)


def _require_answer(host: Host, plan: ChangePlan) -> None:
    """Stop where sshd does not answer on each of its addresses, or somebody else does."""
    current = daemons.with_current_pid(host, plan.daemon, plan.answers.pid_file)
    wrong = [str(one) for one in holders_after_start(host, current, plan.move)] or unanswered(plan.move.after)
    if wrong:
        raise daemons.no_answer_error(host, plan.daemon, wrong)
    daemons.require_socket_listens(host, current, plan.move.after)


def _revert(
    host: Host, plan: ChangePlan, error: BaselineError | OSError, armed: PendingRollback | None, *, moved: bool
) -> BaselineError:
    """Restore what was written and bring sshd back; return the error with what became of the change."""
    request, pid_file = plan.request, plan.answers.pid_file
    # Asked before sshd goes back: the process that took the port may be gone a moment later.
    taken = _holders_of_new_ports(host, plan, str(error)) if request.reload else []
    try:
        _restore(host, plan)
    except (BaselineError, OSError) as failure:
        state = f"the files could not be restored ({_problem(failure)}){rollback_to_come(armed)}"
        return _with_state(NotRestored, error, state, hint=_LOOK)
    state = "the files are as they were before"
    if not request.reload:
        return _with_state(BaselineError, error, state)
    if not daemons.recover(host, plan.daemon, pid_file=pid_file, moved=moved, expected=plan.move.before):
        state = f"{state}, but sshd does not answer{rollback_to_come(armed)}"
        return _with_state(NotRestored, error, state, hint=_LOOK)
    state = f"{state} and sshd answers with them"
    if taken and plan.move.is_move and not any(one.uid == 0 for one in taken):
        found = PortTaken(error.problem if isinstance(error, BaselineError) else str(error), plan.move.before, taken)
        found.state = state
        return found
    return _with_state(BaselineError, error, state)


def _holders_of_new_ports(host: Host, plan: ChangePlan, message: str) -> list[PortHolder]:
    """Return who holds the ports that sshd moved to; a question that fails must not stop the restoration."""
    with contextlib.suppress(BaselineError, OSError):
        current = daemons.with_current_pid(host, plan.daemon, plan.answers.pid_file)
        return holders_after_start(host, current, plan.move, message)
    return []


def _restore(host: Host, plan: ChangePlan) -> None:
    """Restore each file that differs: what was not written (the disk is full) is not written now either."""
    before = plan.written.before
    differing = {path: before[path] for path in plan.written.changes if host.read(path) != before[path]}
    if differing:
        _write(host, plan.state.files, differing, {})


def _write(
    host: Host,
    files: ManagedFiles,
    changes: t.Mapping[str, str | None],
    access: t.Mapping[str, tuple[int, int, int]],
) -> None:
    """Write or remove each of ``changes``; ``access`` is owner, group and mode of new files that are not root's alone.

    A file is written before the main file includes it, and removed after the main file does so no more.
    """
    for path in sorted(changes, key=lambda path: (changes[path] is None, path == files.main)):
        text = changes[path]
        if text is None:
            host.remove(path)
            continue
        host.make_directory(os.path.dirname(path))
        is_new = host.stat(path) is None
        is_private = path in access or path in (files.main, *files.own)
        host.write(path, text, mode=0o600 if is_private else 0o644)
        if is_new and path in access:
            user, group, mode = access[path]
            os.chown(path, user, group)
            os.chmod(path, mode)


def _problem(error: BaselineError | OSError) -> str:
    return error.sentence if isinstance(error, BaselineError) else str(error)


def _with_state(
    kind: type[BaselineError], error: BaselineError | OSError, state: str, *, hint: str = ""
) -> BaselineError:
    """Return ``error`` as a ``kind`` with what became of the change as its state, and ``hint`` before its own."""
    if not isinstance(error, BaselineError):
        return kind(str(error), state=state, hint=hint)
    hints = "; ".join(filter(None, [hint, error.hint]))
    return kind(error.problem, option=error.option, where=error.where, state=state, hint=hints, **error.details)
