"""What a family's updater cannot do of the role auto_updates is an error, and only that."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.plugin_utils._inputs.role_inputs import role_input_errors

ROLE = Path(__file__).parents[5] / "roles" / "auto_updates"


def errors(family: str, **changes: t.Any) -> list[str]:
    """Return the errors in the role's own defaults with ``changes`` on a system of ``family``."""
    spec = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    given = {f"auto_updates_{name}": value for name, value in changes.items()}
    return [error.advice for error in role_input_errors("auto_updates", spec, {**defaults, **given}, family)]


@pytest.mark.parametrize("family", ["", "debian", "redhat", "freebsd"])
def test_the_defaults_suit_every_family(family: str) -> None:
    assert errors(family) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"origins": ["all"]},
        {"blocklist": ["kernel", "^python3\\.11$", "lib.*-devel"]},
        {"days": ["Sat"], "schedule": {"upgrade_at": "04:30", "random_delay": "20m"}},
        {"schedule": {"upgrade_at": "Sat,Sun 04:30"}},
        {"reboot": "when_required", "reboot_time": "04:45"},
        # Nothing reboots, so nobody has to look who is logged in.
        {"reboot_with_users": False},
        {"upgrade_interval": 0},
        {"mail_to": "ops@example.org"},
        {"remove_new_unused_dependencies": False},
    ],
)
def test_what_dnf_automatic_can_do(changes: dict[str, t.Any]) -> None:
    assert errors("redhat", **changes) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"origins": ["security", "origin=Debian"]},
            "auto_updates_origins: dnf-automatic (the RHEL family, Fedora) supports [distribution], [security] "
            "and [all], not ['security', 'origin=Debian']; exclude packages by the blocklist",
        ),
        (
            {"blocklist": ["(kernel|glibc)"]},
            "auto_updates_blocklist: '(kernel|glibc)' is neither a name, nor the start of names, nor a name with .* in "
            "it; dnf can exclude only these",
        ),
        (
            {"days": ["Mon"], "schedule": {"upgrade_at": "Sat 04:30"}},
            "auto_updates_days: auto_updates_schedule.upgrade_at (Sat 04:30) names days too, and dnf-automatic (the "
            "RHEL family, Fedora) has one calendar; name them in one of the two",
        ),
        (
            {"upgrade_interval": 7},
            "auto_updates_upgrade_interval: dnf-automatic (the RHEL family, Fedora) does not count days; set "
            "auto_updates_days or auto_updates_schedule.upgrade_at",
        ),
        (
            {"reboot": "when_required", "reboot_with_users": False},
            "auto_updates_reboot_with_users: dnf-automatic (the RHEL family, Fedora) does not check who is logged in; "
            "set it to true, or set auto_updates_reboot: never",
        ),
    ],
)
def test_what_dnf_automatic_cannot_do(changes: dict[str, t.Any], sentence: str) -> None:
    assert errors("redhat", **changes) == [sentence]
    assert errors("debian", **changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"allowlist": ["git"]},
        {"update_lists_interval": 7},
        {"schedule": {"update_lists_at": "03:00"}},
        {"mail_report": "always"},
        {"remove_unused_kernels": False},
        {"remove_unused_dependencies": True},
        {"install_on_shutdown": True},
        {"syslog": True},
    ],
)
def test_each_of_these_is_an_error_too(changes: dict[str, t.Any]) -> None:
    (name,) = changes
    (sentence,) = errors("redhat", **changes)
    assert sentence.startswith(f"auto_updates_{name}: ")


def test_all_are_reported_at_once() -> None:
    assert len(errors("redhat", syslog=True, allowlist=["git"], origins=["stable"])) == 3


def test_what_is_wrong_everywhere_is_reported_first() -> None:
    (sentence,) = errors("redhat", reboot_time="25:00")
    assert "is not a time of day" in sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"origins": ["all"]},
        {"days": ["Sat"], "schedule": {"upgrade_at": "04:30", "random_delay": "20m"}},
        {"schedule": {"upgrade_at": "Mon..Fri *-*-* 04:30"}},
        {"reboot": "when_required", "reboot_time": "04:45", "reboot_with_users": False},
        {"upgrade_interval": 0},
        {"mail_to": "ops@example.org", "mail_report": "only-on-error"},
        {"remove_unused_dependencies": True},
        # It always logs to syslog.
        {"syslog": True},
    ],
)
def test_what_freebsds_updater_can_do(changes: dict[str, t.Any]) -> None:
    assert errors("freebsd", **changes) == []


OWN = "the updater of FreeBSD (freebsd-update, pkg)"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"origins": ["stable"]},
            f"auto_updates_origins: {OWN} supports [distribution], [security] and [all], not ['stable']",
        ),
        (
            {"blocklist": ["nginx"]},
            f"auto_updates_blocklist: {OWN} has none; run `pkg lock NAME` on the host to keep a package's version",
        ),
        (
            {"schedule": {"upgrade_at": "*-*-01 04:30"}},
            "auto_updates_schedule: '*-*-01 04:30' is not a time of day that cron supports; give it as 04:00, "
            "*-*-* 04:00 or Mon..Fri 04:00",
        ),
        (
            {"days": ["Mon"], "schedule": {"upgrade_at": "Sat 04:30"}},
            "auto_updates_days: Mon and calendar: Sat 04:30 both name days; name them in one of the two",
        ),
        ({"update_lists_interval": 7}, f"auto_updates_update_lists_interval: {OWN} updates the lists whenever it runs"),
        (
            {"upgrade_interval": 7},
            f"auto_updates_upgrade_interval: {OWN} does not count days; set auto_updates_days or "
            "auto_updates_schedule.upgrade_at",
        ),
        (
            {"install_on_shutdown": True},
            f"auto_updates_install_on_shutdown: {OWN} does not support this; set it to false",
        ),
        ({"mail_to": "Ops <ops@example.org>"}, "auto_updates_mail_to: 'Ops <ops@example.org>' is not a mail address"),
    ],
)
def test_what_freebsds_updater_cannot_do(changes: dict[str, t.Any], sentence: str) -> None:
    assert errors("freebsd", **changes) == [sentence]
