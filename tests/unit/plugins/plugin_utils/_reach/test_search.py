# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which candidates are tried, and what the messages of ssh mean for the others."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import ProbeAnswer, parse_answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import (
    WINDOWS,
    Candidate,
    LoginRefusal,
    Verdict,
    candidates,
    judge,
    no_login_error,
    port_error,
    search,
    unusable_shell,
)

DEBIAN13 = ProbeAnswer(
    login="deploy",
    uid=1000,
    kernel="Linux",
    system="debian",
    version="13",
    name="Debian GNU/Linux 13 (trixie)",
    sudo="ok",
    pythons=(("/usr/bin/python3", (3, 13, 5)),),
)
REFUSED = "ssh: connect to host 203.0.113.7 port 2222: Connection refused"
DENIED = "Permission denied (publickey)."
ACCEPTED_AND_CLOSED = (
    "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 203.0.113.7 port 2222"
)
THROUGH_A_JUMP_HOST = (
    "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535"
)
JUMP_HOST_DENIES = f"ops@bastion: Permission denied (publickey).\r\n{THROUGH_A_JUMP_HOST}"
MANY_KEYS = "Received disconnect from 203.0.113.7 port 22:2: Too many authentication failures"
CHANGED = (
    "@@@@@@@@@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@@@@@\r\n"
    "Offending ED25519 key in /root/.ssh/known_hosts:1\r\n"
    "Password authentication is disabled to avoid man-in-the-middle attacks.\r\n"
)
STRICT = "Host key for 203.0.113.7 has changed and you have requested strict checking.\r\nHost key verification failed."
# What ssh prints where something else than sshd has the port, recorded from OpenSSH 9.2.
BEFORE_A_LOGIN = (
    ACCEPTED_AND_CLOSED,
    "Connection reset by 203.0.113.7 port 2222",
    "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 203.0.113.7 port 2222",
    "kex_exchange_identification: banner line contains invalid characters\r\n"
    "banner exchange: Connection to 203.0.113.7 port 2222: invalid format",
    "kex_exchange_identification: banner line too long\r\n"
    "banner exchange: Connection to 203.0.113.7 port 2222: invalid format",
    "Protocol major versions differ: 2 vs. 1\r\n"
    "banner exchange: Connection to 203.0.113.7 port 2222: could not read protocol version",
    "Connection timed out during banner exchange\r\nConnection to 203.0.113.7 port 2222 timed out",
    f"channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n{THROUGH_A_JUMP_HOST}",
    "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\n"
    f"{THROUGH_A_JUMP_HOST}",
    f"nc: connect to 203.0.113.7 port 2222 (tcp) failed: Connection refused\r\n{THROUGH_A_JUMP_HOST}",
)


@pytest.mark.parametrize(
    ("users", "ports", "given", "forced", "expected"),
    [
        ([], [], (None, None), (), [(None, None)]),
        (["deploy"], [], ("root", None), (), [("deploy", None), ("root", None)]),
        (["deploy"], [], ("deploy", None), (), [("deploy", None)]),
        (["deploy"], [22], ("root", None), (), [("deploy", None), ("root", None)]),
        (
            ["deploy"],
            [2222],
            ("root", 22),
            (),
            [("deploy", 2222), ("root", 2222), ("deploy", 22), ("root", 22)],
        ),
        ([], [], ("root", 2201), (), [("root", 2201)]),
        ([], [22], ("root", 2200), (), [("root", 2200), ("root", 22)]),
        ([], [2222], ("root", 2201), (), [("root", 2201), ("root", 2222)]),
        ([], [2201, 2222], ("root", 2201), (), [("root", 2201), ("root", 2222)]),
        ([], [2222], ("root", 2201), {"port"}, [("root", 2201)]),
        (["deploy"], [2222], ("root", None), {"user"}, [("root", 2222), ("root", None)]),
        (["deploy"], [2222], ("root", 22), {"user", "port"}, [("root", 22)]),
    ],
    ids=[
        "nothing",
        "first-user-first",
        "same-user",
        "same-port",
        "ports-outside",
        "forwarded-alone",
        "forwarded",
        "forwarded-and-moved",
        "given-is-desired",
        "port-forced",
        "user-forced",
        "both-forced",
    ],
)
def test_candidates(
    users: list[str],
    ports: list[int],
    given: tuple[str | None, int | None],
    forced: t.Collection[str],
    expected: list[tuple[str | None, int | None]],
) -> None:
    found = candidates(users=users, ports=ports, given=Candidate(*given), forced=forced)
    assert [(candidate.user, candidate.port) for candidate in found] == expected
    assert all(candidate.is_desired is (candidate.port != given[1]) for candidate in found)


ALL = candidates(users=["deploy"], ports=[2222], given=Candidate("root", 22))


