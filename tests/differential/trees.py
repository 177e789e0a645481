"""Generated sshd_config trees and connections, for hypothesis. Most are valid; sshd says which."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd import keywords
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.parse import parse
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree, included
from tests.differential.values import ANYWHERE, GLOBAL, KEYS, NEW, SELDOM

__all__ = ["ACCOUNTS", "KEYS", "MAIN", "Case", "cases"]

FOLDER = "/etc/ssh/"
MAIN = FOLDER + "sshd_config"
# Accounts of a passwd(5) and group(5) that only the asked sshd sees; ``None``: there is no such account.
ACCOUNTS: dict[str, tuple[str, ...] | None] = {
    "root": ("root",),
    "pat": ("pat", "games", "users"),
    "dev.ops": ("dev.ops",),
    "nosuch": None,
}


@dataclass(frozen=True)
class Case:
    """One tree, who connects, and whether sshd reads a staged copy as the module asks about a candidate."""

    files: tuple[tuple[str, str], ...]
    connection: Connection
    staged: bool

    @property
    def tree(self) -> Tree:
        return Tree(MAIN, dict(self.files))

    def reached(self) -> Tree:
        """Return the tree as the module reads it: without the files that no Include reaches."""
        whole, files, waiting = self.tree, {}, [MAIN]
        while waiting:
            path = waiting.pop()
            if path not in files:
                files[path] = whole.files[path]
                lines = parse(files[path], path=path)
                waiting += [file for line in lines if line.keyword == "include" for file in included(line, whole)]
        return Tree(MAIN, files)

    def __str__(self) -> str:
        texts = "\n".join(f"--- {path}\n{text}" for path, text in self.files)
        return f"{texts}\n--- asked{' of a staged copy' if self.staged else ''} for {self.connection.specification()}"


_CRITERIA: dict[str, tuple[str, ...]] = {
    "User": ("root", "pat", "p*", "!root,*", "*,!pat", "?oot", "ROOT", "nosuch", "dev.ops", "!!pat", "[pr]*", ",pat"),
    "Group": ("root", "games", "pat,wheel", "*", "*,!users", "!games,*", "g?mes", "nogroup", "!root"),
    "Host": ("*.example.org", "H1.Example.ORG", "h?.example.org", "!h1.example.org,*", "other", "10.*"),
    "Address": (
        "10.0.0.0/8",
        "192.0.2.7",
        "10.*",
        "!10.1.0.0/16,10.0.0.0/8",
        "2001:db8::/32",
        "2001:DB8:0::9",
        "2001:db8::*",
        "*",
        "!*,10.1.2.3",
        "172.16.0.0/12,10.1.2.3/32",
        "10.1.2.?",
        "0.0.0.0/0",
        "::/0",
        "::ffff:10.1.2.3",
    ),
    "LocalAddress": ("192.0.2.1", "192.0.2.0/24", "!10.0.0.0/8,*", "2001:db8::1", "*"),
    "LocalPort": ("22", "2222", "022"),
    "RDomain": ("blue", "b*", "*", "!blue,*"),
}
_ODD = (
    "Invalid-User",
    "invalid-user Address 10.0.0.0/8",
    "Novelty x",
    "User",
    "",
    "Address 10.1.2.3/8",
    "User a all",
    "sessiontype shell",
    "version OpenSSH*",
    "version=OpenSSH_1?.*",
    "version *Debian* User p*",
    "version *Windows*",
    "final",
)
_TABLE = {**ANYWHERE, **GLOBAL, **NEW}
_NEW_GLOBAL = sorted(keyword for keyword in NEW if keyword.lower() in keywords.GLOBAL)
# How a directive may be written. The plain way comes first: hypothesis shrinks towards it.
_WAYS: tuple[str, ...] = (
    *("{k} {v}",) * 6,
    "{k}={v}",
    "{k} = {v}",
    "{k}\t{v}",
    "  {k}   {v}  ",
    "\t{k} {v}\t",
    "{k} {v}\r",
    "{k} {v}\f",
    "{k} {v} # said",
    "{k} {v} #",
    "{k} {q}",
    "{k}={q}",
    "{k} {s}",
    '"{k}" {v}',
    "={k} {v}",
    "# {k} {v}",
    "{k}= {v}",
    "{k} ={v}",
)
_MATCH_WAYS: tuple[str, ...] = (
    *("{k} {v}",) * 16,
    "{k}={v}",
    '{k} "{v}"',
    "{k}\t{v}",
    "{k}  {v}",
    "{k} = {v}",
    '{k}="{v}"',
    "{k} ={v}",
    "{k}= {v}",
    '"{k}" {v}',
    "{k} '{v}'",
)
# How many lines a file of that depth has.
_LENGTHS = {0: (8, 6, 7, 9, 5, 4, 2, 10, 0), 1: (3, 4, 2, 5, 1, 6, 0), 2: (2, 3, 1, 4)}
_CASES: tuple[t.Callable[[str], str], ...] = (str, str, str.lower, str.upper)
_INCLUDES = {
    0: (
        "d1/*.conf",
        "/etc/ssh/d2/*.conf",
        "d1/a.conf",
        "/etc/ssh/d2/x.conf d1/b.conf",
        '"d1/c d.conf"',
        "nosuch/*",
        "d[12]/?.conf",
        "d3/*.conf",
        "d*/*",
    ),
    1: ("d3/*.conf", "/etc/ssh/d3/y.conf", "d3/y.conf d3/z.conf"),
}
_FILES = {
    1: ("d1/a.conf", "d1/b.conf", "d1/B.conf", "d1/c d.conf", "d1/.hidden.conf", "d1/a.conf.bak", "d2/x.conf"),
    2: ("d3/y.conf", "d3/z.conf"),
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a tree of up to three levels, a connection, and the way in which sshd is asked."""
    # Few keywords a tree, so that they meet.
    anywhere = draw(st.lists(st.sampled_from(sorted(ANYWHERE)), min_size=2, max_size=5, unique=True))
    others = draw(st.lists(st.sampled_from(sorted(GLOBAL)), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 19)) == 0:
        new = draw(st.sampled_from(sorted(NEW)))
        (others if new in _NEW_GLOBAL else anywhere).append(new)
    files = [(MAIN, draw(_text(0, anywhere, others)))]
    for depth, names in _FILES.items():
        for name in draw(st.lists(st.sampled_from(names), min_size=2 - depth, max_size=3, unique=True)):
            files.append((FOLDER + name, draw(_text(depth, anywhere, others))))
    return Case(tuple(files), draw(_connections()), draw(st.booleans()))


