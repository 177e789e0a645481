"""The program that reports bans, run as fail2ban runs it, with a receiver and a sendmail of the test's own."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import (
    NOTIFY_ACTION,
    notify_files,
    parse_notify,
)

ADDRESS = "10.9.8.7"


class Receiver(http.server.ThreadingHTTPServer):
    """Records requests. ``delay``: seconds before it answers; ``status``: the answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[dict[str, str], dict[str, t.Any]]] = []
        self.delay, self.status = 0.0, 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = t.cast(Receiver, self.server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.requests.append((dict(self.headers), body))
        time.sleep(server.delay)
        self.send_response(server.status)
        self.send_header("Location", server.url + "/elsewhere")
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Installed:
    """The files on a disk, and how the program is run."""

    def __init__(self, folder: Path, **given: t.Any) -> None:
        self.folder = folder
        (folder / "action.d").mkdir()
        (folder / "run").mkdir()
        for path, file in notify_files(parse_notify(given), [sys.executable], str(folder), "/run").items():
            # The test's sendmail is the first one.
            (folder / path[1:]).write_text(file.text.replace("/usr/sbin:/usr/local/sbin:", f"{folder}:"))
        sendmail = folder / "sendmail"
        sendmail.write_text(f'#!/bin/sh\necho "$@" >>{folder}/arguments\ncat >>{folder}/mail\n')
        sendmail.chmod(0o755)

    def start(self, jail: str = "sshd", address: str = ADDRESS) -> subprocess.Popen[bytes]:
        argv = [sys.executable, str(self.folder / f"{NOTIFY_ACTION}.py"), str(self.folder / "run"), jail, address]
        return subprocess.Popen([*argv, "3", "600"], env=os.environ)

    def run(self, jail: str = "sshd", address: str = ADDRESS) -> None:
        assert self.start(jail, address).wait(30) == 0

    def mail(self) -> str:
        path = self.folder / "mail"
        return path.read_text() if path.exists() else ""


def test_a_webhook_gets_the_ban(tmp_path: Path, receiver: Receiver) -> None:
    Installed(tmp_path, webhook=receiver.url, headers={"Authorization": "Bearer s3cret"}).run()
    ((headers, body),) = receiver.requests
    assert headers["Authorization"] == "Bearer s3cret"
    (ban,) = body["bans"]
    assert (ban["jail"], ban["address"], ban["failures"], ban["seconds"]) == ("sshd", ADDRESS, 3, 600)
    assert body["more"] == 0
    assert f"sshd: banned {ADDRESS} after 3 failures, for 600 seconds" in body["text"]


def test_a_mail(tmp_path: Path) -> None:
    one = Installed(tmp_path, mail=["root", "ops@example.org"], sender="f2b@example.org")
    one.run()
    assert (tmp_path / "arguments").read_text() == "-t -i\n"
    head, _, text = one.mail().partition("\n\n")
    assert "To: root, ops@example.org" in head
    assert "From: f2b@example.org" in head
    assert f"sshd banned {ADDRESS}" in head.replace("\n ", " ")
    assert text == f"sshd: banned {ADDRESS} after 3 failures, for 600 seconds\n"


@pytest.mark.parametrize("address", ["192.0.2.7", "203.0.113.9", "2001:db8::7", "127.45.6.7", "198.51.100.0/24"])
def test_test_bans_are_not_reported(tmp_path: Path, receiver: Receiver, address: str) -> None:
    Installed(tmp_path, webhook=receiver.url).run(address=address)
    assert receiver.requests == []


@pytest.mark.parametrize("text", ["$(touch owned)", "a\nBcc: x@example.org", "'; touch owned; '", "ü\u2028 %s {}"])
def test_what_is_banned_is_text_and_nothing_else(tmp_path: Path, receiver: Receiver, text: str) -> None:
    """A filter can yield other things than addresses (<F-ID>)."""
    one = Installed(tmp_path, webhook=receiver.url, mail=["root"])
    one.run(address=text)
    ((_headers, body),) = receiver.requests
    assert body["bans"][0]["address"] == text
    assert not (tmp_path / "owned").exists()
    head = one.mail().partition("\n\n")[0]
    assert "\nBcc:" not in head


def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 302
    Installed(tmp_path, webhook=receiver.url, headers={"Authorization": "s3cret"}).run()
    assert len(receiver.requests) == 1


def test_a_receiver_that_does_not_answer_holds_up_one_process_for_a_limited_time(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.delay = 20
    one = Installed(tmp_path, webhook=receiver.url, mail=["root"], seconds=1)
    begin = time.monotonic()
    first = one.start(address="10.0.0.1")
    while not receiver.requests and time.monotonic() < begin + 10:
        time.sleep(0.05)
    receiver.delay = 0
    more = [one.start(address=f"10.0.1.{number}") for number in range(5)]
    assert [process.wait(10) for process in more] == [0] * 5
    assert first.wait(10) == 0
    assert time.monotonic() - begin < 15
    reported = [ban["address"] for _headers, body in receiver.requests for ban in body["bans"]]
    assert sorted(reported) == ["10.0.0.1", *(f"10.0.1.{number}" for number in range(5))]
    # The mail is sent all the same.
    assert "10.0.0.1" in one.mail() and "10.0.1.4" in one.mail()


def test_many_bans_at_once_are_a_few_reports(tmp_path: Path, receiver: Receiver) -> None:
    receiver.delay = 0.5
    one = Installed(tmp_path, webhook=receiver.url)
    processes = [one.start(address=f"10.0.0.{number}") for number in range(20)]
    assert [process.wait(30) for process in processes] == [0] * 20
    reported = [ban["address"] for _headers, body in receiver.requests for ban in body["bans"]]
    assert sorted(reported) == sorted(f"10.0.0.{number}" for number in range(20))
    assert len(receiver.requests) < 20


def test_the_queue_is_for_its_owner_alone(tmp_path: Path, receiver: Receiver) -> None:
    Installed(tmp_path, webhook=receiver.url).run()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()} == {0o600}
