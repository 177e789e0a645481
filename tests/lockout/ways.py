"""Ways to lock oneself out by one run of the module, and the message that has to name the cause.

``make`` and ``revert`` are run by root in sh, before and after. ``nina`` is a second admin whose account the ways may
spoil; ``deploy`` is the one whom Ansible logs in as. ``@from`` stands for the controller's address, ``@to`` for the
host's.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

__all__ = ["ROLLED_BACK", "WAYS", "Way"]

_HELD = "until ss -ltnH | grep -q :2222; do sleep 0.1; done"
_KEYS = "/home/nina/.ssh/authorized_keys"


@dataclass(frozen=True)
class Way:
    name: str
    says: str
    settings: dict[str, t.Any] = field(default_factory=dict)
    match: tuple[dict[str, t.Any], ...] = ()
    guard: str = "deploy"
    make: str = ""
    revert: str = ""


def _nina(name: str, says: str, make: str, revert: str, settings: dict[str, t.Any] | None = None) -> Way:
    return Way(name, says, settings or {"MaxAuthTries": 5}, guard="nina", make=make, revert=revert)


# Refused before anything is written.
WAYS = (
    Way("no keys", "PubkeyAuthentication would be no; set it to yes", {"PubkeyAuthentication": False}),
    Way("AllowUsers", "AllowUsers (walter) does not name deploy; add deploy", {"AllowUsers": ["walter"]}),
    Way("AllowUsers with a comma", "AllowUsers (walter,deploy) does not name deploy", {"AllowUsers": "walter,deploy"}),
    # konstruktoid/ansible-role-hardening#326: a default group that the admin is not in.
    Way("AllowGroups", "AllowGroups (sudo) names no group of deploy; add one", {"AllowGroups": ["sudo"]}),
    Way("DenyUsers", "DenyUsers dep*@0.0.0.0/0 shuts deploy out", {"DenyUsers": ["dep*@0.0.0.0/0"]}),
    Way("DenyGroups", "DenyGroups deploy shuts deploy out", {"DenyGroups": ["deploy"]}),
    Way(
        "AuthorizedKeysFile",
        "deploy has no key that sshd could read in /etc/ssh/keys/deploy",
        {"AuthorizedKeysFile": "/etc/ssh/keys/%u"},
    ),
    Way("key type", "ssh-ed25519 is not accepted", {"PubkeyAcceptedAlgorithms": ["rsa-sha2-512"]}),
    Way(
        "password too",
        "AuthenticationMethods (publickey,password) asks for more than a key",
        {"AuthenticationMethods": "publickey,password", "PasswordAuthentication": True},
    ),
    Way("RevokedKeys", "RevokedKeys (/etc/ssh/gone) is no file that can be read", {"RevokedKeys": "/etc/ssh/gone"}),
    Way("root", "PermitRootLogin would be no, so root could not log in", {"PermitRootLogin": False}, guard="root"),
    Way("no session", "MaxSessions would be 0", {"MaxSessions": 0}),
    Way(
        "loopback",
        "sshd would listen on 127.0.0.1 alone (ListenAddress, AddressFamily), and you came in by @to",
        {"ListenAddress": "127.0.0.1"},
    ),
    Way(
        "IPv6 alone",
        "sshd would listen on :: alone (ListenAddress, AddressFamily), and you came in by @to",
        {"AddressFamily": "inet6"},
    ),
    Way("address of nobody", "192.0.2.77", {"ListenAddress": ["0.0.0.0", "192.0.2.77"]}),
    Way(
        "port of another",
        "2222",
        {"Port": 2222},
        make=f"systemd-run -q --unit=holder python3 -m http.server 2222; {_HELD}",
        revert="systemctl stop holder",
    ),
    Way(
        "from here alone",
        "PubkeyAuthentication would be no",
        match=({"criteria": {"address": "@from"}, "settings": {"PubkeyAuthentication": False}},),
    ),
    Way(
        "sftp alone",
        "ForceCommand would be internal-sftp",
        match=({"criteria": {"user": "d*"}, "settings": {"ForceCommand": "internal-sftp"}},),
    ),
    Way("chroot", "ChrootDirectory would be %h", {"ChrootDirectory": "%h"}),
    Way(
        "locked without PAM",
        "UsePAM would be no and the password of nina is locked with '!'",
        {"UsePAM": False},
        guard="nina",
        make="usermod -p '!' nina",
        revert="usermod -p '*' nina",
    ),
    _nina(
        "StrictModes, keys", f"StrictModes keeps sshd from reading {_KEYS}", f"chmod 666 {_KEYS}", f"chmod 600 {_KEYS}"
    ),
    _nina(
        "StrictModes, home",
        "/home/nina (mode 0777) can be written by others",
        "chmod 777 /home/nina",
        "chmod 755 /home/nina",
    ),
    _nina(
        "keys of root",
        f"sshd could not read {_KEYS}: Permission denied (sshd reads it as nina)",
        f"chown root:root {_KEYS}",
        f"chown nina:nina {_KEYS}",
    ),
    _nina(
        "expired account",
        "the account nina has expired; `chage -E -1 nina` lifts that",
        "chage -E 2020-01-01 nina",
        "chage -E -1 nina",
    ),
    _nina(
        "old password",
        "the password of nina is older than its 30 days",
        "chage -d 2020-01-01 -M 30 nina",
        "chage -d 2020-01-01 -M -1 nina",
    ),
    _nina(
        "nologin",
        "the shell /usr/sbin/nologin of nina lets nobody in",
        "usermod -s /usr/sbin/nologin nina",
        "usermod -s /bin/bash nina",
    ),
    _nina(
        "from=",
        'one is for from="192.0.2.9" alone',
        f"sed -i 's/^/from=\"192.0.2.9\" /' {_KEYS}",
        f"sed -i 's/^from=[^ ]* //' {_KEYS}",
    ),
    _nina(
        "expired key",
        "one has expired",
        f"sed -i 's/^/expiry-time=\"20200101\" /' {_KEYS}",
        f"sed -i 's/^expiry[^ ]* //' {_KEYS}",
    ),
    _nina(
        "sudo gone",
        "sudo does not let nina run every command as root",
        "mv /etc/sudoers.d/95-pyhost-nina /root/nina",
        "mv /root/nina /etc/sudoers.d/95-pyhost-nina",
    ),
    # The rule is there. The user of the play needs one that sudo still reads.
    _nina(
        "sudoers without its folder",
        "/etc/sudoers does not include /etc/sudoers.d, so that sudo does not read /etc/sudoers.d/95-pyhost-nina; "
        "add the line '@includedir /etc/sudoers.d' with visudo",
        "sed -i -e 's/^@includedir/# &/' -e '$a deploy ALL=(ALL:ALL) NOPASSWD: ALL' /etc/sudoers",
        "sed -i -e 's/^# @includedir/@includedir/' -e '/^deploy /d' /etc/sudoers",
    ),
    _nina(
        "a rule in a file that sudo passes over",
        "sudo does not let nina run every command as root",
        "mv /etc/sudoers.d/95-pyhost-nina /etc/sudoers.d/95-pyhost-nina.old",
        "mv /etc/sudoers.d/95-pyhost-nina.old /etc/sudoers.d/95-pyhost-nina",
    ),
)

# Applied, as only a login can decide: the new login fails and the host takes the change back.
ROLLED_BACK = (
    Way(
        "another command",
        "a new login as deploy@@to port 22 is accepted but runs no command",
        {"ForceCommand": "/bin/date"},
    ),
    Way(
        "keys of a command",
        "Permission denied (publickey)",
        {"AuthorizedKeysFile": "none", "AuthorizedKeysCommand": "/bin/true", "AuthorizedKeysCommandUser": "nobody"},
    ),
    Way(
        "certificates",
        "Permission denied (publickey)",
        {"AuthorizedKeysFile": "none", "TrustedUserCAKeys": "/etc/ssh/ssh_host_ed25519_key.pub"},
    ),
)
