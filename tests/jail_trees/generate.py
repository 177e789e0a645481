"""Generates trees of jail files: drop-ins, INCLUDES, DEFAULTs, comments, colons, indents, known values."""

from __future__ import annotations

import random

__all__ = ["DIRECTORY", "generate"]

DIRECTORY = "/etc/fail2ban"
Tree = dict[str, str]

_FILES = (
    "jail.conf",
    "jail.local",
    "jail.d/10-a.conf",
    "jail.d/a.local",
    "jail.d/Z.conf",
    "jail.d/zz-pyhost-baseline.local",
    "jail.d/zzz.local",
    "jail.d/not-read.txt",
)
# Files that are read only if another one includes them. A file NAME.local is read with an included NAME.
_INCLUDED = (
    "common.inc",
    "common.local",
    "jail.d/office.inc",
    "jail.d/office.local",
    "sub/more.conf",
    "sub/more.local",
)
_NAMES = ("common.inc", "office.inc", "sub/more.conf", "../common.inc", "nowhere.inc", "/etc/fail2ban/sub/more.conf")
_SECTIONS = ("DEFAULT", "sshd", "sshd", "shop", "Definition")
_VALUES: dict[str, tuple[str, ...]] = {
    "bantime": ("600", "1h", "-1", "%(known/bantime)s", ""),
    "maxretry": ("3", "5", "%(findtime)s"),
    "findtime": ("600", "10m"),
    "ignoreip": ("127.0.0.1/8 ::1", "10.0.0.0/8", "%(known/ignoreip)s 192.0.2.1", "::1\n    10.0.0.1"),
    "port": ("ssh", "22,2222", "0:65535"),
    "enabled": ("true", "false"),
    "Filter": ("sshd", "sshd[mode=aggressive]", "%(__name__)s[mode=%(mode)s]"),
    "logpath": ("/var/log/auth.log", "/var/log/a.log\n          /var/log/b.log", "%(sshd_log)s ; and more"),
    "before": ("common.inc",),
}
_COMMENTS = ("# hash", "; semicolon", "  # indented", "\t; indented")


def generate(seed: int) -> Tree:
    """Return a tree, path → text. The same ``seed`` gives the same tree."""
    rng = random.Random(seed)
    chosen = ["jail.conf", *rng.sample(_FILES[1:], rng.randint(0, 5)), *rng.sample(_INCLUDED, rng.randint(0, 4))]
    return {f"{DIRECTORY}/{name}": _text(rng) for name in dict.fromkeys(chosen)}


def _text(rng: random.Random) -> str:
    lines: list[str] = []
    sections = [rng.choice(_SECTIONS) for _number in range(rng.randint(0, 3))]
    if rng.random() < 0.35:
        sections.insert(rng.randint(0, len(sections)), "INCLUDES")
    if rng.random() < 0.9:
        # fail2ban rejects a file that has a section twice.
        sections = list(dict.fromkeys(sections))
    for section in sections:
        lines += [_comment(rng)] if rng.random() < 0.2 else []
        lines.append(f"[{section}]")
        lines += _includes(rng) if section == "INCLUDES" else _options(rng)
    return "\n".join(lines) + rng.choice(("\n", "", "\n\n"))


def _includes(rng: random.Random) -> list[str]:
    lines = []
    for option in rng.sample(("before", "after"), rng.randint(1, 2)):
        names = rng.sample(_NAMES, rng.randint(1, 2))
        lines.append(f"{option} = " + "\n         ".join(names))
    return lines


def _options(rng: random.Random) -> list[str]:
    lines = []
    for option in rng.sample(sorted(_VALUES), rng.randint(0, 4)):
        value = rng.choice(_VALUES[option])
        name = option.upper() if rng.random() < 0.05 else option
        line = rng.choice(("", "", "", "  ", "\t")) + name + rng.choice((" = ", "=", ": ", " : ", " =")) + value
        line += rng.choice(("", "", "", " ; a comment", " # no comment", ";no comment", "  "))
        lines.append(line)
        lines += [_comment(rng)] if rng.random() < 0.15 else []
        lines += [""] if rng.random() < 0.1 else []
    if rng.random() < 0.01:
        lines.append("a line that is none")
    return lines


def _comment(rng: random.Random) -> str:
    return rng.choice(_COMMENTS)
