"""The module around the parts: which systems it takes, and what it returns."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._host_apt import Outcome
from ansible_collections.pyhost.baseline.plugins.modules.packages import result, supported_system
from tests.unit.fake_host import FakeHost

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "packages"


def host(text: str) -> t.Any:
    return FakeHost({"/etc/os-release": text})


@pytest.mark.parametrize("name", ["debian12", "debian13", "ubuntu24.04"])
def test_the_debian_family_is_supported(name: str) -> None:
    assert supported_system(host((FIXTURES / f"os-release-{name}").read_text())).is_family("debian")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param((FIXTURES / "os-release-rocky9").read_text(), "Rocky Linux 9.4 (Blue Onyx)", id="rocky9"),
        pytest.param('ID=alpine\nPRETTY_NAME="Alpine Linux v3.22"\n', "Alpine Linux v3.22", id="alpine"),
        pytest.param("", "linux", id="no os-release"),
    ],
)
def test_other_systems_are_refused(text: str, title: str) -> None:
    with pytest.raises(BaselineError) as caught:
        supported_system(host(text))
    assert str(caught.value) == (
        f"{title} is not supported: pyhost.baseline.packages manages the Debian family "
        "(Debian 12 and 13, Ubuntu 22.04 and later); nothing was changed"
    )


def test_the_result_names_only_what_differs() -> None:
    before = {"dpkg": "1.22", "curl": "7.88", "exim4": "4.96"}
    after = {"dpkg": "1.22", "curl": "7.89", "git": "2.39"}

    assert result(Outcome(before, after, True, False, ()), {"git": ["git"]}) == {
        "changed": True,
        "resolved": {"git": ["git"]},
        "installed": {"git": "2.39"},
        "upgraded": {"curl": {"before": "7.88", "after": "7.89"}},
        "removed": {"exim4": "4.96"},
        "cache_updated": False,
        "diff": {"before": "curl 7.88\nexim4 4.96\n", "after": "curl 7.89\ngit 2.39\n"},
    }
