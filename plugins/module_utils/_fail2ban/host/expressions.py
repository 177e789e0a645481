# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A jail's expressions, compiled by fail2ban's own code: ``fail2ban-client -t`` passes what the server then refuses."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ..._core.errors import BaselineError

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream

__all__ = ["interpreter", "own_path", "with_expressions"]

# With -c the interpreter also looks into the working directory, as fail2ban's does not.
own_path = "import sys; sys.path = list(filter(None, sys.path)); "
_PROGRAM = (
    own_path
    + """
import json, logging
from fail2ban.server.filter import Filter
logging.disable(logging.CRITICAL)
answers = {}
for name, commands in json.load(sys.stdin).items():
    filter = Filter(None)
    try:
        for option, value in commands:
            if option == "prefregex":
                filter.prefRegex = value
            else:
                getattr(filter, option)(value)
        answers[name] = {"failregex": filter.getFailRegex(), "ignoreregex": filter.getIgnoreRegex()}
    except Exception as error:
        answers[name] = {"error": str(error)}
json.dump(answers, sys.stdout)
"""
)
_METHODS = {
    "usedns": "setUseDns",
    "maxlines": "setMaxLines",
    "prefregex": "prefregex",
    "addfailregex": "addFailRegex",
    "addignoreregex": "addIgnoreRegex",
}


def interpreter(host: Host) -> list[str]:
    """Return fail2ban's own interpreter as its first line names it, an empty list where there is none."""
    server = host.find("fail2ban-server")
    first = (host.read(server) or "").split("\n", 1)[0] if server else ""
    shebang = re.fullmatch(r"#!\s*(\S+)(?:\s+(\S+))?.*", first)
    return [part for part in shebang.groups() if part] if shebang else []


def with_expressions(
    host: Host, streams: t.Mapping[str, JailStream], wished: t.Collection[str]
) -> dict[str, JailStream]:
    """Return ``streams`` with their expressions as the server will answer them; a refused one of ``wished`` raises."""
    asked = json.dumps({name: _commands(jail) for name, jail in streams.items()})
    ran = host.run([*interpreter(host), "-c", _PROGRAM], data=asked)
    if not ran.ok:
        raise BaselineError(
            f"fail2ban's own code cannot be asked about expressions: {ran.message()}; nothing was changed"
        )
    answers = json.loads(ran.out)
    for name in wished:
        if "error" in answers.get(name, {}):
            raise BaselineError(
                f"[{name}]: fail2ban refuses an expression of this jail: {answers[name]['error']}; nothing was changed"
            )
    return {name: replace(jail, expressions=answers[name]) for name, jail in streams.items()}


def _commands(jail: JailStream) -> list[tuple[str, t.Any]]:
    found = []
    for command in jail.commands:
        method = _METHODS.get(str(command[2]))
        if method:
            values = command[3] if command[0] == "multi-set" else command[3:4]
            found += [(method, int(value) if method == "setMaxLines" else value) for value in values]
    return found
