# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the user and port by which a host can be reached. Pure.

sshd penalizes a source that keeps failing (PerSourcePenalties in sshd_config(5)). Therefore each refusal also decides
about other candidates: a closed port rules out all its users, a refused login rules out that user alone.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import UNCHANGED, BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import not_a_target
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

from .._ssh.messages import Verdict, hint_for, verdict_of, without_noise
from .answer import Answer

__all__ = [
    "WINDOWS",
    "Candidate",
    "Escalation",
    "Refusal",
    "SearchResult",
    "Verdict",
    "candidates",
    "judge",
    "no_login_error",
    "port_error",
    "search",
    "unusable_shell",
]

_SSH_PORT = 22


@dataclass(frozen=True)
class Candidate:
    """A login to try. ``None`` leaves the choice to ssh and its own configuration."""

    user: str | None
    port: int | None

    def __str__(self) -> str:
        return f"{self.user or 'the user of ssh_config'} on port {self.port or _SSH_PORT}"


@dataclass(frozen=True)
class Refusal:
    """Why a candidate was refused (``error``), and what that says about the others."""

    error: BaselineError
    verdict: Verdict

    @property
    def reason(self) -> str:
        return self.error.sentence


@dataclass(frozen=True)
class Escalation(Refusal):
    """The refusal of a user who logs in and cannot become root."""


@dataclass(frozen=True)
class SearchResult:
    """The end of a search: the candidate that answered, if any, and those that were refused."""

    refused: tuple[tuple[Candidate, Refusal], ...]
    candidate: Candidate | None = None
    answer: Answer | None = None


def candidates(
    *, users: t.Sequence[str], ports: t.Sequence[int], given: Candidate, forced: t.Collection[str] = ()
) -> list[Candidate]:
    """Return the logins to try, the best first: every user on the first port, then on the next.

    ``given`` is what Ansible would use by itself; it comes last. A ``forced`` part (``user``, ``port``) stays as given.
    ssh's usual port comes after another one that was given: a router may forward that one to port 22 of this host.
    """
    all_users = _unique([*([] if "user" in forced else users), given.user], default=None)
    all_ports = _unique([*([] if "port" in forced else ports), given.port], default=_SSH_PORT)
    if given.port is not None:
        all_ports.sort(key=lambda port: port == _SSH_PORT)
    return [Candidate(user, port) for port in all_ports for user in all_users]


def port_error(ports: t.Sequence[int]) -> BaselineError | None:
    """Return the error for the first of ``ports`` that is not a port number."""
    wrong = [port for port in ports if not 1 <= port <= 65535]
    if not wrong:
        return None
    return BaselineError(
        f"{wrong[0]} is not a port", option="ports", state="no connection was made", hint="give 1 to 65535"
    )


def _unique(values: t.Sequence[t.Any], *, default: t.Any) -> list[t.Any]:
    """Drop values that repeat an earlier one; ``None`` stands for ``default``."""
    found: dict[t.Any, t.Any] = {}
    for value in values:
        found.setdefault(default if value is None else value, value)
    return list(found.values())


def search(wanted: t.Sequence[Candidate], probe: t.Callable[[Candidate], Answer | Refusal]) -> SearchResult:
    """Probe the candidates until one answers; leave out those that an earlier refusal ruled out."""
    refused: list[tuple[Candidate, Refusal]] = []
    closed: set[int | None] = set()
    last: Candidate | None = None
    for candidate in wanted:
        if candidate.port in closed:
            continue
        if last is not None and candidate.port != last.port:
            break  # the same sshd would refuse the same users on this port too, and penalize this controller
        result = probe(candidate)
        if isinstance(result, Answer):
            return SearchResult(tuple(refused), candidate, result)
        refused.append((candidate, result))
        if result.verdict in (Verdict.STOP, Verdict.UNFIT):
            break
        if result.verdict is Verdict.NEXT_PORT:
            closed.add(candidate.port)
        else:
            last = candidate
    return SearchResult(tuple(refused))


_PREAMBLE = re.compile(
    r"^.*?(?:(?:connect to the host|reached over) (?:via )?ssh:|password:)\s*", re.IGNORECASE | re.DOTALL
)
# A host sends as much as it likes before ssh's own message, a banner for one.
_LONGEST_MESSAGE, _LONGEST_REASON = 20_000, 500


def judge(message: str) -> Refusal:
    """Return the refusal for the message of a failed connection, by ssh or by Ansible's connection plugin."""
    text = message[-_LONGEST_MESSAGE:]
    verdict = verdict_of(text)
    hint = hint_for(text) if verdict is Verdict.STOP else ""
    # Without Ansible's preamble.
    reason = printable(without_noise(_PREAMBLE.sub("", text, count=1)), longest=_LONGEST_REASON)
    return Refusal(BaselineError(reason or "no reason given", hint=hint), verdict)


def no_login_error(refused: t.Sequence[tuple[Candidate, Refusal]], *, forced: t.Collection[str] = ()) -> BaselineError:
    """Return the error for a host that accepts no candidate."""
    reasons = "; ".join(f"{candidate}: {refusal.reason}" for candidate, refusal in refused)
    hint = next((refusal.error.hint for _candidate, refusal in reversed(refused) if refusal.error.hint), "")
    if not hint and refused and refused[-1][1].verdict is Verdict.NEXT_PORT:
        hint = (
            "check the address and port, that the host is up, and that no firewall or fail2ban blocks this controller"
        )
    if not hint:
        hint = "name a user and key that can log in with '-u USER --private-key FILE'"
    if forced:
        named = " and ".join(f"ansible_{name}" for name in sorted(forced))
        hint += f" (extra variables override every other choice: {named} given by '-e' ruled out other candidates)"
    return BaselineError(f"no login works: {reasons}", state=UNCHANGED, hint=hint)


WINDOWS = Refusal(not_a_target("Windows"), Verdict.UNFIT)
_WINDOWS_MESSAGES = re.compile(
    r"is not recognized as (?:an internal or external command|(?:the )?name of a cmdlet|a name of a cmdlet)"
    r"|CommandNotFoundException|#< CLIXML|The system cannot find the (?:path|file) specified"
)


def unusable_shell(output: str) -> Refusal:
    """Return the refusal for a login that was accepted and printed ``output`` instead of the script's answer."""
    if _WINDOWS_MESSAGES.search(output):
        return WINDOWS
    text = printable(" ".join(output.split())[:200]) or "no output"
    return Refusal(BaselineError(f"logged in, but its login shell runs no /bin/sh: {text}"), Verdict.NEXT_USER)
