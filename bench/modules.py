"""What each module costs on a host without changes: ``make bench-modules``; ``SYSTEM`` (debian13).

Starts a host from a snapshot that site.yml has hardened, and runs site.yml until nothing is left to change. What the
roles request there of their modules is what each module is called with here. Printed are, for each:

- the KB that Ansible sends in a call: to a host that keeps the collection's code, and to one that has to get it (both
  calls), or in each call for a module whose code is not kept;
- the time in which a fresh Python of the host imports all that the call imports;
- the time of the whole call on the host, from the start of Python to its end.

Times are medians, in milliseconds. They hold neither ssh nor the controller. Modules of other systems have their KB
alone.
"""

from __future__ import annotations

import io
import json
import statistics
import subprocess
import sys
import tarfile
import typing as t
from pathlib import Path

import yaml

from bench.cost import BIN, cost
from tests.hosts import engine, fleet, snapshots
from tests.hosts.paths import FLEETS, ROOT

FLEET = "bench-modules"
ROLES = "admin_user+python_stack+auto_updates+fail2ban+sshd"
ROUNDS = 7
MODULES = "ansible_collections.pyhost.baseline.plugins.modules"
COLLECTIONS = ROOT / ".venv" / "collections"
# Those that can be called without options.
READING = ("fail2ban_info", "sshd_info", "unattended_upgrades_info")
# What the roles request of their modules.
REQUESTS = [
    {
        "hosts": "all",
        "gather_facts": False,
        "become": True,
        "tasks": [
            {"ansible.builtin.import_role": {"name": "pyhost.baseline.baseline", "tasks_from": "plan.yml"}},
            {
                "ansible.builtin.copy": {"content": "{{ __baseline_requests | to_json }}", "dest": "{{ bench_file }}"},
                "delegate_to": "localhost",
                "become": False,
            },
        ],
    }
]
# Ansible's own builder of payloads. Of each module: what a task sends to a host with the code, and with the code.
BUILD = """
import json, sys
from pathlib import Path
from ansible.executor import module_common
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar
init_plugin_loader([sys.argv[1]])
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.code import collection_code
def build(name, arguments):
    return module_common.modify_module(
        module_name=name, module_path=module_loader.find_plugin(name), module_args=arguments,
        templar=Templar(DataLoader()), task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    ).b_module_data
for name, call in json.load(sys.stdin).items():
    for kind in ("kept", "sent") if call["keeps"] else ("all",):
        code = collection_code(archive=kind == "sent").as_argument() if call["keeps"] else {}
        Path(sys.argv[2], f"{name}.{kind}").write_bytes(build(call["module"], {**call["arguments"], **code}))
"""
# On the host: the zip of a payload is imported as Ansible's wrapper does it, and the kept code as CodeModule does.
IMPORT = """
import importlib, sys, time, types
path, module, kept, planned = sys.argv[1:]
started = time.perf_counter()
sys.path.insert(0, path)
importlib.import_module(module)
if kept:
    package = types.ModuleType("kept")
    package.__path__ = [kept]
    sys.modules["kept"] = package
    if planned == "baseline_plan":
        importlib.import_module("kept._plan.host.baseline_plan_module")
    else:
        importlib.import_module("kept._plan.host.modules").load_module(planned)
print(time.perf_counter() - started)
"""
TIMES = """
import base64, glob, json, os, re, subprocess, sys, time
rounds, calls = json.load(sys.stdin)
def run(argv):
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{argv}: {done.stdout}{done.stderr}")
    return time.perf_counter() - started, done.stdout
def packed(name):
    text = open(name, "rb").read()
    path = f"{name}.zip"
    open(path, "wb").write(base64.b64decode(max(re.findall(rb"[A-Za-z0-9+/=]{1000,}", text), key=len)))
    return path
kept = max(glob.glob("/run/pyhost.baseline/code/*"), key=os.path.getmtime)
found = {name: {"import": [], "call": []} for name in calls}
imports = {name: [packed(call["file"]), call["module"], kept if call["keeps"] else "", name]
           for name, call in calls.items()}
for number in range(rounds + 1):
    for name, call in calls.items():
        imported = float(run(["import.py", *imports[name]])[1])
        seconds, answer = run([call["file"]])
        answer = json.loads(answer)
        if answer.get("changed") or answer.get("code_missing"):
            sys.exit(f"{name}: {answer}")
        # In the first round the host's caches are cold.
        if number:
            found[name]["import"].append(imported)
            found[name]["call"].append(seconds)
print(json.dumps(found))
"""


