"""Which host keys are offered, made and replaced; listings as ssh-keygen of OpenSSH 9.2, 10.0 and 10.6 prints them."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host_keys import (
    HostKey,
    NewHostKey,
    filtered_moduli,
    key_policy,
    offered_keys,
    parse_listing,
    removed_names,
    without_types,
)

FOLDER = "/etc/ssh/ssh_host_"
RSA, ECDSA, ED25519 = (f"{FOLDER}{kind}_key" for kind in ("rsa", "ecdsa", "ed25519"))
CERTIFICATES = (
    "ssh-ed25519-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
)
BOTH = (*CERTIFICATES, "ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")


def key(path: str, kind: str, bits: int) -> HostKey:
    return HostKey(path, kind, bits, f"SHA256:{bits}")


def stock(rsa_bits: int = 3072) -> dict[str, HostKey | None]:
    """What Debian makes at installation."""
    return {
        RSA: key(RSA, "ssh-rsa", rsa_bits),
        ECDSA: key(ECDSA, "ecdsa-sha2-nistp256", 256),
        ED25519: key(ED25519, "ssh-ed25519", 256),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("256 SHA256:O9xa root@h13 (ED25519)\n", ("ssh-ed25519", 256), id="ed25519"),
        pytest.param("3072 SHA256:g4Pi root@h13 (RSA)\n", ("ssh-rsa", 3072), id="rsa"),
        pytest.param("384 SHA256:g4Pi no comment (ECDSA)\n", ("ecdsa-sha2-nistp384", 384), id="a comment with a blank"),
        pytest.param("1024 SHA256:g4Pi root@h (DSA)\n", ("ssh-dss", 1024), id="dsa"),
        pytest.param("256 SHA256:g4Pi root@(odd) (ED25519)\n", ("ssh-ed25519", 256), id="a comment in parentheses"),
    ],
)
def test_listing(text: str, expected: tuple[str, int]) -> None:
    found = parse_listing(RSA, text)
    assert found and (found.type, found.bits) == expected and found.fingerprint.startswith("SHA256:")


def test_what_is_no_listing() -> None:
    assert parse_listing(RSA, "/etc/ssh/ssh_host_rsa_key is not a public key file.\n") is None


def test_hardened_offers_what_is_strong_and_makes_nothing() -> None:
    policy = key_policy("hardened", stock())
    assert policy.paths == (ED25519, RSA)
    assert policy.algorithms == BOTH
    assert policy.needed == ()
    assert policy.left_out == (f"{ECDSA} is not offered: ecdsa-sha2-nistp256 is not part of the profile",)


def test_hardened_makes_what_is_missing() -> None:
    policy = key_policy("hardened", {**stock(), RSA: None, ED25519: None, ECDSA: None})
    assert policy.needed == (NewHostKey(RSA, "ssh-rsa", 4096), NewHostKey(ED25519, "ssh-ed25519", 256))
    assert policy.left_out == ()


def test_hardened_neither_offers_nor_replaces_a_short_rsa_key() -> None:
    policy = key_policy("hardened", stock(rsa_bits=2048))
    assert (policy.paths, policy.needed) == ((ED25519,), ())
    assert policy.algorithms == (CERTIFICATES[0], "ssh-ed25519")
    assert policy.left_out[0] == f"{RSA} is not offered: ssh-rsa of less than 3072 bits (strict replaces it)"


def test_a_short_rsa_key_keeps_a_long_one_from_being_offered() -> None:
    long = "/etc/ssh/long_key"
    policy = key_policy("hardened", {**stock(rsa_bits=2048), long: key(long, "ssh-rsa", 4096)})
    assert policy.paths == (ED25519,)


@pytest.mark.parametrize("bits", [2048, 3072, 8192])
def test_strict_replaces_an_rsa_key_of_another_size(bits: int) -> None:
    keys = stock(rsa_bits=bits)
    assert key_policy("strict", keys).needed == (NewHostKey(RSA, "ssh-rsa", 4096, replaces=keys[RSA]),)


def test_strict_leaves_what_fits() -> None:
    policy = key_policy("strict", stock(rsa_bits=4096))
    assert (policy.paths, policy.needed) == ((ED25519, RSA), ())


def test_no_key_is_made_where_the_name_does_not_tell_its_type() -> None:
    own, mldsa = "/etc/ssh/own_key", f"{FOLDER}mldsa44_ed25519_key"
    policy = key_policy("strict", {own: None, mldsa: None, ED25519: key(ED25519, "ssh-ed25519", 256)})
    assert policy.needed == ()
    assert policy.left_out == (f"{own} does not exist, and its name does not tell the type of key to generate",)


def test_nothing_to_offer() -> None:
    assert key_policy("hardened", {ECDSA: key(ECDSA, "ecdsa-sha2-nistp256", 256)}).algorithms == ()


def test_offered_types() -> None:
    keys = [one for one in stock().values() if one]
    assert [one.path for one in offered_keys(keys, ["rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com"])] == [
        RSA,
        ED25519,
    ]


def test_fewer_tells_what_goes_away() -> None:
    assert removed_names(["a", "b", "c"], ["c", "d"]) == ("a", "b")
    # Nothing in common: a client cannot try it before.
    assert removed_names(["a"], ["d"]) == ()


def test_without_types_keeps_the_certificates_of_what_stays() -> None:
    names = ["ecdsa-sha2-nistp256", *BOTH]
    assert without_types(names, {"ssh-rsa"}) == ("ecdsa-sha2-nistp256", CERTIFICATES[0], "ssh-ed25519")


# Of Debian 13's /etc/ssh/moduli, the primes cut short.
MODULI = """\
# Time Type Tests Tries Size Generator Modulus
20251024041846 2 6 100 2047 5 CF2DA5
20251024041846 2 6 100 3071 2 CF2DA5
20251024041846 2 6 100 8191 5 CF2DA5
"""


def test_moduli() -> None:
    assert [line.split()[4] for line in filtered_moduli(MODULI).splitlines()] == ["3071", "8191"]
    assert filtered_moduli("# none\n") == ""
