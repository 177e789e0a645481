# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ban times that grow with each ban of an address: by default in jails with the filter recidive.

See ``bantime.increment`` in jail.conf(5). fail2ban doubles the time for each earlier ban that its database has. It
keeps a ban there for three times its duration.
"""

from __future__ import annotations

import typing as t

from . import config as fail2ban

__all__ = ["with_growing_bans"]

_INCREMENT, _MAXTIME = "bantime.increment", "bantime.maxtime"
# 1w, 2w, 4w, 8w: addresses are given to other people in time.
_MOST = 8
# What fail2ban uses where no file sets it.
_USUAL = "10m"


def with_growing_bans(
    filter_name: str,
    options: t.Mapping[str, t.Any],
    defaults: t.Mapping[str, t.Any],
    others: t.Mapping[str, str],
    others_defaults: t.Mapping[str, str],
) -> dict[str, t.Any]:
    """Return ``options`` of a jail, for the filter recidive with ban times that grow, unless something sets them.

    ``defaults``: ``[DEFAULT]`` of ours; ``others``, ``others_defaults``: the jail and ``[DEFAULT]`` of other files.
    """
    sources = (options, others, defaults, others_defaults)
    if filter_name != "recidive" or any(_INCREMENT in source for source in sources):
        return dict(options)
    grown = {**options, _INCREMENT: True}
    length = fail2ban.seconds(fail2ban.first_set("bantime", sources, _USUAL))
    if length and length > 0 and not any(_MAXTIME in source for source in sources):
        grown[_MAXTIME] = str(int(length * _MOST))
    return grown
