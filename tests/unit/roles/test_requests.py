"""What a role requests of its module is written down once: its task and the plan take it from the role's vars."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES

ROLES = Path(__file__).parents[3] / "roles"
# The options of these tasks come from the role's vars, option by option.
TASKS = {
    ("admin_user", "admin_user"): "__admin_user_options",
    ("auto_updates", "unattended_upgrades"): "__auto_updates_unattended_upgrades_options",
    ("auto_updates", "dnf_automatic"): "__auto_updates_dnf_automatic_options",
    ("auto_updates", "freebsd_updates"): "__auto_updates_freebsd_updates_options",
    ("fail2ban", "fail2ban_jails"): "__fail2ban_options",
    ("sshd", "sshd_config"): "__sshd_options",
    ("firewall", "firewall"): "__firewall_options",
}


def load(path: str) -> t.Any:
    return yaml.safe_load((ROLES / path).read_text())


def options_of(role: str, module: str) -> dict[str, t.Any]:
    tasks = load(f"{role}/tasks/configure.yml")
    return t.cast(
        "dict[str, t.Any]",
        next(one[f"pyhost.baseline.{module}"] for one in tasks if f"pyhost.baseline.{module}" in one),
    )


@pytest.mark.parametrize(("role", "module"), TASKS, ids=lambda name: name)
def test_a_task_takes_what_the_role_requests(role: str, module: str) -> None:
    variable = TASKS[role, module]
    given = options_of(role, module)
    for name, text in given.items():
        assert re.fullmatch(rf"{{{{ {variable}\.{name}( \| default\(omit\))? }}}}", text), text
    requested = load(f"{role}/vars/main.yml")[variable]
    names = set(requested) if isinstance(requested, dict) else set(re.findall(r"'(\w+)': ", requested))
    assert names == set(given)
    assert names <= set(ARGUMENTS[module])


@pytest.mark.parametrize("role", sorted({role for role, _module in TASKS} | {"python_stack"}))
def test_each_task_of_a_role_is_in_its_requests(role: str) -> None:
    tasks = [name.rpartition(".")[2] for task in load(f"{role}/tasks/configure.yml") for name in task if "." in name]
    requests = str(load(f"{role}/vars/main.yml")[f"__{role}_requests"])
    assert set(tasks) == set(re.findall(r"'module': '(\w+)'", requests))
    assert set(tasks) <= set(MODULES)
    assert set(re.findall(r"'role': '(\w+)'", requests)) == {role}
