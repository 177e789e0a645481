# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the expressions of jails with fail2ban's code.

``fail2ban-client -t`` accepts expressions that the server rejects.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ..._core.errors import UNCHANGED, BaselineError

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..stream import JailStream

__all__ = ["interpreter", "own_path", "with_expressions"]

# With -c the interpreter also imports from the working directory. fail2ban does not.
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
    """Return the interpreter in the first line of fail2ban-server, an empty list if there is none."""
    server = host.find("fail2ban-server")
    first = (host.read(server) or "").split("\n", 1)[0] if server else ""
    shebang = re.fullmatch(r"#!\s*(\S+)(?:\s+(\S+))?.*", first)
    return [part for part in shebang.groups() if part] if shebang else []


def with_expressions(
    host: Host, streams: t.Mapping[str, JailStream], requested: t.Collection[str]
) -> dict[str, JailStream]:
    """Return ``streams`` with compiled expressions. A rejected expression of a ``requested`` jail is an error."""
    data = json.dumps({name: _commands(jail) for name, jail in streams.items()})
    ran = host.run([*interpreter(host), "-c", _PROGRAM], data=data)
    if not ran.ok:
        raise BaselineError(f"the Python code of fail2ban cannot be used to check expressions: {ran.message()}")
    answers = json.loads(ran.out)
    for name in requested:
        if "error" in answers.get(name, {}):
            problem = f"fail2ban rejects an expression of this jail: {answers[name]['error']}"
            raise BaselineError(problem, where=f"[{name}]", state=UNCHANGED)
    return {name: replace(jail, expressions=answers[name]) for name, jail in streams.items()}


def _commands(jail: JailStream) -> list[tuple[str, t.Any]]:
    found = []
    for command in jail.commands:
        method = _METHODS.get(str(command[2]))
        if method:
            values = command[3] if command[0] == "multi-set" else command[3:4]
            found += [(method, int(value) if method == "setMaxLines" else value) for value in values]
    return found
