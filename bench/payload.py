"""What a module weighs: its payload and its imports, against another commit: ``python -m bench.payload [COMMIT]``.

For each module the size of the payload that Ansible sends (bytes, deflated), how many files of this collection it has,
and the seconds that a fresh Python takes to import them (the median of several rounds, both commits in turn). Ratios
are those of this checkout to ``COMMIT``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from tests.hosts.paths import ROOT

COLLECTION = "ansible_collections.pyhost.baseline.plugins"
ROUNDS = 5
# Ansible's own builder of payloads: what a task sends, and which of the collection's files are in it.
BUILD = """
import base64, io, json, re, sys, zipfile
from ansible.executor import module_common
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
init_plugin_loader([sys.argv[1]])
found = {}
for name in sys.argv[2:]:
    path = f"{sys.argv[1]}/ansible_collections/pyhost/baseline/plugins/modules/{name}.py"
    built = module_common.modify_module(
        module_name=f"ansible_collections.pyhost.baseline.plugins.modules.{name}", module_path=path, module_args={},
        templar=Templar(DataLoader()), task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    packed = max(re.findall(rb"[A-Za-z0-9+/=]{1000,}", built.b_module_data), key=len)
    names = zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).namelist()
    ours = [one for one in names if "pyhost/baseline/plugins/module_utils" in one and not one.endswith("__init__.py")]
    found[name] = [len(built.b_module_data), len(ours)]
print(json.dumps(found))
"""
IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
started = time.perf_counter()
__import__(sys.argv[2])
print(time.perf_counter() - started)
"""


class Tree(t.NamedTuple):
    """A checkout as Ansible finds it: the folder above ``ansible_collections``."""

    collections: Path

    def payloads(self, modules: list[str]) -> dict[str, list[int]]:
        argv = [sys.executable, "-c", BUILD, str(self.collections), *modules]
        return t.cast("dict[str, list[int]]", json.loads(subprocess.check_output(argv, text=True)))

    def import_seconds(self, module: str) -> float:
        argv = [sys.executable, "-c", IMPORT, str(self.collections), f"{COLLECTION}.modules.{module}"]
        return float(subprocess.check_output(argv, text=True))


def main(commit: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "ansible_collections" / "pyhost" / "baseline"
        other.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(other)], input=archive, check=True)
        print_table(Tree(ROOT / ".venv" / "collections"), Tree(Path(folder)), commit)
    return 0


def print_table(here: Tree, there: Tree, commit: str) -> None:
    plugins = there.collections / "ansible_collections" / "pyhost" / "baseline" / "plugins"
    modules = sorted(
        path.stem
        for path in (ROOT / "plugins" / "modules").glob("*.py")
        # The others are the documentation of an action that sends nothing.
        if (plugins / "modules" / path.name).exists() and "def main()" in path.read_text()
    )
    now, before = here.payloads(modules), there.payloads(modules)
    print(f"{'module':26}{'bytes':>9}{'files':>7}{'import s':>10}   to {commit}: bytes  files  import")
    for name in modules:
        pairs = [(here.import_seconds(name), there.import_seconds(name)) for _round in range(ROUNDS)]
        taken, then = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = f"{now[name][0] / before[name][0]:12.2f}{now[name][1] - before[name][1]:+7d}{taken / then:8.2f}"
        print(f"{name:26}{now[name][0]:9}{now[name][1]:7}{taken:10.3f}   {ratios:>30}")


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["HEAD~1"])))
