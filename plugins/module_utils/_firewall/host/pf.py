# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pf on a FreeBSD host: reads its rules, and has its main ruleset ask an anchor."""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import BaselineError
from ..._core.host.rc import rc_act, rc_enable, rc_state, rc_variables
from ..._core.policy_result import PolicyResult
from .. import pf_anchor
from ..pf_anchor import Pf

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure"]

_UNTOUCHED = "nothing was changed"


def ensure(host: Host, name: str) -> PolicyResult:
    """Have pf ask the anchor ``name`` now and after each boot, and prove it."""
    pf_anchor.check_anchor(name)
    if host.find("pfctl") is None:
        raise BaselineError(f"this host has no pfctl, and so no pf; {_UNTOUCHED}")
    pf = _read(host)
    plan = pf_anchor.plan(pf, name)
    if plan.text != pf.text:
        pf_anchor.require_same(pf, _parsed(host, plan.text, pf.path), name)
    outcome = PolicyResult(
        {"pf": _describe(pf, name), **({} if pf.text is None else {pf.path: pf.text})},
        {"pf": "enabled, running, with the anchor\n", pf.path: plan.text},
    )
    if outcome.changed and not host.check_mode:
        if plan.text != pf.text:
            host.write(pf.path, plan.text, mode=0o600)
        told = f"{pf.path} has the anchor"
        if plan.enable:
            rc_enable(host, "pf", unchanged=told)
        if plan.start or plan.load:
            rc_act(host, "start" if plan.start else "reload", "pf", unchanged=told)
        pf = _read(host)
        if _describe(pf, name) != outcome.after["pf"]:
            raise BaselineError(f"pf is {_describe(pf, name).strip()} after its start; {told}")
    outcome.result.update(path=pf.path, anchor=name, rules=pf_anchor.filter_rules(pf.loaded))
    return outcome


def _read(host: Host) -> Pf:
    path = rc_variables(host, "pf_rules").get("pf_rules") or "/etc/pf.conf"
    text = host.read(path)
    # Without its module in the kernel there is no /dev/pf, and pf is off.
    info = host.run(["pfctl", "-s", "info"])
    enabled = info.ok and "Status: Enabled" in info.out
    return Pf(
        path=path,
        text=text,
        enabled=enabled,
        at_boot=rc_state(host, "pf").enabled,
        loaded=host.run(["pfctl", "-s", "rules"]).out if enabled else "",
        parsed="" if text is None else _parsed(host, text, path),
    )


def _parsed(host: Host, text: str, path: str) -> str:
    """Return the rules that ``text`` comes to; pfctl's refusal raises."""
    scratch = os.path.join(host.scratch(), "pf.conf")
    host.lay_out({scratch: text})
    ran = host.run(["pfctl", "-nvf", scratch])
    if not ran.ok:
        raise BaselineError(f"pf rejects {path}: {ran.message().replace(scratch, path)}; {_UNTOUCHED}")
    return ran.out


def _describe(pf: Pf, name: str) -> str:
    asked = "with" if pf_anchor.has_anchor(pf.loaded, name) else "without"
    running = "running" if pf.enabled else "off"
    return f"{'enabled' if pf.at_boot else 'disabled'}, {running}, {asked} the anchor\n"
