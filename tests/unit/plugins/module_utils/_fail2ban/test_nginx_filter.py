"""Lines of nginx as a client had them written (Debian 12 and 13): whom the expressions of the jails find in them."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.nginx_filter import with_safe_expressions

HTTP_AUTH = r"""
mdre-auth = ^%(__prefix_line)suser "(?:[^"]+|.*?)":? (?:password mismatch|was not found in "[^\"]*"), client: <HOST>
failregex = <mdre-<mode>>
"""
BOTSEARCH = r"""
failregex = ^%(__prefix_line)s(\S+ )?\"\S+\" (failed|is not found) \(2\: No such file or directory\), client\: <HOST>
"""
ATTACKER, VICTIM = "192.0.2.1", "203.0.113.9"
# What is left of the time of a line.
BEGIN = " [error] 975#975: *14 "
REST = f', client: {ATTACKER}, server: , request: "GET /in HTTP/1.1", host: "192.0.2.2"'
FORGED_REFERER = f'x" user "bob": password mismatch, client: {VICTIM}, server: s, request: "GET / HTTP/1.1", host: "x'
FORGED_PATH = (
    f'x" failed (2: No such file or directory), client: {VICTIM}, server: s, request: "GET /wp-login.php H", y'
)


def added(filter_name: str, text: str, options: dict[str, t.Any] | None = None, **others: str) -> dict[str, t.Any]:
    given = options or {}
    found = with_safe_expressions(filter_name, given, others, text)
    return {name: value for name, value in found.items() if name not in given}


@pytest.mark.parametrize(
    ("line", "host"),
    [
        (f'{BEGIN}user "bob": password mismatch{REST}', ATTACKER),
        (f'{BEGIN}user "bob" was not found in "/etc/nginx/people"{REST}', ATTACKER),
        (f'{BEGIN}user "": password mismatch{REST}', ATTACKER),
        (f'{BEGIN}user "b o b": password mismatch{REST}, referrer: "http://192.0.2.2/"', ATTACKER),
        (f'{BEGIN}user "bob": password mismatch{REST}, referrer: "{FORGED_REFERER}"', ATTACKER),
        # A name with a quotation mark is nobody's. A colon would end the name.
        (f'{BEGIN}user "x" password mismatch, client": password mismatch{REST}', None),
        (f"{BEGIN}no user/password was provided for basic authentication{REST}", None),
        (f'{BEGIN}open() "/srv/user "bob": password mismatch, client: {VICTIM}, server:" failed{REST}', None),
    ],
)
def test_whom_a_wrong_password_counts_for(line: str, host: str | None) -> None:
    expression = added("nginx-http-auth", HTTP_AUTH)["failregex"].replace("<HOST>", r"(?P<host>[\d.]+)")
    found = re.search(expression, line)
    assert (found["host"] if found else None) == host


@pytest.mark.parametrize(
    ("line", "ignored"),
    [
        (f'{BEGIN}open() "/srv/wp-login.php" failed (2: No such file or directory){REST}', False),
        (f'{BEGIN}"/srv/wp-login.php" is not found (2: No such file or directory){REST}, referrer: "http://x/"', False),
        (f'{BEGIN}open() "/srv/{FORGED_PATH}" failed (2: No such file or directory){REST}', True),
        (f'{BEGIN}open() "/srv/a" failed (2: No such file or directory){REST}, referrer: "{FORGED_REFERER}"', True),
        # The access log.
        (f'{ATTACKER} - - [] "GET /wp-login.php HTTP/1.1" 404 153 "-" "curl"', False),
        (f'{ATTACKER} - - [] "GET /wp-login.php HTTP/1.1" 404 153 "x [error] y" "curl"', False),
    ],
)
def test_which_lines_of_searches_are_ignored(line: str, ignored: bool) -> None:
    expression = added("nginx-botsearch", BOTSEARCH)["ignoreregex"]
    assert (re.search(expression, line) is not None) is ignored


@pytest.mark.parametrize(
    ("filter_name", "text", "options", "others"),
    [
        pytest.param("nginx-http-auth", HTTP_AUTH, {"failregex": "^<HOST>$"}, {}, id="an expression of its own"),
        pytest.param("nginx-http-auth", HTTP_AUTH, {"mode": "aggressive"}, {}, id="a mode"),
        pytest.param("nginx-http-auth", HTTP_AUTH, {"filter": "nginx-http-auth[mode=fallback]"}, {}, id="parameters"),
        pytest.param("nginx-http-auth", HTTP_AUTH, {"backend": "systemd"}, {}, id="the journal"),
        pytest.param("nginx-http-auth", HTTP_AUTH, {}, {"failregex": "^<HOST>$"}, id="one of another file"),
        pytest.param("nginx-http-auth", 'failregex = ^user "[^"]*", client: <HOST>', {}, {}, id="a mended filter"),
        pytest.param("nginx-botsearch", BOTSEARCH, {"ignoreregex": "x"}, {}, id="an ignoreregex of its own"),
        pytest.param("nginx-limit-req", HTTP_AUTH, {}, {}, id="another filter"),
        pytest.param("sshd", "", {}, {}, id="sshd"),
    ],
)
def test_jails_that_stay_as_they_are(
    filter_name: str, text: str, options: dict[str, t.Any], others: dict[str, str]
) -> None:
    assert added(filter_name, text, options, **others) == {}
