"""sshd as the host itself sees it: what is in force for root and the admin, what listens, what a client is offered."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

CLOSED = ("passwordauthentication", "kbdinteractiveauthentication", "permitemptypasswords", "hostbasedauthentication")


def effective(host: Host, user: str) -> dict[str, list[str]]:
    """What ``sshd -T`` says for ``user``: keyword -> its values."""
    said: dict[str, list[str]] = {}
    for line in host.check_output("$(command -v sshd) -T -C user=%s,host=client,addr=192.0.2.1", user).splitlines():
        keyword, *rest = line.split(" ", 1)
        # OpenSSH 10.6 says PasswordAuthentication where earlier ones say passwordauthentication.
        said.setdefault(keyword.lower(), []).append("".join(rest))
    return said


@pytest.fixture(scope="module")
def for_root(host: Host) -> dict[str, list[str]]:
    return effective(host, "root")


@pytest.fixture(scope="module")
def for_admin(host: Host, admin: str) -> dict[str, list[str]]:
    return effective(host, admin)


def test_root_cannot_log_in(for_root: dict[str, list[str]]) -> None:
    assert for_root["permitrootlogin"] == ["no"]


@pytest.mark.parametrize("keyword", CLOSED)
def test_no_way_in_but_a_key(for_root: dict[str, list[str]], for_admin: dict[str, list[str]], keyword: str) -> None:
    assert (for_root[keyword], for_admin[keyword]) == (["no"], ["no"])


def test_the_admin_may_use_a_key(for_admin: dict[str, list[str]]) -> None:
    assert for_admin["pubkeyauthentication"] == ["yes"]


def test_pam_keeps_its_sessions(for_admin: dict[str, list[str]]) -> None:
    """PAM keeps its sessions."""
    assert for_admin["usepam"] == ["yes"]


@pytest.mark.parametrize("keyword", ["kexalgorithms", "ciphers", "macs", "hostkeyalgorithms"])
def test_no_broken_algorithm_is_offered(for_root: dict[str, list[str]], keyword: str) -> None:
    """Nothing offered has SHA-1, CBC or DSA in it (with `sshd_crypto: system` the distribution decides that)."""
    names = for_root[keyword][0].split(",")
    assert [name for name in names if re.search(r"sha1|-cbc|ssh-dss|^ssh-rsa", name)] == []


def test_something_listens_on_every_port(host: Host, for_root: dict[str, list[str]]) -> None:
    if host.system_info.type == "freebsd":
        rows = [line.split()[5] for line in host.check_output("sockstat -46lP tcp").splitlines()[1:]]
    else:
        rows = [line.split()[3] for line in host.check_output("ss -Htln").splitlines()]
    listening = {row.rpartition(":")[2] for row in rows}
    assert {address.rpartition(":")[2] for address in for_root["listenaddress"]} <= listening


def test_the_daemon_is_not_older_than_its_files(host: Host, for_root: dict[str, list[str]]) -> None:
    pid_file = for_root["pidfile"][0]
    if host.run("systemctl show --property Accept,ActiveState ssh.socket").stdout.split() == [
        "Accept=yes",
        "ActiveState=active",
    ]:
        # Nothing can be older: each connection starts an sshd of its own, which reads the files then.
        assert not host.file(pid_file).exists
        return
    if host.system_info.type == "freebsd":
        loaded = float(host.check_output("stat -f %%Fm %s", pid_file))
        changed = host.check_output("find /etc/ssh/sshd_config* -type f -exec stat -f %%Fc {} +").splitlines()
    else:
        loaded = float(host.check_output("stat -c %%.9Y %s", pid_file))
        changed = host.check_output(
            r"find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -type f -printf '%C@\n'"
        ).splitlines()
    assert max(map(float, changed)) < loaded


def test_a_client_is_offered_keys_alone(host: Host, admin: str, for_root: dict[str, list[str]]) -> None:
    """A real client without a key is offered keys only."""
    refused = host.run(
        "ssh -F none -o BatchMode=yes -o PreferredAuthentications=none -o StrictHostKeyChecking=no "
        "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p %s %s@127.0.0.1 true || exit 1",
        for_root["listenaddress"][0].rpartition(":")[2],
        admin,
    )
    assert refused.rc == 1
    assert refused.stderr.strip().splitlines()[-1] == f"{admin}@127.0.0.1: Permission denied (publickey)."
