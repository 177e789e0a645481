"""Asks the guard about every state by one real run of the module, then logs in as every user by a real client.

Where the guard refuses nobody gets in, and where it does not somebody does: each disagreement is a defect of the guard.
"""

from __future__ import annotations

import os
import subprocess
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker

from tests.hosts import fleet
from tests.hosts.paths import FLEETS, KEY
from tests.hosts.runs import ad_hoc
from tests.lockout.states import STATES, State

__all__ = ["CONFIGURATIONS", "Scene", "Verdict"]

LIBRARY = Path(__file__).parent / "library"
PASSWORD = "correct horse"
HASH = "$6$pyhost$E0NLkAuQOqKrQNLB6/b7Aeblq9n8kmb/Fcq21yaF3G9uO0cQzF146cplKXmZ91MRIYKwGiAsWjN42TgnghlWB/"
# How sshd is configured while all states are judged again, as lines before all others.
CONFIGURATIONS = {"stock": "", "without PAM": "UsePAM no\n", "without StrictModes": "StrictModes no\n"}
# Without what the role has set, sshd is as Debian ships it.
_ROLES = "/etc/ssh/sshd_config.d/00-pyhost-baseline.conf"
_MARK = "pyhost: in"
_GROUND = r"""
groupadd people; groupadd empty
mkdir -p /srv/open /srv/closed /srv/laid /etc/ssh/sshd_config.d
chmod 1777 /srv/open; chmod 0700 /srv/closed
echo '%people ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/states
# logind starts a user's whole systemd at each login, which says nothing about whether it is let in.
sed -i '/pam_systemd/d' /etc/pam.d/common-session
rule() { for line; do echo "$line" >>/etc/sudoers.d/z-$u; done; }
lay() { cp $k $1; chmod 0644 $1; rm $k; }
"""
_PERSON = r"""
useradd -m -k /nonexistent -s /bin/bash -G people -p '*' $u
chmod 0755 $h
install -d -m 0700 -o $u -g $u $h/.ssh
echo "$key" >$k; chown $u:$u $k; chmod 0600 $k
"""


@dataclass(frozen=True)
class Verdict:
    """The guard's findings about one user, and the result of that user's login."""

    state: State
    refused: str
    warned: str
    entered: bool
    client: str

    @property
    def disagrees(self) -> str:
        """The defect in words, an empty text where guard and sshd agree."""
        words = f"{self.state.name}: login {'works' if self.entered else 'fails'}; "
        if not self.state.judged and not self.refused:
            return "" if self.warned else words + "the guard vouches for what it cannot know"
        if bool(self.refused) == (not self.entered):
            return words + f"the guard warns for nothing: {self.warned}" if self.warned and self.entered else ""
        if self.state.unseen and not self.refused:
            return ""
        return words + (f"the guard refuses: {self.refused}" if self.refused else f"the guard does not; {self.client}")


