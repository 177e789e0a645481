"""States of an account, its files and sshd's settings for it, each given to a user of its own on the test host.

``make`` is run by root in sh after the account was made with a key, a home of mode 0755 and all of sudo; it knows
``$u`` (the user), ``$h`` (the home), ``$k`` (the key file), ``$key`` and ``$other`` (public keys, the client holds the
first), ``$rsa``, ``$short`` (RSA keys of 2048 and 1024 bits) and ``$from`` (the controller's address). ``match``
holds lines for a ``Match User`` block, in which ``@u`` and ``@from`` are replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACCOUNTS", "FILES", "STATES", "State"]


@dataclass(frozen=True)
class State:
    """``opens``: whether the real login works, as long as sshd is configured as Debian ships it.

    ``judged`` is false where the guard must neither refuse nor vouch; ``unseen`` where it cannot see the reason.
    ``keys`` are what the client offers; ``since`` and ``before`` bound the versions of OpenSSH that the state is for.
    """

    name: str
    opens: bool
    make: str = ":"
    match: str = ""
    keys: tuple[str, ...] = ("ed25519",)
    judged: bool = True
    unseen: bool = False
    password: bool = False
    since: float = 0
    before: float = 99


def _open(name: str, make: str = ":", **more: object) -> State:
    return State(name, True, make, **more)  # type: ignore[arg-type]


def _shut(name: str, make: str = ":", **more: object) -> State:
    return State(name, False, make, **more)  # type: ignore[arg-type]


FILES = (
    _open("plain"),
    # StrictModes: Debian's sshd lets a group write that is the user's alone.
    _shut("home 0777", "chmod 0777 $h"),
    _open("home 0775, private group", "chmod 0775 $h"),
    _shut("home 0775, group of many", "chgrp people $h; chmod 0775 $h"),
    _shut("home 0775, empty group", "chgrp empty $h; chmod 0775 $h"),
    _shut("home 0775, private group with a guest", "chmod 0775 $h; usermod -aG $u nobody"),
    _shut("home 0775, private group that is another's first", "chmod 0775 $h; useradd -M -N -g $u x$u"),
    _open("home 0775, private group that also lists its owner", "chmod 0775 $h; usermod -aG $u $u"),
    _open("home 0775, group that lists the user alone", "groupadd g$u; usermod -aG g$u $u; chgrp g$u $h; chmod g+w $h"),
    _shut("home 0775, group without a name", "chgrp 54321 $h; chmod 0775 $h"),
    _shut(".ssh 0777", "chmod 0777 $h/.ssh"),
    _open(".ssh 0775", "chmod 0775 $h/.ssh"),
    _shut("keys 0666", "chmod 0666 $k"),
    _open("keys 0664", "chmod 0664 $k"),
    _shut("keys 0664, group of many", "chgrp people $k; chmod 0664 $k"),
    _shut("keys of another user", "chown nobody $k; chmod 0644 $k"),
    _open("keys of root, readable", "chown root:root $k; chmod 0644 $k"),
    _shut("keys of root, not readable", "chown root:root $k; chmod 0600 $k"),
    _shut("keys of mode 0000", "chmod 0000 $k"),
    _shut(".ssh of root, closed", "chown root:root $h/.ssh; chmod 0700 $h/.ssh"),
    _open("home of root, open", "chown root:root $h; chmod 0755 $h"),
    _shut("home of root, closed", "chown root:root $h; chmod 0700 $h"),
    _shut("home of another user", "chown nobody $h"),
    _open("home 0700", "chmod 0700 $h"),
    _open("keys are a symlink", "cp $k /srv/keys-$u; chmod 0644 /srv/keys-$u; ln -sf /srv/keys-$u $k"),
    _shut("keys are a symlink to an open folder", "cp $k /srv/open/$u; chmod 644 /srv/open/$u; ln -sf /srv/open/$u $k"),
    _shut("keys are a dangling symlink", "ln -sf /srv/nowhere $k"),
    _shut("keys are a folder", "rm $k; mkdir $k; chown $u $k"),
    _shut("keys are a pipe", "rm $k; mkfifo $k; chown $u $k"),
    _shut("no keys", "rm $k"),
    _shut("empty keys", ": >$k"),
    _shut("no home", "rm -r $h"),
    _open("home is a symlink", "mv $h /srv/home-$u; ln -s /srv/home-$u $h"),
    _open("home below an open folder", "mv $h /srv/open/h-$u; usermod -d /srv/open/h-$u $u"),
    _shut("home below a closed folder", "mv $h /srv/closed/h-$u; usermod -d /srv/closed/h-$u $u"),
    _open("authorized_keys2", "mv $k ${k}2"),
)

_LINES = (
    _open("comments and blanks", 'printf "# a\\n\\n   \\t%s\\n" "$key" >$k'),
    _open("no line end", 'printf "%s" "$key" >$k'),
    _open("lines of DOS", 'printf "# a\\r\\n%s\\r\\n" "$key" >$k'),
    _open("a bad line first", 'printf "ssh-ed25519 AAAA\\n%s\\n" "$key" >$k'),
    _shut("cut off", 'printf "%s" "$key" | cut -c 1-60 >$k'),
    _shut("byte order mark", 'printf "\\357\\273\\277%s\\n" "$key" >$k'),
    _shut("blank of another kind", 'printf "\\302\\240%s\\n" "$key" >$k'),
    _shut("form feed", 'printf "\\014%s\\n" "$key" >$k'),
    _shut("another key", 'echo "$other" >$k', unseen=True),
    _open("from here", 'echo "from=\\"$from\\" $key" >$k'),
    _open("from the network here", 'echo "from=\\"${from%.*}.0/24\\" $key" >$k'),
    _open("from a pattern", 'echo "from=\\"${from%.*}.*\\" $key" >$k'),
    _open("from in capitals", 'echo "FROM=\\"$from\\" $key" >$k'),
    _shut("from elsewhere", 'echo "from=\\"192.0.2.0/24\\" $key" >$k'),
    _shut("from anywhere but here", 'echo "from=\\"!$from,*\\" $key" >$k'),
    _shut("from anywhere but the network here", 'echo "from=\\"!${from%.*}.0/24,*\\" $key" >$k'),
    _shut("from a network with a host part", 'echo "from=\\"$from/24\\" $key" >$k'),
    _shut("from a network without a length", 'echo "from=\\"${from%.*}.0/\\" $key" >$k'),
    _shut("from twice", 'echo "from=\\"$from\\",from=\\"*\\" $key" >$k'),
    _open("from a list", 'echo "from=\\"192.0.2.1,$from\\" $key" >$k'),
    _open("expires in the future", 'echo "expiry-time=\\"29991231\\" $key" >$k'),
    _open("expires in the future, to the second", 'echo "expiry-time=\\"29991231235959\\" $key" >$k'),
    _open("expires in the future, by UTC", 'echo "expiry-time=\\"299912312359Z\\" $key" >$k'),
    _shut("has expired", 'echo "expiry-time=\\"20200101\\" $key" >$k'),
    _shut("has expired, to the minute", 'echo "expiry-time=\\"202001010000\\" $key" >$k'),
    _shut("expires at no day", 'echo "expiry-time=\\"20991331\\" $key" >$k'),
    _shut("expires in words", 'echo "expiry-time=\\"tomorrow\\" $key" >$k'),
    _shut("expires twice", 'echo "expiry-time=\\"29991231\\",expiry-time=\\"20200101\\" $key" >$k'),
    _open("expired, then good", 'printf "%s\\n" "expiry-time=\\"20200101\\" $key" "$key" >$k'),
    _shut("unknown option", 'echo "no-such-option $key" >$k'),
    _open("restrict", 'echo "restrict $key" >$k'),
    _open("several options", 'echo "no-pty,environment=\\"A=b c\\",from=\\"*\\" $key" >$k'),
    _shut("option without its quote", 'echo "from=\\"* $key" >$k'),
    _shut("port without a host", 'echo "permitopen=\\"here\\" $key" >$k'),
    _shut("one dead command", 'echo "command=\\"/bin/false\\" $key" >$k'),
    _open("a wrapper", 'echo "command=\\"sh -c \\\\\\"\\$SSH_ORIGINAL_COMMAND\\\\\\"\\" $key" >$k', judged=False),
    _shut("another command", 'echo "command=\\"/bin/date\\" $key" >$k', judged=False),
    _open("RSA", 'echo "$rsa" >$k', keys=("rsa",)),
    _open("short RSA", 'echo "$short" >$k', keys=("short",)),
    _shut("an authority's line for a plain key", 'echo "cert-authority $key" >$k', judged=False),
    _open(
        "an authority's line for a certificate",
        'echo "cert-authority,principals=\\"states\\" $ca" >$k',
        keys=("signed",),
        judged=False,
    ),
)

ACCOUNTS = (
    _open("password of a star", "usermod -p '*' $u"),
    _open("locked", "usermod -p '!' $u"),
    _open("locked password", "usermod -p '!$hash' $u"),
    _open("password", 'usermod -p "$hash" $u'),
    _open("expires tomorrow", "chage -E $(date -d +1day +%F) $u"),
    _shut("expires today", "chage -E $(date +%F) $u"),
    _shut("expired", "chage -E 2020-01-01 $u"),
    _shut("expired at the epoch", "chage -E 0 $u"),
    _shut("password must change", "chage -d 0 $u"),
    _open("password changed in the future", "chage -d 2999-01-01 -M 30 $u"),
    _open("password is young enough", "chage -d $(date +%F) -M 30 $u"),
    _shut("password is too old", "chage -d 2020-01-01 -M 30 $u"),
    _shut("password is too old for long", "chage -d 2020-01-01 -M 30 -I 10 $u"),
    _open("inactive days alone", "chage -d 2020-01-01 -M -1 -I 10 $u"),
    _shut("nologin", "usermod -s /usr/sbin/nologin $u"),
    _shut("false", "usermod -s /bin/false $u"),
    _shut("no such shell", "usermod -s /bin/zsh $u"),
    _shut("a shell that does not run", ": >/srv/shell-$u; chmod 0644 /srv/shell-$u; usermod -s /srv/shell-$u $u"),
    _shut("a shell that is a folder", "usermod -s /srv $u"),
    _open("no shell named", "usermod -s '' $u"),
    _open("sh", "usermod -s /bin/sh $u"),
    _shut("a program for a shell", "usermod -s /bin/cat $u", judged=False),
    _shut("no account", "userdel -r $u"),
    _shut("a start file that exits", "echo exit 1 >$h/.bashrc; chown $u $h/.bashrc", unseen=True),
)

_SUDO = (
    _shut("sudo: nothing", "gpasswd -d $u people"),
    _shut("sudo: one command", 'gpasswd -d $u people; rule "$u ALL=(ALL:ALL) NOPASSWD: /bin/ls"'),
    _shut("sudo: as another user", 'gpasswd -d $u people; rule "$u ALL=(www-data) NOPASSWD: ALL"'),
    _open("sudo: as root alone", 'gpasswd -d $u people; rule "$u ALL=(root) NOPASSWD: ALL"'),
    _open("sudo: the default user", 'gpasswd -d $u people; rule "$u ALL= NOPASSWD: ALL"'),
    _shut("sudo: all but one", 'gpasswd -d $u people; rule "$u ALL=(ALL) NOPASSWD: ALL, !/bin/sh"'),
    _shut("sudo: without a password that is asked", 'gpasswd -d $u people; rule "$u ALL=(ALL) ALL"'),
    _open(
        "sudo: with a password",
        'usermod -p "$hash" $u; gpasswd -d $u people; rule "$u ALL=(ALL) ALL"',
        password=True,
    ),
    _shut("sudo: the last rule asks", 'rule "$u ALL=(ALL) ALL"'),
    _shut("sudo: the last rule takes it back", 'rule "$u ALL=(ALL) !ALL"'),
    _open("sudo: never asks", 'gpasswd -d $u people; rule "$u ALL=(ALL) ALL" "Defaults:$u !authenticate"'),
    _shut("sudo: wants a terminal", 'rule "Defaults:$u requiretty"'),
    _open(
        "sudo: by another group", 'gpasswd -d $u people; usermod -aG sudo $u; rule "%sudo ALL=(ALL:ALL) NOPASSWD: ALL"'
    ),
)

_SETTINGS = (
    _shut("AllowUsers others", match="AllowUsers alice"),
    _open("AllowUsers this one", match="AllowUsers @u"),
    _open("AllowUsers from here", match="AllowUsers @u@@from"),
    _open("AllowUsers from the network here", match="AllowUsers @u@@net.0/24"),
    _shut("AllowUsers from elsewhere", match="AllowUsers @u@192.0.2.*"),
    _shut("AllowUsers in one word", match="AllowUsers alice,@u"),
    _shut("AllowUsers with an exclamation mark", match="AllowUsers !alice"),
    _open("AllowUsers by pattern", match="AllowUsers s?* alice"),
    _shut("DenyUsers", match="DenyUsers @u"),
    _shut("DenyUsers from here", match="DenyUsers *@@from"),
    _open("DenyUsers from elsewhere", match="DenyUsers @u@192.0.2.*"),
    _open("DenyUsers from elsewhere, negated", match="DenyUsers @u@!@net.0/24,*"),
    _shut("DenyUsers beats AllowUsers", match="AllowUsers @u\nDenyUsers @u"),
    _open("AllowGroups", match="AllowGroups wheel people"),
    _open("AllowGroups by pattern", match="AllowGroups p*le"),
    _shut("AllowGroups others", match="AllowGroups wheel"),
    _shut("DenyGroups", match="DenyGroups people"),
    _shut("PubkeyAuthentication no", match="PubkeyAuthentication no"),
    _shut("AuthenticationMethods password", match="AuthenticationMethods password"),
    _shut("AuthenticationMethods key and password", match="AuthenticationMethods publickey,password"),
    _open("AuthenticationMethods key or both", match="AuthenticationMethods publickey,password publickey"),
    _open("AuthenticationMethods any", match="AuthenticationMethods any", since=10.0),
    _shut("AuthenticationMethods two keys, one there", match="AuthenticationMethods publickey,publickey"),
    _open(
        "AuthenticationMethods two keys, both there",
        'echo "$rsa" >>$k',
        match="AuthenticationMethods publickey,publickey",
        keys=("ed25519", "rsa"),
        judged=False,
    ),
    _shut("PubkeyAcceptedAlgorithms", match="PubkeyAcceptedAlgorithms rsa-sha2-512"),
    _open(
        "PubkeyAcceptedAlgorithms RSA", 'echo "$rsa" >$k', match="PubkeyAcceptedAlgorithms rsa-sha2-512", keys=("rsa",)
    ),
    _shut("PubkeyAcceptedAlgorithms SHA-1", 'echo "$rsa" >$k', match="PubkeyAcceptedAlgorithms ssh-rsa", keys=("rsa",)),
    _shut("RequiredRSASize", 'echo "$rsa" >$k', match="RequiredRSASize 3072", keys=("rsa",)),
    _shut("AuthorizedKeysFile elsewhere", match="AuthorizedKeysFile /etc/ssh/keys/%u"),
    _open("AuthorizedKeysFile elsewhere, laid", "lay /srv/laid/$u", match="AuthorizedKeysFile /srv/laid/%u"),
    _open("AuthorizedKeysFile by number", "lay /srv/laid/$(id -u $u)", match="AuthorizedKeysFile /srv/laid/%U"),
    _shut("AuthorizedKeysFile elsewhere, closed", "lay /srv/closed/$u", match="AuthorizedKeysFile /srv/closed/%u"),
    _shut("AuthorizedKeysFile none", match="AuthorizedKeysFile none"),
    _shut("AuthorizedKeysFile pattern, old", "mkdir $h/d; mv $k $h/d/a", match="AuthorizedKeysFile d/*", before=10.0),
    _open("AuthorizedKeysFile pattern", "mkdir $h/d; mv $k $h/d/a", match="AuthorizedKeysFile d/*", since=10.0),
    _shut("RevokedKeys missing", match="RevokedKeys /etc/ssh/no-such-file"),
    _shut("RevokedKeys as text", 'echo "$key" >/srv/laid/r-$u', match="RevokedKeys /srv/laid/r-@u"),
    _open("RevokedKeys of others", 'echo "$other" >/srv/laid/r-$u', match="RevokedKeys /srv/laid/r-@u"),
    _shut("RevokedKeys as KRL", "ssh-keygen -q -k -f /srv/laid/r-$u $k", match="RevokedKeys /srv/laid/r-@u"),
    _open(
        "RevokedKeys as KRL of others",
        'echo "$other" >/srv/laid/o-$u; ssh-keygen -q -k -f /srv/laid/r-$u /srv/laid/o-$u',
        match="RevokedKeys /srv/laid/r-@u",
    ),
    _shut("ForceCommand dead", match="ForceCommand /bin/false"),
    _shut("ForceCommand sftp", match="ForceCommand internal-sftp -l INFO"),
    _open("ForceCommand wrapper", match='ForceCommand sh -c "$SSH_ORIGINAL_COMMAND"', judged=False),
    _shut("ForceCommand another", match="ForceCommand /bin/date", judged=False),
    _open("ForceCommand none", match="ForceCommand none"),
    _shut("ChrootDirectory", match="ChrootDirectory /srv/laid"),
    _shut("ChrootDirectory home", match="ChrootDirectory %h"),
    _open("ChrootDirectory none", match="ChrootDirectory none"),
    _shut("MaxSessions 0", match="MaxSessions 0"),
    _open("MaxAuthTries 1", match="MaxAuthTries 1"),
    _shut(
        "MaxAuthTries 1 and a client of many keys",
        match="MaxAuthTries 1",
        keys=("rsa", "short", "ed25519"),
        unseen=True,
    ),
    _open("PermitTTY no", match="PermitTTY no"),
    _open("DisableForwarding", match="DisableForwarding yes"),
    _shut("RefuseConnection", match="RefuseConnection yes", since=9.9),
    _open(
        "AuthorizedKeysCommand",
        "rm $k",
        match="AuthorizedKeysCommand /usr/local/bin/keys-of %u\nAuthorizedKeysCommandUser nobody",
        judged=False,
    ),
    _shut(
        "AuthorizedKeysCommand that knows nobody",
        "rm $k",
        match="AuthorizedKeysCommand /bin/true\nAuthorizedKeysCommandUser nobody",
        judged=False,
    ),
    _open(
        "AuthorizedKeysCommand beside a file",
        match="AuthorizedKeysCommand /bin/true\nAuthorizedKeysCommandUser nobody",
    ),
    _open("TrustedUserCAKeys", "rm $k", match="TrustedUserCAKeys /srv/laid/ca", keys=("named",), judged=False),
    _shut("TrustedUserCAKeys and no certificate", "rm $k", match="TrustedUserCAKeys /srv/laid/ca", judged=False),
    _open(
        "AuthorizedPrincipalsFile",
        "rm $k; echo states >/srv/laid/p-$u",
        match="TrustedUserCAKeys /srv/laid/ca\nAuthorizedPrincipalsFile /srv/laid/p-%u",
        keys=("signed",),
        judged=False,
    ),
    _shut(
        "AuthorizedPrincipalsFile of others",
        "rm $k; echo others >/srv/laid/p-$u",
        match="TrustedUserCAKeys /srv/laid/ca\nAuthorizedPrincipalsFile /srv/laid/p-%u",
        keys=("signed",),
        judged=False,
    ),
)

STATES = (*FILES, *_LINES, *ACCOUNTS, *_SUDO, *_SETTINGS)
