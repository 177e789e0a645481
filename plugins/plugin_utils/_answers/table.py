# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields that each module may return, and their shapes. A unit test compares them with the modules' RETURN. Pure.

``str``, ``int``, ``bool`` and ``float`` are themselves, ``object`` is any value, a pattern a text that matches it.
``[x]`` is a list of x, ``{str: x}`` a mapping of any names to x, ``{"a": x}`` a record, ``(x, y)`` one or the other.
Everything may be null.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._core.code import CODE_MISSING

__all__ = ["ANSWERS", "JOB", "OF_THE_CONTROLLER", "Fields", "Shape"]

# The type is recursive, which Python 3.8's syntax cannot express.
Shape = t.Any
Fields = t.Mapping[str, Shape]

_SCALAR = (bool, int, float, str)
_TIMER = {
    "name": str,
    "enabled": bool,
    "active": bool,
    "state": str,
    "calendar": [str],
    "random_delay": str,
    "next": str,
    "last": str,
}
# Roles choose by these fields; ``title`` is for people.
_SYSTEM = {
    "id": re.compile(r"[A-Za-z0-9._-]{1,64}"),
    "version": re.compile(r"[A-Za-z0-9._~+-]{0,64}"),
    "family": re.compile(r"debian|redhat|freebsd|"),
    "package_manager": re.compile(r"apt|dnf|pkg|"),
    "title": re.compile(r".{0,200}", re.DOTALL),
}
_DIRECTIVE = {"keyword": str, "value": str, "file": str, "line": int, "criteria": str}
_HOST_KEY = {"path": str, "type": str, "bits": int, "fingerprint": str}
_JAIL = {
    "source": str,
    "journalmatch": [str],
    "logpath": [str],
    "has_entries": bool,
    "last_entry": str,
    "filter": str,
    "maxretry": int,
    "findtime": int,
    "bantime": int,
    "ignoreip": [str],
    "usedns": str,
    "actions": [str],
    "ports": [str],
    "counts": bool,
    "failures": int,
    "failures_total": int,
    "banned": int,
    "banned_total": int,
    "bans": [{"address": str, "since": str, "bantime": int, "remaining": int}],
}

_KEY = {"type": str, "fingerprint": str, "comment": str}

_DIFFERENCE = {"before_header": str, "after_header": str, "before": str, "after": str}

# The parts of the ``msg`` of a failure (BaselineError).
_FAILURE: Fields = {"option": str, "where": str, "hint": str}

