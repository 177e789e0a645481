# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads jails into a server object of the installed fail2ban, which has no socket, starts no jail and runs no action.

``fail2ban-client -t`` accepts values that the server rejects: time zones, encodings, formulas, expressions. A reload
with one of them ends half-way, and the service does not start again.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import replace

from ..._core.errors import UNCHANGED, BaselineError
from ..._core.host.python_scripts import CODE_FILES, OWN_PATH, interpreter

if t.TYPE_CHECKING:
    from ..._core.host.remembered import Remembered
    from ..stream import JailStream
    from .staging import Streams

__all__ = ["SERVER", "check_loaded", "load"]

SERVER = "fail2ban-server"
_PROGRAM = (
    OWN_PATH
    + CODE_FILES
    + """
import json, logging
from types import SimpleNamespace
from fail2ban.server.server import Server
from fail2ban.server.transmitter import Transmitter
logging.disable(logging.CRITICAL)
server = Server()
transmitter = Transmitter(server)
loaded = getattr(server, "_Server__jails", {})
def load(name, commands):
    for command in commands:
        rejected, answer = transmitter.proceed(command)
        if rejected:
            return {"option": "backend" if command[0] == "add" else command[2], "error": str(answer)}
    try:
        increase = loaded[name].getBanTimeExtra("evformula") if name in loaded else None
        increase and increase(SimpleNamespace(Time=600.0, Count=1))
    # The formula is any expression of Python, and raises what it likes.
    except Exception as error:
        return {"option": "bantime.formula", "error": str(error)}
    return {kind: transmitter.proceed(["get", name, kind])[1] for kind in ("failregex", "ignoreregex")}
try:
    # Also for the answer whether the journal can be read.
    import systemd.journal
except ImportError:
    pass
jails = {name: load(name, commands) for name, commands in json.load(sys.stdin).items()}
package = os.path.dirname(sys.modules["fail2ban"].__file__)
sources = [package, *(os.path.join(package, name) for name in ("client", "server"))]
json.dump({"jails": jails, "code": code_files(sources)}, sys.stdout)
sys.stdout.flush()
# The threads that a backend has started do not end by themselves.
os._exit(0)
"""
)


def load(remembered: Remembered, streams: t.Mapping[str, JailStream]) -> tuple[Streams, dict[str, BaselineError]]:
    """Return ``streams`` with the expressions as the server compiles them, and the errors of jails that it rejects.

    The same code answers the same commands alike. Whether their log files exist has been checked (``-t``).
    """
    data = json.dumps({name: _commands(jail) for name, jail in streams.items()})
    ran = remembered.run([*interpreter(remembered.host, SERVER), "-c", _PROGRAM], data=data)
    if not ran.ok:
        raise BaselineError(f"the Python code of fail2ban cannot be used to load the jails: {ran.message()}")
    answer = json.loads(ran.out)
    answers = answer["jails"]
    errors = {name: _error(name, answer) for name, answer in answers.items() if "error" in answer}
    if not errors:
        remembered.keep(answer["code"])
    return {name: replace(jail, expressions=answers[name]) for name, jail in streams.items()}, errors


def _error(name: str, answer: t.Mapping[str, str]) -> BaselineError:
    option = re.sub(r"^add(?=failregex|ignoreregex|ignoreip|journalmatch|logpath)", "", answer["option"])
    problem = f"the server of fail2ban rejects {option}: {answer['error']}"
    return BaselineError(problem, where=f"[{name}]", state=UNCHANGED)


def check_loaded(errors: t.Mapping[str, BaselineError], requested: t.Collection[str]) -> list[str]:
    """Raise the error of a ``requested`` jail; return a warning for each jail of another file."""
    for name in requested:
        if name in errors:
            raise errors[name]
    return [
        f"the jail {name}, which another file defines, cannot be started: {error.problem}"
        for name, error in errors.items()
    ]


def _commands(jail: JailStream) -> list[t.Sequence[t.Any]]:
    """Return the commands that load ``jail``, without those of actions in Python, whose code would run."""
    in_python = [str(command[3]) for command in jail.commands if command[2] == "addaction" and len(command) > 4]
    commands = [command for command in jail.commands if str(command[3]) not in in_python or "action" not in command[2]]
    return [["add", jail.name, jail.backend], *commands]
