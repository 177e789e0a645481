# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pf on a FreeBSD host: reads its rules, and makes its main ruleset evaluate an anchor."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError, state_of_errors
from ..._core.host.rc import rc_act, rc_enable, rc_state, rc_variables
from ..._core.policy_result import PolicyResult
from .. import pf_anchor
from ..pf_anchor import PfState

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..pf_anchor import PfPlan

__all__ = ["ensure"]


def ensure(host: Host, name: str) -> PolicyResult:
    """Ensure that pf evaluates the anchor ``name`` now and after each boot."""
    pf_anchor.check_anchor(name)
    if host.find("pfctl") is None:
        raise BaselineError("pfctl is not installed on this host, so it has no pf")
    pf = _read(host)
    plan = pf_anchor.plan(pf, name)
    if plan.text != pf.text:
        pf_anchor.require_same(pf, _parsed(host, plan.text, pf.path), name)
    result = PolicyResult(
        {"pf": _describe(pf, name), **({} if pf.text is None else {pf.path: pf.text})},
        {"pf": "enabled, running, with the anchor\n", pf.path: plan.text},
    )
    if result.changed and not host.check_mode:
        pf = _apply(host, pf, plan)
        if _describe(pf, name) != result.after["pf"]:
            raise BaselineError(f"pf is {_describe(pf, name).strip()} after the change", state=_written(pf))
    result.result.update(path=pf.path, anchor=name, rules=pf_anchor.filter_rules(pf.loaded))
    return result


def _apply(host: Host, pf: PfState, plan: PfPlan) -> PfState:
    """Write the file, enable pf at boot, start it or load the file; return the new state."""
    if plan.text != pf.text:
        host.write(pf.path, plan.text, mode=0o600)
    with state_of_errors(_written(pf)):
        if plan.enable:
            rc_enable(host, "pf")
        if plan.start or plan.load:
            rc_act(host, "start" if plan.start else "reload", "pf")
        return _read(host)


def _written(pf: PfState) -> str:
    return f"{pf.path} has the anchor, and pf may have been enabled, started or reloaded"


def _read(host: Host) -> PfState:
    path = rc_variables(host, "pf_rules").get("pf_rules") or "/etc/pf.conf"
    text = host.read(path)
    # Without its kernel module there is no /dev/pf, and pf is off.
    info = host.run(["pfctl", "-s", "info"])
    enabled = info.ok and "Status: Enabled" in info.out
    return PfState(
        path=path,
        text=text,
        enabled=enabled,
        at_boot=rc_state(host, "pf").enabled,
        loaded=host.run(["pfctl", "-s", "rules"]).out if enabled else "",
        parsed="" if text is None else _parsed(host, text, path),
    )


def _parsed(host: Host, text: str, path: str) -> str:
    """Return the rules of ``text`` as pfctl parses them. A rejection is an error."""
    scratch = os.path.join(host.scratch(), "pf.conf")
    host.lay_out({scratch: text})
    ran = host.run(["pfctl", "-nvf", scratch])
    if not ran.ok:
        raise BaselineError(f"pf rejects the file: {ran.message().replace(scratch, path)}", where=path)
    return ran.out


def _describe(pf: PfState, name: str) -> str:
    asked = "with" if pf_anchor.has_anchor(pf.loaded, name) else "without"
    running = "running" if pf.enabled else "off"
    return f"{'enabled' if pf.at_boot else 'disabled'}, {running}, {asked} the anchor\n"
