# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a planned change of the firewall: arm the rollback, write, load, ask the kernel; else revert."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.armed import CommitRequest, NotRestored, armed_rollback, require_armed, rollback_to_come
from ..._core.rollback import RollbackRequest
from ..rollback_steps import firewall_steps

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.rollback import PendingRollback
    from ..plan_backends import BackendPlan

__all__ = ["apply_change"]


def apply_change(
    host: Host, change: BackendPlan, commit: CommitRequest, in_force: t.Callable[[], str]
) -> PendingRollback | None:
    """Apply ``change``; ``in_force`` asks the host and returns what of it is not in force.

    Whatever fails on the way is reverted before the error is raised. Returns the rollback, which stays armed.
    """
    before = {path: host.read(path) for path in change.saved}
    with armed_rollback(host, _rollback(change, commit), commit.paths) as armed:
        try:
            require_armed(host, armed, commit.paths)
            for path, text in change.files.items():
                _put(host, path, text, change.modes.get(path, 0o644))
            for command in change.commands:
                _run(host, command)
            # systemctl, firewall-cmd and ufw do not: after a power cut the rules would be the earlier ones.
            host.sync(*change.saved, *sorted({os.path.dirname(path) for path in change.saved}))
            missing = in_force()
            if missing:
                raise BaselineError(f"the rules are not in force after they were loaded: {missing}")
            require_armed(host, armed, commit.paths)
        except (BaselineError, OSError) as error:
            raise _revert(host, change, before, error, armed) from error
    return armed


def _rollback(change: BackendPlan, commit: CommitRequest) -> RollbackRequest | None:
    if not commit.arms_rollback:
        return None
    return RollbackRequest(change.saved, commit.seconds, firewall_steps(change.restore))


def _revert(
    host: Host,
    change: BackendPlan,
    before: t.Mapping[str, str | None],
    error: BaselineError | OSError,
    armed: PendingRollback | None,
) -> BaselineError:
    """Restore files and rules; return the error with what became of the change."""
    failed: list[str] = []
    for path, text in before.items():
        try:
            if host.read(path) != text:
                _put(host, path, text, change.modes.get(path, 0o644))
        except (BaselineError, OSError) as failure:
            failed.append(str(failure))
    for command in change.restore:
        try:
            _run(host, command)
        except BaselineError as failure:
            failed.append(failure.problem)
    if failed:
        state = f"some of the earlier rules could not be restored ({'; '.join(failed)}){rollback_to_come(armed)}"
        return _with_state(NotRestored, error, state)
    return _with_state(BaselineError, error, "the files and the rules are as they were before")


def _put(host: Host, path: str, text: str | None, mode: int) -> None:
    if text is None:
        host.remove(path)
        return
    # The folder of rules that only root reads is for root alone, too.
    host.make_directory(os.path.dirname(path), mode=0o700 if mode == 0o600 else 0o755)
    host.write(path, text, mode=mode)


def _run(host: Host, command: t.Sequence[str]) -> None:
    ran = host.run(command)
    if not ran.ok:
        raise BaselineError(f"`{' '.join(command)}` failed: {ran.message()}")


def _with_state(kind: type[BaselineError], error: BaselineError | OSError, state: str) -> BaselineError:
    if not isinstance(error, BaselineError):
        return kind(str(error), state=state)
    return kind(error.problem, option=error.option, where=error.where, state=state, hint=error.hint, **error.details)
