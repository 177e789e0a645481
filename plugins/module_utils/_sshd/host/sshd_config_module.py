# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module sshd_config, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._core.confirm_timeout import check_seconds
from ..._core.module_result import ModuleResult
from ..._core.phase import PhaseRequest, read_phase_request
from ..keywords import folded
from ..settings import build_settings
from .change import SshdRequest, ensure
from .confirm import ConfirmRequest
from .crypto import CryptoProfile

if t.TYPE_CHECKING:
    from ..._core.host.host import Host

__all__ = ["ensure_options"]


def _request(options: t.Mapping[str, t.Any], phase: PhaseRequest) -> SshdRequest:
    """Return the request of the task's ``options``."""
    check_seconds(options["confirm_timeout"])
    settings, defaults = (
        frozenset(folded(str(name)) for name in options[option]) for option in ("settings", "defaults")
    )
    return SshdRequest(
        desired=build_settings(options["settings"], options["match"], defaults=options["defaults"]),
        main=options["path"],
        dropin=options["dropin"],
        users=tuple(options["guard_users"]),
        reload=options["reload"],
        confirm=ConfirmRequest(
            phase=phase.phase,
            seconds=options["confirm_timeout"],
            login_user=phase.login_user,
            become=phase.become,
        ),
        profile=CryptoProfile(options["crypto"], settings | defaults),
        optional=defaults - settings,
        keep_ports=options["keep_ports"] and "port" not in settings | defaults,
        match_conflicts=options["match_conflicts"],
    )


def ensure_options(host: Host, options: t.Mapping[str, t.Any], phase_argument: t.Any = None) -> ModuleResult:
    """Ensure the settings of ``options``, in the phase that the controller's half asks for."""
    phase = read_phase_request(phase_argument)
    result = ensure(host, _request(options, phase))
    if not phase.phase:
        del result["confirmation"]
    changed, diff, warnings = (result.pop(name, None) for name in ("changed", "diff", "warnings"))
    return ModuleResult(bool(changed), diff, warnings or [], result)