@pytest.mark.parametrize(
    ("says", "probed", "got_in"),
    [
        ({("deploy", 2222): ""}, ["deploy:2222"], "deploy:2222"),
        (
            {("deploy", 2222): REFUSED, ("deploy", 22): DENIED, ("root", 22): ""},
            ["deploy:2222", "deploy:22", "root:22"],
            "root:22",
        ),
        ({("deploy", 2222): REFUSED, ("deploy", 22): REFUSED}, ["deploy:2222", "deploy:22"], None),
        ({("deploy", 2222): DENIED, ("root", 2222): DENIED}, ["deploy:2222", "root:2222"], None),
        ({("deploy", 2222): "Host key verification failed."}, ["deploy:2222"], None),
        ({("deploy", 2222): "Received disconnect from 203.0.113.7: banned"}, ["deploy:2222"], None),
        *(
            ({("deploy", 2222): message, ("deploy", 22): ""}, ["deploy:2222", "deploy:22"], "deploy:22")
            for message in BEFORE_A_LOGIN
        ),
        ({("deploy", 2222): REFUSED, ("deploy", 22): ACCEPTED_AND_CLOSED}, ["deploy:2222", "deploy:22"], None),
        ({("deploy", 2222): DENIED, ("root", 2222): ACCEPTED_AND_CLOSED}, ["deploy:2222", "root:2222"], None),
        ({("deploy", 2222): JUMP_HOST_DENIES}, ["deploy:2222"], None),
        ({("deploy", 2222): MANY_KEYS, ("root", 2222): ""}, ["deploy:2222", "root:2222"], "root:2222"),
        (
            {("deploy", 2222): REFUSED, ("deploy", 22): f"{CHANGED}{DENIED}", ("root", 22): ""},
            ["deploy:2222", "deploy:22", "root:22"],
            "root:22",
        ),
        ({("deploy", 2222): f"{CHANGED}{STRICT}"}, ["deploy:2222"], None),
    ],
    ids=[
        "next-run",
        "first-run",
        "all-closed",
        "open-but-denied",
        "host-key",
        "unknown-message",
        *(f"desired-{number}" for number, _message in enumerate(BEFORE_A_LOGIN, 1)),
        "the-own-port-closes",
        "banned-after-a-refusal",
        "jump-host-denies",
        "many-keys",
        "changed-key-unchecked",
        "changed-key-checked",
    ],
)
def test_search(says: dict[tuple[str, int], str], probed: list[str], got_in: str | None) -> None:
    asked: list[str] = []

    def probe(candidate: Candidate) -> ProbeAnswer | LoginRefusal:
        asked.append(f"{candidate.user}:{candidate.port}")
        message = says[candidate.user or "", candidate.port or 0]
        return judge(f"Failed to connect to the host via ssh: {message}") if message else DEBIAN13

    found = search(ALL, probe)
    assert asked == probed
    assert (f"{found.candidate.user}:{found.candidate.port}" if found.candidate else None) == got_in
    assert len(found.refused) == len(probed) - (got_in is not None)


# Messages of ansible-core 2.19 around those of OpenSSH 9.2, recorded on the test hosts.
@pytest.mark.parametrize(
    ("message", "reason", "verdict"),
    [
        (
            'Data could not be sent to remote host "172.17.0.10". Make sure this host can be reached over ssh: '
            "deploy@172.17.0.10: Permission denied (publickey,password).\r\n",
            "deploy@172.17.0.10: Permission denied (publickey,password)",
            Verdict.NEXT_USER,
        ),
        (
            "Failed to connect to the host via ssh: ssh: connect to host 172.17.0.11 port 2222: Connection refused",
            "ssh: connect to host 172.17.0.11 port 2222: Connection refused",
            Verdict.NEXT_PORT,
        ),
        (
            "Failed to connect to the host via ssh: ssh: connect to host 192.0.2.1 port 22: Connection timed out",
            "ssh: connect to host 192.0.2.1 port 22: Connection timed out",
            Verdict.NEXT_PORT,
        ),
        (
            "Failed to connect to the host via ssh: ssh: Could not resolve hostname nosuch.invalid: "
            "Name or service not known",
            "ssh: Could not resolve hostname nosuch.invalid: Name or service not known",
            Verdict.STOP,
        ),
        (
            "Failed to connect to the host via ssh: @@@@@@@@@@@@\r\n"
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@@@@@\r\n"
            "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"
            "Host key for 172.17.0.11 has changed and you have requested strict checking.\r\n"
            "Host key verification failed.\r\n",
            "Host key for 172.17.0.11 has changed and you have requested strict checking; Host key verification failed",
            Verdict.STOP,
        ),
        (
            "Invalid/incorrect password: Permission denied, please try again.",
            "Permission denied, please try again",
            Verdict.NEXT_USER,
        ),
        (
            "Failed to connect to the host via ssh: Unauthorised use is an offence.\n"
            "Received disconnect from 172.17.0.11 port 22:2: Too many authentication failures\n"
            "Disconnected from 172.17.0.11 port 22",
            "Received disconnect from 172.17.0.11 port 22:2: Too many authentication failures",
            Verdict.NEXT_USER,
        ),
        (
            "Failed to connect to the host via ssh: kex_exchange_identification: banner line 0: "
            "Not allowed at this time",
            "kex_exchange_identification: banner line 0: Not allowed at this time",
            Verdict.STOP,
        ),
        (
            "Failed to connect to the host via ssh: Connection closed by 172.17.0.11 port 22",
            "Connection closed by 172.17.0.11 port 22",
            Verdict.NO_LOGIN,
        ),
        ("Failed to connect to the host via ssh: ", "no reason given", Verdict.STOP),
    ],
    ids=[
        "denied",
        "closed",
        "timed-out",
        "dns",
        "key-changed",
        "password",
        "many-keys",
        "penalty",
        "closed-early",
        "silent",
    ],
)
def test_judge(message: str, reason: str, verdict: Verdict) -> None:
    refusal = judge(message)
    assert (refusal.reason, refusal.verdict) == (reason, verdict)


