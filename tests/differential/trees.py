"""Generated sshd_config trees and connections, for hypothesis. Most are valid; sshd says which."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_parse import parse
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd_tree import Tree, included

__all__ = ["ACCOUNTS", "KEYS", "MAIN", "Case", "cases"]

FOLDER = "/etc/ssh/"
MAIN = FOLDER + "sshd_config"
# Host keys that exist where sshd is asked.
KEYS = (FOLDER + "ssh_host_ed25519_key", FOLDER + "other_key")
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


# Keywords and values. A keyword of the first table may stand in a Match block, one of the second may not.
# README.md says which values are left out because versions of sshd differ about them.
_FLAG = ("yes", "no")
_TIME = ("30", "2m", "1h30m", "1H", "90s", "1d", "0", "none")
# sshd wants both.
_AS_NOBODY = "\nAuthorizedKeysCommandUser nobody"
_ANYWHERE: dict[str, tuple[str, ...]] = {
    "AcceptEnv": ("LANG", "LC_*", "LANG LC_*", "A B C", "TZ"),
    "AllowAgentForwarding": _FLAG,
    "AllowGroups": ("users", "wheel sudo", "*", "!games users"),
    "AllowStreamLocalForwarding": (*_FLAG, "local", "remote", "all"),
    "AllowTcpForwarding": (*_FLAG, "local", "remote", "all"),
    "AllowUsers": ("pat", "root deploy", "pat@192.0.2.*", "*@10.0.0.0/8", "dev.*"),
    "AuthenticationMethods": ("any", "publickey", "publickey,password publickey,keyboard-interactive"),
    "AuthorizedKeysCommand": ("none", "/bin/true %u" + _AS_NOBODY, "/bin/keys a  b # c" + _AS_NOBODY),
    "AuthorizedKeysFile": (".ssh/authorized_keys", ".ssh/a .ssh/b", '"/k with space/%u"', "/etc/keys/%u"),
    "AuthorizedPrincipalsFile": ("none", "/etc/ssh/p/%u"),
    "Banner": ("none", "/etc/issue", '"/b with space"', "/b#c", r"/b\ c", r"/b\"c", "/b # c", "'/b c'", '/a" b"c'),
    "ChallengeResponseAuthentication": _FLAG,
    "ChannelTimeout": ("session=5m", "*=10m agent-connection=0", "session=9m"),
    "ChrootDirectory": ("none", "/srv/%u"),
    "ClientAliveCountMax": ("0", "3", "9"),
    "ClientAliveInterval": _TIME,
    "DenyGroups": ("games", "wheel sudo", "nogroup"),
    "DenyUsers": ("mallory", "*@198.51.100.0/24", "bob eve"),
    "DisableForwarding": _FLAG,
    "ExposeAuthInfo": _FLAG,
    "ForceCommand": ("none", "/bin/true", "echo 'a  b' # c", 'sh -c "echo x"', "internal-sftp -u 0027"),
    "GSSAPIAuthentication": _FLAG,
    "GatewayPorts": (*_FLAG, "clientspecified"),
    "HostbasedAuthentication": _FLAG,
    "HostbasedAcceptedKeyTypes": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^ssh-ed25519"),
    "IPQoS": ("af21 cs1",),
    "IgnoreRhosts": (*_FLAG, "shosts-only"),
    "KbdInteractiveAuthentication": _FLAG,
    "LogLevel": ("VERBOSE", "debug2", "INFO", "QUIET"),
    "LogVerbose": ("kex.c:*:1000", "auth*.c:*():*,x.c", "none"),
    "MaxAuthTries": ("1", "3", "6"),
    "MaxSessions": ("0", "5", "10"),
    "PasswordAuthentication": _FLAG,
    "PermitEmptyPasswords": _FLAG,
    "PermitListen": ("any", "none", "8080", "localhost:80 *:81"),
    "PermitOpen": ("any", "none", "host.example:80", "192.0.2.1:22 [2001:db8::1]:*"),
    "PermitRootLogin": (*_FLAG, "prohibit-password", "without-password", "forced-commands-only"),
    "PermitTTY": _FLAG,
    "PermitTunnel": (*_FLAG, "point-to-point", "ethernet"),
    "PermitUserRC": _FLAG,
    "PubkeyAcceptedAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^rsa-sha2-512", "ssh-ed25519,rsa-sha2-256"),
    "PubkeyAcceptedKeyTypes": ("ssh-ed25519", "+ssh-rsa"),
    "PubkeyAuthentication": _FLAG,
    "RekeyLimit": ("1G 1h", "512K 30m"),
    "SetEnv": ("A=1", 'A="1 2" B=3', "B=x", '"C=a b"', "A=1 A=2"),
    "StreamLocalBindMask": ("0177",),
    "StreamLocalBindUnlink": _FLAG,
    "TrustedUserCAKeys": ("none", "/etc/ssh/ca"),
    "UnusedConnectionTimeout": ("3m", "5m"),
    "X11DisplayOffset": ("10", "20", "99"),
    "X11Forwarding": _FLAG,
    "X11UseLocalhost": _FLAG,
}
_GLOBAL: dict[str, tuple[str, ...]] = {
    "AddressFamily": ("any", "inet", "inet6"),
    "CASignatureAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*"),
    "Ciphers": ("aes256-ctr", "aes256-gcm@openssh.com,aes128-ctr", "+3des-cbc", "-aes128*", "^aes256-ctr"),
    "Compression": (*_FLAG, "delayed"),
    "DebianBanner": _FLAG,
    "FingerprintHash": ("md5", "sha256"),
    "HostKey": KEYS,
    "HostKeyAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^ssh-ed25519"),
    "KeepAlive": _FLAG,
    "KexAlgorithms": ("curve25519-sha256", "-diffie*", "+diffie-hellman-group14-sha1"),
    "ListenAddress": ("0.0.0.0", "::", "192.0.2.1", "192.0.2.1:2022", "[2001:db8::1]:443", "2001:db8::2"),
    "LoginGraceTime": ("30", "2m", "0", "1m30s"),
    "MACs": ("hmac-sha2-512", "-*sha1*", "+hmac-md5", "^hmac-sha2-256"),
    "MaxStartups": ("10:30:60",),
    "PerSourceMaxStartups": ("5",),
    "PerSourceNetBlockSize": ("24:64",),
    "PermitUserEnvironment": (*_FLAG, "LANG,LC_*"),
    "Port": ("22", "2022", "443"),
    "PrintMotd": _FLAG,
    "Protocol": ("2",),
    "RSAAuthentication": _FLAG,
    "StrictModes": _FLAG,
    "SyslogFacility": ("AUTH", "daemon", "LOCAL3"),
    "TCPKeepAlive": _FLAG,
    "UseDNS": _FLAG,
    "UsePAM": _FLAG,
    "VersionAddendum": ("none", "x", "two  words # all"),
}
# A second one of a name is an error of old versions and ignored by newer ones; penalties are new.
_SELDOM: dict[str, tuple[str, ...]] = {
    "NoSuchKeyword": ("x",),
    "PerSourcePenalties": ("crash:5s", "crash:7s noauth:2m", "no", "yes", "max-sources4:9"),
    "PermitTTY": ("", "perhaps", '"yes', "yes no", '""'),
    "RefuseConnection": _FLAG,
    "Subsystem": ("sftp internal-sftp", "sftp /usr/lib/sftp -f  AUTH", 'other "/bin/x y" z', "SFTP /bin/sftp"),
}
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
_ODD = ("Invalid-User", "invalid-user Address 10.0.0.0/8", "Novelty x", "User", "", "Address 10.1.2.3/8", "User a all")
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
    *("{k} {v}",) * 6,
    "{k}={v}",
    '{k} "{v}"',
    "{k}\t{v}",
    "{k}  {v}",
    "{k} = {v}",
    '{k}="{v}"',
)
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
    anywhere = draw(st.lists(st.sampled_from(sorted(_ANYWHERE)), min_size=2, max_size=5, unique=True))
    others = draw(st.lists(st.sampled_from(sorted(_GLOBAL)), min_size=1, max_size=2, unique=True))
    files = [(MAIN, draw(_text(0, anywhere, others)))]
    for depth, names in _FILES.items():
        for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
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
    for _number in range(draw(st.integers(0, 8 - 2 * depth))):
        kind = draw(st.integers(0, 99))
        if kind < 60:
            lines.append(draw(_directive(anywhere, [] if tame else others)))
        elif kind < 82:
            lines.append(draw(_match()))
            tame = True
        elif kind < 97 and depth in _INCLUDES:
            lines.append(_written(draw, "Include", draw(st.sampled_from(_INCLUDES[depth]))))
        else:
            lines.append(draw(st.sampled_from(("", "# Match User root", "   ", "#", "\t# x"))))
    return "\n".join(lines) + draw(st.sampled_from(("\n", "", "\n\n")))


@st.composite
def _directive(draw: st.DrawFn, anywhere: list[str], others: list[str]) -> str:
    die = draw(st.integers(0, 99))
    if die >= 98:
        table, keywords = _SELDOM, sorted(_SELDOM)
    elif die < 70 or not others:
        table, keywords = _ANYWHERE, anywhere
    else:
        table, keywords = _GLOBAL, others
    keyword = draw(st.sampled_from(keywords))
    return _written(draw, keyword, draw(st.sampled_from(table[keyword])))


@st.composite
def _match(draw: st.DrawFn) -> str:
    die = draw(st.integers(0, 99))
    if die >= 97:
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
