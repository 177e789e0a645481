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
from .answer import ProbeAnswer

__all__ = [
    "WINDOWS",
    "Candidate",
    "Escalation",
    "LoginRefusal",
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
    """A login to try. ``None`` leaves the choice to ssh and its own configuration.

    ``is_desired``: sshd is to listen on the port, which is not that of the connection; it need not do so yet.
    """

    user: str | None
    port: int | None
    is_desired: bool = False

    def __str__(self) -> str:
        return f"{self.user or 'the user of ssh_config'} on port {self.port or _SSH_PORT}"


@dataclass(frozen=True)
class LoginRefusal:
    """Why a candidate was refused (``error``), and what that says about the others."""

    error: BaselineError
    verdict: Verdict

    @property
    def reason(self) -> str:
        return self.error.sentence


@dataclass(frozen=True)
class Escalation(LoginRefusal):
    """The refusal of a user who logs in and cannot become root."""


@dataclass(frozen=True)
class SearchResult:
    """The end of a search: the candidate that answered, if any, and those that were refused."""

    refused: tuple[tuple[Candidate, LoginRefusal], ...]
    candidate: Candidate | None = None
    answer: ProbeAnswer | None = None


def candidates(
    *, users: t.Sequence[str], ports: t.Sequence[int], given: Candidate, forced: t.Collection[str] = ()
) -> list[Candidate]:
    """Return the logins to try, the best first: every user on the first port, then on the next.

    ``given`` is what Ansible and ssh would use by themselves. Its user comes last. A ``forced`` part (``user``,
    ``port``) stays as given.

    A given port other than ssh's usual one comes first, because a router or gateway may forward it to the host: another
    port of that address belongs to another machine then. ssh's usual port comes last, because sshd may have left it.
    """
    own = given.port or _SSH_PORT
    all_users = _unique([*([] if "user" in forced else users), given.user])
    desired = [] if "port" in forced else [port for port in _unique(ports) if port != own]
    all_ports = [*desired, given.port] if own == _SSH_PORT else [given.port, *desired]
    return [Candidate(user, port, is_desired=port in desired) for port in all_ports for user in all_users]


def port_error(ports: t.Sequence[int]) -> BaselineError | None:
    """Return the error for the first of ``ports`` that is not a port number."""
    wrong = [port for port in ports if not 1 <= port <= 65535]
    if not wrong:
        return None
    return BaselineError(
        f"{wrong[0]} is not a port", option="ports", state="no connection was made", hint="give 1 to 65535"
    )


def _unique(values: t.Sequence[t.Any]) -> list[t.Any]:
    """Drop values that repeat an earlier one."""
    return list(dict.fromkeys(values))


def search(wanted: t.Sequence[Candidate], probe: t.Callable[[Candidate], ProbeAnswer | LoginRefusal]) -> SearchResult:
    """Probe the candidates until one answers; leave out those that an earlier refusal ruled out."""
    refused: list[tuple[Candidate, LoginRefusal]] = []
    closed: set[int | None] = set()
    last: Candidate | None = None
    for candidate in wanted:
        if candidate.port in closed:
            continue
        if last is not None and candidate.port != last.port:
            break  # the same sshd would refuse the same users on this port too, and penalize this controller
        result = probe(candidate)
        if isinstance(result, ProbeAnswer):
            return SearchResult(tuple(refused), candidate, result)
        refused.append((candidate, result))
        is_closed = result.verdict is Verdict.NO_LOGIN and candidate.is_desired
        if is_closed or result.verdict is Verdict.NEXT_PORT:
            closed.add(candidate.port)
        elif result.verdict is not Verdict.NEXT_USER:
            break
        else:
            last = candidate
    return SearchResult(tuple(refused))


_PREAMBLE = re.compile(
    r"^.*?(?:(?:connect to the host|reached over) (?:via )?ssh:|password:)\s*", re.IGNORECASE | re.DOTALL
)
_USUAL = r"Permission denied|Invalid/incorrect|connect to (?:host|address) .*: |timed out"
# A host sends as much as it likes before ssh's own message, a banner for one.
_LONGEST_MESSAGE, _LONGEST_REASON = 20_000, 500


def judge(message: str) -> LoginRefusal:
    """Return the refusal for the message of a failed connection, by ssh or by Ansible's connection plugin."""
    text = message[-_LONGEST_MESSAGE:]
    verdict = verdict_of(text)
    # A refused key or a closed port is usual on the way to the login that works.
    hint = "" if verdict in (Verdict.NEXT_USER, Verdict.NEXT_PORT) and re.search(_USUAL, text) else hint_for(text)
    # Without Ansible's preamble.
    reason = printable(without_noise(_PREAMBLE.sub("", text, count=1)), longest=_LONGEST_REASON)
    return LoginRefusal(BaselineError(reason or "no reason given", hint=hint), verdict)


def no_login_error(
    refused: t.Sequence[tuple[Candidate, LoginRefusal]], *, forced: t.Collection[str] = ()
) -> BaselineError:
    """Return the error for a host that accepts no candidate."""
    reasons = "; ".join(f"{candidate}: {refusal.reason}" for candidate, refusal in refused)
    last, ended_by = refused[-1]
    is_closed = ended_by.verdict is Verdict.NEXT_PORT
    # Where sshd answered on the last port, what was said on another one does not help.
    meant = [refusal for candidate, refusal in refused if is_closed or candidate.port == last.port]
    hint = next((refusal.error.hint for refusal in reversed(meant) if refusal.error.hint), "")
    if not hint and is_closed:
        hint = (
            "check the address and port, that the host is up, and that no firewall or fail2ban blocks this controller"
        )
    if not hint:
        hint = "name a user and key that can log in with '-u USER --private-key FILE'"
    if forced:
        named = " and ".join(f"ansible_{name}" for name in sorted(forced))
        hint += f" (extra variables override every other choice: {named} given by '-e' ruled out other candidates)"
    return BaselineError(f"no login works: {reasons}", state=UNCHANGED, hint=hint)


WINDOWS = LoginRefusal(not_a_target("Windows"), Verdict.UNFIT)
_WINDOWS_MESSAGES = re.compile(
    r"is not recognized as (?:an internal or external command|(?:the )?name of a cmdlet|a name of a cmdlet)"
    r"|CommandNotFoundException|#< CLIXML|The system cannot find the (?:path|file) specified"
)


def unusable_shell(output: str) -> LoginRefusal:
    """Return the refusal for a login that was accepted and printed ``output`` instead of the script's answer."""
    if _WINDOWS_MESSAGES.search(output):
        return WINDOWS
    text = printable(" ".join(output.split())[:200]) or "no output"
    return LoginRefusal(BaselineError(f"logged in, but its login shell runs no /bin/sh: {text}"), Verdict.NEXT_USER)
