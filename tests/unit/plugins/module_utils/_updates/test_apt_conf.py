from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import (
    AptConfig,
    AptStatement,
    LostItem,
    order,
    parse_dump,
    parse_file,
    quote,
    render,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
ORIGINS = "Unattended-Upgrade::Origins-Pattern"
STOCK_ORIGINS = (
    "origin=Debian,codename=${distro_codename},label=Debian",
    "origin=Debian,codename=${distro_codename},label=Debian-Security",
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
)


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_the_stock_file_adds_three_origins(system: str) -> None:
    parsed = parse_file((FIXTURES / f"50unattended-upgrades-{system}").read_text())
    assert parsed.statements == tuple(
        AptStatement("add", ORIGINS, origin, 31 + number) for number, origin in enumerate(STOCK_ORIGINS)
    )
    assert parsed.lost == ()


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_the_stock_dump(system: str) -> None:
    config = parse_dump((FIXTURES / f"apt-config-dump-{system}").read_text())
    assert config.items(ORIGINS) == STOCK_ORIGINS
    assert config.value("apt::periodic::UPDATE-package-lists") == "1"
    assert config.value("APT::Periodic::Enable") is None
    assert config.items("Acquire::CompressionTypes")[:2] == ("xz", "bzip2")


@pytest.mark.parametrize(
    ("text", "statements", "lost"),
    [
        pytest.param("", (), (), id="empty"),
        pytest.param('// a\n# b\n/* c "d"; \n*/', (), (), id="comments only"),
        pytest.param('A::B "c";', (AptStatement("set", "A::B", "c", 1),), (), id="a value"),
        pytest.param('A { B { C "d"; }; };', (AptStatement("set", "A::B::C", "d", 1),), (), id="nested scopes"),
        pytest.param('\nA:: "c";', (AptStatement("add", "A", "c", 2),), (), id="a list item by its full key"),
        pytest.param(
            'A { "b"; "c" };', (AptStatement("add", "A", "b", 1), AptStatement("add", "A", "c", 1)), (), id="a list"
        ),
        pytest.param('A "b // c # d; e";', (AptStatement("set", "A", "b // c # d; e", 1),), (), id="marks in quotes"),
        pytest.param("A b%20c;", (AptStatement("set", "A", "b c", 1),), (), id="without quotes, encoded"),
        pytest.param("#clear A::B;\n", (AptStatement("clear", "A::B", "", 1),), (), id="clear"),
        pytest.param('#include "/x/y";', (AptStatement("include", "", "/x/y", 1),), (), id="include"),
        pytest.param(
            'A {\n  "o=x,l=y"\n  "o=z";\n};',
            (AptStatement("add", "A", "o=z", 3),),
            (LostItem("A", "o=x,l=y", 2),),
            id="a missing semicolon swallows the item before",
        ),
    ],
)
def test_parse_file(text: str, statements: tuple[AptStatement, ...], lost: tuple[LostItem, ...]) -> None:
    parsed = parse_file(text)
    assert (parsed.statements, parsed.lost) == (statements, lost)


def test_a_dump_with_a_lost_origin() -> None:
    # Recorded on Debian 12: the semicolon after the first of two origins was missing.
    dump = (
        f'{ORIGINS} "";\n{ORIGINS}::origin%3dDamage,label%3dA "origin=Damage,label=B";\n'
        f'Unattended-Upgrade::mailREPORT "always";\n'
    )
    config = parse_dump(dump)
    assert config.items(ORIGINS) == ("origin=Damage,label=B",)
    assert config.value("Unattended-Upgrade::MailReport") == "always"


def test_a_value_of_several_lines() -> None:
    assert parse_dump('A "b\nc";\nD "e";\n') == AptConfig((("A", "b\nc"), ("D", "e")))


def test_render_clears_before_it_fills() -> None:
    assert render("one\ntwo", {"A::B": ["x", 'y%"'], "A::C": []}, {"D": ""}) == (
        '// one\n// two\n#clear A::B;\nA::B {\n    "x";\n    "y%25%22";\n};\n#clear A::C;\nD "";\n'
    )


KEYS = st.text("abcXYZ-", min_size=1, max_size=8).filter(lambda key: not key.startswith("-"))
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)


@example({"A": ["}", ";"]}, {"B": "{"})
@given(st.dictionaries(KEYS, st.lists(VALUES, max_size=4), max_size=3), st.dictionaries(KEYS, VALUES, max_size=3))
def test_what_is_rendered_is_what_is_parsed(lists: dict[str, list[str]], values: dict[str, str]) -> None:
    parsed = parse_file(render("header", lists, values))
    assert [s.key for s in parsed.statements if s.kind == "clear"] == list(lists)
    for key, items in lists.items():
        assert [s.value for s in parsed.statements if s.kind == "add" and s.key == key] == items
    assert {s.key: s.value for s in parsed.statements if s.kind == "set"} == values
    assert parsed.lost == ()


def test_quote_decodes_to_the_same() -> None:
    assert quote('a"b%c\\d') == '"a%22b%25c\\d"'


def test_order_is_apt_s() -> None:
    assert order(["90b", "50a", "50a.dpkg-old", "10x.conf", ".hidden", "20auto~", "99z.bak"]) == [
        "10x.conf",
        "50a",
        "90b",
    ]
