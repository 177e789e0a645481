# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which candidates are tried, and what ssh's words mean for the others."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import Answer, parse_answer
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.search import (
    WINDOWS,
    Candidate,
    Refusal,
    Verdict,
    candidates,
    judge,
    no_answer,
    port_complaint,
    search,
    silent_answer,
)

DEBIAN13 = Answer(
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


@pytest.mark.parametrize(
    ("users", "ports", "given", "forced", "expected"),
    [
        ([], [], (None, None), (), [(None, None)]),
        (["deploy"], [], ("root", None), (), [("deploy", None), ("root", None)]),
        (["deploy"], [], ("deploy", None), (), [("deploy", None)]),
        (["deploy"], [22], ("root", None), (), [("deploy", 22), ("root", 22)]),
        (
            ["deploy"],
            [2222],
            ("root", 22),
            (),
            [("deploy", 2222), ("root", 2222), ("deploy", 22), ("root", 22)],
        ),
        ([], [22], ("root", 2200), (), [("root", 2200), ("root", 22)]),
        (["deploy"], [2222], ("root", None), {"user"}, [("root", 2222), ("root", None)]),
        (["deploy"], [2222], ("root", 22), {"user", "port"}, [("root", 22)]),
    ],
    ids=[
        "nothing",
        "first-user-first",
        "same-user",
        "same-port",
        "ports-outside",
        "forwarded",
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
    ],
    ids=["next-run", "first-run", "all-closed", "open-but-denied", "host-key", "unknown-words"],
)
def test_search(says: dict[tuple[str, int], str], probed: list[str], got_in: str | None) -> None:
    asked: list[str] = []

    def probe(candidate: Candidate) -> Answer | Refusal:
        asked.append(f"{candidate.user}:{candidate.port}")
        words = says[candidate.user or "", candidate.port or 0]
        return judge(f"Failed to connect to the host via ssh: {words}") if words else DEBIAN13

    outcome = search(ALL, probe)
    assert asked == probed
    assert (f"{outcome.candidate.user}:{outcome.candidate.port}" if outcome.candidate else None) == got_in
    assert len(outcome.tried) == len(probed) - (got_in is not None)


# Messages of ansible-core 2.19 around the words of OpenSSH 9.2, seen on the test hosts.
@pytest.mark.parametrize(
    ("message", "words", "verdict"),
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
            Verdict.STOP,
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
def test_judge(message: str, words: str, verdict: Verdict) -> None:
    refusal = judge(message)
    assert (refusal.words, refusal.verdict) == (words, verdict)


def test_no_answer_lists_each_candidate() -> None:
    tried = [
        (Candidate("deploy", 2222), judge(REFUSED)),
        (Candidate("deploy", None), judge(DENIED)),
        (Candidate(None, None), judge(DENIED)),
    ]
    assert no_answer(tried) == (
        "no login works: deploy on port 2222: ssh: connect to host 203.0.113.7 port 2222: Connection refused; "
        "deploy on port 22: Permission denied (publickey); the user of ssh_config on port 22: "
        "Permission denied (publickey); the host was left as it was; "
        "name a user and key that can log in with '-u USER --private-key FILE'"
    )


def test_no_answer_names_what_extra_variables_forced() -> None:
    assert no_answer([(Candidate("root", 22), judge(REFUSED))], forced={"user", "port"}) == (
        "no login works: root on port 22: ssh: connect to host 203.0.113.7 port 2222: Connection refused; "
        "the host was left as it was; check the address and port, that the host is up, and that no firewall or "
        "fail2ban shuts this controller out (extra variables beat every other choice: ansible_port and ansible_user "
        "given by '-e' kept other candidates from being tried)"
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
    assert silent_answer(output) == WINDOWS
    assert WINDOWS.words == (
        "the host runs Windows, which is a place to run Ansible from, never a target of pyhost.baseline; "
        "the host was left as it was; take it out of the inventory or choose others with '--limit'"
    )


def test_a_login_without_a_shell_leads_to_the_next_user() -> None:
    assert silent_answer("This account is currently not available.\n") == Refusal(
        "logged in, but its login shell runs no /bin/sh: This account is currently not available.", Verdict.NEXT_USER
    )


def test_port_complaint() -> None:
    assert port_complaint([22, 65535]) is None
    assert port_complaint([22, 70000]) == "70000 is not a port; ports are 1 to 65535; no host was asked"
