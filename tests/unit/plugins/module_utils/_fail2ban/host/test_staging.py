"""What fail2ban makes of its files, asked once where it depends on them alone; its own log, which recidive reads."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.remembered import Remembered
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.site import Site
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.staging import own_log, read_streams
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import JailsRequest
from tests.unit.fake_host import Expected, FakeHost

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


JAIL = "['add', 'sshd', 'systemd']\n['start', 'sshd']\n"
CONF, FILTER = "/etc/fail2ban/jail.conf", "/etc/fail2ban/filter.d/sshd.conf"
TREE = {
    CONF: "[INCLUDES]\nbefore = paths-debian.conf\n[DEFAULT]\nbantime = 600\n",
    "/etc/fail2ban": "",
    FILTER: "",
    "/x.py": "",
}


@pytest.mark.parametrize(
    ("files", "out", "is_kept"),
    [
        pytest.param({}, JAIL, True, id="the files alone"),
        pytest.param({}, JAIL + "['set', 'sshd', 'addlogpath', '/var/log/auth.log', 'head']\n", False, id="a log"),
        pytest.param({CONF: "[x]\nskip_if_nologs = true\n"}, JAIL, False, id="a log that may come"),
        pytest.param({FILTER: "[INCLUDES]\nafter = /srv/own.conf\n"}, JAIL, False, id="a file elsewhere"),
        pytest.param({FILTER: "[INCLUDES]\nBEFORE: ../../own.conf\n".lower()}, JAIL, False, id="a folder above"),
    ],
)
def test_what_depends_on_the_files_alone_is_asked_once(files: dict[str, str], out: str, is_kept: bool) -> None:
    asked = Expected(["fail2ban-client", "-c", "/etc/fail2ban", "-d", "-t"], out=out)
    kept = {**TREE, **files}

    def read(commands: list[Expected], directory: str | None = None) -> None:
        host: t.Any = FakeHost(kept, commands)
        remembered = Remembered(host, "fail2ban")
        assert list(read_streams(host, SITE, directory, remembered=remembered)) == ["sshd"]
        remembered.keep(["/x.py"])
        host.done()
        kept.update(host.files)

    read([asked])
    read([] if is_kept else [asked])
    # A staged copy is another question each time.
    read([Expected(["fail2ban-client", "-c", "/staged", "-d", "-t"], out=out)], "/staged")
    kept[CONF] += "findtime = 60\n"
    read([asked])
