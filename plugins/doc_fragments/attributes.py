# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that the modules share. A module changes ``support`` and adds ``details`` under ``attributes``."""

from __future__ import annotations


class ModuleDocFragment:
    """``pyhost.baseline.attributes`` for modules that change the host, ``….info_module`` for those that only read.

    ``….kept_code`` is for modules that keep their code on the host.
    """

    # language=yaml
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
"""

    # language=yaml
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
    support: full
    details: This module never changes the host.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details: This module never changes the host.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
    details: This module never changes the host.
"""

    # language=yaml
    KEPT_CODE = r"""
options: {}
notes:
  - Run by root, the module keeps the code of the collection in C(/run/pyhost.baseline/code) (C(/var/run) on FreeBSD)
    until the next boot, also in check mode. These are about four megabytes that only root can read or write. Later
    runs of all modules of the collection that do so need not send it, and Python does not compile it again.
"""
