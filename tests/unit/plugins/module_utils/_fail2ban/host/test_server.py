"""The connection to the server, over a real socket with a server of the test's own behind it."""

from __future__ import annotations

import pickle
import socket
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import server as host_server
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.wire import END
from tests.unit.fake_fail2ban import JAIL, FakeServer, expressions
from tests.unit.fake_host import Clock


def serve(path: Path, answers: list[t.Any]) -> threading.Thread:
    """Answer one connection with ``answers`` (``None`` closes it); each request is a pickle."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(1)

    def work() -> None:
        connected, _address = listening.accept()
        for answer in answers:
            request = b""
            while not request.endswith(END):
                request += connected.recv(4096)
            if answer is None:
                break
            # In two parts: an answer may come in any.
            data = pickle.dumps(answer, 2) + END
            connected.sendall(data[:5])
            connected.sendall(data[5:])
        connected.close()
        listening.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_questions_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "f2b.sock"
    thread = serve(path, [(0, "pong"), (0, ["192.0.2.1"]), (1, ValueError("no such jail")), None])
    server = host_server.connect(str(path), seconds=0)
    assert server is not None
    assert server.ask("get", "sshd", "banip") == ["192.0.2.1"]
    with pytest.raises(BaselineError, match="the fail2ban server rejected 'get x banip': no such jail"):
        server.ask("get", "x", "banip")
    with pytest.raises(BaselineError, match="the fail2ban server closed the connection at 'status'"):
        server.ask("status")
    thread.join(5)
    with pytest.raises(BaselineError, match="the fail2ban server did not answer 'status': "):
        server.ask("status")


def test_a_server_that_shuts_down_is_none(tmp_path: Path) -> None:
    path = tmp_path / "f2b.sock"
    serve(path, [["SHUTDOWN"]])
    assert host_server.connect(str(path), seconds=0) is None


def test_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(host_server, "time", clock)
    assert host_server.connect(str(tmp_path / "none"), seconds=3) is None
    assert clock.now == pytest.approx(3.0, abs=0.2), "it is waited for"
    clock.now = 0.0
    assert host_server.connect(str(tmp_path / "none"), seconds=3, alive=lambda: False) is None
    assert clock.now == 0.0, "a dead one is not"


def test_running_jails() -> None:
    server = FakeServer()
    server.answers["status",] = [("Number of jail", 2), ("Jail list", "sshd, recidive")]
    assert host_server.running_jails(server) == ["sshd", "recidive"]
    server.answers["status",] = [("Number of jail", 0), ("Jail list", "")]
    assert host_server.running_jails(server) == []


def test_running_values() -> None:
    server = FakeServer()
    values = host_server.running_values(server, {"sshd": JAIL})["sshd"]
    assert (values["maxretry"], values["source"], values["failregex"]) == (
        5,
        "journal",
        len(expressions()["failregex"]),
    )
    assert host_server.running_values(server, {}) == {"sshd": {}}, "a jail that no file defines"
    server.answers["get", "sshd", "actions"] = []
    without = host_server.running_values(server, {"sshd": JAIL})["sshd"]
    assert without["action pyhost-nftables port"] is None, "an action that is gone is not asked for its values"


@pytest.mark.parametrize(
    ("match", "paths", "status", "source"),
    [
        pytest.param([["_COMM=sshd"]], [], None, "journal", id="a journal match"),
        pytest.param([], ["/x"], None, "files", id="a log"),
        pytest.param(None, None, [("Filter", [("Journal matches", "")])], "journal", id="the whole journal"),
        pytest.param([], [], [("Filter", [("File list", [])])], "files", id="a log that was taken away"),
    ],
)
def test_the_source_is_asked_without_a_list_of_all_bans(match: t.Any, paths: t.Any, status: t.Any, source: str) -> None:
    server = FakeServer()
    server.answers.update({("get", "sshd", "journalmatch"): match, ("get", "sshd", "logpath"): paths})
    # Only a jail that has neither is asked for its status, which contains the bans.
    server.answers["status", "sshd"] = status if status else BaselineError("asked")
    assert host_server.source_of(server, "sshd") == source
