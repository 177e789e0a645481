"""What is left on the host after a change of the jails that failed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import restore
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from tests.unit.fake_fail2ban import JAIL, OWN
from tests.unit.fake_host import FakeHost

BEFORE: dict[str, t.Any] = {"sshd": {}, "shop": {}}


class Server:
    """Stands in for the service: records what it is asked to do."""

    def __init__(self, *, runs: t.Collection[str] = ("sshd", "shop"), error: str = "") -> None:
        self.runs = runs
        self.error = error
        self.steps: list[t.Any] = []

    def reconnect(self) -> None:
        self.steps.append("reconnect")

    def values(self, _streams: t.Any) -> dict[str, t.Any]:
        return {name: {} for name in self.runs}

    def bring_into_force(self, streams: t.Any, _before: t.Any, *, changed: list[str]) -> None:
        self.steps.append((sorted(streams), changed))
        if self.error:
            raise BaselineError(self.error)


def site(own: str | None) -> Site:
    return Site({}, (), own, "/run/fail2ban/fail2ban.sock", "/var/log/fail2ban.log")


@pytest.fixture(autouse=True)
def streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "read_streams", lambda _host, _site: {"sshd": JAIL})


@pytest.mark.parametrize("own", ["# before\n", None])
def test_the_file_and_the_jails_are_as_before(own: str | None) -> None:
    host: t.Any = FakeHost({OWN: "# after\n"})
    server: t.Any = Server()
    assert restore.restore(host, server, site(own), BEFORE, {}) == f"{OWN} was restored, and the jails run as before"
    assert host.files.get(OWN) == own
    assert server.steps == ["reconnect", (["sshd"], ["sshd"])], "each jail is loaded again"


@pytest.mark.parametrize(
    ("options", "state"),
    [
        pytest.param(
            {"runs": ["shop"]}, "was restored, but these jails do not run any more: sshd", id="a jail is missing"
        ),
        pytest.param(
            {"error": "the service does not start"},
            "was restored, but fail2ban could not be started with it again (the service does not start)",
            id="no start",
        ),
    ],
)
def test_what_could_not_be_restored_is_named(options: dict[str, t.Any], state: str) -> None:
    host: t.Any = FakeHost({OWN: "# after\n"})
    server: t.Any = Server(**options)
    assert restore.restore(host, server, site("# before\n"), BEFORE, {}) == f"{OWN} {state}"
    assert host.files[OWN] == "# before\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), BaselineError("it is read-only")])
def test_a_file_that_cannot_be_restored(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    host: t.Any = FakeHost({OWN: "# after\n"})
    server: t.Any = Server()

    def fail(*_given: object) -> t.NoReturn:
        raise error

    monkeypatch.setattr(host, "write", fail)
    state = restore.restore(host, server, site("# before\n"), BEFORE, {})
    assert state.startswith(f"{OWN} was changed and could not be restored (")
    assert server.steps == [], "the jails run with what is loaded"
