"""Repositories that are off at first, by the files of their distributions (written after them)."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages import dnf_repositories as repositories

ROCKY = """[crb]
name=Rocky Linux $releasever - CRB
mirrorlist=https://mirrors.example.org/CRB-$releasever
gpgcheck=1
enabled=0
metadata_expire=6h

[crb-debuginfo]
name=Rocky Linux $releasever - CRB - Debug
enabled=0

[crb-source]
name=Rocky Linux $releasever - CRB - Source
enabled=0
"""
EPEL = "[epel]\nname=EPEL\nenabled=1\n\n[epel-debuginfo]\nname=d\nenabled=0\n"
NAMES = {"crb": ["libyaml-devel"], "epel": ["supervisor"]}


def files(**texts: str) -> list[repositories.DnfRepository]:
    return repositories.composed({f"/etc/yum.repos.d/{name}.repo": text for name, text in texts.items()}, {})


def test_what_is_configured() -> None:
    found = files(rocky=ROCKY, epel=EPEL)
    assert {one.id: one.enabled for one in found} == {
        "crb": False,
        "crb-debuginfo": False,
        "crb-source": False,
        "epel": True,
        "epel-debuginfo": False,
    }


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("[crb]\nname=CRB\n", True),
        ("[crb]\nenabled = 0\n", False),
        ("[crb]\nenabled=No\n", False),
        ("[crb]\nenabled: off\n", False),
        ("[crb]\nenabled=0\nenabled=1\n", True),
        ("[crb]\n#enabled=0\n", True),
    ],
)
def test_whether_it_is_on(text: str, enabled: bool) -> None:
    assert [one.enabled for one in repositories.parse("x.repo", text)] == [enabled]


@pytest.mark.parametrize(
    ("name", "is_crb"),
    [
        ("crb", True),
        ("codeready-builder-for-rhel-9-x86_64-rpms", True),
        ("codeready-builder-for-rhel-9-rhui-rpms", True),
        ("rhui-codeready-builder-for-rhel-9-x86_64-rhui-rpms", True),
        ("codeready-builder-for-rhel-10-aarch64-rpms", True),
        ("codeready-builder-for-rhel-9-x86_64-debug-rpms", False),
        ("codeready-builder-for-rhel-9-x86_64-source-rpms", False),
        ("crb-debuginfo", False),
        ("baseos", False),
    ],
)
def test_ids_of_crb(name: str, is_crb: bool) -> None:
    assert bool(repositories.matching("crb", files(x=f"[{name}]\nenabled=0\n"))) is is_crb


@pytest.mark.parametrize(
    ("texts", "missing", "off"),
    [
        pytest.param({"rocky": ROCKY}, ["libyaml-devel"], ["crb"], id="crb"),
        pytest.param({"rocky": ROCKY}, ["supervisor"], ["crb", "epel"], id="epel brings crb along, as its guide says"),
        pytest.param({"rocky": ROCKY, "epel": EPEL}, ["supervisor"], ["crb"], id="epel alone is not enough"),
        pytest.param({"own": "[mirror]\n"}, ["supervisor"], ["epel"], id="a mirror may have crb by another name"),
        pytest.param({"own": "[mirror]\n"}, ["libyaml-devel"], [], id="crb is not configured"),
        pytest.param({"rocky": ROCKY}, ["nonexistent"], [], id="no repository of ours has it"),
        pytest.param({"rocky": ROCKY.replace("=0", "=1"), "epel": EPEL}, ["supervisor"], [], id="all on"),
    ],
)
def test_what_has_to_be_enabled(texts: dict[str, str], missing: list[str], off: list[str]) -> None:
    assert repositories.find_disabled(NAMES, missing, files(**texts)) == off


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param(ROCKY, ROCKY.replace("enabled=0", "enabled=1", 1), id="stock"),
        pytest.param("[crb]\nname=c\n[x]\nenabled=0\n", "[crb]\nenabled=1\nname=c\n[x]\nenabled=0\n", id="no word"),
        pytest.param("[crb]\nenabled=1\nenabled=0", "[crb]\nenabled=1\nenabled=1\n", id="the last counts"),
        pytest.param("[x]\nenabled=0\n", "[x]\nenabled=0\n", id="not in this file"),
    ],
)
def test_turning_it_on_in_its_file(text: str, after: str) -> None:
    assert repositories.enabled_text(text, "crb") == after


def test_dnf_5_puts_its_own_word_over_the_files() -> None:
    over = {"/etc/dnf/repos.override.d/99-config_manager.repo": "[crb]\nenabled=1\n[epel]\npriority=1\n"}
    found = repositories.composed({"x.repo": ROCKY + "[epel]\nenabled=0\n"}, over)
    assert {one.id: one.enabled for one in found if one.id in NAMES} == {"crb": True, "epel": False}


def test_the_release_package_of_epel() -> None:
    assert repositories.release_package("rocky", "9") == "epel-release"
    assert repositories.release_package("rhel", "10").endswith("/epel-release-latest-10.noarch.rpm")
