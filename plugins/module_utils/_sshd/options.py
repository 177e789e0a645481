# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of sshd(8), whose options override all files, and a unit's ExecStart that contains them."""

from __future__ import annotations

import re
import shlex
import typing as t
from dataclasses import dataclass

__all__ = [
    "CommandLineOptions",
    "ends_by_itself",
    "expand_exec_start",
    "parse_environment",
    "parse_options",
    "split_title",
]

# The options that `sshd -T` accepts too and that change its answer; -f names another main file.
_DECIDING = "46ogp"
_WITH_VALUE = "CEbcfghkoPpu"


@dataclass(frozen=True)
class CommandLineOptions:
    """``main`` is the file of ``-f``, empty without; ``settings`` are the arguments that override the files."""

    main: str = ""
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.settings)


def parse_options(words: t.Sequence[str]) -> CommandLineOptions:
    """Read sshd's command line, the program first. A value that was split at its blanks is joined again."""
    main, settings = "", []
    for option, value in _pairs(words[1:]):
        if option == "f":
            main = value
        elif option in _DECIDING:
            settings += [f"-{option}", value] if option in _WITH_VALUE else [f"-{option}"]
    return CommandLineOptions(main, tuple(settings))


def ends_by_itself(words: t.Sequence[str]) -> bool:
    """Say whether this command line is no daemon's: it tests the configuration, or serves one connection of inetd's."""
    return any(option in "tTGiV" for option, _value in _pairs(words[1:]))


def split_title(cmdline: str) -> list[str]:
    """Return the command line of the master process from /proc/PID/cmdline, in which sshd sets its title."""
    title = cmdline.replace("\0", " ").strip()
    return re.sub(r"^sshd: | \[listener\].*$", "", title).split()


def expand_exec_start(exec_start: str, environment: t.Mapping[str, str]) -> list[str]:
    """Return the command line of the property ExecStart, with variables expanded as systemd does."""
    found = re.search(r"argv\[\]=(.*?) ; ignore_errors=", exec_start)
    words: list[str] = []
    for word in found.group(1).split() if found else []:
        whole = re.fullmatch(r"\$(\w+)", word)
        if whole:
            words += environment.get(whole.group(1), "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda name: environment.get(name.group(1), ""), word))
    return words


def parse_environment(text: str) -> dict[str, str]:
    """Read an environment file of systemd.exec(5)."""
    found = {}
    for line in text.replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _pairs(words: t.Iterable[str]) -> t.Iterator[tuple[str, str]]:
    """Yield each option letter with its value, as getopt(3) reads them; sshd has no positional arguments."""
    option, value = "", ""
    for word in words:
        if not word.startswith("-"):
            value = f"{value} {word}".strip()
            continue
        if option:
            yield option, value
        letters = word[1:]
        while len(letters) > 1 and letters[0] not in _WITH_VALUE:
            yield letters[0], ""
            letters = letters[1:]
        option, value = letters[:1], letters[1:]
    if option:
        yield option, value
