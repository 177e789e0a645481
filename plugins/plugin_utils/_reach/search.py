# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which user and port of a host answers. Pure.

sshd punishes a source that keeps failing (PerSourcePenalties in sshd_config(5)), so every refusal is read for what it
says about the candidates that are left: a closed port about all its users, a refused login about that user alone.
"""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pyhost.baseline.plugins.module_utils._core.systems import not_a_target
from ansible_collections.pyhost.baseline.plugins.module_utils._core.text import printable

from .answer import Answer

__all__ = [
    "WINDOWS",
    "Candidate",
    "Outcome",
    "Refusal",
    "Verdict",
    "candidates",
    "judge",
    "no_answer",
    "port_complaint",
    "search",
    "silent_answer",
    "ssh_words",
]

_SSH_PORT = 22


@dataclass(frozen=True)
class Candidate:
    """A login to try. ``None`` leaves the choice to ssh and its own configuration."""

    user: str | None
    port: int | None

    def __str__(self) -> str:
        return f"{self.user or 'the user of ssh_config'} on port {self.port or _SSH_PORT}"


class Verdict(enum.Enum):
    """What a refusal says: about this user alone, about all users of the port, about the host, or that it is unfit."""

    NEXT_USER = "user"
    NEXT_PORT = "port"
    STOP = "stop"
    UNFIT = "unfit"


@dataclass(frozen=True)
class Refusal:
    """Why a candidate did not get in, in ssh's own words."""

    words: str
    verdict: Verdict
    hint: str = ""


@dataclass(frozen=True)
class Outcome:
    """The end of a search: the candidate that answered, if any, and those that did not."""

    tried: tuple[tuple[Candidate, Refusal], ...]
    candidate: Candidate | None = None
    answer: Answer | None = None


def candidates(
    *, users: t.Sequence[str], ports: t.Sequence[int], given: Candidate, forced: t.Collection[str] = ()
) -> list[Candidate]:
    """Return what to try, the best first: every user on the first port, then on the next.

    ``given`` is what Ansible would use by itself, tried last; what is ``forced`` (``user``, ``port``) stays as given.
    ssh's usual port comes after another one that was given: a router may forward that to sshd's 22 on this host.
    """
    all_users = _unique([*([] if "user" in forced else users), given.user], default=None)
    all_ports = _unique([*([] if "port" in forced else ports), given.port], default=_SSH_PORT)
    if given.port is not None:
        all_ports.sort(key=lambda port: port == _SSH_PORT)
    return [Candidate(user, port) for port in all_ports for user in all_users]


def port_complaint(ports: t.Sequence[int]) -> str | None:
    """Say which of ``ports`` cannot be one."""
    wrong = [port for port in ports if not 1 <= port <= 65535]
    return f"{wrong[0]} is not a port; ports are 1 to 65535; no host was asked" if wrong else None


def _unique(values: t.Sequence[t.Any], *, default: t.Any) -> list[t.Any]:
    """Drop what repeats an earlier value; ``None`` stands for ``default``."""
    found: dict[t.Any, t.Any] = {}
    for value in values:
        found.setdefault(default if value is None else value, value)
    return list(found.values())


def search(wanted: t.Sequence[Candidate], probe: t.Callable[[Candidate], Answer | Refusal]) -> Outcome:
    """Probe the candidates until one answers, leaving out those that an earlier refusal already spoke about."""
    tried: list[tuple[Candidate, Refusal]] = []
    closed: set[int | None] = set()
    refused: Candidate | None = None
    for candidate in wanted:
        if candidate.port in closed:
            continue
        if refused is not None and candidate.port != refused.port:
            break  # the same sshd would refuse the same users on this port too, and punish
        result = probe(candidate)
        if isinstance(result, Answer):
            return Outcome(tuple(tried), candidate, result)
        tried.append((candidate, result))
        if result.verdict in (Verdict.STOP, Verdict.UNFIT):
            break
        if result.verdict is Verdict.NEXT_PORT:
            closed.add(candidate.port)
        else:
            refused = candidate
    return Outcome(tuple(tried))