def test_no_login_lists_each_candidate() -> None:
    tried = [
        (Candidate("deploy", 2222), judge(REFUSED)),
        (Candidate("deploy", None), judge(DENIED)),
        (Candidate(None, None), judge(DENIED)),
    ]
    assert str(no_login_error(tried)) == (
        "no login works: deploy on port 2222: ssh: connect to host 203.0.113.7 port 2222: Connection refused; "
        "deploy on port 22: Permission denied (publickey); the user of ssh_config on port 22: "
        "Permission denied (publickey); this task changed nothing; "
        "name a user and key that can log in with '-u USER --private-key FILE'"
    )


def test_no_login_names_what_extra_variables_forced() -> None:
    assert str(no_login_error([(Candidate("root", 22), judge(REFUSED))], forced={"user", "port"})) == (
        "no login works: root on port 22: ssh: connect to host 203.0.113.7 port 2222: Connection refused; "
        "this task changed nothing; check the address and port, that the host is up, and that no firewall or "
        "fail2ban blocks this controller (extra variables override every other choice: ansible_port and ansible_user "
        "given by '-e' ruled out other candidates)"
    )


@pytest.mark.parametrize(
    "output",
    [
        "'/bin/sh' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        "/bin/sh : The term '/bin/sh' is not recognized as the name of a cmdlet, function, script file, or operable",
        "#< CLIXML",
    ],
    ids=["cmd.exe", "powershell", "clixml"],
)
def test_windows_behind_ssh(output: str) -> None:
    assert parse_answer(output) is None
    assert unusable_shell(output) is WINDOWS
    assert WINDOWS.reason == "the host runs Windows, which can run Ansible but is never a managed host"


def test_a_login_without_a_shell_leads_to_the_next_user() -> None:
    refusal = unusable_shell("This account is currently not available.\n")
    assert refusal.reason == (
        "logged in, but its login shell runs no /bin/sh: This account is currently not available."
    )
    assert refusal.verdict is Verdict.NEXT_USER


def test_port_error() -> None:
    assert port_error([22, 65535]) is None
    assert str(port_error([22, 70000])) == "ports: 70000 is not a port; no connection was made; give 1 to 65535"


@pytest.mark.parametrize(
    ("message", "part"),
    [("Not allowed at this time", "wait a minute"), ("Host key verification failed.", "add it to known_hosts")],
)
def test_the_hint_of_the_message_that_ended_the_search_is_given(message: str, part: str) -> None:
    assert part in no_login_error([(Candidate("root", 22), judge(REFUSED)), (ALL[0], judge(message))]).hint


@pytest.mark.parametrize(
    ("refused", "part"),
    [
        ([((None, 22), MANY_KEYS), (("root", 22), DENIED)], "IdentitiesOnly=yes"),
        ([((None, 22), DENIED), (("root", 22), ACCEPTED_AND_CLOSED)], "PerSourcePenalties"),
        ([((None, 22), ACCEPTED_AND_CLOSED)], "MaxStartups"),
        ([((None, 2222), ACCEPTED_AND_CLOSED), ((None, 22), DENIED)], "name a user and key"),
        ([((None, 2222), ACCEPTED_AND_CLOSED), ((None, 22), REFUSED)], "PerSourcePenalties"),
        ([((None, 22), JUMP_HOST_DENIES)], "this is about the jump host and not about the host itself: sshd accepts"),
        ([((None, 22), BEFORE_A_LOGIN[8])], "PermitOpen"),
    ],
    ids=["many-keys", "banned", "banned-at-once", "denied", "closed", "jump-host", "forwarding-refused"],
)
def test_the_hint_is_about_what_went_wrong(refused: list[tuple[tuple[str | None, int], str]], part: str) -> None:
    assert part in no_login_error([(Candidate(*login), judge(message)) for login, message in refused]).hint
