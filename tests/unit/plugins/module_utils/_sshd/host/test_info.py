"""What sshd_info gathers, on a host that is a transcript: origin of each setting, addresses, host keys."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.platform import LINUX_WITHOUT_SYSTEMD
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import info
from tests.unit.fake_host import Expected, FakeHost

SSHD, MAIN, OTHER = "/usr/bin/sshd", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/50-x.conf"
KEY = "/etc/ssh/ssh_host_ed25519_key"
FILES = {
    MAIN: "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nPort 2222\nPermitRootLogin yes\n",
    OTHER: "PermitRootLogin no\nListenAddress 0.0.0.0:22\nMatch User deploy\nX11Forwarding no\n",
    KEY: "x",
}
ANSWER = f"""\
port 22
port 2222
listenaddress 0.0.0.0:22
permitrootlogin no
x11forwarding no
pidfile none
hostkey {KEY}
hostkeyalgorithms ssh-ed25519
"""
NONE = dict.fromkeys(["user", "address", "host", "local_address", "local_port"])


@pytest.fixture(autouse=True)
def _root_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info.os, "geteuid", lambda: 0)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")


def gather(specification: str, requested: dict[str, t.Any], *, answer: str = ANSWER) -> dict[str, t.Any]:
    host = FakeHost(
        FILES,
        [
            Expected([SSHD, "-T", "-f", MAIN, "-C", specification], out=answer),
            Expected([SSHD, "-V"], err="OpenSSH_10.0p2, OpenSSL 3.5.1\n"),
            Expected(["ssh-keygen", "-l", "-f", KEY], out="256 SHA256:ed root@x (ED25519)\n"),
        ],
        platform=LINUX_WITHOUT_SYSTEMD,
    )
    found = info.gather(t.cast(t.Any, host), main=MAIN, requested=requested)
    host.done()
    return found


def test_the_connection_of_the_run() -> None:
    found = gather("user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=22", NONE)
    assert (found["installed"], found["version"], found["running"]) == (True, "OpenSSH_10.0p2", False)
    assert found["effective"]["port"] == ["22", "2222"] and found["effective"]["permitrootlogin"] == "no"
    decided = [(one["keyword"], one["value"], one["file"], one["line"]) for one in found["decided_by"]]
    # A Port that no address has is shadowed, although the model has all of them add up.
    assert ("PermitRootLogin", "no", OTHER, 1) in decided and ("Port", "22", MAIN, 2) in decided
    shadowed = [(one["keyword"], one["value"], one["file"], one["line"]) for one in found["shadowed"]]
    assert shadowed == [("PermitRootLogin", "yes", MAIN, 4), ("Port", "2222", MAIN, 3)]
    assert (found["ports"], found["listen"]) == ([22], [{"address": "0.0.0.0", "port": 22}])
    assert found["files"] == [MAIN, OTHER]
    assert found["host_keys"] == [
        {"path": KEY, "type": "ssh-ed25519", "bits": 256, "fingerprint": "SHA256:ed", "offered": True}
    ]


def test_the_parts_that_are_requested() -> None:
    requested = {
        **NONE,
        "user": "nosuch",
        "address": "198.51.100.9",
        "host": "x.example",
        "local_port": 2222,
    }
    found = gather(
        "user=nosuch,host=x.example,addr=198.51.100.9,laddr=192.0.2.1,lport=2222,invalid-user",
        requested,
        answer=ANSWER.replace("hostkeyalgorithms ssh-ed25519", "hostkeyalgorithms rsa-sha2-512"),
    )
    assert "user=nosuch,host=x.example" in found["connection"]
    assert [one["offered"] for one in found["host_keys"]] == [False]


def test_no_sshd() -> None:
    host = FakeHost(programs=[])
    assert info.gather(t.cast(t.Any, host), main=MAIN, requested=NONE) == {"installed": False}


def test_root_alone_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info.os, "geteuid", lambda: 1000)
    with pytest.raises(BaselineError) as caught:
        info.gather(t.cast(t.Any, FakeHost()), main=MAIN, requested=NONE)
    assert (caught.value.problem, caught.value.hint) == ("only root can run sshd -T", "run the task with become: true")
