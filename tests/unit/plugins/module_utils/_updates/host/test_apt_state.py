"""apt's state, read only: each command with the environment that it must have, and none without need."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.apt_conf import AptConfig
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host import apt_state
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.host.apt_state import PARTS
from ansible_collections.pyhost.baseline.plugins.module_utils._updates.origins import PRESETS, AptDistribution
from tests.unit.fake_host import Expected, FakeHost

FIXTURES = Path(__file__).parents[4] / "fixtures" / "unattended_upgrades"
DISTRIBUTION = AptDistribution("debian", "trixie")
DUMP = ["apt-config", "dump"]


def play(host: FakeHost, function: t.Callable[..., t.Any], *arguments: t.Any, **options: t.Any) -> t.Any:
    found = function(host, *arguments, **options)
    host.done()
    assert host.written == []
    return found


def test_a_host_without_apt() -> None:
    with pytest.raises(BaselineError, match="needs apt, and this host has no apt-config") as caught:
        play(FakeHost(programs=[]), apt_state.require_apt)
    assert caught.value.hint == "use another module on other systems, such as dnf_automatic"
    play(FakeHost(programs=["apt-config"]), apt_state.require_apt)


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ('ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="x"\n', DISTRIBUTION),
        ('ID="ubuntu"\nVERSION_CODENAME="noble"\n', AptDistribution("ubuntu", "noble")),
        ("", AptDistribution("linux", "")),
    ],
)
def test_the_distribution(text: str, distribution: AptDistribution) -> None:
    assert play(FakeHost({"/etc/os-release": text}), apt_state.gather_distribution) == distribution


@pytest.mark.parametrize(
    ("parts", "env"),
    [
        pytest.param(PARTS, {}, id="apt's own"),
        pytest.param("/scratch/apt.conf.d", {"APT_CONFIG": "/scratch/apt.conf"}, id="staged"),
    ],
)
def test_a_staged_configuration_is_read_by_apt_config(parts: str, env: dict[str, str]) -> None:
    host = FakeHost(commands=[Expected(DUMP, env=env, out='A "b";\n')])
    assert play(host, apt_state.gather_config, parts=parts) == AptConfig((("A", "b"),))


def test_a_staged_configuration_that_apt_rejects_is_named_by_its_place_on_the_host() -> None:
    err = "E: Syntax error /scratch/apt.conf.d/99x:2: Extra junk at end of file\n"
    host = FakeHost(commands=[Expected(DUMP, env={"APT_CONFIG": "/scratch/apt.conf"}, rc=100, err=err)])
    with pytest.raises(BaselineError) as caught:
        play(host, apt_state.gather_config, parts="/scratch/apt.conf.d")
    assert caught.value.problem == (
        "apt rejects its configuration: E: Syntax error /etc/apt/apt.conf.d/99x:2: Extra junk at end of file (rc=100)"
    )


def test_files_are_read_in_the_order_of_apt_and_the_main_file_last() -> None:
    files = {f"{PARTS}/99b": "", f"{PARTS}/10a": "", f"{PARTS}/50x.bak": "", "/etc/apt/apt.conf": ""}
    found = play(FakeHost(files), apt_state.gather_files)
    assert [path for path, _file in found] == [f"{PARTS}/10a", f"{PARTS}/99b", "/etc/apt/apt.conf"]


def test_sources_that_apt_cannot_read() -> None:
    host = FakeHost(commands=[Expected(["apt-get", "indextargets"], rc=100, err="E: Malformed line 1\n")])
    with pytest.raises(BaselineError, match="apt-get cannot read its sources: E: Malformed line 1"):
        play(host, apt_state.gather_archives)


@pytest.mark.parametrize(
    ("lists", "rc", "missing"),
    [
        pytest.param([], 0, ["http://deb.example.org/debian/dists/trixie"], id="no index"),
        pytest.param(["deb_trixie_InRelease"], 0, [], id="its index is there"),
        pytest.param([], 100, [], id="apt does not say"),
    ],
)
def test_missing_indexes(lists: list[str], rc: int, missing: list[str]) -> None:
    out = "'http://deb.example.org/debian/dists/trixie/InRelease' deb_trixie_InRelease 0 \n"
    files = {f"/var/lib/apt/lists/{name}": "" for name in lists}
    host = FakeHost(files, [Expected(["apt-get", "--print-uris", "update"], rc=rc, out=out)])
    assert play(host, apt_state.gather_missing_indexes) == missing


POLICY = Expected(["apt-cache", "policy"], out=(FIXTURES / "apt-cache-policy-default-release-debian12").read_text())
BOOKWORM = AptDistribution("debian", "bookworm")
OPTION = 'apt::default-release "bookworm";\n'
PIN = "Package: *\nPin: release n=bookworm-security\nPin-Priority: 400\n"


def test_priorities_with_what_may_have_set_them() -> None:
    files = {f"{PARTS}/10x": OPTION, "/etc/apt/apt.conf": f"\n{OPTION}", "/etc/apt/preferences.d/x": PIN}
    found = play(FakeHost(files, [POLICY]), apt_state.gather_priorities)
    assert [one.priority for one in found.ranked] == [1, 100, 500, 990]
    assert found.default_release == (f"{PARTS}/10x:1", "/etc/apt/apt.conf:2")
    assert [found.cause(one) for one in found.ranked] == ["", "", "/etc/apt/preferences.d/x:3", "/etc/apt/apt.conf:2"]


@pytest.mark.parametrize(
    ("files", "where", "sentence"),
    [
        pytest.param(
            {f"{PARTS}/10x": OPTION},
            f"{PARTS}/10x:1",
            "codename=bookworm,archive=oldstable,label=Debian,component=main,site=deb.example.org has 990, ",
            id="one place",
        ),
        pytest.param(
            {f"{PARTS}/10x": OPTION, "/etc/apt/preferences": PIN},
            "",
            f"site=deb.example.org has 990 because of {PARTS}/10x:1, ",
            id="two places",
        ),
    ],
)
def test_an_archive_that_ranks_below_another(files: dict[str, str], where: str, sentence: str) -> None:
    priorities = play(FakeHost(files, [POLICY]), apt_state.gather_priorities)
    patterns = [PRESETS["debian"][name] for name in ("security", "stable", "all")]
    # Two of the patterns allow the archive that is below; it is one error.
    (error,) = apt_state.find_pinned_origins(patterns, priorities, BOOKWORM).errors
    assert error.where == where
    assert sentence in error.problem
    assert error.hint.endswith('"/^bookworm(|-security|-updates)$/"')
