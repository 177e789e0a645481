"""The steps of a rollback of the firewall, run by sh."""

from __future__ import annotations

import subprocess

from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.rollback_steps import firewall_steps

STEPS = firewall_steps([("nft", "add table inet x; delete table inet x"), ("systemctl", "daemon-reload")])
AROUND = 'limited() { printf "%s|" "$@"; echo; }\n'


def run(argument: str) -> str:
    script = f"set -u\n{AROUND}{STEPS.shell}put_in_force {argument}\n"
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


def test_a_running_host_loads_the_restored_rules() -> None:
    assert run("now") == "nft|add table inet x; delete table inet x|\nsystemctl|daemon-reload|\n"
    assert STEPS.is_sandboxed


def test_at_boot_the_services_that_come_later_read_the_files() -> None:
    assert run("boot") == ""


def test_no_commands() -> None:
    assert firewall_steps(()).shell == 'put_in_force() {\n    [ "$1" = now ] || return 0\n}\n'
