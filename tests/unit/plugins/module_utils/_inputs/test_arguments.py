"""The argument specs: those of all modules that can be planned, with the choices that their code knows."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.admin_user import SUDO
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS
from ansible_collections.pyhost.baseline.plugins.module_utils._plan.modules import MODULES
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.crypto import PROFILES
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match_conflicts import POLICIES, REFUSE
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import dnf_automatic, freebsd
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.freshness import LIMIT


def test_the_modules_are_those_of_the_plan() -> None:
    assert list(ARGUMENTS) == list(MODULES)


@pytest.mark.parametrize(
    ("module", "option", "choices"),
    [
        ("admin_user", "sudo", SUDO),
        ("sshd_config", "crypto", PROFILES),
        ("sshd_config", "match_conflicts", POLICIES),
        ("dnf_automatic", "upgrade_type", (dnf_automatic.DISTRIBUTION, *dnf_automatic.CHOICES["upgrade_type"])),
        *(("dnf_automatic", option, dnf_automatic.CHOICES[option]) for option in ("reboot", "emit_via")),
        *(("freebsd_updates", option, freebsd.CHOICES[option]) for option in ("packages", "reboot", "mail_report")),
    ],
)
def test_the_choices_are_those_of_the_code(module: str, option: str, choices: t.Sequence[str]) -> None:
    assert ARGUMENTS[module][option]["choices"] == list(choices)


def test_the_defaults_are_those_of_the_code() -> None:
    assert ARGUMENTS["unattended_upgrades"]["max_age"]["default"] == LIMIT
    assert ARGUMENTS["sshd_config"]["match_conflicts"]["default"] == REFUSE
