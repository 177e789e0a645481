"""The module around the parts: what it returns."""

from __future__ import annotations

from ansible_collections.pyhost.baseline.plugins.module_utils._packages.model import PackagesResult
from ansible_collections.pyhost.baseline.plugins.modules.packages import module_result


def test_the_result_names_only_what_differs() -> None:
    before = {"dpkg": "1.22", "curl": "7.88", "exim4": "4.96"}
    after = {"dpkg": "1.22", "curl": "7.89", "git": "2.39"}

    assert module_result(PackagesResult(before, after, True, False, ()), {"git": ["git"]}) == {
        "changed": True,
        "resolved": {"git": ["git"]},
        "installed": {"git": "2.39"},
        "upgraded": {"curl": {"before": "7.88", "after": "7.89"}},
        "removed": {"exim4": "4.96"},
        "cache_updated": False,
        "repositories_enabled": [],
        "diff": {"before": "curl 7.88\nexim4 4.96\n", "after": "curl 7.89\ngit 2.39\n"},
    }


def test_a_repository_that_was_enabled_stands_in_the_diff() -> None:
    found = module_result(PackagesResult({}, {"git": "2.43"}, True, True, (), ("crb",)), {})

    assert found["repositories_enabled"] == ["crb"]
    assert found["diff"] == {"before": "", "after": "repository crb enabled\ngit 2.43\n"}
