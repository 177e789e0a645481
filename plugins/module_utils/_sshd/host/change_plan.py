# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what the host has and plan the change of sshd: files, crypto profile, ports. Nothing is written here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import BaselineError, collected, combined
from ..match_conflicts import OVERRIDE, REFUSE, with_override
from ..plan import FilesPlan, ManagedFiles, plan_files
from ..port_holders import PortHolder
from ..ports import with_explicit_addresses, with_kept_ports, with_present_ports
from ..settings import SshdSettings, render_settings, require_supported
from ..tree import Tree, compose
from . import daemon as daemons
from .check_effective import Effect, EffectiveAnswers, ask_candidate, judge_effect
from .confirm import ConfirmRequest
from .crypto import CryptoProfile, HostCrypto, resolve_crypto
from .move import PortMove, blocking_holders, plan_move
from .options import require_files_decide
from .port_holders import present_listens
from .sshd import Sshd, read_tree

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..socket import Listen

__all__ = ["ChangePlan", "SshdRequest", "SshdState", "plan_change", "read_state"]


@dataclass(frozen=True)
class SshdRequest:
    """What the module was asked to do. ``optional``: keywords (lower case) that an sshd without them may leave out.

    ``keep_ports``: sshd stays on the ports that an earlier run set. ``match_conflicts`` is what becomes of ``Match``
    blocks of other files that decide otherwise.
    """

    desired: SshdSettings
    main: str
    dropin: str
    users: tuple[str, ...] = ()
    reload: bool = True
    confirm: ConfirmRequest = ConfirmRequest()
    profile: CryptoProfile = CryptoProfile()
    optional: frozenset[str] = frozenset()
    keep_ports: bool = False
    match_conflicts: str = REFUSE

    def with_ports(self, listens: t.Collection[Listen]) -> SshdRequest:
        """Return the request with sshd listening on ``listens``."""
        return replace(self, desired=with_present_ports(self.desired, listens), keep_ports=False)


@dataclass(frozen=True)
class SshdState:
    """What the host has: sshd, the files that it reads, and the texts of those that the module manages."""

    sshd: Sshd
    files: ManagedFiles
    tree: Tree
    texts: t.Mapping[str, str | None]


