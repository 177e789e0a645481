# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that a client could have written into a log: which of them a filter takes for a failure of somebody else.

A client writes parts of a message: a user name, a path, a user agent. The sample lines of a filter do not tell which
ones, but its expressions do: a word that they let be anything else may be such a part. Into each of these words the
client writes the rest of a message, with the address of a victim. The expressions decide which address counts.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .packet_filters import addresses_in

__all__ = ["VICTIMS", "ForgedLine", "first_word", "forged_lines", "forging_warning"]

# Documentation addresses (RFC 5737, RFC 3849), which stand for the victim.
VICTIMS = ("203.0.113.213", "2001:db8::d5")
# What the client writes where it does not matter: parts of it look like a request, a path and a quoted text.
_WORD, _JUNK = "x7q", 'x7q /y8r "z9s'
# Lines with more words take more time than they tell.
_MOST_WORDS = 60


@dataclass(frozen=True)
class ForgedLine:
    """A line made of a sample, of whose words the one with the number ``word`` is the client's.

    ``other``: the sample with nothing but that word changed. The client can write the line only if the filter matches
    this one as well. It is empty for a line that is another message, which any client may have caused.
    """

    text: str
    victim: str
    word: int
    other: str = ""


def forged_lines(sample: str) -> list[ForgedLine]:
    """Return the lines to try for a ``sample`` of one line, for each address in it."""
    words = _words(sample)
    if "\n" in sample or len(words) > _MOST_WORDS:
        return []
    return [line for address in sorted(addresses_in(sample)) for line in _with_address(words, address)]


def _with_address(words: list[str], address: str) -> t.Iterator[ForgedLine]:
    victim = VICTIMS[1] if ":" in address else VICTIMS[0]
    # The packet filter's form of an address and that of the log may differ (::ffff:192.0.2.1).
    theirs = [word.replace(address, victim) for word in words]
    if theirs == words:
        return
    last = max(number for number, word in enumerate(words) if address in word)
    for number, word in enumerate(words):
        # Another message, in which the client has written all from this word on.
        yield ForgedLine("".join([*words[:number], *_spaced([_JUNK]), *_spaced(theirs[number:])]), victim, number)
        if address in word:
            continue
        core = re.search(r"\w(?:.*\w)?", word)
        if core is None:
            continue
        other = "".join([*words[:number], word[: core.start()] + _WORD + word[core.end() :], *words[number + 1 :]])
        # The rest of the message, or, in a word behind the address, all of it.
        starts = [number + 1] if number < last else range(1, last + 1)
        for start in starts:
            written = [*words[:number], word, *_spaced(theirs[start:]), *_spaced(words[number + 1 :])]
            yield ForgedLine("".join(written), victim, number, other)


def _spaced(words: list[str]) -> list[str]:
    return words if not words or words[0].startswith(" ") else [" " + words[0], *words[1:]]


def forging_warning(
    name: str, sample: str, lines: t.Iterable[ForgedLine], hosts: t.Mapping[str, t.Sequence[str]], first: int
) -> str | None:
    """Return a warning with the shortest of the ``lines`` by which a client can have others banned, else ``None``.

    ``hosts``: what the filter finds in each text; ``first``: the number of the first word of the message.
    """
    found = hosts.get(sample, ())
    starts = _message_starts(sample, first)

    def can_be_written(line: ForgedLine) -> bool:
        return hosts.get(line.other) == found if line.other else line.word in starts

    forged = [line for line in lines if line.victim in hosts.get(line.text, ()) and can_be_written(line)]
    if not forged:
        return None
    line = min(forged, key=lambda one: len(one.text))
    return (
        f"a client whose text is in the log can have others banned by the filter {name}: it finds {line.victim} in "
        f"{line.text!r}; begin failregex with ^, end it with $, and let no part of it match more than the program "
        'writes there (\\S+ or [^"]* instead of .*)'
    )


def _message_starts(sample: str, first: int) -> list[int]:
    """Return the numbers of the words with which a message may begin: behind the time, and behind ``program[12]:``."""
    words = _words(sample)
    tags = [number for number, word in enumerate(words) if number >= first and re.search(r"\w\[\d+\]:$", word)]
    return [first, *(number + 1 for number in tags[:1])]


def first_word(sample: str, message: str) -> int:
    """Return the number of the first word of ``message``, which is what a filter has left of ``sample``."""
    return max(0, len(_words(sample)) - len(_words(message)))


def _words(text: str) -> list[str]:
    return re.split(r"(?<=\S)(?= )", text)
