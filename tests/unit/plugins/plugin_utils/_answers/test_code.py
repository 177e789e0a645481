"""The code that a host gets: complete, the same from each controller, and importable without what Ansible sends."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins import module_utils
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers import code

ROOT = Path(next(iter(module_utils.__path__)))
# What the module that loads the code imports of ansible-core, so that Ansible sends it.
SENT = {"ansible.module_utils.basic", "ansible.module_utils.common.arg_spec"}


def test_the_digest_is_that_of_the_archive() -> None:
    without, found = code.collection_code(archive=False), code.collection_code(archive=True)
    assert (without.digest, without.archive) == (found.digest, None)
    assert found == code.collection_code(archive=True)


def test_another_source_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code.module_utils, "__path__", [str(tmp_path)])
    digests = set()
    for name, text in [("a.py", "x"), ("a.py", "y"), ("b.py", "y"), ("c.txt", "y")]:
        (tmp_path / name).write_text(text)
        digests.add(code.collection_code(archive=False).digest)
    assert len(digests) == 3


def test_all_of_it_can_be_imported_from_the_archive(tmp_path: Path) -> None:
    archive = code.collection_code(archive=True).archive
    assert archive
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        file.extractall(tmp_path / "package")
    names = [
        ".".join(path.relative_to(tmp_path).with_suffix("").parts) for path in (tmp_path / "package").rglob("[!_]*.py")
    ]
    assert len(names) > 200
    lines = "\n".join(f"import {name}" for name in names if not name.endswith("nftables_action"))
    text = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{lines}\n"
    ran = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True, text=True)
    assert ran.stderr == ""


def test_ansible_sends_what_the_code_imports_of_it() -> None:
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("ansible"):
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name.startswith("ansible")}
    assert found <= SENT