@dataclass(frozen=True)
class ChangePlan:
    """What would be changed on the host.

    ``request`` has the settings as they apply to this host, ``left_out`` what it does not know. ``holders`` hold the
    desired port, so that ``request`` has the present one. A plan with ``errors`` is not applied (``check_change``).
    """

    request: SshdRequest
    state: SshdState
    written: FilesPlan
    candidate: Tree
    crypto: HostCrypto
    answers: EffectiveAnswers
    effect: Effect
    daemon: daemons.SshdDaemon
    move: PortMove
    left_out: tuple[str, ...] = ()
    holders: tuple[PortHolder, ...] = ()
    errors: tuple[BaselineError, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Whether a file of the host differs from the plan."""
        return bool(self.written.changes) or self.crypto.changes


@dataclass(frozen=True)
class _Configuration:
    """The files of a change, before sshd and its daemon are asked about them."""

    request: SshdRequest
    written: FilesPlan
    candidate: Tree
    crypto: HostCrypto
    left_out: tuple[str, ...]


def read_state(host: Host, sshd: Sshd, files: ManagedFiles) -> SshdState:
    """Read the files that sshd reads and those that the module manages."""
    tree = read_tree(host, files.main)
    return SshdState(sshd, files, tree, {path: host.read(path) for path in (files.main, *files.own)})


def plan_change(
    host: Host, sshd: Sshd, files: ManagedFiles, request: SshdRequest, *, holders: t.Sequence[PortHolder] = ()
) -> ChangePlan:
    """Plan the change; where a local user holds the desired port, without the move of sshd.

    ``holders`` hold the desired port, on whose account ``request`` has the present one already.
    """
    plan = _plan(host, read_state(host, sshd, files), request)
    errors, found = list(plan.errors), []
    if request.reload:
        with collected(errors):
            found = blocking_holders(host, plan.daemon, plan.move)
    if not found:
        return replace(plan, holders=tuple(holders), errors=tuple(errors))
    if holders:
        raise BaselineError(
            f"sshd can neither move nor stay: {', and '.join(map(str, found))}", hint="end that process"
        )
    present = present_listens(host, plan.daemon) or plan.move.before
    return plan_change(host, sshd, files, plan.request.with_ports(present), holders=found)


def _plan(host: Host, state: SshdState, request: SshdRequest) -> ChangePlan:
    sshd = state.sshd
    errors: list[BaselineError] = []
    planned, answers = _ask_without_unknown(state, request, errors)
    desired, candidate = planned.request.desired, planned.candidate
    effect = judge_effect(sshd, planned.request, state.files, candidate, answers)
    errors += effect.errors
    daemon = daemons.find_daemon(host, answers.pid_file, program=sshd.program, main=sshd.main)
    with collected(errors):
        require_files_decide(sshd, daemon, desired, answers.expected, root=answers.root)
    written, move = plan_move(sshd, answers, desired, planned.written, daemon)
    if request.reload:
        with collected(errors):
            daemons.require_no_other_sshd(host, daemon, program=sshd.program, main=sshd.main)
        with collected(errors):
            daemons.require_startable(host, daemon, move.after, pid_file=answers.pid_file)
    return ChangePlan(
        request=planned.request,
        state=state,
        written=written,
        candidate=candidate,
        crypto=planned.crypto,
        answers=answers,
        effect=effect,
        daemon=daemon,
        move=move,
        left_out=planned.left_out,
        errors=tuple(errors),
    )


def _ask_without_unknown(
    state: SshdState, request: SshdRequest, errors: list[BaselineError]
) -> tuple[_Configuration, EffectiveAnswers]:
    """Plan the files and ask sshd about them; about the rest of them where it rejects keywords that it does not know.

    What it rejects is appended to ``errors``.
    """
    planned = _plan_configuration(state, request)
    try:
        return planned, _ask(state, planned)
    except BaselineError as error:
        if "Bad configuration option" not in error.problem:
            raise
        unknown = {name.lower() for name in state.sshd.unknown_keywords(planned.request.desired.settings)}
        if not unknown:
            raise
        errors.append(error)
    planned = _plan_configuration(state, replace(request, desired=request.desired.without(unknown)))
    try:
        return planned, _ask(state, planned)
    except BaselineError as error:
        raise combined([*errors, error], state=error.state) from error


def _ask(state: SshdState, planned: _Configuration) -> EffectiveAnswers:
    is_new = bool(planned.written.changes)
    return ask_candidate(state.sshd, planned.request, state.files, planned.candidate, is_new=is_new)


def _plan_configuration(state: SshdState, request: SshdRequest) -> _Configuration:
    """Plan the files: without what this sshd does not know, with its crypto profile, with explicit addresses."""
    sshd, files, tree = state.sshd, state.files, state.tree
    require_supported(request.desired, sshd.release)
    known, left_out = _without_unknown(sshd, request)
    crypto = resolve_crypto(sshd, request.profile, known, files, tree, dict(state.texts))
    directives = compose(tree) if tree.files else ()
    joined = crypto.joined(known)
    desired = with_kept_ports(joined, directives, files.own) if request.keep_ports else joined
    desired = with_explicit_addresses(desired, directives, files.own)
    rendered, notes = desired, [*left_out, *crypto.left_out]
    if request.match_conflicts == OVERRIDE:
        rendered = with_override(desired, sshd.release)
    text = render_settings(rendered, notes) if desired else None
    written = plan_files(files, state.texts, text)
    return _Configuration(
        replace(request, desired=desired), written, tree.with_files(written.after), crypto, tuple(left_out)
    )


def _without_unknown(sshd: Sshd, request: SshdRequest) -> tuple[SshdSettings, list[str]]:
    """Return the settings without those defaults that this sshd is too old for, and a sentence for each."""
    unknown = (
        sshd.unknown_keywords(request.desired.only(request.optional).settings) if request.optional else frozenset()
    )
    sentences = [f"{name}: this OpenSSH does not know the keyword" for name in sorted(unknown)]
    return request.desired.without({name.lower() for name in unknown}), sentences