class Call(t.NamedTuple):
    """A call of a module: its full name, its arguments, and whether the host keeps its code."""

    module: str
    arguments: dict[str, t.Any]
    keeps: bool
    is_run: bool


def main(system: str = "debian13") -> int:
    snapshot = f"{system}+{ROLES}"
    inventory = snapshots.up(engine.connect(), FLEET, {"bench": snapshot})
    try:
        return measure(inventory, snapshot, FLEETS / FLEET)
    finally:
        fleet.down(engine.connect(), FLEET)


def measure(inventory: Path, snapshot: str, folder: Path) -> int:
    variables, requests, play = folder / "vars.yml", folder / "requests.json", folder / "requests.yml"
    variables.write_text("---\n" + yaml.safe_dump(snapshots.variables(snapshot), width=1000))
    play.write_text("---\n" + yaml.safe_dump(REQUESTS))
    playbook = [str(BIN / "ansible-playbook"), "-i", str(inventory), "-u", "root", "-e", f"@{variables}"]
    # The first one proves the bans of the new host, the second one finds nothing to do.
    for _run in range(2):
        cost([*playbook, "playbooks/site.yml"])
    cost([*playbook, str(play), "-e", f"bench_file={requests}"])
    calls = calls_of(json.loads(requests.read_text()))
    payloads = folder / "payloads"
    payloads.mkdir()
    asked = json.dumps({name: call._asdict() for name, call in calls.items()})
    subprocess.run([sys.executable, "-c", BUILD, str(COLLECTIONS), str(payloads)], input=asked, check=True, text=True)
    print_table(calls, payloads, times(calls, payloads, folder))
    return 0


def calls_of(requests: list[dict[str, t.Any]]) -> dict[str, Call]:
    """Return a call of each module that sends something to a host, and of a ping."""
    options: dict[str, dict[str, t.Any]] = {name: {} for name in READING}
    options.update({one["module"]: one.get("options", {}) for one in requests})
    options["baseline_plan"] = {"requests": requests}
    calls = {"ping": Call("ansible.builtin.ping", {}, keeps=False, is_run=True)}
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        text, name = path.read_text(), path.stem
        # The others are the documentation of an action that sends nothing.
        if "def main()" in text:
            keeps = "CodeModule" in text
            calls[name] = Call(f"pyhost.baseline.{name}", options.get(name, {}), keeps, is_run=name in options)
    return calls


def times(calls: t.Mapping[str, Call], payloads: Path, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of the imports and of the whole call, for each call that the host can run."""
    asked = {
        name: {
            "file": f"{name}.{'kept' if call.keeps else 'all'}",
            "module": "ansible.modules.ping" if name == "ping" else f"{MODULES}.{name}",
            "keeps": call.keeps,
        }
        for name, call in calls.items()
        if call.is_run
    }
    ssh = ["ssh", "-F", str(folder / "ssh_config"), "root@bench"]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in payloads.iterdir():
            tar.add(path, path.name)
        for name, text in (("import.py", IMPORT), ("times.py", TIMES)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    subprocess.run([*ssh, "mkdir bench && tar -x -C bench"], input=archive.getvalue(), check=True)
    done = subprocess.run(
        [*ssh, "cd bench && python3 times.py"],
        input=json.dumps([ROUNDS, asked]),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return t.cast("dict[str, dict[str, list[float]]]", json.loads(done.stdout))


def print_table(
    calls: t.Mapping[str, Call], payloads: Path, seconds: t.Mapping[str, t.Mapping[str, list[float]]]
) -> None:
    print("| module | KB sent | KB without the kept code | import, ms | call, ms |\n| --- | --- | --- | --- | --- |")
    for name, call in calls.items():
        sizes = {path.suffix: path.stat().st_size / 1000 for path in payloads.glob(f"{name}.*")}
        whole = sizes[".kept"] + sizes[".sent"] if call.keeps else sizes[".all"]
        taken = seconds.get(name)
        cells = [f"{statistics.median(taken[kind]) * 1000:.0f}" if taken else "" for kind in ("import", "call")]
        print(f"| {name} | {sizes['.kept' if call.keeps else '.all']:.0f} | {whole:.0f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
