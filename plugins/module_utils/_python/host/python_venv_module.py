# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module python_venv, and what it returns for them."""

from __future__ import annotations

import typing as t

from ..._inputs.requirements import credentials, texts_of
from ..venv import parse_request
from .venv import check, ensure

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..._core.module_result import ModuleResult

__all__ = ["ensure_options"]


def ensure_options(host: Host, options: t.Mapping[str, t.Any]) -> ModuleResult:
    """Build the environments of ``options``, or only check their owners and paths."""
    # The result repeats the options of the task, and with them the passwords in addresses of requirements.
    host.hide(credentials(texts_of(options["venvs"])))
    requests = [parse_request(venv, kernel=host.platform.kernel) for venv in options["venvs"]]
    if options["state"] == "checked":
        found = check(host, requests)
    else:
        found = ensure(host, requests, seconds=options["timeout"])
    return found.as_module_result()
