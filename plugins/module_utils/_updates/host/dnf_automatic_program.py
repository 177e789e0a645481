# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program dnf-automatic of the host, of dnf 4 or dnf 5, and how it reads a configuration."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass

from ..._core.errors import BaselineError
from .. import dnf_automatic as dnf

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["DnfAutomatic", "Reading", "find_program", "read_configuration"]

_PLUGINS = ("/usr/lib64/dnf5/plugins/automatic_cmd_plugin.so", "/usr/lib/*/dnf5/plugins/automatic_cmd_plugin.so")
# dnf-automatic's own reading of the file $1: the output has no keys and values that it does not know.
READ_BY_DNF4 = """
import json, sys
from dnf.automatic.main import AutomaticConfig
from dnf.const import VERSION
found = AutomaticConfig(sys.argv[1])
def plain(value):
    return value if isinstance(value, (bool, int, str)) else ", ".join(value)
sections = ("commands", "emitters", "email", "command", "command_email")
print(json.dumps({"version": VERSION, "sections": {
    name: {key: plain(getattr(part, key)) for key in part._options}
    for name, part in ((name, getattr(found, name)) for name in sections)
}, "base": {key: found._parser.getValue("base", key) for key in found._parser.options("base")}
    if found._parser.hasSection("base") else {}}))
"""


@dataclass(frozen=True)
class DnfAutomatic:
    """The dnf-automatic of the host: its generation (4 or 5), and the interpreter of that of dnf 4."""

    generation: int
    python: str = ""

    @property
    def timer(self) -> str:
        return "dnf5-automatic.timer" if self.generation == 5 else "dnf-automatic.timer"


@dataclass(frozen=True)
class Reading:
    """The values that the program reads from a configuration, the keys that it knows, and its version."""

    values: dict[dnf.Key, str]
    known: frozenset[dnf.Key]
    version: str


def find_program(host: Host) -> DnfAutomatic | None:
    """Return the program of the host; a missing one raises, unless it is upcoming."""
    if any(host.glob(pattern) for pattern in _PLUGINS):
        return DnfAutomatic(5)
    path = host.find("dnf-automatic")
    if path is None and host.upcoming.has_package("dnf-automatic", "dnf5-plugin-automatic"):
        return None
    if path is None:
        raise BaselineError(
            "dnf-automatic is not installed",
            hint="install dnf-automatic (dnf 4) or dnf5-plugin-automatic (dnf 5) first",
        )
    # Only the program's own interpreter is certain to have the module dnf.
    shebang = (host.read(path) or "").partition("\n")[0]
    return DnfAutomatic(4, shebang[2:].split()[0] if shebang.startswith("#!/") else "/usr/bin/python3")


def read_configuration(host: Host, program: DnfAutomatic, text: str | None) -> Reading:
    """Return how ``program`` reads ``text`` in the place of automatic.conf."""
    if program.generation == 5:
        vendor = host.read(dnf.VENDOR)
        values = dnf.composed((dnf.VENDOR, vendor), (dnf.CONF, text))
        version = host.run(["dnf5", "--version"]).out.partition("\n")[0].replace(" version ", " ")
        return Reading(values, frozenset(dnf.KNOWN_TO_DNF5), version)
    dnf.entries(text or "", path=dnf.CONF)
    scratch = os.path.join(host.scratch(), "automatic.conf")
    host.lay_out({scratch: text or ""})
    ran = host.run([program.python, "-c", READ_BY_DNF4, scratch])
    if not ran.ok:
        output = ran.message().replace(scratch, dnf.CONF)
        raise BaselineError(f"dnf-automatic cannot read its configuration: {output}")
    answer = json.loads(ran.out)
    values = {
        (name, key): _as_text(value) for name, section in answer["sections"].items() for key, value in section.items()
    }
    base = {("base", key): value for key, value in answer["base"].items()}
    return Reading({**values, **base}, frozenset(values), f"dnf {answer['version']}")


def _as_text(value: t.Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
