"""The arguments of the OpenSSH client, and the errors of a login. Messages are recorded from OpenSSH 9.2 and 10.0."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import (
    MARK,
    Reply,
    SshTarget,
    command,
    login_error,
    preflight_error,
    preflight_target,
    reply_message,
)

TARGET = SshTarget("192.0.2.7", user="deploy", port=2222)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param(SshTarget("web"), "web", id="host"),
        pytest.param(SshTarget("web", user="deploy"), "deploy@web", id="user"),
        pytest.param(TARGET, "deploy@192.0.2.7 port 2222", id="port"),
    ],
)
def test_a_target_as_text(target: SshTarget, text: str) -> None:
    assert str(target) == text


PREFLIGHT = Preflight(
    {"KexAlgorithms": ("curve25519-sha256", "unknown@example.org"), "HostKeyAlgorithms": ("ssh-ed25519",)},
    keys=("ssh-rsa 3072 SHA256:a",),
)


def test_a_preflight_login_leaves_out_what_the_change_removes() -> None:
    """Names that this client does not know are no error, and the user's own lists do not win."""
    target = SshTarget("web", arguments=("-o", "KexAlgorithms=curve25519-sha256"))
    now, then = (effective(command(one, "true", seconds=7)) for one in (target, preflight_target(target, PREFLIGHT)))
    assert now["kexalgorithms"] == "curve25519-sha256"
    names = then["kexalgorithms"].split(",")
    assert "curve25519-sha256" not in names and "sntrup761x25519-sha512@openssh.com" in names
    hostkeys = then["hostkeyalgorithms"].split(",")
    assert "ssh-ed25519" not in hostkeys and "rsa-sha2-512" in hostkeys


def test_nothing_goes_away() -> None:
    assert preflight_target(TARGET, None) == TARGET


@pytest.mark.parametrize(
    ("preflight", "message", "part"),
    [
        pytest.param(
            PREFLIGHT,
            "Host key verification failed",
            "(ssh-rsa 3072 SHA256:a), and it would be unsafe to trust them unseen; let ssh learn them over the key "
            "that it knows: `ssh -o UpdateHostKeys=yes -p 2222 deploy@192.0.2.7 true`",
            id="unknown host keys",
        ),
        pytest.param(
            replace(PREFLIGHT, keys=(), new_keys=("/etc/ssh/ssh_host_ed25519_key",)),
            "Host key verification failed",
            "would show none of its present host keys after the change, so nobody could verify it "
            "(new: /etc/ssh/ssh_host_ed25519_key)",
            id="none stays",
        ),
        pytest.param(
            PREFLIGHT,
            "no matching key exchange method found",
            "no matching key exchange method found, if the algorithms that this change removes are left out",
            id="an old client",
        ),
    ],
)
def test_why_a_preflight_login_fails(preflight: Preflight, message: str, part: str) -> None:
    assert part in str(preflight_error(TARGET, preflight, message))


