"""Filters of the user: what is refused, and the text of their files."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.config import HEADER
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.filters import (
    FilterSample,
    check_foreign,
    check_included,
    filter_files,
    parse_filters,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.jail_files import parse_sections

LINE = "2026-11-22 10:00:00 login failed from 192.0.2.1"
SHOP: dict[str, t.Any] = {"failregex": "^ login failed from <HOST>$", "matches": [LINE]}


def shop(**options: t.Any) -> dict[str, t.Any]:
    return {"shop": {**SHOP, **options}}


def test_the_text_of_a_file() -> None:
    filters = parse_filters(
        shop(
            before="common.conf",
            failregex=["^ login failed from <HOST>$", "^ 100% of <HOST>$"],
            datepattern="^%Y-%m-%d",
            _daemon="shop",
            maxlines=2,
        )
    )
    (file,) = filter_files(filters).values()
    assert list(filter_files(filters)) == ["/filter.d/shop.local"]
    assert not file.private
    assert file.text == (
        f"{HEADER}\n\n[INCLUDES]\nbefore = common.conf\n\n[Definition]\nignoreregex =\n"
        "failregex = ^ login failed from <HOST>$\n    ^ 100%% of <HOST>$\n"
        "datepattern = ^%%Y-%%m-%%d\n_daemon = shop\nmaxlines = 2\n"
    )


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("^%Y", "^%%Y"),
        ("^%%Y", "^%%Y"),
        ("%(known/datepattern)s|^%d", "%(known/datepattern)s|^%%d"),
        ("^100%(?: off)", "^100%%(?: off)"),
        ("100%", "100%%"),
    ],
)
def test_a_percent_sign_is_doubled_but_in_a_reference(written: str, text: str) -> None:
    assert parse_filters(shop(datepattern=written))["shop"].options["datepattern"] == text


def test_an_expression_is_in_the_file_as_it_was_given() -> None:
    expression = r'^\[\] "(?:GET|POST) [^"]*" #1 = <HOST>: x;y$'
    text = parse_filters(shop(failregex=expression))["shop"].text
    assert parse_sections(text)["Definition"]["failregex"] == expression


def test_samples() -> None:
    one = parse_filters(
        shop(
            matches=[LINE, {"line": LINE, "address": "2001:DB8:0::1"}, "a 192.0.2.1\nb\n"],
            ignores="one line",
        )
    )["shop"]
    assert one.matches == (FilterSample(LINE), FilterSample(LINE, "2001:db8::1"), FilterSample("a 192.0.2.1\nb"))
    assert one.ignores == (FilterSample("one line"),)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param({"../x": SHOP}, "'../x' is not a valid name for a filter", id="a path"),
        pytest.param({"x[y]": SHOP}, "'x[y]' is not a valid name", id="parameters"),
        pytest.param({"shop": None}, "[shop]: the filter is None, but has to be a mapping", id="no mapping"),
        pytest.param({"shop": {"matches": [LINE]}}, "[shop]: failregex is missing", id="no failregex"),
        pytest.param(shop(failregex=[]), "failregex is missing", id="an empty failregex"),
        pytest.param(shop(matches=[]), "[shop]: matches is missing", id="no sample"),
        pytest.param({"shop": {"failregex": "^<HOST>"}}, "matches is missing", id="no samples at all"),
        pytest.param(shop(match=[LINE]), "unknown filter option 'match'; did you mean 'matches'", id="a typo"),
        pytest.param(shop(failregex="^login failed$"), "failregex has no address: '^login failed$'", id="no address"),
        pytest.param(shop(failregex="^<HOST> "), "begins or ends with a blank", id="a blank at the end"),
        pytest.param(shop(failregex="^a ; <HOST>"), "which fail2ban reads as a comment", id="a comment"),
        pytest.param(shop(ignoreregex=["#x"]), "which fail2ban reads as a comment", id="a comment line"),
        pytest.param(shop(maxlines="many"), "maxlines is 'many', but has to be a whole number", id="maxlines"),
        pytest.param(shop(datepattern=["a", "b"]), "datepattern has to be one value", id="two date patterns"),
        pytest.param(shop(before="/etc/passwd"), "before is '/etc/passwd'", id="a file of somebody else"),
        pytest.param(shop(before="../jail.conf"), "before is '../jail.conf'", id="another folder"),
        pytest.param(shop(matches=[""]), "matches has the entry ''", id="an empty sample"),
        pytest.param(shop(matches=[7]), "matches has the entry 7", id="a number"),
        pytest.param(shop(matches=[{"lin": LINE}]), "or {line: …, address: …}", id="an unknown key"),
        pytest.param(shop(ignores=[{"line": LINE}]), "ignores has the entry", id="a mapping in ignores"),
        pytest.param(shop(matches=[{"line": LINE, "address": "bob"}]), "the address 'bob'", id="no address given"),
    ],
)
def test_what_is_refused(given: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(BaselineError) as refused:
        parse_filters(given)
    assert problem in str(refused.value)
    assert str(refused.value).count("this task changed nothing") == 1


@pytest.mark.parametrize(
    "options",
    [
        {"prefregex": "^<HOST> <F-CONTENT>.*</F-CONTENT>$", "failregex": "^failed$"},
        {
            "prefregex": r"^<F-MLFID>\d+</F-MLFID> <F-CONTENT>.*</F-CONTENT>$",
            "failregex": ["^from <HOST>$", "^failed$"],
        },
        {"failregex": ["%(known/failregex)s", "^<ADDR> failed$"]},
        {"failregex": r"^(?P<host>\S+) failed$"},
        {"failregex": "^<F-ID/> failed$"},
        {"failregex": "^<SUBNET> failed$"},
    ],
)
def test_what_names_the_address(options: dict[str, t.Any]) -> None:
    assert parse_filters(shop(**options))


def test_a_filter_of_somebody_else_is_not_changed() -> None:
    check_foreign("shop", [])
    with pytest.raises(BaselineError) as refused:
        check_foreign("sshd", ["/etc/fail2ban/filter.d/sshd.conf"])
    assert "[sshd]: there is a filter of this name already" in str(refused.value)
    assert "/etc/fail2ban/filter.d/sshd.conf" in str(refused.value)
    assert "before: sshd.conf" in str(refused.value)


def test_an_include_that_does_not_exist() -> None:
    one = parse_filters(shop(before=["common.conf", "apache-commn.conf"]))["shop"]
    check_included("shop", one, ["common.conf", "apache-commn.conf"])
    with pytest.raises(BaselineError, match=r"unknown file in filter.d 'apache-commn.conf'; did you mean"):
        check_included("shop", one, ["common.conf", "apache-common.conf"])
