"""rpm's words, recorded from rpm 4.18 and 6.1 on the stand-ins."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._packages import rpm
from tests.unit.plugins.module_utils._packages.test_dnf import BOTH, DNF4, said


@BOTH
def test_what_nothing_provides(fixture: str) -> None:
    asked = said(fixture, "asked")

    assert sorted(rpm.parse_missing(asked.out, asked.err)) == [
        "/etc/passwd",
        "/usr/bin/nofile",
        "nonex",
        "perl(X)",
        "plain.noarch",
    ]
    assert rpm.damaged(asked.err) == []


@BOTH
def test_what_is_no_package_by_itself(fixture: str) -> None:
    labels = said(fixture, "labels")
    assert rpm.parse_missing(labels.out, labels.err) == ["nonex", "/usr/bin/nofile"]


@BOTH
@pytest.mark.parametrize("case", ["damaged", "damaged-all"])
def test_a_damaged_database_is_seen_although_rpm_answers(fixture: str, case: str) -> None:
    found = said(fixture, case)

    assert "database disk image is malformed" in rpm.damaged(found.err)[0]
    if case == "damaged-all":
        assert found.rc == 0


@BOTH
def test_all_packages(fixture: str) -> None:
    found = rpm.parse_all(said(fixture, "all").out, "x86_64")

    assert found["plain"] == "1.0-1.el9"
    assert len(found) == len(said(fixture, "all").out.splitlines())


@BOTH
def test_an_interrupted_transaction_leaves_two_versions(fixture: str) -> None:
    assert rpm.duplicates(said(fixture, "all").out) == []
    assert rpm.duplicates(said(fixture, "doubled").out) == ["plain.noarch"]


def test_names_of_other_architectures_several_versions_and_keys() -> None:
    text = (
        "glibc\t2.34-100.el9\tx86_64\nglibc\t2.34-100.el9\ti686\nkernel\t5.14-2.el9\tx86_64\nkernel\t5.14-1.el9\tx86_64\n"
        "gpg-pubkey\t1-2\t(none)\ndbus\t1:1.12-8.el9\tx86_64\nzero\t0:1-1\tnoarch\n"
    )

    assert rpm.parse_all(text, "x86_64") == {
        "glibc": "2.34-100.el9",
        "glibc.i686": "2.34-100.el9",
        "kernel": "5.14-1.el9, 5.14-2.el9",
        "dbus": "1:1.12-8.el9",
        "zero": "1-1",
    }
    # Kernels and keys are meant to stand beside each other.
    assert rpm.duplicates(text) == []


def test_a_signature_that_rpm_does_not_take_is_no_damage() -> None:
    line = "error: rpmdbNextIterator: skipping h#     210 Header V3 RSA/SHA1 Signature, key ID 1d1e034b: BAD\n"
    assert rpm.damaged(line) == []
    assert said(DNF4, "all").err == ""
