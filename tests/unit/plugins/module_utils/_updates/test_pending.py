"""Pending upgrades and those that are kept back, over simulations that apt 2.6 and 3.0 printed."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._updates.pending import (
    UpgradeViews,
    kept_back,
    kept_back_problems,
    pending,
    with_policy,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "unattended_upgrades"
SECURITY = "Debian-Security:12.5/oldstable-security"
STABLE = "Debian:12.5/oldstable"
POLICY: dict[str, t.Any] = {"blocklist": [], "allowlist": []}
# The update of `needs` has the new dependency libnew, which the release has and the security archive does not.
HOST, FROM_SECURITY, ARCHIVES = (
    (FIXTURES / f"simulate-{name}-debian12").read_text() for name in ("host", "policy-security", "archives")
)
VIEWS = UpgradeViews(HOST, FROM_SECURITY, ARCHIVES, held=(), allowed=(SECURITY,))


def reasons(views: UpgradeViews, **policy: t.Any) -> dict[str, str]:
    return {row["name"]: row["reason"] for row in kept_back(views, {**POLICY, **policy})}


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_pending(system: str) -> None:
    found = pending((FIXTURES / f"apt-get-simulate-{system}").read_text())
    assert [row["name"] for row in found] == ["pyhost-blocked", "pyhost-foreign", "pyhost-wanted"]
    assert found[0] == {
        "name": "pyhost-blocked",
        "from": "1",
        "to": "2",
        "archives": ["Test:test"],
        "security": False,
    }


def test_a_pending_security_update() -> None:
    line = "Inst openssl [3.0.1-1] (3.0.2-1 Debian-Security:12/oldstable-security, Debian:12.15/oldstable [amd64])\n"
    assert pending(line) == [
        {
            "name": "openssl",
            "from": "3.0.1-1",
            "to": "3.0.2-1",
            "archives": ["Debian-Security:12/oldstable-security", "Debian:12.15/oldstable"],
            "security": True,
        }
    ]


def test_which_are_installed_automatically() -> None:
    def automatic(**policy: t.Any) -> dict[str, bool]:
        return {row["name"]: row["automatic"] for row in with_policy(VIEWS, {**POLICY, **policy})}

    assert automatic() == {"libnew": False, "needs": False, "openssl": True}
    assert automatic(blocklist=["open"]) == {"libnew": False, "needs": False, "openssl": False}
    assert automatic(allowlist=["need"]) == {"libnew": False, "needs": False, "openssl": False}


@pytest.mark.parametrize(
    ("views", "policy", "expected"),
    [
        pytest.param(VIEWS, {}, {"needs": "dependencies"}, id="a dependency from an archive that is not allowed"),
        pytest.param(replace(VIEWS, policy=HOST, allowed=(SECURITY, STABLE)), {}, {}, id="the release is allowed too"),
        pytest.param(VIEWS, {"blocklist": ["needs$"]}, {}, id="the admin has said so"),
        pytest.param(VIEWS, {"allowlist": ["openssl"]}, {}, id="the allowlist has it not"),
        pytest.param(
            replace(VIEWS, policy="", allowed=(STABLE,)),
            {},
            {"needs": "origin", "openssl": "origin"},
            id="security is not allowed",
        ),
        pytest.param(
            replace(VIEWS, host=HOST.replace("Inst openssl", "Hold"), policy="", held=("openssl",)),
            {},
            {"needs": "dependencies", "openssl": "held"},
            id="held",
        ),
        pytest.param(
            replace(VIEWS, host="", policy=""), {}, {"needs": "preferences", "openssl": "preferences"}, id="pinned down"
        ),
        pytest.param(UpgradeViews("", "", "Inst a [1] (2 Test:/test [all])\n", (), ()), {}, {}, id="a foreign archive"),
        pytest.param(
            UpgradeViews("", "", "Inst a [1] (2 Test:/test [all])\n", (), ("Test:/test",)),
            {},
            {"a": "preferences"},
            id="not a security update, but allowed",
        ),
        pytest.param(
            UpgradeViews("", "", "Inst a [1] (2 Test:/test [all])\n", ("a",), ("Test:/test",)),
            {},
            {},
            id="an admin who holds a package does not want to hear of each new version",
        ),
    ],
)
def test_kept_back(views: UpgradeViews, policy: dict[str, t.Any], expected: dict[str, str]) -> None:
    assert reasons(views, **policy) == expected


def test_sentences_name_the_package_the_cause_and_what_to_do() -> None:
    rows = kept_back(VIEWS, POLICY)
    assert kept_back_problems(rows, VIEWS) == [
        f"updates from allowed origins are kept back: needs 2 ({SECURITY}); they need packages (libnew from {STABLE}) "
        "that no allowed origin has"
    ]
    held = replace(VIEWS, policy="", held=("openssl", "needs"))
    assert kept_back_problems(kept_back(held, POLICY), held) == [
        f"security updates of held packages are not installed: needs 2 ({SECURITY}), openssl 3.0.2 ({SECURITY}); "
        "run `apt-mark unhold NAME` to allow them"
    ]


def test_a_long_list_is_shortened() -> None:
    archives = "".join(f"Inst p{number} [1] (2 Debian-Security:12/x [all])\n" for number in range(12))
    views = UpgradeViews("", "", archives, (), ())
    (sentence,) = kept_back_problems(kept_back(views, POLICY), views)
    assert "p9 2 (Debian-Security:12/x) and 2 more; add their origin" in sentence
