# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses that sshd never penalises, checked as sshd reads them (a network has no host bits). Pure."""

from __future__ import annotations

import ipaddress

from .._core.errors import BaselineError

__all__ = ["check_trusted"]


def check_trusted(text: str) -> None:
    """Raise for what is neither an IP address nor a network, and for a network that holds every address."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise BaselineError(f"{error}; give an address or a network such as 192.0.2.0/24 or 2001:db8::/48") from error
    if not network.prefixlen:
        raise BaselineError(
            f"{text} is every address; to do without penalties, set PerSourcePenalties to no in sshd_settings"
        )