_FIELDS: t.Mapping[str, Fields] = {
    "admin_user": {
        "name": str,
        "created": bool,
        "uid": int,
        "home": str,
        "shell": str,
        "groups": [str],
        "sudoers": str,
        "sudo": str,
        "key_file": str,
        "keys": [_KEY],
        "removed_keys": [{"path": str, "line": int, **_KEY}],
        "second_roots": [str],
    },
    "baseline_plan": {
        "in_force": bool,
        "roles": {str: bool},
        "errors": [str],
        "parts": [
            {
                "role": str,
                "module": str,
                "in_force": bool,
                "differences": [_DIFFERENCE],
                "errors": [str],
                "warnings": [str],
                "known_after_apply": [str],
                "unproven": [str],
                "evidence": [str],
                "facts": {"pyhost_system": _SYSTEM},
            }
        ],
        "ansible_facts": {"pyhost_system": _SYSTEM},
    },
    "dnf_automatic": {
        "path": str,
        "version": str,
        "effective": {str: {str: _SCALAR}},
        "timer": _TIMER,
        "disabled_timers": [str],
        "metadata_age": int,
        "success_age": int,
        "advisories": {str: bool},
        "shadowed_by": object,
    },
    "fail2ban_ban": {"jails": {str: {"before": [str], "after": [str], "restarted": bool}}},
    "fail2ban_info": {
        "installed": bool,
        "running": bool,
        "version": str,
        "database": {"path": str, "size": int, "problem": str},
        "jails": {str: _JAIL},
        "warnings_found": [str],
    },
    "fail2ban_jails": {
        # By jail and option, as the running server has them.
        "jails": {str: {str: (*_SCALAR, [_SCALAR])}},
        "filters": {str: [str]},
        "backend": str,
        "banaction": str,
        "reloaded": [str],
        "restarted": bool,
        "proof": {str: {str: (*_SCALAR, [str])}},
    },
    "firewall": {
        "backend": str,
        "ssh_ports": [int],
        "exposed": [str],
        "listeners": [{"protocol": str, "address": str, "port": int, "pid": int, "program": str}],
        # Not returned: the controller's half asks for it and reads it itself (_firewall/confirmation.py).
        "confirmation": object,
    },
    "firewall_info": {
        "backend": str,
        "managers": [str],
        "own_table": {"loaded": bool, "problem": str, "at_boot": bool},
        "ssh_ports": [int],
        "closed_by": [str],
        "open": [
            {"protocol": str, "ports": str, "from": [str], "interface": str, "conditional": bool, "by": str},
        ],
        "listeners": [
            {
                "protocol": str,
                "address": str,
                "port": int,
                "pid": int,
                "uid": int,
                "program": str,
                "reachable": str,
            },
        ],
        "published": [{"protocol": str, "ports": str, "host": str, "target": str, "reachable": str}],
        "warnings_found": [str],
    },
    "freebsd_updates": {
        "path": str,
        "base_by": str,
        "versions": {str: str},
        "reboot_required": bool,
        "job": {"when": str, "command": str},
        "cron": {"enabled": bool, "running": bool},
        "security_reports": {str: str},
    },
    "packages": {
        "ansible_facts": {"pyhost_system": _SYSTEM},
        "resolved": {str: [str]},
        "included": {str: str},
        "repositories": {str: {"enable": str, "packages": [str]}},
        "system": str,
        "installed": {str: str},
        "upgraded": {str: {"before": str, "after": str}},
        "removed": {str: str},
        "cache_updated": bool,
        "repositories_enabled": [str],
        "holder": {"pid": int, "command": str, "path": str},
        "unknown": [str],
    },
    "pf_anchor": {"path": str, "anchor": str, "rules": [str]},
    "python_venv": {
        "venvs": [
            {
                "path": str,
                "owner": str,
                "group": str,
                "mode": str,
                "python": str,
                "installer": str,
                "source": str,
                "recreated": str,
                "distributions": {str: str},
                "unmet": [str],
                "left_to_pip": [str],
                "imported": [str],
                "changed": bool,
            }
        ],
    },
    "sshd_config": {
        "path": str,
        "effective": {str: {str: (str, [str])}},
        "left_out": [str],
        "shadowed": [_DIRECTIVE],
        "exceptions": [_DIRECTIVE],
        "crypto": {
            "profile": str,
            "policy": str,
            "left_out": [str],
            "host_keys": [_HOST_KEY],
            "replaced": [object],
        },
        "reloaded": bool,
        "ports": [int],
        "port_held_by": [
            {"port": int, "address": str, "pid": int, "uid": int, "user": str, "program": str},
        ],
        "firewall": {"kind": str, "opened": [str]},
        "selinux_ports": [int],
        "version": str,
        "culprits": [str],
        "refused": [str],
        # Not returned: the controller's half asks for it and reads it itself (_sshd/confirmation.py).
        "confirmation": object,
    },
    "sshd_info": {
        "installed": bool,
        "version": str,
        "connection": str,
        "effective": {str: (str, [str])},
        "decided_by": [_DIRECTIVE],
        "shadowed": [_DIRECTIVE],
        "files": [str],
        "listen": [{"address": str, "port": int}],
        "ports": [int],
        "unit": str,
        "socket": str,
        "running": bool,
        "stale": bool,
        "host_keys": [{**_HOST_KEY, "offered": bool}],
    },
    "unattended_upgrades": {
        "path": str,
        "effective": {str: (*_SCALAR, [str])},
        "origins": [{"pattern": str, "archives": [str]}],
        "timers": [_TIMER],
        "lists_updated": bool,
        "archives": [str],
        "shadowed_by": object,
    },
    "unattended_upgrades_info": {
        "installed": bool,
        "effective": {str: (*_SCALAR, [str])},
        "origins": [{"pattern": str, "archives": [str]}],
        "archives": [str],
        "timers": [_TIMER],
        "last_run": {"started": str, "finished": str, "upgraded": [str], "errors": [str], "messages": [str]},
        "lists_age": int,
        "success_age": int,
        "reboot_required": bool,
        "reboot_required_by": [str],
        "pending": [
            {"name": str, "from": str, "to": str, "archives": [str], "security": bool, "automatic": bool},
        ],
        "kept_back": [
            {"name": str, "from": str, "to": str, "archives": [str], "security": bool, "reason": str},
        ],
        "problems": [str],
    },
}

# Not returned: the controller's half sends the code then (_core/code.py).
_CODE: Fields = {CODE_MISSING: bool}

ANSWERS: t.Mapping[str, Fields] = {module: {**fields, **_FAILURE, **_CODE} for module, fields in _FIELDS.items()}

# Fields that the controller's half adds. They are dropped from the answer of a host.
_COMMIT: Fields = {
    "confirmed_by": {"method": str, "reason": str, "user": str, "port": int, "sudo": bool, "seconds": float},
    "rolled_back": bool,
}
OF_THE_CONTROLLER: t.Mapping[str, Fields] = {
    "sshd_config": _COMMIT,
    "firewall": {
        **_COMMIT,
        "seen_from_outside": {
            "open": [int],
            "unanswered": [int],
            "closed": [int],
            "refused": [int],
            "skipped": str,
        },
    },
}

# The answer of Ansible's wrapper for a task with ``async``: the job that it started. ansible-core 2.18 has 0 and 1, and
# mitogen numbers its jobs in hex.
JOB: Fields = {
    "failed": (bool, int),
    "started": (bool, int),
    "finished": (bool, int),
    "ansible_job_id": re.compile(r"j?[0-9a-f]{1,20}(?:\.[0-9]{1,10})?"),
    "results_file": str,
    "_ansible_suppress_tmpdir_delete": bool,
}
