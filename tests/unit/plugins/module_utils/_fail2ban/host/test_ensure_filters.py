"""Filters of the user on the path of fail2ban_jails: staged, written before the jails, restored, removed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import parse_filters
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import daemon as host_daemon
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host import ensure as host_ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.filter_samples import SamplesResult
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jail_files import parse_sections
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jails_result import JailsResult
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import Notify
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import parse_stream
from tests.unit.fake_fail2ban import (
    ACTION,
    CHECKED,
    FILES,
    FREE,
    OWN,
    PROBED,
    PROGRAMS,
    ROOT,
    STAGED,
    STREAM,
    FakeServer,
    present,
    staged,
    stream_text,
    unit,
)
from tests.unit.fake_host import Clock, Expected, FakeHost

FILTER = f"{ROOT}/filter.d/shop.local"
FILTERS = parse_filters({"shop": {"failregex": "^ failed <HOST>$", "matches": ["10:00:00 failed 192.0.2.1"]}})
BARE = JailsRequest(jails={"sshd": {}}, sshd_logins="keys", check_sshd=False)
DESIRED = replace(BARE, filters=FILTERS)
RELOAD = Expected(["fail2ban-client", "reload", "--if-exists", "sshd"], out="OK\n")


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    monkeypatch.setattr(host_daemon, "connect", lambda _path, **options: server if options["seconds"] else None)
    monkeypatch.setattr(host_daemon, "time", Clock())
    return server


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The directories in which filters were tried, and which filters."""
    seen: list[tuple[str, list[str]]] = []

    def try_samples(_host: object, directory: str, filters: t.Mapping[str, t.Any], _journal: object) -> SamplesResult:
        seen.append((directory, list(filters)))
        return SamplesResult({name: ["192.0.2.1"] for name in filters}, ("a warning",) if filters else ())

    monkeypatch.setattr(host_ensure, "try_samples", try_samples)
    return seen


def ensure(host: FakeHost, desired: JailsRequest = DESIRED, *, reload: bool = True) -> JailsResult:
    result = host_ensure.ensure(t.cast(t.Any, host), desired, reload=reload, proof=False)
    host.done()
    return result


def configured(desired: JailsRequest = DESIRED) -> dict[str, str]:
    """Return what a run leaves on the host."""
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    ensure(host, desired, reload=False)
    return {path: host.files[path] for path in (OWN, ACTION, FILTER) if path in host.files}


def test_a_filter_is_tried_in_the_copy_and_written_before_the_jails(tried: list[tuple[str, list[str]]]) -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    result = ensure(host, reload=False)
    assert tried == [(STAGED, ["shop"])]
    assert host.files[f"{STAGED}/filter.d/shop.local"] == FILTERS["shop"].text
    assert host.written == [FILTER, ACTION, OWN]
    assert (host.files[FILTER], host.modes[FILTER]) == (FILTERS["shop"].text, 0o644)
    assert (result.changed, result.filters, result.warnings) == (True, {"shop": ["192.0.2.1"]}, ["a warning"])


def test_check_mode_tries_it_and_writes_nothing(tried: list[tuple[str, list[str]]]) -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED, unit(), FREE], programs=PROGRAMS, check_mode=True)
    result = ensure(host)
    assert result.changed and host.written == []
    assert tried == [(STAGED, ["shop"])]
    assert result.after.files["/filter.d/shop.local"].text == FILTERS["shop"].text


def test_a_second_run_tries_it_in_place_and_changes_nothing(tried: list[tuple[str, list[str]]]) -> None:
    left = configured()
    tried.clear()
    host = FakeHost({**FILES, **left}, [*PROBED, *staged(scratch=False), *CHECKED, unit(), FREE], programs=PROGRAMS)
    assert not ensure(host).changed
    assert (tried, host.written) == ([(ROOT, ["shop"])], [])


def test_a_filter_that_is_not_requested_any_more_is_removed() -> None:
    host = FakeHost(
        {**FILES, **configured()},
        [*PROBED, *staged(), *CHECKED, unit(), FREE, present(STREAM)],
        programs=PROGRAMS,
    )
    result = ensure(host, BARE)
    assert result.changed and result.reloaded == []
    assert host.written == [FILTER]
    assert FILTER not in host.files
    assert f"{STAGED}/filter.d/shop.local" not in host.files


@pytest.mark.parametrize("before", ["none", "another"])
def test_a_failed_change_restores_the_filter(server: FakeServer, before: str) -> None:
    left = configured(BARE)
    if before == "another":
        left[FILTER] = FILTERS["shop"].text.replace("failed", "other")
    text = stream_text(maxretry="3")
    failed = Expected(RELOAD.argv, rc=255, err="NOK\n")
    host = FakeHost(
        {**FILES, **left},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), failed, present(STREAM), unit(), RELOAD],
        programs=PROGRAMS,
    )
    with pytest.raises(BaselineError) as error:
        ensure(host, replace(DESIRED, jails={"sshd": {"maxretry": 3}}))
    host.done()
    assert error.value.state == f"{OWN} was restored, and the jails run as before"
    assert {path: host.files.get(path) for path in (OWN, FILTER)} == {OWN: left[OWN], FILTER: left.get(FILTER)}


