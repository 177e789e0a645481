# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions for the jails of nginx in which a client cannot name somebody else.

The error log of nginx has texts of the client between quotation marks, as the client has sent them. With the filters
of fail2ban 1.0 and 1.1 a header Referer (nginx-http-auth) or a path (nginx-botsearch) that contains quotation marks and
the rest of a message leads to a ban of the address in it.
"""

from __future__ import annotations

import typing as t

__all__ = ["with_safe_expressions"]

# Filter: what its file contains if it has the flaw, the option of the jail that mends it, and the value.
_SAFE = {
    # A name of basic authentication has no colon, so what stands before the address is nginx's own.
    "nginx-http-auth": (
        'user "(?:[^"]+|.*?)"',
        "failregex",
        r'^\s*\[error\] \d+#\d+: \*\d+ user "[^":]*":? (?:password mismatch|was not found in "[^"]*"), '
        "client: <HOST>, server:",
    ),
    # The path comes before the address, so a line with other quotation marks than those of nginx is ignored. The
    # access log, where the address is first, has the same request.
    "nginx-botsearch": (
        r"\"\S+\" (failed|is not found)",
        "ignoreregex",
        r'^\s*\[error\] (?![^"]*"[^"]*" [^"]*, client: [^"]*, request: "[^"]*"(?:, [a-z]+: "[^"]*")*\s*$)',
    ),
}


def with_safe_expressions(
    filter_name: str, options: t.Mapping[str, t.Any], others: t.Mapping[str, str], filter_text: str
) -> dict[str, t.Any]:
    """Return ``options`` of a jail with an expression in which nobody else is named, if its filter has the flaw.

    ``others``: the options of the jail in other files; ``filter_text``: the texts of the files of the filter. A jail
    with such an option or a mode of its own is left as it is.
    """
    flaw, option, expression = _SAFE.get(filter_name, ("", "", ""))
    is_set = any(name in source for name in (option, "mode") for source in (options, others))
    has_parameters = "[" in str(options.get("filter", others.get("filter", "")))
    # In the journal a message has no time and level of nginx.
    is_journal = str(options.get("backend", "")).startswith("systemd")
    if not flaw or flaw not in filter_text or is_set or has_parameters or is_journal:
        return dict(options)
    return {**options, option: expression}