class Scene:
    """All states on one host, with the controller's keys for them."""

    def __init__(self, client: docker.DockerClient, name: str, host: str, folder: Path) -> None:
        self._container = fleet.find(client, name, host)
        self._fleet, self.host = name, host
        self._folder = folder
        self._ssh = ["ssh", "-F", str(FLEETS / name / "ssh_config"), "-o", "ControlPath=none", "-o", "BatchMode=yes"]
        self.version = float(self._root("sshd -V 2>&1 || true").split("OpenSSH_")[1].split("p")[0].split(",")[0])
        fits = [state for state in STATES if state.since <= self.version < state.before]
        self.users = {f"s{number:03}": state for number, state in enumerate(fits)}
        self._make_keys()

    def _root(self, script: str) -> str:
        status, words = fleet.execute(self._container, script)
        assert status == 0, f"{self.host}: {words[-2000:]}"
        return words

    def _make_keys(self) -> None:
        (self._folder / "ed25519").write_bytes(KEY.read_bytes())
        (self._folder / "ed25519").chmod(0o600)
        (self._folder / "ed25519.pub").write_bytes(KEY.with_suffix(".pub").read_bytes())
        for name, kind, bits in [
            ("rsa", "rsa", "2048"),
            ("short", "rsa", "1024"),
            ("other", "ed25519", "256"),
            ("ca", "ed25519", "256"),
            ("signed", "ed25519", "256"),
            ("named", "ed25519", "256"),
        ]:
            self._keygen("-t", kind, "-b", bits, "-N", "", "-C", name, "-f", str(self._folder / name))
        names = ",".join(self.users)
        for name, principals in [("signed", "states"), ("named", names)]:
            self._keygen(
                "-s", str(self._folder / "ca"), "-I", name, "-n", principals, str(self._folder / f"{name}.pub")
            )

    @staticmethod
    def _keygen(*arguments: str) -> None:
        subprocess.run(["ssh-keygen", "-q", *arguments], check=True, stdin=subprocess.DEVNULL)

    def make(self) -> None:
        """Lay every state on the host."""
        public = {name: (self._folder / f"{name}.pub").read_text().strip() for name in ("rsa", "short", "other", "ca")}
        given = {
            "key": (self._folder / "ed25519.pub").read_text().strip(),
            "hash": HASH,
            "from": self.controller_address(),
            **public,
        }
        script = [f"{name}='{text}'" for name, text in given.items()] + [_GROUND, 'echo "$ca" >/srv/laid/ca']
        script.append(
            'printf \'#!/bin/sh\\necho "%s"\\n\' "$key" >/usr/local/bin/keys-of; chmod 755 /usr/local/bin/keys-of'
        )
        for user, state in self.users.items():
            script.append(f"u={user}; h=/home/$u; k=$h/.ssh/authorized_keys; {_PERSON}{state.make}\n")
        self._root("{ " + "\n".join(script) + "\n} >/dev/null; chmod 0440 /etc/sudoers.d/*; visudo -cq")

    def controller_address(self) -> str:
        """Return the address from which this controller reaches the host."""
        return subprocess.run(
            [*self._ssh, f"root@{self.host}", "echo ${SSH_CONNECTION%% *}"], check=True, capture_output=True, text=True
        ).stdout.strip()

    def configure(self, lines: str) -> None:
        """Have the running sshd read ``lines`` before the settings of all states."""
        here = self.controller_address()
        text = lines + "MaxStartups 500\n"
        text += "PerSourcePenalties no\n" if self.version >= 9.8 else ""
        for user, state in self.users.items():
            if state.match:
                words = state.match.replace("@from", here).replace("@net", here.rpartition(".")[0]).replace("@u", user)
                text += f"Match User {user}\n" + "".join(f"  {line}\n" for line in words.splitlines())
        self._root(f"rm -f {_ROLES}; cat >/etc/ssh/sshd_config.d/50-states.conf <<'END'\n{text}END")
        self._root("sshd -t && systemctl restart ssh")

    def judge(self, part: t.Container[State]) -> list[Verdict]:
        """Ask the guard about every user of a state in ``part``, and log in as each."""
        users = [user for user, state in self.users.items() if state in part]
        said = ad_hoc(self._fleet, "ask_guard", {"users": users}, user="root", host=self.host, library=LIBRARY)
        refused, warned = said["refused"], said["warned"]
        with ThreadPoolExecutor(max_workers=4) as pool:
            logins = list(pool.map(self._log_in, users))
        return [
            Verdict(self.users[user], refused.get(user, ""), warned.get(user, ""), *login)
            for user, login in zip(users, logins, strict=True)
        ]

    def _log_in(self, user: str) -> tuple[bool, str]:
        state = self.users[user]
        keys = [word for name in state.keys for word in ("-i", str(self._folder / name))]
        sudo = "sudo -S -k -p ''" if state.password else "sudo -n"
        # ssh_config names the key of the test hosts, which stands after those of the command line.
        own = ["-o", "IdentityAgent=none", *keys]
        done = subprocess.run(
            [*self._ssh, *own, f"{user}@{self.host}", f"{sudo} sh -c 'echo {_MARK}'"],
            input=PASSWORD + "\n" if state.password else "",
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        return _MARK in done.stdout, done.stderr.strip().replace("\r\n", " / ")[-300:]
