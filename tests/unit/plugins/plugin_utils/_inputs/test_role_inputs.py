# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid inputs of the roles are reported without a host: all at once, each under the name of its input."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.pyhost.baseline.plugins.plugin_utils._inputs.role_inputs import ROLES, role_input_errors

FOLDER = Path(__file__).parents[5] / "roles"


def messages(role: str, changes: dict[str, t.Any]) -> list[str]:
    """Return the errors in the role's own defaults with ``changes``."""
    spec = yaml.safe_load((FOLDER / role / "meta" / "argument_specs.yml").read_text())
    defaults = yaml.safe_load((FOLDER / role / "defaults" / "main.yml").read_text())
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    errors = role_input_errors(role, spec["argument_specs"]["main"]["options"], {**plain, **changes})
    return [error.advice for error in errors]


def test_every_role_is_known() -> None:
    assert set(ROLES) == {path.name for path in FOLDER.iterdir() if path.is_dir()}


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"admin_user"}))
def test_defaults_are_good(role: str) -> None:
    assert messages(role, {}) == []


@pytest.mark.parametrize(
    ("role", "changes"),
    [
        ("auto_updates", {"auto_updates_origins": ["stable-updates", "esm-apps", "o=Debian,n=${distro_codename}"]}),
        ("auto_updates", {"auto_updates_schedule": {"upgrade_at": "Mon..Fri 04:00"}, "auto_updates_days": ["Mon"]}),
        ("fail2ban", {"fail2ban_jails": {"sshd": None, "shop": {"bantime": "1d 12h", "ignoreip": ["::1"]}}}),
        ("python_stack", {"python_stack_venvs": [{"path": "/srv/a", "owner": "a", "requirements": "/srv/r.txt"}]}),
        (
            "python_stack",
            {"python_stack_venvs": [{"path": "/srv/a", "owner": "a", "requirements": ["django>=5.2,<6"]}]},
        ),
        ("firewall", {"firewall_allow": ["http", "wireguard", {"service": "https", "proto": ["tcp", "udp"]}]}),
        ("firewall", {"firewall_ssh_from": ["192.0.2.0/24", "2001:db8::7"], "firewall_outgoing": ["https"]}),
        ("sshd", {"sshd_settings": {"Port": [22, 2222], "MaxAuthTries": None}, "sshd_port": "2222"}),
        ("sshd", {"sshd_match": [{"criteria": {"user": "upload"}, "settings": {"PermitTTY": False}}]}),
    ],
)
def test_good_inputs(role: str, changes: dict[str, t.Any]) -> None:
    assert messages(role, changes) == []