def test_a_file_that_cannot_be_written_leaves_all_as_it_was() -> None:
    left = configured(BARE)

    class Full(FakeHost):
        def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
            if path == OWN and text != left[OWN]:
                raise BaselineError(f"{path} cannot be written: No space left on device")
            super().write(path, text, mode=mode)

    host = Full({**FILES, **left}, [*PROBED, *staged(stream_text(maxretry="3")), *CHECKED], programs=PROGRAMS)
    with pytest.raises(BaselineError, match="No space left on device; this task changed nothing"):
        ensure(host, replace(DESIRED, jails={"sshd": {"maxretry": 3}}), reload=False)
    assert {path: host.files.get(path) for path in (OWN, FILTER)} == {OWN: left[OWN], FILTER: None}


def test_a_jail_whose_filter_changes_is_reloaded(server: FakeServer) -> None:
    """What the filter gives the jail is in its stream, so the files before and after differ."""
    text = stream_text(datepattern="%Y") + "['set', 'sshd', 'datepattern', '%Y']\n"

    class Reloading(FakeHost):
        def run(self, argv: t.Sequence[str], **options: t.Any) -> t.Any:
            if "reload" in argv:
                assert self.written == [FILTER], "the filter comes before the reload"
                server.run(parse_stream(text)["sshd"])
            return super().run(argv, **options)

    host = Reloading(
        {**FILES, **configured(BARE)},
        [*PROBED, *staged(text), *CHECKED, unit(), FREE, present(STREAM), RELOAD],
        programs=PROGRAMS,
    )
    result = ensure(host)
    assert (result.changed, result.reloaded) == (True, ["sshd"])


def test_a_bare_host_in_check_mode() -> None:
    host = FakeHost({}, [], programs=[], check_mode=True)
    result = ensure(host, replace(DESIRED, jails={"shop": {"logpath": "/var/log/shop.log"}}))
    assert result.changed
    assert list(result.after.files) == ["/filter.d/shop.local", "/action.d/pyhost-nftables.py"]
    assert host.known_after_apply == [
        "fail2ban is not installed yet, so the settings could not be checked by fail2ban, and the sample lines of "
        "filters were not tried"
    ]


def test_a_jail_with_a_filter_for_the_journal_reads_it() -> None:
    options = {"failregex": "^<HOST>$", "journalmatch": "_SYSTEMD_UNIT=shop.service", "matches": ["192.0.2.1"]}
    jails = {"shop": {}, "files": {"filter": "shop", "logpath": "/x"}}
    desired = JailsRequest(jails=jails, filters=parse_filters({"shop": options}))
    sections = parse_sections(str(ensure(FakeHost({}, [], programs=[], check_mode=True), desired).after.file))
    assert {name: sections[name]["backend"] for name in jails} == {"shop": "systemd", "files": "auto"}


SETTINGS = f"{ROOT}/pyhost-baseline-notify.json"
REPORTS = replace(BARE, notify=Notify(webhook="https://x.example.org/s3cret"))


def test_the_action_that_reports_bans_is_written_with_its_secrets_first_and_for_root_alone() -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    result = ensure(host, REPORTS, reload=False)
    assert host.written == [
        SETTINGS,
        f"{ROOT}/pyhost-baseline-notify.py",
        f"{ROOT}/action.d/pyhost-baseline-notify.conf",
        ACTION,
        OWN,
    ]
    assert host.modes[SETTINGS] == 0o600
    assert "s3cret" in host.files[SETTINGS]
    assert "s3cret" not in repr(result)
    commands = [*PROBED, *staged(scratch=False), *CHECKED]
    again = FakeHost(host.files, commands, programs=PROGRAMS)
    again.modes.update(host.modes)
    assert not ensure(again, REPORTS, reload=False).changed
    # Somebody has made the secrets readable.
    commands = [*PROBED, *staged(), *CHECKED]
    opened = FakeHost(host.files, commands, programs=PROGRAMS)
    assert ensure(opened, REPORTS, reload=False).changed
    assert (opened.written, opened.modes[SETTINGS]) == ([SETTINGS, SETTINGS], 0o600)


def test_mail_without_a_program_that_sends_it() -> None:
    host = FakeHost(FILES, [*PROBED, *staged(), *CHECKED], programs=PROGRAMS)
    with pytest.raises(BaselineError, match="reports by mail need the program sendmail.*this task changed nothing"):
        ensure(host, replace(BARE, notify=Notify(mail=("root",))))
