# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role's argument_specs name the inputs that its defaults name, with the same default values."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if (path / "defaults" / "main.yml").is_file())


def load(path: Path) -> dict[str, t.Any]:
    return yaml.safe_load(path.read_text()) or {}


def options(role: str) -> dict[str, dict[str, t.Any]]:
    return load(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("role", NAMES)
def test_defaults_and_argument_specs_name_the_same_inputs(role: str) -> None:
    optional = {name for name, option in options(role).items() if not option.get("required")}
    assert optional == set(load(ROLES / role / "defaults" / "main.yml"))


@pytest.mark.parametrize("role", NAMES)
def test_documented_defaults_are_the_defaults(role: str) -> None:
    defaults = load(ROLES / role / "defaults" / "main.yml")
    templated = {name for name, value in defaults.items() if "{{" in str(value)}
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert {name: value for name, value in documented.items() if name not in templated} == {
        name: defaults[name] for name in documented if name not in templated
    }


@pytest.mark.parametrize("role", NAMES)
def test_inputs_start_with_the_role(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []
