"""Settings in other files: ours take effect, or the run fails and names the other file and line. Real clients try."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hosts.paths import FLEETS
from tests.hosts.runs import play

FLEET = "molecule-sshd_shadowed"
HOSTS = ("debian12", "debian13")
PLAY = Path(__file__).parents[1] / "layouts.yml"
MAIN, FOLDER = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"
OURS = f"{FOLDER}/00-pyhost-baseline.conf"
CLOSED = {"PasswordAuthentication": False, "KbdInteractiveAuthentication": False, "PermitRootLogin": False}
OPEN = "PasswordAuthentication yes\nPermitRootLogin yes\n"
REST = "UsePAM yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
INCLUDE = f"Include {FOLDER}/*.conf\n"
STOCK = INCLUDE + REST
POLICY = "/etc/crypto-policies/back-ends/opensshserver.config"
# Red Hat's layout by hand, for want of its packages.
REDHAT = f"""# This system is following system-wide crypto policy.
Include {POLICY}

SyslogFacility AUTHPRIV
ChallengeResponseAuthentication no
GSSAPIAuthentication yes
GSSAPICleanupCredentials no
UsePAM yes
X11Forwarding yes
PrintMotd no
"""
CIPHER = "aes256-gcm@openssh.com"
# What real clients meet: a valid password, root's known key, the admin's key.
KNOCK = r"""
knock() {{
    timeout 20 ssh -F {config} -o ControlPath=none -o LogLevel=ERROR "$@" true 2>&1 </dev/null | tail -n 1
}}
export SSH_ASKPASS={askpass} SSH_ASKPASS_REQUIRE=force DISPLAY=:0
echo "password: $(knock -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 walter@$1)"
echo "root: $(knock -o BatchMode=yes root@$1)"
echo "admin: $(knock -o BatchMode=yes deploy@$1)"
"""


@dataclass(frozen=True)
class Layout:
    """``refused``: a part of the error, empty if the settings take effect; ``shadowed`` is what the result reports.

    ``conflicts`` is the option match_conflicts; ``opens`` says that a valid password opens, for a block is kept.
    ``blocks`` are the lines of blocks that are overridden or kept.
    """

    name: str
    files: dict[str, str]
    settings: dict[str, t.Any] = field(default_factory=lambda: dict(CLOSED))
    refused: str = ""
    refused_on: tuple[str, ...] = HOSTS
    shadowed: tuple[tuple[str, str, str, int], ...] = ()
    later: str = ""
    path: str = OURS
    conflicts: str = "refuse"
    opens: bool = False
    blocks: tuple[tuple[str, str, str, int], ...] = ()

    def make(self) -> str:
        files = {MAIN: STOCK, **self.files}
        script = [f"rm -rf {FOLDER}/* /etc/ssh/00-pyhost-baseline.conf /etc/ssh/other.d"]
        for path, text in files.items():
            script.append(f"mkdir -p $(dirname {path}); cat >{path} <<'END'\n{text}END")
        # sshd accepts root's key too, so that settings without effect let its client in.
        return "\n".join([*script, "sshd -t && systemctl reload ssh"])


def _shadowed(path: str, *lines: tuple[int, str, str]) -> tuple[tuple[str, str, str, int], ...]:
    return tuple((keyword, value, path, number) for number, keyword, value in lines)


def _below(lines: int, shadowed: tuple[tuple[int, str, str], ...]) -> tuple[tuple[int, str, str], ...]:
    return tuple((number + lines, keyword, value) for number, keyword, value in shadowed)


_OPEN_SHADOWED = ((1, "PasswordAuthentication", "yes"), (2, "PermitRootLogin", "yes"))
BLOCKS = f"{FOLDER}/60-blocks.conf"
_PASSWORDS = "PasswordAuthentication yes\n"
# Criteria by which sshd is asked about another user, another address, and everybody.
_MANY = (
    f"Match User walter\n{_PASSWORDS}Match Group walter\n{_PASSWORDS}Match Address 0.0.0.0/0,::/0\n{OPEN}"
    f"Match LocalPort 22 User w*\n{_PASSWORDS}Match all\n{OPEN}"
)
_MANY_BLOCKS = _shadowed(
    BLOCKS,
    *((number, "PasswordAuthentication", "yes") for number in (2, 4, 6, 9, 11)),
    *((number, "PermitRootLogin", "yes") for number in (7, 12)),
)
LAYOUTS = (
    Layout(
        "a block opens passwords",
        {BLOCKS: f"Match User walter\n{_PASSWORDS}"},
        refused=f"{BLOCKS}:2 sets PasswordAuthentication yes (requested: no) for connections that match user walter",
    ),
    Layout(
        "a block opens passwords and is kept",
        {BLOCKS: f"Match User walter\n{_PASSWORDS}"},
        conflicts="keep",
        opens=True,
        blocks=_shadowed(BLOCKS, (2, "PasswordAuthentication", "yes")),
    ),
    Layout("blocks of all kinds are overridden", {BLOCKS: _MANY}, conflicts="override", blocks=_MANY_BLOCKS),
    Layout(
        "blocks at the end of the main file are overridden",
        {MAIN: OPEN + REST + f"Match User walter\n{_PASSWORDS}"},
        conflicts="override",
        blocks=_shadowed(MAIN, (9, "PasswordAuthentication", "yes")),
        path="/etc/ssh/00-pyhost-baseline.conf",
    ),
    Layout(
        "a block in a file that sorts before cannot be overridden",
        {f"{FOLDER}/00-0-first.conf": f"Match User walter\n{_PASSWORDS}"},
        conflicts="override",
        refused="for connections that match user walter (it is read before the requested settings)",
    ),
    Layout(
        "lines of blocks that add up cannot be overridden",
        {BLOCKS: "Match User walter\nAllowUsers walter\n"},
        settings={**CLOSED, "AllowUsers": ["deploy"]},
        conflicts="override",
        refused="for connections that match user walter (all lines of AllowUsers add up)",
    ),
    Layout(
        "a shadowed keyword and a block are reported at once",
        {f"{FOLDER}/00-0-first.conf": "PermitRootLogin yes\n", BLOCKS: f"Match User walter\n{_PASSWORDS}"},
        refused=f"because of {FOLDER}/00-0-first.conf:1; remove {FOLDER}/00-0-first.conf:1, or move it to a file that "
        f"sorts later; match_conflicts: Match blocks of other files decide otherwise than requested: {BLOCKS}:2 sets",
    ),
    Layout(
        "blocks that restrict or agree are no conflict",
        {
            BLOCKS: "Match User walter\nAllowTcpForwarding no\nPasswordAuthentication no\n"
            "Match User root\nForceCommand /bin/date\nPermitRootLogin No\n"
        },
    ),
    Layout(
        "another spelling of the value is no conflict",
        {BLOCKS: "Match User walter\nPermitRootLogin without-password\n"},
        settings={**CLOSED, "PermitRootLogin": "prohibit-password", "AllowUsers": ["deploy"]},
    ),
    Layout(
        "cloud image and installer",
        {f"{FOLDER}/50-cloud-init.conf": OPEN, f"{FOLDER}/01-permitrootlogin.conf": "PermitRootLogin yes\n"},
        shadowed=(
            *_shadowed(f"{FOLDER}/50-cloud-init.conf", *_OPEN_SHADOWED),
            *_shadowed(f"{FOLDER}/01-permitrootlogin.conf", (1, "PermitRootLogin", "yes")),
        ),
    ),
    Layout(
        "Red Hat's policy",
        {f"{FOLDER}/50-redhat.conf": REDHAT, POLICY: "Ciphers aes128-ctr,aes256-ctr\nMACs hmac-sha2-512\n"},
        settings={**CLOSED, "Ciphers": [CIPHER], "X11Forwarding": False, "GSSAPIAuthentication": False},
        shadowed=(
            *_shadowed(POLICY, (1, "Ciphers", "aes128-ctr,aes256-ctr")),
            *_shadowed(
                f"{FOLDER}/50-redhat.conf",
                (5, "KbdInteractiveAuthentication", "no"),
                (6, "GSSAPIAuthentication", "yes"),
                (9, "X11Forwarding", "yes"),
            ),
        ),
    ),
    Layout(
        "the main file repeats itself",
        {MAIN: STOCK + OPEN + OPEN},
        shadowed=_shadowed(MAIN, *_below(3, (*_OPEN_SHADOWED, (3, *_OPEN_SHADOWED[0][1:])))),
    ),
    Layout(
        "no Include",
        {MAIN: OPEN + REST},
        shadowed=_shadowed(MAIN, *_below(3, _OPEN_SHADOWED)),
        path="/etc/ssh/00-pyhost-baseline.conf",
    ),
    Layout(
        "Include in the middle",
        {MAIN: OPEN + INCLUDE + REST, f"{FOLDER}/50-cloud-init.conf": OPEN},
        shadowed=(
            *_shadowed(MAIN, *_below(3, _OPEN_SHADOWED)),
            *_shadowed(f"{FOLDER}/50-cloud-init.conf", *_OPEN_SHADOWED),
        ),
        path="/etc/ssh/00-pyhost-baseline.conf",
    ),
    Layout(
        "Include of another folder",
        {MAIN: "Include other.d/*.conf\n" + REST, "/etc/ssh/other.d/50-open.conf": OPEN},
        shadowed=_shadowed("/etc/ssh/other.d/50-open.conf", *_OPEN_SHADOWED),
        path="/etc/ssh/00-pyhost-baseline.conf",
    ),
    Layout(
        "a file that sorts before",
        {f"{FOLDER}/00-0-first.conf": OPEN},
        refused=f"because of {FOLDER}/00-0-first.conf:1",
    ),
    Layout("a file of an older run", {OURS: OPEN}),
    Layout(
        "others are allowed elsewhere",
        {f"{FOLDER}/60-users.conf": "AllowUsers alice deploy\n"},
        settings={**CLOSED, "AllowUsers": ["deploy"]},
        refused=f"because of {FOLDER}/60-users.conf:1",
    ),
    Layout(
        "another port elsewhere",
        {MAIN: STOCK + "Port 2022\nPort 22\n"},
        settings={**CLOSED, "Port": 22},
        shadowed=_shadowed(MAIN, (4, "Port", "2022")),
    ),
    Layout("the same port elsewhere", {MAIN: STOCK + "Port 22\n"}, settings={**CLOSED, "Port": 22}),
    Layout(
        "a subsystem elsewhere",
        {MAIN: STOCK},
        settings={**CLOSED, "Subsystem": "sftp internal-sftp"},
        # Before OpenSSH 9.5 a name may be given once.
        refused=f"{MAIN}:3: Subsystem 'sftp' already defined",
        refused_on=("debian12",),
        shadowed=_shadowed(MAIN, (3, "Subsystem", "sftp /usr/lib/openssh/sftp-server")),
    ),
    Layout(
        "an address elsewhere",
        {MAIN: STOCK + "ListenAddress 127.0.0.1\nListenAddress 0.0.0.0\n"},
        settings={**CLOSED, "ListenAddress": ["0.0.0.0", "::"]},
        refused=f"because of {MAIN}:4",
    ),
    Layout(
        "a host key elsewhere",
        {MAIN: STOCK + "HostKey /etc/ssh/ssh_host_ecdsa_key\n"},
        settings={**CLOSED, "HostKey": ["/etc/ssh/ssh_host_ed25519_key"]},
        refused=f"because of {MAIN}:4",
    ),
    Layout(
        "more is accepted elsewhere",
        {MAIN: STOCK + "AcceptEnv LANG LC_*\n"},
        settings={**CLOSED, "AcceptEnv": ["COLORTERM"]},
    ),
    Layout(
        "Azure's VMAccess comes later",
        {f"{FOLDER}/50-cloud-init.conf": "PasswordAuthentication no\n"},
        later=f"sed -i s/no/yes/ {FOLDER}/50-cloud-init.conf; sed -i '1i{OPEN.splitlines()[0]}' {OURS}; "
        "systemctl reload ssh",
        shadowed=_shadowed(f"{FOLDER}/50-cloud-init.conf", (1, "PasswordAuthentication", "yes")),
    ),
)
Results = dict[str, dict[str, dict[str, t.Any]]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    askpass = tmp_path_factory.mktemp("askpass") / "say"
    askpass.write_text("#!/bin/sh\necho 'correct horse'\n")
    askpass.chmod(0o700)
    knock = KNOCK.format(config=FLEETS / FLEET / "ssh_config", askpass=askpass)
    layouts = [
        {"name": one.name, "make": one.make(), "settings": one.settings, "later": one.later, "conflicts": one.conflicts}
        for one in LAYOUTS
    ]
    return play(FLEET, PLAY, {"layouts": layouts, "knock": knock}, user="deploy")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.name.replace(" ", "-"))
def test_who_wins(results: Results, host: str, layout: Layout) -> None:
    first, again, info, clients = (
        results[host][f"{part}: {layout.name}"] for part in ("First", "Again", "Info", "Clients")
    )
    said = clients["stdout"].splitlines()
    assert said[2].strip() == "admin:", said
    if layout.refused and host in layout.refused_on:
        assert layout.refused in first["msg"], first
        assert "this task changed nothing" in first["msg"]
        assert not info["stale"] and OURS not in info["files"]
        return
    assert not first.get("msg") and not again.get("msg"), (first, again)
    assert first["path"] == layout.path
    assert json.dumps(again["diff"]) == "[]" or layout.later, again
    assert bool(again["reloaded"]) == bool(layout.later)
    # A real client with a valid password, and one with root's key.
    assert ("Permission denied (publickey)" in said[0]) is not layout.opens, said
    assert "Permission denied (publickey)" in said[1], said
    reported = [(one["keyword"], one["value"], one["file"], one["line"]) for one in info["shadowed"]]
    decided = [*first["exceptions"], *(one for one in first["shadowed"] if "criteria" in one)]
    assert sorted(layout.blocks) == sorted((one["keyword"], one["value"], one["file"], one["line"]) for one in decided)
    assert len(first["exceptions"]) == (len(layout.blocks) if layout.opens else 0)
    assert [one for one in layout.shadowed if one not in reported] == [], reported
