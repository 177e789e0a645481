# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is requested of an account. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .public_keys import PublicKey

__all__ = ["AccountRequest"]


@dataclass(frozen=True)
class AccountRequest:
    """One call of the module. An empty ``password`` or ``shell`` leaves that of an existing account alone.

    ``key_file`` is the path of a file outside of the home that keeps the keys; if empty, they are kept below the home.
    """

    name: str
    keys: tuple[PublicKey, ...]
    exclusive_keys: bool = False
    sudo: str = "nopasswd"
    password: str = ""
    groups: tuple[str, ...] = ()
    shell: str = ""
    key_file: str = ""
    allow_system_account: bool = False