# What ssh(1) says, and what it means for the other candidates; the first match counts.
_MEANINGS: tuple[tuple[str, Verdict, str], ...] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed",
        Verdict.STOP,
        "the host's key is not the one that was known: another host answers at this address, or it was installed anew; "
        "if that is expected, remove the old key with 'ssh-keygen -R HOST'",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        Verdict.STOP,
        "the host's key is not known here yet: connect once by hand with ssh and compare the fingerprint",
    ),
    (
        r"Not allowed at this time|Exceeded MaxStartups",
        Verdict.STOP,
        "sshd refuses this controller for a while because of earlier failures (PerSourcePenalties, MaxStartups): "
        "wait a minute and run again",
    ),
    (
        r"Could not resolve hostname|Name or service not known|Temporary failure in name resolution",
        Verdict.STOP,
        "the inventory's name, or its ansible_host, is not known to DNS",
    ),
    (r"to use .* you must install the sshpass program", Verdict.STOP, ""),
    (r"connect to (?:host|address) .*: ", Verdict.NEXT_PORT, ""),
    (r"Connection timed out during banner exchange|Operation timed out", Verdict.NEXT_PORT, ""),
    (
        r"Permission denied|Too many authentication failures|Invalid/incorrect (?:username/)?password",
        Verdict.NEXT_USER,
        "",
    ),
)
_NOISE = re.compile(r"debug\d: |Warning: Permanently added|Authorized (?:access|users?) only|@+|\s*$|\*{2}|mux_client")
_PREAMBLE = re.compile(
    r"^.*?(?:(?:connect to the host|reached over) (?:via )?ssh:|password:)\s*", re.IGNORECASE | re.DOTALL
)


# A banner, which the host writes, stands before ssh's own words.
_LONGEST_MESSAGE, _LONGEST_WORDS = 20_000, 500


def judge(message: str) -> Refusal:
    """Read the message of a connection that failed."""
    message = message[-_LONGEST_MESSAGE:]
    words = ssh_words(message)
    for pattern, verdict, hint in _MEANINGS:
        if re.search(pattern, message):
            return Refusal(words, verdict, hint)
    return Refusal(words, Verdict.STOP)


def ssh_words(message: str) -> str:
    """Return ssh's own last words out of ``message``, on one line, without Ansible's preamble and the banners."""
    text = _PREAMBLE.sub("", message[-_LONGEST_MESSAGE:], count=1)
    lines = [line.strip() for line in text.splitlines() if not _NOISE.match(line)]
    telling = [line for line in lines if any(re.search(meaning[0], line) for meaning in _MEANINGS)]
    words = "; ".join(dict.fromkeys(line.rstrip(".") for line in telling or lines[-2:]))
    return printable(words, longest=_LONGEST_WORDS) or "no reason given"


def no_answer(tried: t.Sequence[tuple[Candidate, Refusal]], *, forced: t.Collection[str] = ()) -> str:
    """Return the sentence for a host that lets no candidate in."""
    reasons = "; ".join(f"{candidate}: {refusal.words}" for candidate, refusal in tried)
    hint = next((refused[1].hint for refused in reversed(tried) if refused[1].hint), "")
    if not hint and tried and tried[-1][1].verdict is Verdict.NEXT_PORT:
        hint = (
            "check the address and port, that the host is up, "
            "and that no firewall or fail2ban shuts this controller out"
        )
    if not hint:
        hint = "name a user and key that can log in with '-u USER --private-key FILE'"
    if forced:
        named = " and ".join(f"ansible_{name}" for name in sorted(forced))
        hint += (
            f" (extra variables beat every other choice: {named} given by '-e' kept other candidates from being tried)"
        )
    return f"no login works: {reasons}; the host was left as it was; {hint}"


WINDOWS = Refusal(not_a_target("Windows"), Verdict.UNFIT)
_WINDOWS_WORDS = re.compile(
    r"is not recognized as (?:an internal or external command|(?:the )?name of a cmdlet|a name of a cmdlet)"
    r"|CommandNotFoundException|#< CLIXML|The system cannot find the (?:path|file) specified"
)


def silent_answer(output: str) -> Refusal:
    """Read what came back instead of the script's answer from a login that was let in."""
    if _WINDOWS_WORDS.search(output):
        return WINDOWS
    words = printable(" ".join(output.split())[:200]) or "no output"
    return Refusal(f"logged in, but its login shell runs no /bin/sh: {words}", Verdict.NEXT_USER)
