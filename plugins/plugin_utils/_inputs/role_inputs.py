# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the inputs of a role, as far as that is possible without the host, with the modules' own functions."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.pyhost.baseline.plugins.module_utils._core import confirm_timeout
from ansible_collections.pyhost.baseline.plugins.module_utils._core import timers as systemd_timers
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import config as fail2ban
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import parse_filters
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import parse_notify
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.request import parse_request
from ansible_collections.pyhost.baseline.plugins.module_utils._firewall.services import POSSIBLE_SERVICES
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs import admin_user, python_stack
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import character_errors
from ansible_collections.pyhost.baseline.plugins.module_utils._packages import names as package_names
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd import trusted as sshd_trusted
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import freshness, unattended_upgrades
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import origins as apt_origins

__all__ = ["ROLES", "role_input_errors"]

Inputs = t.Mapping[str, t.Any]
Errors = t.Iterator[BaselineError]


def role_input_errors(role: str, options: Inputs, inputs: Inputs, family: str = "") -> list[BaselineError]:
    """Return an error for each invalid input of ``role``; ``options`` are those of its argument spec.

    With a ``family`` of systems, what its own tools cannot do is an error too.
    """
    if role == "admin_user":
        # These errors say more than those about types and missing arguments.
        errors = character_errors(inputs) or admin_user.account_errors(inputs, prefix="admin_user_")
        if errors:
            return errors
    errors = [*character_errors(inputs), *_texts(options, inputs), *_mistyped(options, inputs)]
    if errors:
        return errors
    given = ArgumentSpecValidator(options).validate(inputs).validated_parameters
    return [*ROLES[role](given), *_packages(role, given), *_unsupported(role, given, family)]


def _texts(options: Inputs, inputs: Inputs) -> Errors:
    """Ansible accepts a text for a mapping if the text can be read as one. Roles that combine mappings cannot."""
    for name, value in inputs.items():
        if options[name].get("type") == "dict" and isinstance(value, str):
            hint = f"on a command line write -e '{{\"{name}\": {{…}}}}'"
            yield BaselineError("this is text, but must be a mapping", option=name, hint=hint)


def _mistyped(options: Inputs, inputs: Inputs) -> Errors:
    found = ArgumentSpecValidator(options).validate(inputs, validate_role_argument_spec=True)
    for error in found.errors.errors:
        message = " ".join(error.msg.split()).rstrip(".")
        yield BaselineError(f"unknown input {message}" if isinstance(error, UnsupportedError) else message)


def _packages(role: str, given: Inputs) -> Errors:
    for name in given.get(f"{role}_packages", []):
        yield from _errors_of(f"{role}_packages", package_names.checked, name)


def _unsupported(role: str, given: Inputs, family: str) -> Errors:
    if role == "auto_updates" and family:
        # Only here, because each run would wait for what it imports.
        from . import auto_updates  # noqa: PLC0415

        prefix = f"{role}_"
        yield from auto_updates.unsupported_inputs(
            family, {name[len(prefix) :]: value for name, value in given.items()}
        )


def _python(given: Inputs) -> Errors:
    for venv in given["python_stack_venvs"]:
        for problem in python_stack.venv_problems(venv):
            yield BaselineError(problem, option="python_stack_venvs")


def _updates(given: Inputs) -> Errors:
    prefix = "auto_updates_"
    options = {name[len(prefix) :]: value for name, value in given.items()}
    for origin in options["origins"]:
        yield from _errors_of(f"{prefix}origins", apt_origins.check, origin)
    # One option at a time, so that each invalid one is reported.
    neutral = {"blocklist": [], "allowlist": [], "days": [], "reboot": "never", "reboot_time": "now"}
    for name, value in options.items():
        if name in unattended_upgrades.NAMES and name != "origins":
            yield from _errors_of(f"{prefix}{name}", unattended_upgrades.policy, {**neutral, name: value}, ())
    yield from _errors_of(f"{prefix}max_age", freshness.checked_limit, options["max_age"])
    for name, value in options["schedule"].items():
        yield from _errors_of(f"{prefix}schedule.{name}", systemd_timers.drop_in, "unattended_upgrades", value, None)


def _jails(given: Inputs) -> Errors:
    defaults = given["fail2ban_defaults"]
    jails = {name: {} if options is None else options for name, options in given["fail2ban_jails"].items()}
    yield from _sections("fail2ban_defaults", {"DEFAULT": defaults}, lambda: fail2ban.check_names(defaults, {}))
    yield from _sections("fail2ban_jails", jails, lambda: fail2ban.check_names({}, jails))
    # One filter at a time, so that each invalid one is reported.
    for item in given["fail2ban_filters"].items():
        yield from _errors_of("fail2ban_filters", parse_filters, dict([item]))
    yield from _errors_of("fail2ban_notify", parse_notify, given["fail2ban_notify"])


def _sections(variable: str, sections: t.Mapping[str, Inputs], check_names: t.Callable[[], None]) -> Errors:
    errors = list(_errors_of(variable, check_names))
    yield from errors
    # An entry that is not a mapping has no values.
    for section, options in sections.items() if not errors else ():
        for option, value in options.items():
            yield from _errors_of(variable, fail2ban.check_value, f"[{section}]", option, value)


def _sshd(given: Inputs) -> Errors:
    yield from _errors_of("sshd_port", build_settings, {"Port": given["sshd_port"]})
    settings = given["sshd_settings"]
    # One keyword at a time, so that each invalid one is reported; a keyword given twice shows only in the whole.
    errors = [error for item in settings.items() for error in _errors_of("sshd_settings", build_settings, dict([item]))]
    yield from errors or _errors_of("sshd_settings", build_settings, settings)
    yield from _errors_of("sshd_match", build_settings, {}, given["sshd_match"])
    for address in given["sshd_trusted_addresses"]:
        yield from _errors_of("sshd_trusted_addresses", sshd_trusted.check_trusted, address)
    yield from _errors_of("sshd_confirm_timeout", confirm_timeout.check_seconds, given["sshd_confirm_timeout"])


def _firewall(given: Inputs) -> Errors:
    prefix = "firewall_"
    # They are not in what parse_request reads: inputs of the role, and those of the controller's half.
    others = ("install", "packages", "confirm", "confirm_timeout")
    options = {name[len(prefix) :]: value for name, value in given.items()}
    try:
        parse_request({name: options[name] for name in options if name not in others}, POSSIBLE_SERVICES, prefix)
    except BaselineError as error:
        yield from error.parts or [error]
    yield from _errors_of(f"{prefix}confirm_timeout", confirm_timeout.check_seconds, options["confirm_timeout"])


def _none(_given: Inputs) -> Errors:
    yield from ()


# The checks that run once the types of the inputs are right.
ROLES: dict[str, t.Callable[[Inputs], Errors]] = {
    "admin_user": _none,
    "auto_updates": _updates,
    "baseline": _none,
    "fail2ban": _jails,
    "firewall": _firewall,
    "python_stack": _python,
    "sshd": _sshd,
}


def _errors_of(variable: str, check: t.Callable[..., t.Any], *values: t.Any) -> Errors:
    """Yield the error that ``check`` raises, with the role's ``variable`` instead of the module's option."""
    try:
        check(*values)
    except BaselineError as error:
        yield BaselineError(error.problem, option=variable, where=error.where, hint=error.hint)
