# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of fail2ban's socket: a pickled list of words there, a pickled (status, value) back.

One process of fail2ban-client costs a tenth of a second; the same question through the socket costs a millisecond.
"""

from __future__ import annotations

import io
import pickle
import typing as t

__all__ = ["END", "Refusal", "decode", "encode"]

END = b"<F2B_END_COMMAND>"
# An answer consists of plain values; nothing else of a pickle is let in.
_PLAIN = frozenset(["set", "frozenset", "complex", "bytearray"])


class Refusal(Exception):
    """The server's own error: stands in for whatever class it sent."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> t.Any:
        if module == "builtins" and name in _PLAIN:
            return super().find_class(module, name)
        if name.endswith(("Exception", "Error")):
            return Refusal
        if (module, name) in (("builtins", "str"), ("fail2ban.server.ipdns", "IPAddr")):
            return str
        raise pickle.UnpicklingError(f"fail2ban's answer holds a {module}.{name}")


def encode(words: t.Sequence[str]) -> bytes:
    """Return the bytes that ask the server ``words`` (protocol 2: every Python 3 reads it)."""
    return pickle.dumps(list(words), 2) + END


def decode(answer: bytes) -> tuple[bool, t.Any]:
    """Return (answered, value) of the server's ``answer`` without its end mark; a refusal's value is its words."""
    loaded = _Unpickler(io.BytesIO(answer)).load()
    if len(loaded) != 2:
        # A server that is going down answers every question with ["SHUTDOWN"].
        return False, " ".join(map(str, loaded))
    status, value = loaded
    if isinstance(value, Refusal):
        value = " ".join(str(word) for word in value.args) or "refused without a word"
    return status == 0, value
