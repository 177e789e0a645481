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
    asked,
    differences,
    exceptions,
    foreign,
    refusal,
    shadowed,
)
from ..match import Connection
from ..plan import Places, Plan, places, plan
from ..port_holders import Holder, PortTaken, stays
from ..ports import outvoted, staying
from ..socket import Listen
from ..tree import Tree, compose
from ..wish import Wish, render, require_known
from . import daemon as daemons
from .confirm import (
    Confirm,
    for_controller,
    under_undo,
)
from .crypto import (
    Crypto,
    Posture,
    rehearsal,
    resolve,
)
from .doors import Doors, find_doors
from .guard import guard
from .keys import Made, make
from .move import (
    Move,
    advice,
    is_behind,
    obstacles,
    plan_move,
    taken_meanwhile,
)
from .options import require_files_decide
from .port_holders import listens_of
from .ports import silent
from .sshd import (
    Sshd,
    connections,
    controller,
    find_sshd,
    read_tree,
    stage,
)

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["Order", "ensure"]

_UNCHANGED = "nothing was changed"
# Stands in an error until it is known what became of the undo.
_AFTERWARDS = "@afterwards@"


@dataclass(frozen=True)
class Order:
    """What the module was asked to do. ``optional``: keywords (lower case) that an sshd without them may leave out."""

    wish: Wish
    main: str
    dropin: str
    users: tuple[str, ...] = ()
    reload: bool = True
    confirm: Confirm = Confirm()
    posture: Posture = Posture()
    optional: frozenset[str] = frozenset()


@dataclass
class Answers:
    """What sshd says for each connection: what it should say (``wished``) and, in the composed files, does."""

    wished: dict[Connection, Effective]
    actual: dict[Connection, Effective]
    root: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def first(self) -> Effective:
        return next(iter(self.actual.values()))


def ensure(host: Host, order: Order) -> dict[str, t.Any]:
    """Bring ``order.wish`` in force and return the module's result."""
    where = places(order.main, order.dropin)
    sshd = find_sshd(host, order.main)
    if sshd is None:
        return _not_installed(host, order, where)
    if os.geteuid():
        raise BaselineError(f"sshd can only be configured by root; {_UNCHANGED}; run the task with become: true")
    told = resolve_pending_rollback(host)
    with host.lock("sshd"):
        try:
            result = _ensure(host, order, where, sshd)
        except PortTaken as error:
            # Taken while sshd moved, so that it went back: all the rest is brought in force without the move.
            result = _ensure(host, _staying(order, error.listens), where, sshd, held=error.holders)
    result["warnings"] = told + result["warnings"]
    return result


def _ensure(host: Host, order: Order, where: Places, sshd: Sshd, *, held: t.Sequence[Holder] = ()) -> dict[str, t.Any]:
    """Do one pass; ``held`` says who holds the desired port, on whose account ``order`` has the present one."""
    tree = read_tree(host, order.main)
    texts = {path: host.read(path) for path in (where.main, *where.own)}
    require_known(order.wish, sshd.release)
    order, left_out = _without_unknown(sshd, order)
    crypto = resolve(sshd, order.posture, order.wish, where, tree, texts)
    wish = outvoted(crypto.joined(order.wish), compose(tree) if tree.files else (), where.own)
    order = replace(order, wish=wish)
    planned = plan(where, texts, render(order.wish, [*left_out, *crypto.left_out]) if order.wish else None)
    candidate = tree.with_files(planned.after)
    answers = _prove(sshd, order, where, candidate, staged_only=bool(planned.changes))

    pid_file = answers.first.get("pidfile", ("none",))[0]
    daemon = daemons.find_daemon(host, pid_file, program=sshd.program)
    base = next(iter(answers.actual))
    require_files_decide(sshd, daemon, order.wish, answers.wished, root=answers.root)
    planned, move = plan_move(sshd, base, order.wish, planned, answers.first, daemon)
    wrong = daemons.trouble(host, daemon, move.after, pid_file=pid_file) if order.reload else ""
    if wrong:
        raise BaselineError(f"{wrong}; {_UNCHANGED}")
    found = obstacles(host, daemon, move) if order.reload else []
    if found and held:
        raise BaselineError(
            f"sshd can neither move nor stay: {'; '.join(map(str, found))}; {_UNCHANGED}; end that process"
        )
    if found:
        present = listens_of(host, daemon) or move.before
        return _ensure(host, _staying(order, present), where, sshd, held=found)
    pending = bool(planned.changes) or crypto.changes
    behind = order.reload and is_behind(host, daemon, crypto.loaded_with(tree), move)
    if pending or behind:
        answers.warnings += guard(sshd, answers.root, base, order.users)
    doors = find_doors(host, move.old_ports, move.ports)
    reloaded = False
    confirmation = for_controller(sshd, order.confirm, answers.root, base)
    if order.confirm.phase == "plan" and pending and not behind:
        without = rehearsal(sshd, _effective_now(sshd, base), answers.first, crypto)
        confirmation = replace(confirmation, rehearsal=without)
    made: list[Made] = []
    if (pending or behind) and not host.check_mode and order.confirm.phase != "plan":
        made = make(host, crypto.needed, beside=[key.path for key in crypto.keys])
        whole = planned.joined(*crypto.files(made))
        program = sshd.program
        with under_undo(
            host, order.confirm, whole.changes, program=program, daemon=daemon, pid_file=pid_file, doors=doors
        ) as armed, _opened(host, doors):
            reloaded = _apply(host, order, where, whole, sshd, answers, daemon, move=move, armed=armed)
        if armed:
            confirmation = replace(confirmation, armed=ArmedRollback(armed.seconds, armed.boot, armed.base))
    directives = compose(candidate, sshd.release)
    losers = shadowed(directives, order.wish, where.own)
    others = exceptions(directives, order.wish, where.own)
    return {
        "changed": pending or behind,
        "diff": _diff(planned, behind and not crypto.changes, daemon, doors) + crypto.diff(made),
        "path": planned.path,
        "crypto": crypto.result(made),
        "effective": _effective(order.wish, answers),
        "left_out": left_out,
        "shadowed": losers,
        "exceptions": others,
        "reloaded": reloaded,
        "ports": move.ports,
        "port_held_by": [one.result() for one in held],
        "firewall": {"kind": doors.kind, "opened": doors.words},
        "selinux_ports": list(doors.labels),
        "version": sshd.version(),
        "warnings": [
            *([stays(held, move.ports)] if held else []),
            *(advice(host, move) if pending else []),
            *answers.warnings,
            *map(_exception_words, others),
            *(str(one) for one in made if one.instead),
        ],
        "confirmation": confirmation.as_json(),
    }


