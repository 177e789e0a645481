# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of fail2ban's socket: the request is a pickled list of words, the answer a pickled (status, value).

A fail2ban-client process takes a tenth of a second. The same request through the socket takes a millisecond.
"""

from __future__ import annotations

import io
import pickle
import typing as t

__all__ = ["END", "ServerRefusal", "decode", "encode"]

END = b"<F2B_END_COMMAND>"
# An answer consists of plain values. Anything else in a pickle is rejected.
_PLAIN = frozenset(["set", "frozenset", "complex", "bytearray"])


class ServerRefusal(Exception):
    """An error of the server. It replaces the exception class in the answer."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> t.Any:
        if module == "builtins" and name in _PLAIN:
            return super().find_class(module, name)
        if name.endswith(("Exception", "Error")):
            return ServerRefusal
        if (module, name) in (("builtins", "str"), ("fail2ban.server.ipdns", "IPAddr")):
            return str
        raise pickle.UnpicklingError(f"the answer of fail2ban contains a {module}.{name}")


def encode(words: t.Sequence[str]) -> bytes:
    """Return the request ``words`` as bytes (protocol 2, which every Python 3 reads)."""
    return pickle.dumps(list(words), 2) + END


def decode(answer: bytes) -> tuple[bool, t.Any]:
    """Return (answered, value) of an ``answer`` without its end mark. The value of a refusal is its message."""
    loaded = _Unpickler(io.BytesIO(answer)).load()
    if len(loaded) != 2:
        # A server that is shutting down answers every request with ["SHUTDOWN"].
        return False, " ".join(map(str, loaded))
    status, value = loaded
    if isinstance(value, ServerRefusal):
        value = " ".join(str(word) for word in value.args) or "refused without a message"
    return status == 0, value
