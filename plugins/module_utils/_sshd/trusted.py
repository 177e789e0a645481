# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the addresses that sshd never penalises, as sshd reads them (a network has no host bits)."""

from __future__ import annotations

import ipaddress

from .._core.errors import BaselineError

__all__ = ["check_trusted"]


def check_trusted(text: str) -> None:
    """Raise unless ``text`` is an IP address or a network, and not the network of all addresses."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise BaselineError(
            str(error), hint="give an address or a network such as 192.0.2.0/24 or 2001:db8::/48"
        ) from error
    if not network.prefixlen:
        raise BaselineError(
            f"{text} contains every address",
            hint="to turn penalties off, set PerSourcePenalties to no in sshd_settings",
        )