def effective(argv: list[str]) -> dict[str, str]:
    """Ask the client itself what it would do (ssh -G)."""
    words = argv[: argv.index("--")]
    done = subprocess.run([*words, "-F", "none", "-G", "web"], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def test_no_argument_of_the_user_weakens_the_proof() -> None:
    arguments = (
        *("-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-S", "/tmp/master", "-M", "-A"),
        *("-o", "BatchMode=no", "-o", "PreferredAuthentications=password", "-o", "PasswordAuthentication=yes"),
        *("-o", "Port=22", "-o", "User=root", "-p", "22", "-l", "root", "-o", "StrictHostKeyChecking=yes"),
    )
    asked = effective(command(SshTarget("web", "deploy", 2222, arguments=arguments), "true", seconds=7))
    assert asked["user"] == "deploy"
    assert asked["port"] == "2222"
    assert asked["batchmode"] == "yes"
    assert asked["preferredauthentications"] == "publickey"
    assert asked["passwordauthentication"] == "no"
    assert asked["kbdinteractiveauthentication"] == "no"
    assert asked["connecttimeout"] == "7"
    assert asked.get("controlpath", "none") == "none"
    # What the user says about whom to trust and how to get there still counts.
    assert asked["stricthostkeychecking"] == "true"


@pytest.mark.parametrize(("seconds", "count"), [(5, "2"), (10, "2"), (60, "12")])
def test_a_host_that_may_be_slow_to_connect_may_be_silent_for_longer(seconds: int, count: str) -> None:
    asked = effective(command(SshTarget("web"), "true", seconds=seconds))
    assert (asked["connecttimeout"], asked["serveraliveinterval"]) == (str(seconds), "5")
    assert asked["serveralivecountmax"] == count


def test_a_named_key_is_the_only_one() -> None:
    asked = effective(command(SshTarget("web", key="/keys/my key"), "true", seconds=7))
    assert asked["identityfile"] == "/keys/my key"
    assert asked["identitiesonly"] == "yes"


def test_the_keys_of_the_agent_count_where_none_is_named() -> None:
    assert effective(command(SshTarget("web"), "true", seconds=7))["identitiesonly"] == "no"


def test_jump_hosts_are_kept() -> None:
    target = SshTarget("web", arguments=("-o", "ProxyJump=bastion"))
    assert effective(command(target, "true", seconds=7))["proxyjump"] == "bastion"


def test_host_keys_are_not_checked_where_ansible_does_not() -> None:
    target = SshTarget("web", check_host_key=False, arguments=("-o", "StrictHostKeyChecking=yes"))
    assert effective(command(target, "true", seconds=7))["stricthostkeychecking"] == "false"


def test_an_open_master_serves_where_it_is_asked_for() -> None:
    argv = command(SshTarget("web", arguments=("-S", "/tmp/other")), "true", seconds=7, master="/tmp/own")
    assert argv[argv.index("--") - 2 :] == ["-S", "/tmp/own", "--", "web", "exec /bin/sh -c true"]


def failed(err: str, *, rc: int = 255, out: str = "") -> Reply:
    return Reply(rc, out, err)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(failed("", rc=0, out=f"{MARK}\n"), None, id="in"),
        pytest.param(failed("sudo: a password is required\n", rc=1, out=f"{MARK}\n"), None, id="in-without-sudo"),
        pytest.param(
            failed("deploy@192.0.2.7: Permission denied (publickey).\r\n"),
            "a new key login as deploy@192.0.2.7 port 2222 fails: deploy@192.0.2.7: Permission denied (publickey); "
            "sshd accepts none of the keys that this controller offers for that user: check the user's "
            "authorized_keys, AllowUsers and DenyUsers, and that the private key is the one of this controller",
            id="denied",
        ),
        pytest.param(
            failed("ssh: connect to host 192.0.2.7 port 2222: Connection refused\r\n"),
            "a new key login as deploy@192.0.2.7 port 2222 fails: ssh: connect to host 192.0.2.7 port 2222: "
            "Connection refused; nothing listens there, or a firewall rejects the connection",
            id="refused",
        ),
        pytest.param(
            failed("Warning: Permanently added '192.0.2.7' (ED25519) to the list of known hosts.\r\nWelcome!\n"),
            "a new key login as deploy@192.0.2.7 port 2222 fails: Welcome!",
            id="unknown-message",
        ),
        pytest.param(
            failed("", rc=1, out="This account is currently not available.\n"),
            "a new key login as deploy@192.0.2.7 port 2222 fails: This account is currently not available; the account "
            "is closed: give it a login shell and an expiry date that has not passed",
            id="nologin",
        ),
        pytest.param(
            failed("", rc=0, out="This service allows sftp connections only.\n"),
            "a new login as deploy@192.0.2.7 port 2222 is accepted but runs no command: This service allows sftp "
            "connections only; look for ForceCommand in sshd_config, command= in authorized_keys, or a login shell "
            "that is not a shell",
            id="forced-command",
        ),
        pytest.param(
            failed("debug1: x\n"),
            "a new key login as deploy@192.0.2.7 port 2222 fails: no output, exit status 255",
            id="mute",
        ),
    ],
)
def test_login_error(reply: Reply, error: str | None) -> None:
    found = login_error(TARGET, reply)
    assert (found and str(found)) == error


@pytest.mark.parametrize("user", ["-oX=x", "a b", "a\nb", 'a"b', "$(x)", "a;b", "a\\", "\u2028b", "a|b", "`x`"])
def test_a_name_that_means_more_than_a_user_is_refused(user: str) -> None:
    with pytest.raises(BaselineError, match="which is not a valid user name; no login was tried"):
        command(SshTarget("web", user=user), "true", seconds=7)


@pytest.mark.parametrize("user", ["deploy", "_ops", "a.b-c", "DOMAIN\\deploy", "deploy@example.org", "\u00fcmit"])
def test_names_of_users(user: str) -> None:
    assert f'User="{user}"' in command(SshTarget("web", user=user), "true", seconds=7)


def test_the_messages_of_a_host_are_printable_and_bounded() -> None:
    message = reply_message(failed("\x1b[2J\u202emoc.live\n" + "x" * 100_000 + "\n"))
    assert "\x1b" not in message and "\u202e" not in message
    assert "\\x1b[2J" in reply_message(failed("\x1b[2J\n"))
    assert len(message) < 2000


def test_a_host_cannot_keep_the_patterns_busy() -> None:
    """``Host key for .* has changed`` goes over the rest of the line from each place where it could begin."""
    started = time.monotonic()
    reply = failed("Host key for Load key " * 50_000)
    assert login_error(TARGET, reply)
    assert time.monotonic() - started < 2
