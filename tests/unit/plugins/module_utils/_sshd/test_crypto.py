"""The crypto profiles, held against ssh-audit's own data, and what OpenSSH of Debian 12 makes of them."""

from __future__ import annotations

import typing as t

import pytest
from ssh_audit.builtin_policies import BUILTIN_POLICIES
from ssh_audit.ssh2_kexdb import SSH2_KexDB

from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import System
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.crypto import (
    POLICIES,
    policy_of,
    profile_settings,
    supported_algorithms,
)

SYSTEMS = {
    "debian12": System("debian", "12"),
    "debian13": System("debian", "13"),
    "ubuntu22.04": System("ubuntu", "22.04", ("debian",)),
    "ubuntu24.04": System("ubuntu", "24.04", ("debian",)),
    "ubuntu26.04": System("ubuntu", "26.04", ("debian",)),
    "el9": System("rocky", "9.4", ("rhel", "centos", "fedora")),
    "el10": System("rocky", "10.0", ("rhel", "centos", "fedora")),
}
# Not algorithms: marks that sshd adds by itself.
MARKS = ("ext-info-s", "kex-strict-s-v00@openssh.com")


def newest(title: str) -> dict[str, t.Any]:
    """Return ssh-audit's newest policy of that title."""
    named = {name: policy for name, policy in BUILTIN_POLICIES.items() if name.startswith(f"{title} (version ")}
    return named[max(named, key=lambda name: int(named[name]["version"]))]


@pytest.mark.parametrize("name", POLICIES)
def test_strict_is_the_newest_policy_list_by_list(name: str) -> None:
    policy = newest(POLICIES[name][0])
    settings = profile_settings("strict", SYSTEMS[name])
    assert policy_of(SYSTEMS[name]) == name
    assert list(settings["KexAlgorithms"]) == [one for one in policy["kex"] if one not in MARKS]
    assert list(settings["Ciphers"]) == policy["ciphers"]
    assert list(settings["MACs"]) == policy["macs"]


@pytest.mark.parametrize(("keyword", "kind"), [("KexAlgorithms", "kex"), ("Ciphers", "enc"), ("MACs", "mac")])
def test_hardened_holds_nothing_that_ssh_audit_fails_or_warns_of(keyword: str, kind: str) -> None:
    known = SSH2_KexDB.get_db()[kind]
    for name in profile_settings("hardened", SYSTEMS["debian13"])[keyword]:
        # The first list tells the versions, the second failures, the third warnings.
        assert not any(known[name][1:3]), name


def test_hardened_takes_broken_signatures_alone_from_the_keys_that_users_have() -> None:
    assert (
        ",".join(profile_settings("hardened", SYSTEMS["debian12"])["PubkeyAcceptedAlgorithms"]) == "-ssh-rsa*,ssh-dss*"
    )


def test_system_says_nothing() -> None:
    assert profile_settings("system", SYSTEMS["debian12"]) == {}


@pytest.mark.parametrize(
    ("system", "name"),
    [
        pytest.param(System("rhel", "9.6", ("fedora",)), "el9", id="a relative"),
        pytest.param(System("almalinux", "10.1", ("rhel", "centos", "fedora")), "el10", id="another"),
        pytest.param(System("debian"), "", id="unstable has no version"),
        pytest.param(System("fedora", "43"), "", id="no policy"),
    ],
)
def test_policy_of(system: System, name: str) -> None:
    assert policy_of(system) == name


# Of `sshd -T` on Debian 12.
EFFECTIVE = {
    "kexalgorithms": ("sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256",),
    "macs": ("hmac-sha2-256,hmac-sha1",),
    "requiredrsasize": ("1024",),
    "pubkeyacceptedalgorithms": ("ssh-ed25519,rsa-sha2-512",),
}


def test_what_is_not_known_is_left_out_and_said() -> None:
    asked: list[str] = []

    def knows(keyword: str, name: str) -> bool:
        asked.append(f"{keyword}={name}")
        return keyword == "MACs"

    settings = {
        "KexAlgorithms": ("mlkem768x25519-sha256", "sntrup761x25519-sha512"),
        "MACs": ("hmac-sha2-512-etm@openssh.com",),
        "RequiredRSASize": ("3072",),
        "PubkeyAcceptedAlgorithms": ("-ssh-rsa*", "ssh-dss*"),
        "ModuliFile": ("/etc/ssh/x",),
    }
    kept, left_out = supported_algorithms(settings, EFFECTIVE, knows)
    assert kept == {
        "KexAlgorithms": ("sntrup761x25519-sha512",),
        "MACs": ("hmac-sha2-512-etm@openssh.com",),
        "RequiredRSASize": ("3072",),
        "PubkeyAcceptedAlgorithms": ("-ssh-rsa*", "ssh-dss*"),
    }
    assert left_out == [
        "KexAlgorithms: this OpenSSH does not know mlkem768x25519-sha256",
        "ModuliFile: this OpenSSH does not know the keyword",
    ]
    # What sshd lists by itself need not be asked.
    assert asked == ["KexAlgorithms=mlkem768x25519-sha256", "MACs=hmac-sha2-512-etm@openssh.com"]


def test_a_system_that_asks_for_longer_keys_keeps_that() -> None:
    kept, _rest = supported_algorithms(
        {"RequiredRSASize": ("2048",)}, {"requiredrsasize": ("3072",)}, lambda *_asked: False
    )
    assert kept == {"RequiredRSASize": ("3072",)}


def test_a_list_of_which_nothing_is_known_is_left_to_the_system() -> None:
    kept, left_out = supported_algorithms(
        {"KexAlgorithms": ("mlkem768x25519-sha256",)}, EFFECTIVE, lambda *_asked: False
    )
    assert kept == {}
    assert left_out[-1] == "KexAlgorithms: this OpenSSH knows none of the profile's algorithms, so the system decides"
