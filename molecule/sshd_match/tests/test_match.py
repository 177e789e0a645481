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
    # Testinfra takes the client's 255 for its own, so the client's status is printed.
    return SSH.format(program=program, origin=origin, options=options) + "; echo status=$?"


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
    assert (
        host.check_output(words("ssh", origin, f"-p {port} deploy@{to} 'echo $ROLE' </dev/null")) == f"{role}\nstatus=0"
    )


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
    assert ran.stdout.split() == ([user, "status=0"] if opens else ["status=255"])
    assert opens or REFUSED in ran.stderr.replace("\r", "")


def test_an_uploader_from_the_network_has_sftp_and_nothing_else(host: Host) -> None:
    # -b would forbid the question for a password.
    listed = host.check_output("echo ls | " + words("sftp", "192.0.2.10", "upload@127.0.0.1"))
    assert listed.split()[-2:] == ["in", "status=0"]
    shell = host.run(words("ssh", "192.0.2.10", "upload@127.0.0.1 'id -un' </dev/null"))
    assert "upload" not in shell.stdout and "status=0" not in shell.stdout
    through = host.run(words("ssh", "192.0.2.10", "-W 127.0.0.1:22 upload@127.0.0.1 </dev/null"))
    assert "stdio forwarding failed" in through.stderr and "status=0" not in through.stdout
