# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of the module sshd_config as a host sent it: only what the module returns, in the types it has. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_confirmation import Unfit, unfit_answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._module_result import checked_result

__all__ = ["module_answer"]

Result = t.Dict[str, t.Any]

_FLAGS = ("changed", "failed", "unreachable", "skipped", "reloaded")
_TEXTS = ("msg", "path", "version", "module_stdout", "module_stderr", "exception")
_LISTS = ("shadowed", "exceptions", "ports", "selinux_ports", "warnings", "deprecations", "diff", "refused", "culprits")
_MAPPINGS = ("effective", "crypto", "firewall", "invocation", "ansible_facts")
_OTHERS = ("rc",)
_KNOWN = frozenset([*_FLAGS, *_TEXTS, *_LISTS, *_MAPPINGS, *_OTHERS])
_TYPES: t.Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(_FLAGS, (bool, "a boolean")),
    **dict.fromkeys(_TEXTS, (str, "a text")),
    **dict.fromkeys(_LISTS, (list, "a list")),
    **dict.fromkeys(_MAPPINGS, (dict, "a mapping")),
}
_INTERNAL = ("_phase", "_login_user")


def module_answer(answer: t.Any, *, state: str) -> Result:
    """Return of ``answer`` what the module returns; what it never does goes away, so that it means nothing to Ansible.

    Raises ``BaselineError`` where a field is of another type; ``state`` says what was or was not changed on the host.
    """
    if not isinstance(answer, dict):
        raise unfit_answer("it is no mapping", state)
    found = {name: value for name, value in answer.items() if name in _KNOWN}
    if not isinstance(found.get("exception", ""), str):
        # ansible-core's own summary of a module that ended in a traceback, which module_stderr has too.
        del found["exception"]
    for name, value in found.items():
        kind, words = _TYPES.get(name, (object, ""))
        if not isinstance(value, kind):
            raise unfit_answer(Unfit(name, f"is not {words}"), state)
    for entry in found.get("diff", []):
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            raise unfit_answer(Unfit("diff", "has an entry that is no mapping of texts"), state)
    deprecated = [f"deprecated: {_message(entry, state)}" for entry in found.pop("deprecations", [])]
    warnings = [_message(entry, state) for entry in found.get("warnings", [])] + deprecated
    if warnings:
        found["warnings"] = warnings
    arguments = found.get("invocation", {}).get("module_args")
    if isinstance(arguments, dict):
        found["invocation"] = {"module_args": {name: arguments[name] for name in arguments if name not in _INTERNAL}}
    return checked_result(found, facts=("discovered_interpreter_python",))


def _message(entry: t.Any, state: str) -> str:
    """Return the text of a warning, which ansible-core 2.19 and later make an object of when they read the answer."""
    text = entry.get("msg") if isinstance(entry, dict) else getattr(getattr(entry, "event", None), "msg", entry)
    if not isinstance(text, str):
        raise unfit_answer(Unfit("warnings", "has an entry that is not a text"), state)
    return text
