"""From a desired and a host's answers to our jail file, over Debian's stock files."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import config as fail2ban
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import jail_files
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.notify import Notify
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import (
    HostProbes,
    JailsRequest,
    compose,
    differences,
    explain_rejection,
    recent_errors,
    state_text,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.sshd_filter import (
    SSHD_ONCE,
    once_parameter,
    zone_parameters,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.stream import JailStream, parse_stream

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"
SSHD = (FIXTURES / "filter-sshd-debian13.conf").read_text()
NO_JOURNAL = "/usr/bin/python3 cannot import systemd.journal; install the package python3-systemd"
MATCH = (
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog + SYSLOG_IDENTIFIER=sshd-session _UID=0 _TRANSPORT=syslog + "
    "SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=stdout"
)


def filter_option(*more: str, text: str = SSHD, first: tuple[str, ...] = (), once: bool = True) -> str:
    """Return the option ``filter`` of a jail of ours for sshd, with ``more`` parameters."""
    pairs = [*zone_parameters(text), *([once_parameter(text)] if once else [])]
    parameters = [f'{pair[0]}="{pair[1]}"' for pair in pairs if pair]
    return f"sshd[{', '.join(['mode=%(mode)s', *first, *parameters, *more])}]"


KEYS_ONLY = {"mode": "aggressive", "filter": filter_option()}


def others(system: str) -> dict[str, dict[str, str]]:
    return jail_files.merge_sections(
        (FIXTURES / f"{name}-{system}.conf").read_text() for name in ("jail", "defaults-debian")
    )


NFTABLES = HostProbes(packet_filter="nftables")


def composed(desired: JailsRequest, probes: HostProbes = NFTABLES, *, system: str = "debian13") -> t.Any:
    return jail_files.parse_sections(compose(desired, probes, others(system), {"sshd": SSHD}).text)


def recorded(system: str = "debian13") -> JailStream:
    return parse_stream((FIXTURES / f"stream-{system}.txt").read_text())["sshd"]


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_a_host_with_journal_and_nftables(system: str) -> None:
    assert composed(JailsRequest(jails={"sshd": {}}), system=system) == {
        "DEFAULT": {
            "usedns": "no",
            "banaction": "pyhost-nftables.py",
            "banaction_allports": "pyhost-nftables.py[type=allports]",
        },
        "sshd": {"enabled": "true", "backend": "systemd", "journalmatch": MATCH, **KEYS_ONLY},
    }


@pytest.mark.parametrize(
    ("desired", "probes", "jail"),
    [
        pytest.param(
            JailsRequest(jails={"sshd": {}}),
            HostProbes(NO_JOURNAL),
            {"enabled": "true", "backend": "auto"},
            id="no journal",
        ),
        pytest.param(
            JailsRequest(jails={"sshd": {"logpath": "/var/log/auth.log"}}),
            HostProbes(),
            {"enabled": "true", "logpath": "/var/log/auth.log", "backend": "auto"},
            id="a log path beats Debian's backend systemd",
        ),
        pytest.param(
            JailsRequest(jails={"sshd": {"journalmatch": "_COMM=mine"}}),
            HostProbes(),
            {"enabled": "true", "journalmatch": "_COMM=mine", "backend": "systemd"},
            id="a journal match of one's own",
        ),
        pytest.param(
            JailsRequest(jails={"sshd": {}}, backend="polling"),
            HostProbes(),
            {"enabled": "true", "backend": "polling"},
            id="a backend for all",
        ),
        pytest.param(
            JailsRequest(jails={"sshd": {"enabled": False}}), HostProbes(), {"enabled": "false"}, id="disabled"
        ),
    ],
)
def test_what_a_jail_reads(desired: JailsRequest, probes: HostProbes, jail: dict[str, str]) -> None:
    assert composed(desired, probes)["sshd"] == (jail if jail["enabled"] == "false" else {**KEYS_ONLY, **jail})


@pytest.mark.parametrize(
    ("options", "passwords", "others_say", "counts"),
    [
        pytest.param({}, False, {}, ("aggressive", None), id="keys only"),
        pytest.param({}, True, {}, ("normal", None), id="passwords too"),
        pytest.param({"mode": "ddos"}, False, {}, ("ddos", None), id="the jail's own mode"),
        pytest.param({"ignoreregex": "x"}, False, {}, ("aggressive", "x"), id="the jail's own ignoreregex"),
        pytest.param({}, False, {"mode": "extra"}, (None, None), id="another file's mode stays"),
        pytest.param({"filter": "sshd[mode=ddos]"}, True, {}, ("normal", SSHD_ONCE), id="parameters of the jail"),
        pytest.param({}, True, {"filter": "sshd[mode=ddos]"}, ("normal", SSHD_ONCE), id="those of another file"),
        pytest.param({"failregex": "^z"}, True, {}, ("normal", SSHD_ONCE), id="the jail's own expressions"),
        pytest.param({}, True, {"failregex": "^z"}, ("normal", SSHD_ONCE), id="expressions of another file"),
    ],
)
def test_what_counts_as_a_failure(
    options: dict[str, str], passwords: bool, others_say: dict[str, str], counts: tuple[str | None, str | None]
) -> None:
    files = others("debian13")
    files["sshd"].update(others_say)
    text = compose(JailsRequest(jails={"sshd": options}), HostProbes(passwords=passwords), files, {"sshd": SSHD}).text
    jail = jail_files.parse_sections(text)["sshd"]
    assert (jail.get("mode"), jail.get("ignoreregex")) == counts


MISSED = 'cfooterre="^<F-NOFAIL>Connection from</F-NOFAIL> <HOST>\n^x\n^y"'
ADDED = filter_option(MISSED)
ZONES = filter_option(once=False)


@pytest.mark.parametrize(
    ("options", "passwords", "others_say", "written"),
    [
        pytest.param({}, False, {}, ADDED, id="each end counts"),
        pytest.param({"filter": "sshd"}, False, {}, ADDED, id="the filter by its name"),
        pytest.param({}, True, {}, filter_option(), id="passwords are counted, ends are not"),
        pytest.param({"mode": "ddos"}, True, {}, ADDED, id="the jail's own mode"),
        pytest.param({"failregex": "^z"}, False, {}, ZONES, id="the jail's own expressions, instead of the filter's"),
        pytest.param({}, False, {"failregex": "^z"}, ZONES, id="those of another file"),
        pytest.param({"filter": "sshd[mode=ddos]"}, False, {}, "sshd[mode=ddos]", id="a filter with parameters"),
        pytest.param({}, False, {"filter": "sshd[mode=ddos]"}, None, id="that of another file"),
    ],
)
def test_what_the_filter_does_not_understand(
    options: dict[str, str], passwords: bool, others_say: dict[str, str], written: str | None
) -> None:
    files = others("debian13")
    files["sshd"].update(others_say)
    probes = HostProbes(passwords=passwords, missed=("^x", "^y"))
    text = compose(JailsRequest(jails={"sshd": options}), probes, files, {"sshd": SSHD}).text
    assert jail_files.parse_sections(text)["sshd"].get("filter") == written


def test_a_filter_that_ignores_sessions_and_messages_gets_both() -> None:
    probes = HostProbes(session=True, missed=("^x", "^y"))
    filter_text = (FIXTURES / "filter-sshd-debian12.conf").read_text()
    text = compose(JailsRequest(jails={"sshd": {}}), probes, others("debian12"), {"sshd": filter_text}).text
    assert jail_files.parse_sections(text)["sshd"]["filter"] == filter_option(
        MISSED, text=filter_text, first=('_daemon="sshd(?:-session|-auth)?"',)
    )


@pytest.mark.parametrize("said", ["yes", "warn", "raw"])
def test_who_wants_names_looked_up_gets_it(said: str) -> None:
    assert composed(JailsRequest({"usedns": said}))["DEFAULT"]["usedns"] == said


@pytest.mark.parametrize(
    ("desired", "probes", "banaction", "allports"),
    [
        pytest.param(
            JailsRequest(),
            HostProbes(packet_filter="iptables"),
            "iptables-multiport",
            "iptables-allports",
            id="iptables only",
        ),
        pytest.param(
            JailsRequest(),
            HostProbes(packet_filter="firewalld"),
            "firewallcmd-rich-rules",
            "firewallcmd-rich-rules",
            id="firewalld without nft",
        ),
        pytest.param(JailsRequest(banaction="ufw"), HostProbes(), "ufw", "ufw", id="by name"),
        pytest.param(
            JailsRequest({"banaction": "ufw"}, banaction="pf"), HostProbes(), "ufw", None, id="the defaults go first"
        ),
    ],
)
def test_what_bans(desired: JailsRequest, probes: HostProbes, banaction: str, allports: str | None) -> None:
    defaults = composed(desired, probes)["DEFAULT"]
    assert (defaults["banaction"], defaults.get("banaction_allports")) == (banaction, allports)


@pytest.mark.parametrize(
    ("packet_filter", "defaults", "port"),
    [
        pytest.param("firewalld", {}, "0-65535", id="firewalld"),
        pytest.param("firewalld", {"port": "1-1024"}, "1-1024", id="firewalld, and the desired knows better"),
        pytest.param("nftables", {}, None, id="nftables"),
    ],
)
def test_all_ports_in_the_words_of_the_packet_filter(
    packet_filter: str, defaults: dict[str, str], port: str | None
) -> None:
    desired = JailsRequest(defaults=defaults, jails={"recidive": {}})
    assert composed(desired, HostProbes(packet_filter=packet_filter))["DEFAULT"].get("port") == port


def test_a_second_jail_with_the_filter_of_sshd_reads_the_journal() -> None:
    desired = JailsRequest(jails={"slow": {"filter": "sshd[mode=ddos]", "findtime": "1d"}})
    text = compose(desired, NFTABLES, others("debian12"), {"slow": SSHD}).text
    assert jail_files.parse_sections(text)["slow"]["backend"] == "systemd"
    assert jail_files.parse_sections(text)["slow"]["journalmatch"] == MATCH


def test_the_controller_joins_every_ignoreip() -> None:
    files = others("debian13")
    files["DEFAULT"]["ignoreip"] = "10.0.0.0/8"
    desired = JailsRequest(jails={"sshd": {}, "shop": {"ignoreip": "::1", "logpath": "/x", "filter": "sshd"}})
    text = compose(desired, HostProbes(controller="192.0.2.7"), files, {"sshd": SSHD, "shop": SSHD}).text
    sections = jail_files.parse_sections(text)
    assert sections["DEFAULT"]["ignoreip"] == "10.0.0.0/8 192.0.2.7"
    assert sections["shop"]["ignoreip"] == "::1 192.0.2.7"
    assert "ignoreip" not in sections["sshd"]
    assert fail2ban.controller_of(text) == "192.0.2.7"


def test_the_controller_joins_the_ignoreip_of_a_jail_in_another_file() -> None:
    files = others("debian13")
    files["sshd"] = {**files.get("sshd", {}), "ignoreip": "10.0.0.0/8"}
    text = compose(JailsRequest(jails={"sshd": {}}), HostProbes(controller="192.0.2.7"), files, {"sshd": SSHD}).text
    assert jail_files.parse_sections(text)["sshd"]["ignoreip"] == "10.0.0.0/8 192.0.2.7"
    text = compose(JailsRequest(jails={"sshd": {}}), HostProbes(), files, {"sshd": SSHD}).text
    assert "ignoreip" not in jail_files.parse_sections(text)["sshd"]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(BaselineError, match=r"\[sshd\]: unknown jail option 'maxretries'; did you mean 'maxretry'"):
        composed(JailsRequest(jails={"sshd": {"maxretries": 3}}))


def test_explain_rejection() -> None:
    words = (
        "2026-11-22 10:48:45,902 fail2ban.configreader   [416]: WARNING 'allowipv6' not defined in 'Definition'.\n"
        "2026-11-22 10:48:45,905 fail2ban.configreader   [416]: ERROR   Found no accessible config files for 'x'\n"
        "2026-11-22 10:48:45,906 fail2ban.jailreader     [416]: ERROR   Unable to read action 'nftable'\n"
        "2026-11-22 10:48:45,907 fail2ban.jailsreader    [416]: ERROR   Errors in jail 'sshd'.\n"
        "2026-11-22 10:48:45,910 fail2ban                [416]: ERROR   ERROR: test configuration failed\n"
    )
    assert explain_rejection(words, filters=[], actions=["nftables", "pf"]) == (
        "Unable to read action 'nftable'",
        "did you mean the action 'nftables'?",
    )
    assert explain_rejection(words, filters=[], actions=[]) == ("Unable to read action 'nftable'", "")


def test_last_words_leave_the_developers_words_out() -> None:
    log = [
        "2026-11-22 11:03:57,020 fail2ban.actions [586]: NOTICE  [sshd] Ban 192.0.2.1",
        "2026-11-22 11:03:57,020 fail2ban.utils   [586]: ERROR   7fb2384acb20 -- exec: nft add table inet f2b-table",
        "2026-11-22 11:03:57,020 fail2ban.utils   [586]: ERROR   7fb2384acb20 -- stderr: 'Error: no such service'",
        "2026-11-22 11:03:57,020 fail2ban.utils   [586]: ERROR   7fb2384acb20 -- returned 1",
        "2026-11-22 11:03:57,020 fail2ban.actions [586]: ERROR   Failed to execute ban jail 'sshd' action 'nftables' "
        "info 'ActionInfo({'ip': '192.0.2.1', 'family': 'inet4', 'fid': <function x at 0x7f>})': Error starting action",
    ]
    assert recent_errors(log) == [
        "stderr: 'Error: no such service'",
        "Failed to execute ban jail 'sshd' action 'nftables' for 192.0.2.1: Error starting action",
    ]


def test_last_words_that_were_said_before_are_among_the_last() -> None:
    log = [f"x fail2ban.utils [586]: ERROR   7fb2384acb20 -- stderr: '{word}'" for word in ("no", "other", "no")]
    assert recent_errors(log, lines=1) == ["stderr: 'no'"]


def test_differences_and_their_text() -> None:
    before, after = {"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 4, "new": "x\ny"}
    assert differences(before, after) == {"b": (2, 4), "new": (None, "x\ny"), "gone": (3, None)}
    assert state_text(before, after) == ("b = 2\ngone = 3\n", "b = 4\nnew = x …\n")


def test_a_log_path_with_a_blank() -> None:
    jails = {"shop": {"filter": "sshd[mode=ddos]", "logpath": ["/srv/my app/x.log", "/y.log", "/z.log tail"]}}
    text = compose(JailsRequest(jails=jails), HostProbes(), others("debian13"), {"shop": SSHD}).text
    assert jail_files.parse_sections(text)["shop"]["logpath"] == "/srv/my app/x.log head\n/y.log\n/z.log tail"


def test_the_bans_of_requested_jails_are_reported_after_they_are_made() -> None:
    jails = {"sshd": {}, "recidive": {}, "off": {"enabled": False, "filter": "sshd"}}
    sections = composed(JailsRequest(jails=jails, notify=Notify(mail=("root",))))
    assert {name: sections[name].get("action") for name in jails} == {
        "sshd": "%(action_)s\npyhost-baseline-notify[name=sshd]",
        "recidive": "%(action_)s\npyhost-baseline-notify[name=recidive]",
        "off": None,
    }
    assert "action" not in composed(JailsRequest(jails=jails))["sshd"]


def test_bans_of_recidive_grow_and_those_of_other_jails_do_not() -> None:
    sections = composed(JailsRequest(jails={"sshd": {}, "recidive": {}}))
    assert sections["recidive"]["bantime.increment"] == "true"
    assert sections["recidive"]["bantime.maxtime"] == str(8 * 7 * 86400)
    assert "bantime.increment" not in sections["sshd"]
