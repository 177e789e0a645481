# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role admin_user's look at its inputs, on the controller."""

from __future__ import annotations

import typing as t

from ansible_collections.pyhost.baseline.plugins.module_utils._admin_user import complaints


class FilterModule:
    """The filters of this file, by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"admin_user_complaints": complaints}
