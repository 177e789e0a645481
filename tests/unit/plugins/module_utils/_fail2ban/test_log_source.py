"""What a jail reads, over Debian's stock jail files and filters' own journal matches."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban import jail_files
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.log_source import (
    filter_for_sessions,
    has_journalmatch,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import HostProbes, JailsRequest, compose

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "fail2ban"
# The lines of the stock filters (fail2ban 1.0.2 and 1.1.0) that matter here.
FILTERS = {
    "nginx-http-auth": "[Definition]\njournalmatch = _SYSTEMD_UNIT=nginx.service + _COMM=nginx\n",
    "recidive": "[Definition]\njournalmatch = _SYSTEMD_UNIT=fail2ban.service PRIORITY=5\n",
    "postfix": "[Init]\njournalmatch = _SYSTEMD_UNIT=postfix.service\n",
}
# Root and the user postfix, in either unit.
POSTFIX = (
    "_SYSTEMD_UNIT=postfix.service _UID=0 + _SYSTEMD_UNIT=postfix.service _UID=105 + "
    "_SYSTEMD_UNIT=postfix@-.service _UID=0 + _SYSTEMD_UNIT=postfix@-.service _UID=105"
)
NGINX = "_SYSTEMD_UNIT=nginx.service"
# Ubuntu 24.04 has it for all jails.
SYSTEMD = {"backend": "systemd"}


def written(
    jail: str, *, defaults: dict[str, str], others: dict[str, str], own: dict[str, t.Any], journal: bool = True
) -> tuple[str | None, str | None]:
    files = jail_files.merge_sections([(FIXTURES / "jail-debian12.conf").read_text()])
    files["DEFAULT"].update(defaults)
    files[jail].update(others)
    probes = HostProbes(no_journal="" if journal else "there is none", packet_filter="nftables", uids={"postfix": 105})
    filter_text = next(text for name, text in FILTERS.items() if jail.startswith(name))
    options = jail_files.parse_sections(
        compose(JailsRequest(jails={jail: own}), probes, files, {jail: filter_text}).text
    )[jail]
    if jail.startswith("postfix") and "journalmatch" not in options:
        return options.get("backend"), options.get("filter")
    return options.get("backend"), options.get("journalmatch")


@pytest.mark.parametrize(
    ("jail", "defaults", "others", "own", "expected"),
    [
        pytest.param("nginx-http-auth", {}, {}, {}, (None, None), id="nginx writes log files"),
        pytest.param("nginx-http-auth", SYSTEMD, {}, {}, ("auto", None), id="whatever Ubuntu says"),
        pytest.param("nginx-http-auth", SYSTEMD, {}, SYSTEMD, ("systemd", NGINX), id="unless it is requested"),
        pytest.param("recidive", {}, {}, {}, (None, None), id="fail2ban writes a log file"),
        pytest.param("recidive", SYSTEMD, {}, {}, ("auto", None), id="on Ubuntu too"),
        # Its filter has a match in the section Init, which a match of the jail's would not replace.
        pytest.param(
            "postfix",
            {},
            {},
            {},
            ("systemd", f'postfix[mode=%(mode)s, journalmatch="{POSTFIX}"]'),
            id="postfix is an instance on Debian 12",
        ),
        pytest.param(
            "postfix-sasl",
            {},
            {},
            {},
            ("systemd", f'postfix[mode=auth, journalmatch="{POSTFIX}"]'),
            id="another jail of its filter",
        ),
        pytest.param(
            "postfix",
            {},
            {},
            {"filter": "postfix"},
            ("systemd", f'postfix[journalmatch="{POSTFIX}"]'),
            id="a filter without parameters",
        ),
        pytest.param(
            "postfix",
            {},
            {"filter": "postfix[journalmatch=_UID=1]"},
            {},
            ("systemd", None),
            id="a filter that somebody gave a match",
        ),
        pytest.param("postfix", {}, {}, {"journalmatch": "_UID=1"}, ("systemd", "_UID=1"), id="a requested match"),
        pytest.param(
            "postfix", {}, {"journalmatch": "_COMM=x"}, {}, ("systemd", None), id="what somebody else says stays"
        ),
        pytest.param("postfix", {}, {}, {"logpath": "/x"}, ("auto", None), id="a requested log file"),
    ],
)
def test_what_a_jail_reads(
    jail: str,
    defaults: dict[str, str],
    others: dict[str, str],
    own: dict[str, t.Any],
    expected: tuple[str | None, str | None],
) -> None:
    assert written(jail, defaults=defaults, others=others, own=own) == expected


def test_without_a_journal_the_files_say_where() -> None:
    assert written("postfix", defaults={}, others={}, own={}, journal=False) == ("auto", None)


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_the_stock_filter_of_sshd_reads_the_journal(system: str) -> None:
    assert has_journalmatch((FIXTURES / f"filter-sshd-{system}.conf").read_text())


def test_a_filter_without_a_match_does_not() -> None:
    assert not has_journalmatch("[Definition]\nfailregex = ^x\njournalmatch =\n# journalmatch = _COMM=x\n")


SEEING = 'sshd[mode=%(mode)s, _daemon="sshd(?:-session|-auth)?"]'


@pytest.mark.parametrize(
    ("text", "seeing"),
    [
        pytest.param(
            (FIXTURES / "filter-sshd-fail2ban1.1.0.conf").read_text(), SEEING, id="fail2ban 1.1.0 as released"
        ),
        pytest.param((FIXTURES / "filter-sshd-debian12.conf").read_text(), SEEING, id="Debian 12"),
        pytest.param((FIXTURES / "filter-sshd-debian13.conf").read_text(), None, id="Debian 13, which mends it"),
        pytest.param("[DEFAULT]\n_daemon = sshd\n[Definition]\n_daemon = \\S+\n", None, id="mended by sshd.local"),
        pytest.param("[DEFAULT]\n_daemon = (?:%(mine)s\n", None, id="not ours to judge"),
        pytest.param("[Definition]\nfailregex = <HOST>\n", None, id="a filter of one's own"),
    ],
)
def test_a_filter_that_ignores_sshd_session(text: str, seeing: str | None) -> None:
    assert filter_for_sessions(text) == seeing
