# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what modules may answer says the same as their documentation, and no module is without it."""

from __future__ import annotations

import ast
import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import CheckedModule
from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.table import ANSWERS, OF_THE_CONTROLLER
from ansible_collections.pyhost.baseline.plugins.plugin_utils._confirm.commit import CommitConfirm

PLUGINS = Path(__file__).parents[5] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem != "__init__")
# These run on the controller alone: there is no answer of a module.
WITHOUT_A_HOST = {"python_bootstrap", "ssh_login", "ssh_reach"}
# What comes beside the documented fields: with a failure, or between the two halves of a module.
UNDOCUMENTED = {"culprits", "shadowed_by", "refused", "confirmation", "code_missing"}
TYPES = {str: "str", int: "int", bool: "bool", float: "float"}
Document = dict[str, t.Any]


def returned(module: str) -> Document:
    """Return the module's RETURN, which a module states in YAML."""
    for node in ast.parse((PLUGINS / "modules" / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            return t.cast(Document, yaml.safe_load(ast.literal_eval(node.value)))
    raise AssertionError(module)


def kind(shape: t.Any) -> str:
    if isinstance(shape, re.Pattern):
        return "str"
    return "list" if isinstance(shape, list) else "dict" if isinstance(shape, dict) else TYPES[shape]


def differences(documented: Document, fields: t.Mapping[str, t.Any], where: str) -> t.Iterator[str]:
    for name in sorted(documented.keys() ^ fields.keys()):
        yield f"{where}{name} is {'documented' if name in documented else 'in the table'} only"
    for name in documented.keys() & fields.keys():
        document, shape, path = documented[name], fields[name], f"{where}{name}"
        if kind(shape) != document["type"]:
            yield f"{path} is documented as {document['type']} and {kind(shape)} in the table"
        if "elements" in document and shape != [object] and kind(shape[0]) != document["elements"]:
            yield f"{path} is documented as a list of {document['elements']}"
        inner = shape[0] if isinstance(shape, list) else shape
        if "contains" in document and isinstance(inner, dict):
            # Of a mapping by names the documentation describes one of its values.
            inner = inner.get(str, inner)
            if str not in inner and not isinstance(inner.get(str), tuple):
                yield from differences(document["contains"], inner, f"{path}.")


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_half_on_the_controller(module: str) -> None:
    action = importlib.import_module(f"ansible_collections.pyhost.baseline.plugins.action.{module}").ActionModule
    if module in WITHOUT_A_HOST:
        assert module not in ANSWERS
    elif module in ("firewall", "sshd_config"):
        assert issubclass(action, CommitConfirm)
        assert module in ANSWERS
    else:
        assert issubclass(action, CheckedModule)
        assert module in ANSWERS


def test_the_table_knows_no_other_module() -> None:
    assert not ANSWERS.keys() - {*MODULES}


@pytest.mark.parametrize("module", sorted(ANSWERS))
def test_the_table_says_what_is_documented(module: str) -> None:
    table = {**ANSWERS[module], **OF_THE_CONTROLLER.get(module, {})}
    fields = {name: shape for name, shape in table.items() if name not in UNDOCUMENTED}
    documented = returned(module)
    if "ansible_facts" in documented:
        facts = documented["ansible_facts"]["contains"]
        assert facts.keys() == fields["ansible_facts"].keys()
        assert facts["pyhost_system"]["sample"].keys() == fields["ansible_facts"]["pyhost_system"].keys()
    assert list(differences(documented, fields, "")) == []
