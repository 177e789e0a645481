"""The rule of the house: only what is in a folder `host/` opens, runs, locks or writes; a source has its own test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
# The standard library's ways to touch a host, but for those of which some functions only calculate.
TOUCHING = {
    *("atexit", "fcntl", "glob", "grp", "multiprocessing", "pathlib", "pwd", "resource", "select", "shutil"),
    *("signal", "spwd", "subprocess", "tempfile", "threading"),
}
CALCULATING = {
    "os": {"os.fsencode", "os.fsdecode", "os.sep"}
    | {f"os.path.{name}" for name in ("basename", "dirname", "isabs", "join", "normpath", "split", "splitext")},
    "socket": {"socket.AF_INET", "socket.AF_INET6", "socket.inet_ntop", "socket.inet_pton"},
    "time": {"time.gmtime", "time.mktime", "time.strftime", "time.strptime"},
}
CALLS = {"open", "exec", "eval", "compile", "input", "print", "__import__"}
# Sources without a test of their name: the tests of their callers or Molecule see them. None may be added.
UNTESTED = {
    "module_utils/_accounts/host/home.py",
    "module_utils/_accounts/host/sudo.py",
    "module_utils/_core/host/service.py",
    "module_utils/_core/host/timers.py",
    "module_utils/_core/policy_result.py",
    "module_utils/_core/rc.py",
    "module_utils/_inputs/python_stack.py",
    "module_utils/_sshd/host/change.py",
    "module_utils/_sshd/host/confirm.py",
    "module_utils/_sshd/host/crypto.py",
    "module_utils/_sshd/host/info.py",
    "module_utils/_sshd/host/socket.py",
    "module_utils/_updates/host/apt_state.py",
    "module_utils/_updates/host/unattended_upgrades_info.py",
}


def sources(area: str) -> list[Path]:
    return sorted(path for path in (PLUGINS / area).rglob("*.py") if path.name != "__init__.py")


def is_pure(path: Path) -> bool:
    return "host" not in path.relative_to(PLUGINS).parts


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import keeps its dot: our own socket.py is not the standard library's.
            module = "." * bool(node.level) + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def touches(path: Path) -> Iterator[str]:
    """Yield what a pure file has no business with."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name in imported(tree):
        parts = name.split(".")
        if parts[0] in TOUCHING | {"ansible"} or "host" in parts:
            yield f"imports {name}"
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    whole = {dotted(node) for node in attributes} - {dotted(node.value) for node in attributes}
    for module, allowed in CALCULATING.items():
        yield from (f"uses {name}" for name in sorted(whole) if name.startswith(f"{module}.") and name not in allowed)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield f"calls {node.func.id}"


@pytest.mark.parametrize(
    "path", [path for path in sources("module_utils") if is_pure(path)], ids=lambda path: path.stem
)
def test_only_what_is_in_a_folder_host_touches_the_host(path: Path) -> None:
    assert list(touches(path)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import subprocess", "imports subprocess"),
        ("from ..host import site", "imports .host.site"),
        ("from ansible.module_utils.basic import AnsibleModule", "imports ansible.module_utils.basic.AnsibleModule"),
        ("import os\nos.path.exists('/')", "uses os.path.exists"),
        ("import os\nos.getuid()", "uses os.getuid"),
        ("import socket\nsocket.create_connection(('::1', 22))", "uses socket.create_connection"),
        ("import time\ntime.sleep(1)", "uses time.sleep"),
        ("open('/etc/passwd')", "calls open"),
    ],
)
def test_the_rule_is_seen_to_be_broken(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "source.py"
    path.write_text(text)
    assert list(touches(path)) == [found]


def test_each_source_has_a_test_of_its_name() -> None:
    missing = set()
    for path in [*sources("module_utils"), *sources("plugin_utils")]:
        relative = path.relative_to(ROOT)
        if not (ROOT / "tests" / "unit" / relative.parent / f"test_{path.name}").exists():
            missing.add(str(relative.relative_to("plugins")))
    assert missing == UNTESTED


def test_no_file_is_longer_than_one_sitting_reads() -> None:
    longest = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources("module_utils")}
    assert {name: lines for name, lines in longest.items() if lines > 400} == {}