@pytest.mark.parametrize(
    ("role", "changes", "sentences"),
    [
        pytest.param(
            "admin_user",
            {},
            [
                "admin_user_name: the name is missing; name the admin's account, for example with '-e "
                "admin_user_name=deploy'",
                "admin_user_authorized_keys: the list is missing; give the public keys that may log in as the admin",
            ],
            id="the admin's own sentences",
        ),
        pytest.param(
            "baseline",
            {"baseline_roles": ["sshd", "ssh"]},
            [
                "value of baseline_roles must be one or more of: admin_user, python_stack, auto_updates, "
                "fail2ban, sshd, firewall. "
                "Got no match for: ssh"
            ],
            id="role",
        ),
        pytest.param(
            "sshd",
            {"sshd_settings": {"PermitRootLogn": False, "MaxAuthTries": "many"}, "sshd_port": 70000},
            [
                "sshd_port: Port takes a whole number from 1 to 65535, not '70000'",
                "sshd_settings: unknown sshd keyword 'PermitRootLogn'; did you mean 'PermitRootLogin' or "
                "'PermitOpen' or "
                "'PrintLastLog'?",
                "sshd_settings: MaxAuthTries takes a whole number from 1 to 2147483647, not 'many'",
            ],
            id="all settings of sshd",
        ),
        pytest.param(
            "firewall",
            {
                "firewall_allow": ["8080", {"port": 70000}, {"port": 80, "from": ["192.0.2.1/24", "2001:db8::x"]}],
                "firewall_close": [{"port": 111, "from": ["192.0.2.1"]}],
                "firewall_ssh_from": ["office.example.org"],
                "firewall_ssh_rate_limit": "many",
                "firewall_outgoing": "none",
                "firewall_confirm_timeout": 5,
            },
            [
                "firewall_allow[1]: '8080' is not the name of a service; write {port: 8080}",
                "firewall_allow[2].port: 70000 is not a port; give a port from 1 to 65535, a range like '8000-8010', "
                "or a list of these",
                "firewall_allow[3].from[1]: '192.0.2.1/24' has bits set after its prefix of 24 bits; write "
                "192.0.2.0/24 for the network, or 192.0.2.1 for the one address",
                "firewall_allow[3].from[2]: '2001:db8::x' is not an address or a network; a host name cannot be part "
                "of a rule; give addresses or networks like 192.0.2.7, 198.51.100.0/24 or 2001:db8::/32",
                "firewall_close[1]: cannot have the key 'from'; known there are service, port, proto",
                "firewall_ssh_from[1]: 'office.example.org' is not an address or a network; a host name cannot be part "
                "of a rule; give addresses or networks like 192.0.2.7, 198.51.100.0/24 or 2001:db8::/32",
                "firewall_ssh_rate_limit: 'many' is not a rate; give the new connections of one source in a time, like "
                "10/minute",
                "firewall_outgoing: must be allow, deny or a list of services and mappings, not 'none'",
                "firewall_confirm_timeout: 5 seconds are not from 15 to 3600",
            ],
            id="all of the firewall",
        ),
        pytest.param(
            "sshd",
            {"sshd_settings": {"port": 22, "Port": 23}},
            ["sshd_settings: Port is given twice (as 'Port' and another spelling)"],
            id="one keyword twice",
        ),
        pytest.param(
            "sshd",
            {"sshd_match": [{"criteria": {"usr": "ann"}, "settings": {"PermitTTY": False}}]},
            ["sshd_match: match block 1: unknown Match criterion 'usr'; did you mean 'user'?"],
            id="criterion",
        ),
        pytest.param(
            "sshd",
            {"sshd_confirm_timeout": 5},
            ["sshd_confirm_timeout: 5 seconds are not from 15 to 3600"],
            id="too little time for a login",
        ),
        pytest.param(
            "sshd",
            {"sshd_settings": "Port=22"},
            [
                'sshd_settings: this is text, but must be a mapping; on a command line write -e \'{"sshd_settings": '
                "{…}}'"
            ],
            id="a text for a mapping",
        ),
        pytest.param(
            "fail2ban",
            {
                "fail2ban_defaults": {"findtime": "long"},
                "fail2ban_jails": {"sshd": {"maxretry": 0, "bantime": "1 our"}},
            },
            [
                "fail2ban_defaults: [DEFAULT]: findtime is 'long', but has to be a time such as 600, 10m, 1h or 1d 12h",
                "fail2ban_jails: [sshd]: maxretry is '0', but has to be a whole number from 1",
                "fail2ban_jails: [sshd]: bantime is '1 our', but has to be a time such as 600, 10m, 1h or 1d 12h",
            ],
            id="values of jails",
        ),
        pytest.param(
            "fail2ban",
            {
                "fail2ban_filters": {
                    "shop": {"failregex": "^<HOST>$"},
                    "a/b": {},
                    "ok": {"failregex": "^<HOST>$", "matches": ["192.0.2.1\tx"]},
                }
            },
            [
                "fail2ban_filters: [shop]: matches is missing: without a sample line nothing shows that the filter "
                "finds anything; add at least one line of the log, as the program writes it",
                "fail2ban_filters: 'a/b' is not a valid name for a filter; use letters, digits, '-' and '_'",
            ],
            id="filters",
        ),
        pytest.param(
            "fail2ban",
            {"fail2ban_jails": {"shop": "enabled"}},
            ["fail2ban_jails: [shop]: the options are 'enabled', but have to be a mapping such as {maxretry: 3}"],
            id="a jail without options",
        ),
        pytest.param(
            "fail2ban",
            {"fail2ban_packages": ["fail2ban=1.0"]},
            [
                "fail2ban_packages: 'fail2ban=1.0' is not the name of a package: versions and releases are "
                "chosen in apt_preferences(5) or by dnf-versionlock(8), not here"
            ],
            id="package",
        ),
        pytest.param(
            "auto_updates",
            {"auto_updates_origins": ["orign=Debian", "secrity"], "auto_updates_reboot_time": "25:00"},
            [
                "auto_updates_origins: 'orign=Debian': unknown key 'orign'; did you mean 'origin'?; the keys "
                "are origin, label, archive, codename, component and site",
                "auto_updates_origins: unknown preset 'secrity'; did you mean 'security' or 'stable-security'?; "
                "the presets are distribution, security, stable, updates, proposed, backports, all; a pattern is "
                "origin=NAME,codename=NAME and so on",
                "auto_updates_reboot_time: '25:00' is not a time of day; give HH:MM (00:00 to 23:59, quoted in "
                "YAML) or now",
            ],
            id="all of a policy",
        ),
        pytest.param(
            "auto_updates",
            {"auto_updates_blocklist": ["("], "auto_updates_upgrade_interval": -1},
            [
                "auto_updates_blocklist: '(' is not a regular expression of Python (missing ), unterminated "
                "subpattern at "
                "position 0); write a literal + or ( as \\+ or \\(",
                "auto_updates_upgrade_interval: -1 is negative; give 0 or more",
            ],
            id="expression and interval",
        ),
        pytest.param(
            "auto_updates",
            {"auto_updates_schedule": {"upgrade_t": "04:00"}},
            [
                "unknown input auto_updates_schedule.upgrade_t. Supported parameters include: random_delay, "
                "update_lists_at, upgrade_at"
            ],
            id="key of the schedule",
        ),
        pytest.param(
            "auto_updates",
            {"auto_updates_schedule": {"upgrade_at": "04:00\nUnit=x"}},
            [
                "auto_updates_schedule.upgrade_at: U+000A (control character) at character 6 is not allowed there; "
                "write it as one line of printable characters"
            ],
            id="line break in the schedule",
        ),
        pytest.param(
            "python_stack",
            {"python_stack_venvs": [{"path": "srv", "owner": "ann", "mode": 493, "python": "py", "requirements": "a"}]},
            [
                "python_stack_venvs: 'srv': path must be an absolute path",
                "python_stack_venvs: 'srv': python is 'py', but must be an absolute path such as /usr/bin/python3, or "
                "a version such as '3.12'",
                "python_stack_venvs: 'srv': requirements is 'a', but must be a list of requirements or the "
                "absolute path "
                "of a requirements file on the host",
                "python_stack_venvs: 'srv': mode is '493', but must be octal and in quotes, such as '0750'",
            ],
            id="all of an environment",
        ),
        pytest.param(
            "python_stack",
            {"python_stack_venvs": [{"path": "/srv/a", "owner": "ann", "requirements": [{"name": "django"}]}]},
            ["python_stack_venvs: '/srv/a': requirements must be a list of texts such as 'django>=5.2,<6'"],
            id="requirement that is no text",
        ),
    ],
)
def test_bad_inputs(role: str, changes: dict[str, t.Any], sentences: list[str]) -> None:
    assert messages(role, changes) == sentences


def test_a_wrong_type_is_reported_by_ansible_in_one_line() -> None:
    [sentence] = messages("sshd", {"sshd_port": "ssh"})
    assert sentence.startswith("argument 'sshd_port' is of type")
    assert "\n" not in sentence
