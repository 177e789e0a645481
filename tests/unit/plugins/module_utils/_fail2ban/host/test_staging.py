"""fail2ban's own log, which the jail recidive reads, on a host where fail2ban has never run (Enterprise Linux)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.staging import own_log
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from tests.unit.fake_host import FakeHost

LOG = "/var/log/fail2ban.log"
SITE = Site({"recidive": {"logpath": LOG}}, (), None, "/run/fail2ban.sock", LOG)
RECIDIVE = JailsRequest(jails={"recidive": {}})


def host_of(files: dict[str, str] | None = None, *, check_mode: bool = False) -> t.Any:
    return FakeHost(files, check_mode=check_mode)


@pytest.mark.parametrize(
    ("desired", "made"),
    [
        pytest.param(RECIDIVE, True, id="a jail of the stock file"),
        pytest.param(JailsRequest(jails={"mine": {"logpath": ["/x", LOG]}}), True, id="a jail of the desired"),
        pytest.param(JailsRequest(jails={"sshd": {}}), False, id="another jail"),
        pytest.param(JailsRequest(jails={"recidive": {"enabled": False}}), False, id="not enabled"),
    ],
)
def test_it_is_created_for_a_jail_that_reads_it(desired: JailsRequest, made: bool) -> None:
    host = host_of()
    with own_log(host, desired, SITE):
        assert (LOG in host.files) is made


def test_a_refused_request_leaves_none_behind() -> None:
    host = host_of()
    with pytest.raises(BaselineError), own_log(host, RECIDIVE, SITE):
        raise BaselineError("no")
    assert LOG not in host.files


@pytest.mark.parametrize("text", ["", "written\n"])
def test_a_log_that_was_there_stays(text: str) -> None:
    host = host_of({LOG: text})
    with pytest.raises(BaselineError), own_log(host, RECIDIVE, SITE):
        raise BaselineError("no")
    assert host.files[LOG] == text


def test_what_a_server_wrote_before_it_died_stays() -> None:
    host = host_of()
    with pytest.raises(BaselineError), own_log(host, RECIDIVE, SITE):
        host.files[LOG] = "last words\n"
        raise BaselineError("no")
    assert host.files[LOG] == "last words\n"


def test_check_mode_makes_none() -> None:
    host = host_of(check_mode=True)
    with own_log(host, RECIDIVE, SITE):
        assert LOG not in host.files


def test_a_server_that_logs_elsewhere_needs_none() -> None:
    host = host_of()
    with own_log(host, RECIDIVE, Site(SITE.others, (), None, "", "SYSTEMD-JOURNAL")):
        assert not host.files
