"""What local users prepare before their account, or a neighbour's, becomes the admin (test_accounts.py)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from tests.hosts import fleet

__all__ = ["CASES", "PREPARE", "RACER", "SECRET", "SNAPSHOT", "START_RACER", "WATCHED", "WATCHER", "Attack"]

# The hash of "correct horse".
SECRET = "$6$pyhostsalt$4CTd8kDV1HkjU6tx9DHySJXo9Ce1b.ayPAf8iRBeFuVbqRB/F0u7nLaYZPYeAbitH1WNfJ18R8zbCGi8Gc7xg1"
# A key of mallory's, and its fingerprint.
PLANTED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBSTVpwvEZSZkzfbW2yYDlQ3mpvKrjCEBOJGmBHiZQx"
KEY = fleet.key().strip()


@dataclass(frozen=True)
class Attack:
    """One account: ``prepare`` runs as root before the run, ``as_user`` as the account, ``check`` after the run."""

    name: str
    account: str
    as_user: str = ":"
    prepare: str = ":"
    refused: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    check: str = ":"
    exclusive: bool = False
    allow: bool = False
    password: str = ""
    # Whether the account is made by the test; otherwise the system has it, or the role makes it.
    made: bool = True
    # Whether a second run is played.
    again: bool = False
    # Whether it works where sshd_config names .ssh/authorized_keys alone, as that of the RHEL family does.
    by_one_file: bool = True

    def variables(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "account": self.account,
            "authorized_keys": [KEY],
            "exclusive": self.exclusive,
            "allow": self.allow,
            "password": self.password,
        }

    @property
    def script(self) -> str:
        make = f"useradd -m -s /bin/bash {self.account}" if self.made else ":"
        act = f"runuser -u {self.account} -- sh -ec 'cd; {self.as_user}'" if self.made else ":"
        return f"{make}\n{act}\n{{ {self.prepare}; }}\n"


SSH = "mkdir -m 0700 .ssh"
# How the account that was refused has to look: no rule of sudo.
NO_SUDO = "! grep -rqE '^{0} ' /etc/sudoers.d"

CASES = [
    Attack("a new account", "fresh", made=False, again=True, check="grep -q '^fresh:\\*:' /etc/shadow"),
    Attack(
        "a key file that leads to root's",
        "keylink",
        f"{SSH}; ln -s /root/.ssh/authorized_keys .ssh/authorized_keys",
        refused=("/home/keylink/.ssh/authorized_keys", "symlink", "this task changed nothing"),
        check=NO_SUDO.format("keylink"),
    ),
    Attack("a note that leads to the passwords", "shadowlink", f"{SSH}; ln -s /etc/shadow .ssh/notes"),
    Attack("a tool that leads to sudo", "sudolink", f"{SSH}; ln -s /usr/bin/sudo .ssh/tool"),
    Attack(
        "a folder of keys that leads to /etc",
        "dirlink",
        "ln -s /etc .ssh",
        refused=("/home/dirlink/.ssh", "symlink"),
        check="! test -e /etc/authorized_keys && " + NO_SUDO.format("dirlink"),
    ),
    Attack(
        "a home that leads to /",
        "homelink",
        prepare="mkdir /srv/homelink; chown homelink /srv/homelink; usermod -d /srv/homelink/home homelink;"
        " runuser -u homelink -- ln -s / /srv/homelink/home",
        refused=("/srv/homelink/home", "symlink"),
        check="! test -e /.ssh",
    ),
    Attack(
        "a hard link to a file of root's",
        "hardlink",
        SSH,
        # As where fs.protected_hardlinks is 0.
        prepare="ln /etc/victim ~hardlink/.ssh/authorized_keys",
        refused=("/home/hardlink/.ssh/authorized_keys", "2 names"),
        check='test "$(stat -c %u:%a:%h ~hardlink/.ssh/authorized_keys)" = 0:600:2; ' + NO_SUDO.format("hardlink"),
    ),
    Attack(
        "a file of root's that the user moved",
        "moved",
        SSH,
        prepare="install -m 0600 /etc/victim ~moved/dump; runuser -u moved -- sh -c 'cd; mv dump .ssh/authorized_keys'",
        refused=("/home/moved/.ssh/authorized_keys", "belongs to root"),
        check='test "$(stat -c %u:%a ~moved/.ssh/authorized_keys)" = 0:600',
    ),
    Attack(
        "a folder of root's that the user moved",
        "moveddir",
        prepare="install -d -m 0700 ~moveddir/backup; install -m 0644 /etc/victim ~moveddir/backup;"
        " runuser -u moveddir -- sh -c 'cd; mv backup .ssh'",
        refused=("/home/moveddir/.ssh", "belongs to root"),
        check='test "$(stat -c %u:%a ~moveddir/.ssh)" = 0:700',
    ),
    Attack(
        "a pipe in place of the keys",
        "fifo",
        f"{SSH}; mkfifo .ssh/authorized_keys",
        refused=("/home/fifo/.ssh/authorized_keys", "pipe"),
    ),
    Attack(
        "a key that mallory planted",
        "planted",
        f"chmod 0777 .; {SSH}; chmod 0777 .ssh",
        prepare=f"runuser -u mallory -- sh -c \"printf '{PLANTED} mallory\\033[2J\\n' >~planted/.ssh/authorized_keys;"
        ' echo evil >~planted/.ssh/rc"',
        refused=(
            "/home/planted/.ssh/authorized_keys:1",
            "ssh-ed25519 SHA256:",
            "mallory\\x1b[2J",
            "admin_user_exclusive_keys",
        ),
        check="grep -q mallory ~planted/.ssh/authorized_keys;"
        ' test "$(stat -c %a ~planted ~planted/.ssh | tr "\\n" " ")" = "777 777 "; ' + NO_SUDO.format("planted"),
    ),
    Attack(
        "a key in the second file",
        "second",
        f"chmod 0755 .; {SSH}; chmod 0777 .ssh; echo '{KEY}' >.ssh/authorized_keys".replace("'", '"'),
        prepare=f"runuser -u mallory -- sh -c \"echo '{PLANTED} mallory' >~second/.ssh/authorized_keys2\"",
        refused=("/home/second/.ssh/authorized_keys2:1", "mallory"),
        by_one_file=False,
    ),
    Attack(
        "a planted key, removed",
        "cleaned",
        f"chmod 0777 .; {SSH}; chmod 0777 .ssh",
        prepare=f"runuser -u mallory -- sh -c \"for n in '' 2; do echo '{PLANTED} mallory'"
        ' >~cleaned/.ssh/authorized_keys$n; done; echo evil >~cleaned/.ssh/rc"',
        exclusive=True,
        again=True,
        warned=("/home/cleaned/.ssh/rc",),
        check="! grep -r mallory ~cleaned/.ssh;"
        ' test "$(stat -c %a ~cleaned ~cleaned/.ssh | tr "\\n" " ")" = "755 755 "',
    ),
    Attack("the account www-data", "www-data", made=False, refused=("UID_MIN", "allow_system_account")),
    Attack("the account daemon", "daemon", made=False, refused=("UID_MIN",)),
    Attack("the account nobody", "nobody", made=False, refused=("nobody",)),
    Attack(
        "a second account with uid 0",
        "second0",
        made=False,
        allow=True,
        refused=("uid 0",),
        check=NO_SUDO.format("second0"),
    ),
    Attack(
        "an account that shares its uid",
        "twin",
        refused=("othertwin",),
        prepare="useradd -o -u $(id -u twin) othertwin",
    ),
    Attack(
        "a name with a dot",
        "a.b",
        again=True,
        # As earlier releases of the role named it.
        prepare="cd /etc/sudoers.d; echo 'a.b ALL=(ALL:ALL) NOPASSWD: ALL' >95-pyhost-a_b; chmod 0440 95-pyhost-a_b",
        check="! grep -r '^a[.]b' /etc/sudoers.d/95-pyhost-a_b; runuser -u a.b -- sudo -n id -u",
    ),
    Attack(
        "a name with an underscore", "a_b", check="runuser -u a.b -- sudo -n id -u; runuser -u a_b -- sudo -n id -u"
    ),
]
# Refused or not is chance: whatever comes of it, nothing of root's changes.
WATCHED = Attack("a password", "hashed", password=SECRET)
RACER = Attack(
    "a folder that is swapped during the run",
    "racer",
    SSH,
    prepare="install -m 0755 /dev/null /srv/racer.py; cat >/srv/racer.py <<'END'\n"
    "import ctypes, os\n"
    "libc = ctypes.CDLL(None)\n"
    "os.chdir('/home/racer')\n"
    "os.symlink('/root/.ssh', 'link')\n"
    "while os.path.isdir('/home/racer'):\n"
    "    libc.renameat2(-100, b'link', -100, b'.ssh', 2)\n"
    "END\n:",
)

PREPARE = (
    "set -e\n"
    "if command -v dnf >/dev/null; then dnf -q -y install sudo; else\n"
    "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install sudo >/dev/null; fi\n"
    "useradd -m -s /bin/bash mallory\n"
    "useradd -o -u 0 -g 0 -M -d /root -s /bin/bash -p '*' second0\n"
    "umask 022; echo top-secret >/etc/victim; chmod 0600 /etc/victim\n"
    + "".join(case.script for case in (*CASES, WATCHED, RACER))
)

START_RACER = "systemd-run --quiet --uid=racer --nice=10 --unit=racer python3 /srv/racer.py"

# What none of it may change; the file of the passwords itself changes with every new account.
SNAPSHOT = r"""
stat -c '%n %a %u:%g %h' / /etc /etc/shadow /etc/victim /root /root/.ssh /root/.ssh/* /usr/bin/sudo /etc/passwd
sha256sum /root/.ssh/authorized_keys /usr/bin/sudo /etc/victim
ls -A /root/.ssh
"""

# An unprivileged user who reads, as fast as it can, the command line and environment of every process.
WATCHER = r"""
install -m 0755 /dev/null /srv/watcher.py; cat >/srv/watcher.py <<'END'
import os
seen = set()
while os.path.exists("/tmp/watch"):
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{entry}/{name}", "rb") as file:
                        seen.add(file.read().replace(b"\0", b" "))
                except OSError:
                    pass
with open("/tmp/watching", "wb") as file:
    file.write(b"\n".join(seen))
os.rename("/tmp/watching", "/tmp/watched")
END
rm -f /tmp/watched
runuser -u mallory -- touch /tmp/watch
systemd-run --quiet --uid=mallory --nice=-10 --unit=watcher python3 /srv/watcher.py
"""
