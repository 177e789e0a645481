# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of bans by mail and webhook: a second action of the jails, its program and its settings.

The action starts the program in the background, after the ban, and hands it the jail, the address, the failures and
the duration. The receiver, and the headers of the request, are in a file that only root can read.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .._core.errors import UNCHANGED, BaselineError
from . import config as fail2ban
from .notify_program import NOTIFY_PROGRAM
from .own_files import OwnFile
from .packet_filters import tool_of

__all__ = ["NOTIFY_ACTION", "NOTIFY_FILES", "Notify", "notify_files", "other_actions", "parse_notify", "with_notify"]

NOTIFY_ACTION = "pyhost-baseline-notify"
_ACTION = f"/action.d/{NOTIFY_ACTION}.conf"
_PROGRAM = f"/{NOTIFY_ACTION}.py"
_SETTINGS = f"/{NOTIFY_ACTION}.json"
NOTIFY_FILES = (_ACTION, _PROGRAM, _SETTINGS)
_LONGEST = 60


@dataclass(frozen=True)
class Notify:
    """Whom to report bans to. ``seconds``: how long a receiver may take."""

    mail: tuple[str, ...] = ()
    sender: str = ""
    webhook: str = field(default="", repr=False)
    headers: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: int = 10


def parse_notify(given: t.Mapping[str, t.Any] | None) -> Notify | None:
    """Return the receivers in the input ``given``, ``None`` if there are none. An error never repeats a secret."""
    values = {name: value for name, value in (given or {}).items() if value not in (None, "", [], {})}
    if not set(values) - {"seconds"}:
        return None
    one = Notify(
        tuple(map(str, values.get("mail", ()))),
        str(values.get("sender", "")),
        str(values.get("webhook", "")),
        {str(name): str(value) for name, value in values.get("headers", {}).items()},
        int(values.get("seconds", Notify.seconds)),
    )
    for problem in _problems(one):
        raise BaselineError(problem, option="notify", state=UNCHANGED)
    return one


def _problems(one: Notify) -> t.Iterator[str]:
    if not one.mail and not one.webhook:
        yield "neither mail nor webhook is set, so nobody would get the reports"
    for address in (*one.mail, *([one.sender] if one.sender else [])):
        if not re.fullmatch(r"[\w.+=/-]+(?:@[\w.-]+)?", address) or address.startswith("-"):
            yield f"{address!r} is not an address of mail"
    if one.webhook and not _is_web_address(one.webhook):
        yield "webhook has to be an address that begins with https:// or http:// (its value is not shown)"
    for name, value in one.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            yield f"{name!r} is not the name of a header"
        if not value.isascii() or not value.isprintable():
            yield f"the header {name} has characters that are not printable ASCII (its value is not shown)"
    if one.headers and not one.webhook:
        yield "headers are for webhook, which is not set"
    if not 1 <= one.seconds <= _LONGEST:
        yield f"seconds is {one.seconds}, but has to be from 1 to {_LONGEST}"


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and " " not in text
    return is_plain and parts.scheme in ("https", "http") and bool(parts.hostname) and port != 0


def other_actions(actions: t.Iterable[str]) -> list[str]:
    """Return those of ``actions`` that may report a test ban to somebody. The action of ours leaves test bans out."""
    return [action for action in actions if tool_of(action) is None and action != NOTIFY_ACTION]


def notify_files(notify: Notify | None, python: t.Sequence[str], directory: str, runtime: str) -> dict[str, OwnFile]:
    """Return the files of the action, none without ``notify``.

    ``python``: the interpreter of fail2ban; ``directory``: that of its files; ``runtime``: a folder for the queue.
    """
    if notify is None:
        return {}
    command = " ".join([*python, directory + _PROGRAM, runtime])
    # The value of a tag is a word of its own in quotation marks. fail2ban passes one with special characters as a
    # variable of the shell. Nothing else comes from a log. The shell does not wait for the program.
    arguments = " ".join(f'"<{name}>"' for name in ("name", "ip", "failures", "bantime"))
    action = {
        "Definition": {"norestored": "1", "actionban": f"{command} {arguments} </dev/null >/dev/null 2>&1 &"},
        "Init": {"name": "default"},
    }
    settings = {
        "mail": list(notify.mail),
        "sender": notify.sender,
        "webhook": notify.webhook,
        "headers": dict(notify.headers),
        "seconds": notify.seconds,
    }
    text = json.dumps(settings, indent=2, sort_keys=True)
    return {
        _SETTINGS: OwnFile(f"{fail2ban.HEADER}\n{text}\n", private=True),
        _PROGRAM: OwnFile(f"{fail2ban.HEADER}\n{NOTIFY_PROGRAM}"),
        _ACTION: OwnFile(fail2ban.render({}, action)),
    }


def with_notify(
    name: str,
    options: t.Mapping[str, t.Any],
    defaults: t.Mapping[str, t.Any],
    others: t.Mapping[str, t.Mapping[str, str]],
) -> dict[str, t.Any]:
    """Return ``options`` of the jail ``name`` with the action that reports its bans, after its ban action."""
    sources = (options, others.get(name, {}), defaults, others.get("DEFAULT", {}))
    text = fail2ban.value_text(name, "action", fail2ban.first_set("action", sources, "%(action_)s"))
    return {**options, "action": f"{text}\n{NOTIFY_ACTION}[name={name}]"}