@st.composite
def _connections(draw: st.DrawFn) -> Connection:
    user = draw(st.sampled_from(sorted(ACCOUNTS, reverse=True)))
    groups = ACCOUNTS[user]
    return Connection(
        user,
        address=draw(st.sampled_from(("192.0.2.7", "10.1.2.3", "10.2.2.3", "2001:db8::9"))),
        host=draw(st.sampled_from(("", "h1.example.org", "H2.Example.org", "other"))),
        groups=groups or (),
        local_address=draw(st.sampled_from(("", "192.0.2.1", "10.0.0.1", "2001:db8::1"))),
        local_port=draw(st.sampled_from(("", "22", "2222"))),
        rdomain=draw(st.sampled_from(("", "", "blue", "red"))),
        exists=groups is not None,
    )


@st.composite
def _text(draw: st.DrawFn, depth: int, anywhere: list[str], others: list[str]) -> str:
    """Draw a file. After its first Match line, and mostly in files below, it keeps to what a block may hold."""
    lines: list[str] = []
    tame = depth > 0 and draw(st.integers(0, 3)) > 0
    for _number in range(draw(st.sampled_from(_LENGTHS[depth]))):
        kind = draw(st.integers(0, 99))
        if kind < 60:
            lines.append(draw(_directive(anywhere, [] if tame else others)))
        elif kind < 82:
            lines.append(draw(_match()))
            # sshd reads a block for all as if it were none.
            tame = "all" not in lines[-1].lower() or draw(st.booleans())
        elif kind < 97 and depth in _INCLUDES:
            lines.append(_written(draw, "Include", draw(st.sampled_from(_INCLUDES[depth]))))
        else:
            lines.append(draw(st.sampled_from(("", "# Match User root", "   ", "#", "\t# x"))))
    return "\n".join(lines) + draw(st.sampled_from(("\n", "", "\n\n")))


@st.composite
def _directive(draw: st.DrawFn, anywhere: list[str], others: list[str]) -> str:
    die = draw(st.integers(0, 99))
    if die >= 99:
        table, names = SELDOM, sorted(SELDOM)
    else:
        table, names = _TABLE, anywhere if die < 70 or not others else others
    keyword = draw(st.sampled_from(names))
    return _written(draw, keyword, draw(st.sampled_from(table[keyword])))


@st.composite
def _match(draw: st.DrawFn) -> str:
    die = draw(st.integers(0, 99))
    if die >= 98:
        criteria = draw(st.sampled_from(_ODD))
    elif die >= 85:
        criteria = draw(st.sampled_from(("all", "All", "ALL # x")))
    else:
        names = draw(st.lists(st.sampled_from(sorted(_CRITERIA)), min_size=1, max_size=3))
        criteria = " ".join(
            draw(st.sampled_from(_MATCH_WAYS)).format(
                k=draw(st.sampled_from(_CASES))(name), v=draw(st.sampled_from(_CRITERIA[name]))
            )
            for name in names
        )
    end = draw(st.sampled_from(("", "", "", " ", " # said", "\t")))
    return draw(st.sampled_from(("Match ", "Match ", "match ", "MATCH\t", "  Match  ", "Match="))) + criteria + end


def _written(draw: st.DrawFn, keyword: str, value: str) -> str:
    """Write a directive in one of the ways that sshd takes; quotes only around words that have none."""
    bare = not any(sign in value for sign in "\"'\\#\n")
    return draw(st.sampled_from(_WAYS)).format(
        k=draw(st.sampled_from(_CASES))(keyword),
        v=value,
        q=" ".join(f'"{word}"' for word in value.split()) if bare else value,
        s=" ".join(f"'{word}'" for word in value.split()) if bare else value,
    )
