# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules have in common: the host, the errors and the warnings between the options and the result."""

from __future__ import annotations

import typing as t

from ..._inputs.text import require_plain
from ..errors import BaselineError
from .host import Host

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ..module_result import ModuleResult

__all__ = ["run_module"]


def run_module(module: AnsibleModule, ensure_options: t.Callable[[Host, dict[str, t.Any]], ModuleResult]) -> None:
    """Run ``ensure_options`` with the host and the options of ``module``, and end it with the result or the error."""
    try:
        require_plain(module.params)
        host = Host(module)
        result = ensure_options(host, module.params)
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for warning in [*host.known_after_apply, *result.warnings]:
        module.warn(warning)
    module.exit_json(**result.as_result())