def _not_installed(host: Host, order: Order, where: Places) -> dict[str, t.Any]:
    """In check mode an earlier task may only have pretended to install sshd."""
    if not host.check_mode:
        raise BaselineError(f"sshd is not installed; {_UNCHANGED}; install openssh-server first")
    text = render(order.wish) if order.wish else ""
    return {
        "changed": bool(text),
        "diff": [{"before_header": where.dropin, "after_header": where.dropin, "before": "", "after": text}],
        "path": where.dropin,
        "crypto": Crypto(order.posture.name).result(),
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


def _staying(order: Order, listens: t.Collection[Listen]) -> Order:
    return replace(order, wish=staying(order.wish, listens))


def _without_unknown(sshd: Sshd, order: Order) -> tuple[Order, list[str]]:
    """Return ``order`` without those of its defaults that this sshd is too old for, and a sentence for each."""
    unknown = sshd.unknown_keywords(order.wish.only(order.optional)) if order.optional else frozenset()
    words = [f"{name}: this OpenSSH does not know the keyword" for name in sorted(unknown)]
    return replace(order, wish=order.wish.without({name.lower() for name in unknown})), words


def _prove(sshd: Sshd, order: Order, where: Places, candidate: Tree, *, staged_only: bool) -> Answers:
    """Ask sshd about the candidate, before anything is written; a wish that would not be in force is an error."""
    host, wish = sshd.host, order.wish
    directives = compose(candidate, sshd.release)
    who, mute = connections(wish, controller(host), order.users)
    # What sshd itself would say if no other file spoke of it: the wish in sshd's own spelling.
    silenced = {(directive.file, directive.number) for directive in foreign(directives, wish, where.own)}
    root = stage(host, candidate) if staged_only else ""
    actual = {one: sshd.effective(one, root=root) for one in who}
    wished = actual
    if silenced:
        apart = stage(host, candidate, without=silenced)
        wished = {one: sshd.effective(one, root=apart) for one in who}
    _compare(sshd, order, where, candidate, wished, actual, _UNCHANGED)
    warnings = [f"no account fits the block 'Match {text}', so sshd was not asked about it" for text in mute]
    return Answers(wished, actual, root, warnings)


def _compare(
    sshd: Sshd,
    order: Order,
    where: Places,
    tree: Tree,
    wished: t.Mapping[Connection, Effective],
    actual: t.Mapping[Connection, Effective],
    unchanged: str,
) -> None:
    answers = [(one, wished[one], actual[one]) for one in actual]
    found = differences(compose(tree, sshd.release), order.wish, where.own, answers, sshd.release)
    if found:
        raise refusal(found, unchanged)


def _effective_now(sshd: Sshd, base: Connection) -> Effective:
    try:
        return sshd.effective(base)
    except BaselineError:
        # What stands on the host now is broken; the proven candidate replaces it.
        return {}


def _require_undo(host: Host, armed: PendingRollback | None) -> None:
    """Stop where the host's undo has begun while this run was still at it: nobody would take back what it writes."""
    if armed and not is_armed(host, armed.token):
        raise BaselineError(
            f"the change took longer than the {armed.seconds} seconds of confirm_timeout, so that the host began to "
            f"take it back; {_AFTERWARDS}; give it more time"
        )


def _apply(
    host: Host,
    order: Order,
    where: Places,
    planned: Plan,
    sshd: Sshd,
    answers: Answers,
    daemon: daemons.Daemon,
    *,
    move: Move,
    armed: PendingRollback | None,
) -> bool:
    """Write, reload, and ask the host again; whatever fails on the way is undone."""
    pid_file = answers.first.get("pidfile", ("none",))[0]
    held = daemon.held
    moved = move.happens or bool(held and (held.path in planned.changes or held.stale(host, move.after)))
    try:
        _require_undo(host, armed)
        _write(host, where, planned.changes, planned.access)
        reloaded = order.reload and daemons.reload(host, daemon, pid_file=pid_file, moved=moved, unchanged=_AFTERWARDS)
        actual = {one: sshd.effective(one, unchanged=_AFTERWARDS) for one in answers.actual}
        _compare(sshd, order, where, read_tree(host, order.main), answers.wished, actual, _AFTERWARDS)
        taken = taken_meanwhile(host, daemons.restarted(host, daemon, pid_file), move) if reloaded else []
        wrong = [str(one) for one in taken] or (silent(move.after) if reloaded else [])
        if wrong:
            raise daemons.explain(host, daemon, wrong, _AFTERWARDS)
        _require_undo(host, armed)
    except (BaselineError, OSError) as error:
        outcome = "the files are as they were before"
        # Asked before sshd goes back: who is in its way may be gone a moment later.
        now = daemons.restarted(host, daemon, pid_file)
        taken = taken_meanwhile(host, now, move, str(error)) if order.reload else []
        # What was not written (the disk is full) is not put back either.
        written = [path for path in planned.changes if host.read(path) != planned.before[path]]
        if written:
            _write(host, where, {path: planned.before[path] for path in written}, {})
        alive = False
        if order.reload:
            alive = daemons.revive(host, daemon, pid_file=pid_file, moved=moved, wished=move.before)
            outcome += " and sshd answers with them" if alive else ", but sshd does not answer: look at it at once"
        words = str(error) if _AFTERWARDS in str(error) else f"{error}; {_AFTERWARDS}"
        words = words.replace(_AFTERWARDS, outcome)
        if taken and alive and move.happens and not any(one.uid == 0 for one in taken):
            raise PortTaken(words, move.before, taken) from error
        details = error.details if isinstance(error, BaselineError) else {}
        raise BaselineError(words, **details) from error
    return reloaded


@contextlib.contextmanager
def _opened(host: Host, doors: Doors) -> t.Iterator[None]:
    """Let clients into the new ports before sshd goes there; a change that fails takes that back too."""
    try:
        doors.open(host, unchanged=_UNCHANGED)
        yield
    except BaselineError:
        doors.shut(host)
        raise


def _write(
    host: Host,
    where: Places,
    changes: t.Mapping[str, str | None],
    access: t.Mapping[str, tuple[int, int, int]],
) -> None:
    # A file is there before the main file includes it, and goes after the main file does no more.
    for path in sorted(changes, key=lambda path: (changes[path] is None, path == where.main)):
        text = changes[path]
        if text is None:
            host.remove(path)
        else:
            host.make_directory(os.path.dirname(path))
            new = host.stat(path) is None
            secret = path in access or path in (where.main, *where.own)
            host.write(path, text, mode=0o600 if secret else 0o644)
            if new and path in access:
                user, group, mode = access[path]
                os.chown(path, user, group)
                os.chmod(path, mode)


def _effective(wish: Wish, answers: Answers) -> dict[str, dict[str, t.Any]]:
    said = {}
    for connection, effective in answers.actual.items():
        values = {keyword: effective[keyword] for keyword in asked(wish, connection) if keyword in effective}
        said[connection.specification()] = {
            keyword: list(lines) if len(lines) > 1 else lines[0] for keyword, lines in values.items()
        }
    return said


def _diff(planned: Plan, behind: bool, daemon: daemons.Daemon, doors: Doors) -> list[dict[str, str]]:
    entries = [
        {"before_header": path, "after_header": path, "before": planned.before[path] or "", "after": text or ""}
        for path, text in planned.changes.items()
    ]
    if behind and not entries:
        name = daemon.service or "sshd"
        was = "runs with an older configuration\n" if daemon.running else f"{daemon.state or 'not running'}\n"
        was = f"{daemon.at_boot}: not started at boot\n" if daemon.at_boot else was
        entries.append({"before_header": name, "after_header": name, "before": was, "after": "runs with the files\n"})
    if doors.openings:
        name, opened = f"rules of {doors.kind}", "".join(f"{words}\n" for words in doors.words)
        entries.append({"before_header": name, "after_header": name, "before": "", "after": opened})
    return entries


def _exception_words(entry: t.Mapping[str, t.Any]) -> str:
    return "{file}:{line} sets {keyword} {value} for connections that match {criteria}".format(**entry)
