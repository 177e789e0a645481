# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module fail2ban_jails, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.module_result import ModuleResult
from ..filters import parse_filters
from ..jails_result import JailsResult
from ..notify import parse_notify
from ..plan import JailsRequest, state_text
from .ensure import ensure
from .nftables_unit import DROP_IN
from .site import OWN_FILE

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Ensure that the jails of ``options`` run."""
    request = _request(options)
    with host.lock("fail2ban"):
        result = ensure(host, request, reload=options["reload"], proof=options["prove"])
    fields = _fields(result, request.jails)
    return ModuleResult(result.changed, _diff(result), result.warnings, fields, result.unproven)


def _diff(result: JailsResult) -> list[dict[str, str]]:
    before, after = result.before, result.after
    server = state_text(before.running(), after.running())
    files = [(result.path, before.file, after.file), (DROP_IN, before.drop_in, after.drop_in)]
    for path in dict.fromkeys([*before.files, *after.files]):
        old, new = (side.files[path].shown if path in side.files else None for side in (before, after))
        files.append((result.path.replace(OWN_FILE, path), old, new))
    return [
        *(
            {"before_header": path, "after_header": path, "before": old or "", "after": new or ""}
            for path, old, new in files
        ),
        {"before_header": "running server", "after_header": "running server", "before": server[0], "after": server[1]},
    ]


def _fields(result: JailsResult, jails: t.Iterable[str]) -> dict[str, t.Any]:
    effective = result.after.jails
    return {
        "jails": {
            name: {option: value for option, value in effective[name].items() if " " not in option}
            for name in jails
            if name in effective
        },
        "filters": dict(result.filters),
        "backend": result.composed.backend,
        "banaction": result.composed.banaction,
        "reloaded": result.reloaded,
        "restarted": result.restarted,
        "proof": result.proof,
    }


def _request(options: t.Mapping[str, t.Any]) -> JailsRequest:
    return JailsRequest(
        defaults=options["defaults"],
        jails={name: values or {} for name, values in options["jails"].items()},
        backend=options["backend"],
        banaction=options["banaction"],
        sshd_logins=options["sshd_logins"],
        check_sshd=options["check_sshd"],
        ignore_controller=options["ignore_controller"],
        filters=parse_filters(options["filters"]),
        notify=parse_notify(options["notify"]),
    )
