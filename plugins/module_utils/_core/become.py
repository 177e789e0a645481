# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The method by which a play becomes root, where it names none. Pure."""

from __future__ import annotations

__all__ = ["DEFAULT_BECOME"]

DEFAULT_BECOME = "sudo"
