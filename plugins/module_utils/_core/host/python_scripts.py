# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host that are Python scripts: their interpreter, and the files that their code consists of."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .host import Host

__all__ = ["CODE_FILES", "OWN_PATH", "interpreter"]

# With -c the interpreter also imports from the working directory. A script does not.
OWN_PATH = "import sys; sys.path = list(filter(None, sys.path)); "
# A function for programs that are run with -c: the files that decide what the imported modules do, and the folders in
# which another module could take precedence. ``sources`` are folders whose modules are imported later.
CODE_FILES = """
import os
def code_files(sources=()):
    folders = [*sources, *sys.path]
    found = set(folders)
    for folder in filter(os.path.isdir, folders):
        ends = ".py" if folder in sources else ".pth"
        found.update(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(ends))
    for module in list(sys.modules.values()):
        found.update(getattr(module, name, None) or "" for name in ("__file__", "__cached__"))
    try:
        with open("/proc/self/maps") as maps:
            # Shared libraries. Other files are mapped as well, such as the journal, and are no code.
            parts = [line.split(None, 5) for line in maps]
        found.update(part[5].strip() for part in parts if len(part) > 5 and "x" in part[1])
    except OSError:
        pass
    return sorted(path for path in found if path.startswith("/") and not path.endswith(" (deleted)"))
"""


def interpreter(host: Host, program: str) -> list[str]:
    """Return the interpreter in the first line of ``program``, an empty list if there is none."""
    path = host.find(program)
    first = (host.read(path) or "").split("\n", 1)[0] if path else ""
    shebang = re.fullmatch(r"#!\s*(\S+)(?:\s+(\S+))?.*", first)
    return [part for part in shebang.groups() if part] if shebang else []
