# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of a role, as far as it can be said without the host: by the modules' own functions."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.pyhost.baseline.plugins.module_utils._core import rollback
from ansible_collections.pyhost.baseline.plugins.module_utils._core import timers as systemd_timers
from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import config as fail2ban
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs import admin_user, python_stack
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import input_errors
from ansible_collections.pyhost.baseline.plugins.module_utils._packages import names as package_names
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd import trusted as sshd_trusted
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import origins as apt_origins
from ansible_collections.pyhost.baseline.plugins.module_utils._updates import unattended_upgrades

from . import auto_updates

__all__ = ["ROLES", "complaints"]

Inputs = t.Mapping[str, t.Any]
Told = t.Iterator[str]

# What an error of a module says at its end; whoever collects complaints says it once.
_UNCHANGED = ("; nothing was changed", ". Nothing was changed", "; this task changed nothing")


def complaints(role: str, options: Inputs, inputs: Inputs, family: str = "") -> list[str]:
    """Return a sentence for each input that ``role`` cannot fulfil; ``options`` are those of its argument spec.

    With a ``family`` of systems those are told too that its own tools cannot fulfil.
    """
    if role == "admin_user":
        # Its sentences say more than those about types and missing arguments.
        told = input_errors(inputs) or admin_user.complaints(inputs)
        if told:
            return told
    wrong = [*input_errors(inputs), *_texts(options, inputs), *_mistyped(options, inputs)]
    if wrong:
        return wrong
    given = ArgumentSpecValidator(options).validate(inputs).validated_parameters
    return [*ROLES[role](given), *_packages(role, given), *_unfit(role, given, family)]


def _texts(options: Inputs, inputs: Inputs) -> Told:
    """Ansible takes a text for a mapping where it can be read as one; roles that combine mappings cannot."""
    for name, value in inputs.items():
        if options[name].get("type") == "dict" and isinstance(value, str):
            yield f"{name} is a text, but has to be a mapping; on a command line write -e '{{\"{name}\": {{…}}}}'"


def _mistyped(options: Inputs, inputs: Inputs) -> Told:
    found = ArgumentSpecValidator(options).validate(inputs, validate_role_argument_spec=True)
    for error in found.errors.errors:
        words = " ".join(error.msg.split()).rstrip(".")
        yield f"unknown input {words}" if isinstance(error, UnsupportedError) else words


def _packages(role: str, given: Inputs) -> Told:
    for name in given.get(f"{role}_packages", []):
        yield from _told(f"{role}_packages", package_names.checked, name)


def _unfit(role: str, given: Inputs, family: str) -> Told:
    if role == "auto_updates" and family:
        prefix = f"{role}_"
        yield from auto_updates.unfit(family, {name[len(prefix) :]: value for name, value in given.items()})


def _python(given: Inputs) -> Told:
    for venv in given["python_stack_venvs"]:
        for text in python_stack.complaints(venv):
            yield f"python_stack_venvs: {text}"


def _updates(given: Inputs) -> Told:
    prefix = "auto_updates_"
    options = {name[len(prefix) :]: value for name, value in given.items()}
    for origin in options["origins"]:
        yield from _told(f"{prefix}origins", apt_origins.check, origin)
    # One option at a time, so that all that are wrong are told.
    neutral = {"blocklist": [], "allowlist": [], "days": [], "reboot": "never", "reboot_time": "now"}
    for name, value in options.items():
        if name in unattended_upgrades.NAMES and name != "origins":
            yield from _told(f"{prefix}{name}", unattended_upgrades.policy, {**neutral, name: value}, ())
    for name, value in options["schedule"].items():
        yield from _told(f"{prefix}schedule.{name}", systemd_timers.drop_in, "unattended_upgrades", value, None)


def _jails(given: Inputs) -> Told:
    defaults = given["fail2ban_defaults"]
    jails = {name: {} if options is None else options for name, options in given["fail2ban_jails"].items()}
    yield from _sections("fail2ban_defaults", {"DEFAULT": defaults}, lambda: fail2ban.check_names(defaults, {}))
    yield from _sections("fail2ban_jails", jails, lambda: fail2ban.check_names({}, jails))


def _sections(variable: str, sections: t.Mapping[str, Inputs], check_names: t.Callable[[], None]) -> Told:
    wrong = list(_told(variable, check_names))
    yield from wrong
    # What is no mapping has no values.
    for section, options in sections.items() if not wrong else ():
        for option, value in options.items():
            yield from _told(variable, fail2ban.check_value, f"[{section}]", option, value)


def _sshd(given: Inputs) -> Told:
    yield from _told("sshd_port", build_settings, {"Port": given["sshd_port"]})
    settings = given["sshd_settings"]
    # One keyword at a time, so that all that are wrong are told; the same one twice is seen in the whole only.
    wrong = [text for item in settings.items() for text in _told("sshd_settings", build_settings, dict([item]))]
    yield from wrong or _told("sshd_settings", build_settings, settings)
    yield from _told("sshd_match", build_settings, {}, given["sshd_match"])
    for address in given["sshd_trusted_addresses"]:
        yield from _told("sshd_trusted_addresses", sshd_trusted.check_trusted, address)
    yield from _told("sshd_confirm_timeout", rollback.check_seconds, given["sshd_confirm_timeout"])


def _nothing(_given: Inputs) -> Told:
    yield from ()


# What is asked once the types of the inputs fit.
ROLES: dict[str, t.Callable[[Inputs], Told]] = {
    "admin_user": _nothing,
    "auto_updates": _updates,
    "baseline": _nothing,
    "fail2ban": _jails,
    "python_stack": _python,
    "sshd": _sshd,
}


def _told(variable: str, check: t.Callable[..., t.Any], *values: t.Any) -> Told:
    """Say what ``check`` raises, under the name of the role's ``variable`` instead of the module's option."""
    try:
        check(*values)
    except BaselineError as error:
        words = str(error)
        for end in _UNCHANGED:
            words = words.replace(end, "")
        option, colon, rest = words.partition(": ")
        known = option == "settings" or variable.partition(".")[0].endswith(f"_{option}")
        yield f"{variable}: {rest if colon and known else words}"
