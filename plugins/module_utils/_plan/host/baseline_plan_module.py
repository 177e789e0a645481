# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module baseline_plan returns for its requests."""

from __future__ import annotations

import typing as t

from ..._core.errors import BaselineError
from ..._inputs.text import require_plain
from ..model import PartRequest, plan_error, plan_result
from .plan import plan_host

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["run"]


def run(module: AnsibleModule) -> None:
    """Plan the requests of ``module``, and end it with the plan or its errors."""
    requests = [PartRequest(one["role"], one["module"], one["options"]) for one in module.params["requests"]]
    try:
        require_plain({"requests": [{"role": one.role, "module": one.module} for one in requests]})
        parts = plan_host(module, requests)
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for part in parts:
        for warning in [*(part.known_after_apply if module.check_mode else []), *part.warnings]:
            module.warn(warning)
    result = plan_result(parts)
    if result["errors"]:
        # The parts would bury the errors in what Ansible prints.
        module.fail_json(**plan_error(parts).as_result(), errors=result["errors"], roles=result["roles"])
    module.exit_json(changed=module.check_mode and not result["in_force"], **result)
