"""Blocks as clients meet them: real ones, of other users, from other addresses and on other ports."""

from __future__ import annotations

import pytest
from testinfra.host import Host

SSH = (
    "env SSH_ASKPASS=/root/say SSH_ASKPASS_REQUIRE=force DISPLAY=:0 timeout 20 "
    "{program} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    "-o NumberOfPasswordPrompts=1 -o BindAddress={origin} {options}"
)
REFUSED = "Permission denied (publickey)."


def words(program: str, origin: str, options: str) -> str:
    return SSH.format(program=program, origin=origin, options=options)


@pytest.mark.parametrize(
    ("origin", "to", "port", "role"),
    [
        pytest.param(
            "192.0.2.10", "127.0.0.1", 22, "near", id="user and address, before the block for all of the user"
        ),
        pytest.param("192.0.2.66", "127.0.0.1", 22, "there", id="host pattern"),
        pytest.param("127.0.0.1", "127.0.0.1", 22, "everyone", id="all, before a foreign block"),
        pytest.param("192.0.2.10", "198.51.100.1", 2022, "outside", id="local address, first of three that fit"),
    ],
)
def test_the_first_block_that_fits_wins(host: Host, origin: str, to: str, port: int, role: str) -> None:
    assert host.check_output(words("ssh", origin, f"-p {port} deploy@{to} 'echo $ROLE' </dev/null")) == role


@pytest.mark.parametrize(
    ("user", "origin", "port", "opens"),
    [
        pytest.param("walter", "127.0.0.1", 22, False, id="no block"),
        pytest.param("walter", "127.0.0.1", 2022, True, id="local port"),
        pytest.param("vera", "127.0.0.1", 2022, False, id="local port of another"),
        pytest.param("vera", "198.51.100.1", 22, True, id="the foreign block, which is reported"),
        pytest.param("upload", "127.0.0.1", 22, False, id="uploader from elsewhere"),
        pytest.param("upload", "192.0.2.66", 22, False, id="uploader from the excluded address"),
    ],
)
def test_a_password_opens_where_a_block_says_so(host: Host, user: str, origin: str, port: int, opens: bool) -> None:
    ran = host.run(words("ssh", origin, f"-p {port} {user}@127.0.0.1 'id -un' </dev/null"))
    assert ran.stdout.strip() == (user if opens else "")
    assert opens or REFUSED in ran.stderr.replace("\r", "")


def test_an_uploader_from_the_network_has_sftp_and_nothing_else(host: Host) -> None:
    # -b would forbid the question for a password.
    listed = host.run("echo ls | " + words("sftp", "192.0.2.10", "upload@127.0.0.1"))
    assert listed.rc == 0 and listed.stdout.split()[-1] == "in", listed
    shell = host.run(words("ssh", "192.0.2.10", "upload@127.0.0.1 'id -un' </dev/null"))
    assert shell.rc != 0 and "upload" not in shell.stdout
    through = host.run(words("ssh", "192.0.2.10", "-W 127.0.0.1:22 upload@127.0.0.1 </dev/null"))
    assert through.rc != 0 and "administratively prohibited" in through.stderr
