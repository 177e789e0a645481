"""One term for one thing: words that the project once had of its own stay gone, and no class has a namesake."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the project once said: what sshd_config(5), jail.conf(5), apt.conf(5), systemd and Ansible say.
TERMS = {
    r"wish(es|ed|ing)?": "desired state, settings, request",
    r"doors?": "port access, firewall rule, verified login",
    r"complain(ts?|s|ed)?": "validation error",
    r"postures?": "crypto profile",
    r"toothless": "no working ban action",
    r"blind(ly)?": "no log source",
    r"fulfil(led|s|ling)?": "ensure",
    r"rehears(als?|e|es|ed)": "preflight login, dry run",
    r"told": "reported, explicitly set",
    r"spoken": "reported, explicitly set",
    r"losers?": "shadowed directives",
    r"defeated": "overridden by",
    r"ways?[ _]out": "hint",
    r"aged": "end of life",
    r"undo(es|ing|ne)?|undid": "rollback",
    r"troubles?": "findings, errors, warnings",
}
WORDS = re.compile("|".join(rf"(?P<_{number}>(?<![a-z])(?:{term})(?![a-z]))" for number, term in enumerate(TERMS)))
# This list, and what was written before the words changed.
HISTORY = ("tests/unit/test_words.py", "changelogs/", "CHANGELOG")
KINDS = {".py", ".yml", ".md", ".j2", ".toml", ".sh", ".ini", ".cfg"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    names = sorted({name for name in listed if name and not name.startswith(HISTORY)})
    return [ROOT / name for name in names if Path(name).suffix in KINDS and (ROOT / name).is_file()]


def found_in(text: str) -> list[tuple[int, str]]:
    """Return the line and the word of each term in ``text``; parts of identifiers count."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [
        (number, hit.group())
        for number, line in enumerate(split.splitlines(), 1)
        for hit in WORDS.finditer(line.lower())
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class JailWish:", ["wish"]),
        ("def wished_for(door):", ["wished", "door"]),
        ("way_out=None", ["way_out"]),
        ("the packaged outdoor troubleshooting of Toldo", []),
    ],
)
def test_the_words_are_found(text: str, words: list[str]) -> None:
    assert [word for _line, word in found_in(text)] == words


def test_the_fields_own_terms_are_used() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in tracked()
        if "recorded" not in path.parts
        for line, word in found_in(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_a_class_name_exists_once() -> None:
    names = Counter(
        node.name
        for path in sorted((ROOT / "plugins").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        # The names that Ansible's plugin loader asks for.
        if isinstance(node, ast.ClassDef) and node.name not in {"ActionModule", "LookupModule", "ModuleDocFragment"}
    )
    assert [name for name, count in names.items() if count > 1] == []
