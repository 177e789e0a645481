"""What the role's options change, as sshd says it for one connection and another."""

from __future__ import annotations

import pytest
from testinfra.host import Host


def ask(host: Host, user: str, address: str) -> list[str]:
    return host.check_output("/usr/sbin/sshd -T -C user=%s,host=%s,addr=%s", user, address, address).splitlines()


@pytest.mark.parametrize(
    ("user", "address", "line"),
    [
        pytest.param("root", "192.0.2.7", "port 2222", id="the port"),
        pytest.param("root", "192.0.2.7", "maxauthtries 4", id="another spelling replaces the role's"),
        pytest.param("root", "192.0.2.7", "kbdinteractiveauthentication no", id="an older name"),
        pytest.param("root", "192.0.2.7", "allowusers upload", id="a list"),
        pytest.param("root", "192.0.2.7", "logingracetime 120", id="a unit"),
        pytest.param("root", "192.0.2.7", "acceptenv LC_TIME", id="a keyword that adds up"),
        pytest.param("root", "192.0.2.7", "x11forwarding no", id="the main file said it first and loses"),
        pytest.param("upload", "192.0.2.7", "forcecommand internal-sftp -l INFO", id="a block"),
        pytest.param("upload", "192.0.2.7", "passwordauthentication yes", id="a block stands before the settings"),
        pytest.param("upload", "2001:db8::1", "allowtcpforwarding no", id="a block, IPv6"),
        pytest.param("upload", "203.0.113.7", "passwordauthentication no", id="a block does not fit"),
        pytest.param("deploy", "203.0.113.7", "x11forwarding yes", id="a block given as a text"),
    ],
)
def test_effective(host: Host, user: str, address: str, line: str) -> None:
    assert line in ask(host, user, address)


def test_the_old_port_is_closed(host: Host) -> None:
    ports = {line.split()[3].rpartition(":")[2] for line in host.check_output("ss -Htln").splitlines()}
    assert "2222" in ports and "22" not in ports


def test_a_cipher_is_gone(host: Host) -> None:
    (line,) = (line for line in ask(host, "root", "192.0.2.7") if line.startswith("ciphers "))
    assert "aes128-ctr" not in line and "aes256-ctr" in line


def test_the_main_file_includes_the_settings_first(host: Host) -> None:
    lines = host.file("/etc/ssh/sshd_config").content_string.splitlines()
    assert lines[1:4] == [
        "Include /etc/ssh/00-pyhost-baseline.conf",
        "# END pyhost.baseline.sshd_config",
        "PasswordAuthentication yes",
    ]
