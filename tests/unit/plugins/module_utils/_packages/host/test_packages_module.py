"""Between the module's options and the package manager: what is asked for, and what is returned."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.host import packages_module
from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import PackagesRequest, PackagesResult
from tests.unit.fake_host import FakeHost
from tests.unit.plugins.module_options import module_options

DEBIAN = System("debian", "13", (), "Debian GNU/Linux 13")
FACTS = {"pyhost_system": DEBIAN.as_fact()}


@pytest.fixture
def ensure(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict[str, t.Any], list[PackagesRequest]]]:
    """Return the module's result for options, and the requests that reached the package manager."""

    def call(found: PackagesResult | None = None, **given: t.Any) -> tuple[dict[str, t.Any], list[PackagesRequest]]:
        asked: list[PackagesRequest] = []

        def manager(request: PackagesRequest) -> PackagesResult:
            asked.append(request)
            return t.cast(PackagesResult, found)

        monkeypatch.setattr(packages_module, "gather_system", lambda _host: DEBIAN)
        opened = types.SimpleNamespace(ensure=manager)
        monkeypatch.setattr(packages_module, "open_package_manager", lambda _host, _system: opened)
        options = module_options("packages", **{"name": ["git"], **given})
        return packages_module.ensure_options(t.cast(t.Any, FakeHost()), options).as_result(), asked

    return call


def test_the_result_names_only_what_differs(ensure: t.Any) -> None:
    before = {"dpkg": "1.22", "curl": "7.88", "exim4": "4.96"}
    after = {"dpkg": "1.22", "curl": "7.89", "git": "2.39"}
    assert ensure(PackagesResult(before, after, True, False, ()))[0] == {
        "changed": True,
        "resolved": {"git": ["git"]},
        "installed": {"git": "2.39"},
        "upgraded": {"curl": {"before": "7.88", "after": "7.89"}},
        "removed": {"exim4": "4.96"},
        "cache_updated": False,
        "repositories_enabled": [],
        "ansible_facts": FACTS,
        "diff": {"before": "curl 7.88\nexim4 4.96\n", "after": "curl 7.89\ngit 2.39\n"},
    }


def test_a_repository_that_was_enabled_stands_in_the_diff(ensure: t.Any) -> None:
    found, _asked = ensure(PackagesResult({}, {"git": "2.43"}, True, True, (), ("crb",)))
    assert found["repositories_enabled"] == ["crb"]
    assert found["diff"] == {"before": "", "after": "repository crb enabled\ngit 2.43\n"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, {"system": DEBIAN.title, "ansible_facts": FACTS}, id="of this host"),
        # The facts are those of this host.
        pytest.param({"system": "rocky9"}, {"ansible_facts": None}, id="of another system"),
    ],
)
def test_packages_that_are_resolved_need_no_package_manager(
    ensure: t.Any, options: dict[str, t.Any], expected: dict[str, t.Any]
) -> None:
    found, asked = ensure(None, state="resolved", **options)
    assert {name: found.get(name) for name in expected} == expected
    assert (found["resolved"], found["changed"], asked) == ({"git": ["git"]}, False, [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "resolved", "system": "rocky99x"}, "rocky99x"),
        ({"state": "present", "system": "rocky9"}, "system: the option is for state=resolved only"),
    ],
)
def test_another_system_is_known_and_is_not_for_packages(
    ensure: t.Any, options: dict[str, t.Any], message: str
) -> None:
    with pytest.raises(BaselineError, match=message) as caught:
        ensure(None, **options)
    assert caught.value.option == "system"


@pytest.mark.parametrize(("state", "alone"), [("absent", True), ("present", False), ("latest", False)])
def test_what_a_package_includes_is_not_removed_with_it(
    ensure: t.Any, monkeypatch: pytest.MonkeyPatch, state: str, alone: bool
) -> None:
    asked: list[t.Any] = []
    resolve = packages_module.resolve

    def noted(names: t.Any, system: t.Any, *, alone: bool) -> t.Any:
        asked.append((names, system, alone))
        return resolve(names, system, alone=alone)

    monkeypatch.setattr(packages_module, "resolve", noted)
    ensure(PackagesResult({}, {}, False, False, ()), state=state)
    assert asked == [(["git"], DEBIAN, alone)]
