# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module, documented in plugins/modules/firewall_info.py."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.plugin_utils._answers.action import CheckedModule


class ActionModule(CheckedModule):
    """Checks what the host answers."""
