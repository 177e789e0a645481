"""A crypto profile on a host that is a transcript; the scenario sshd_crypto has real ones, audited by ssh-audit."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.os_release import parse_os_release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import Preflight
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.crypto import POLICIES, profile_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.effective import Effective, parse_effective
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.crypto import (
    CryptoProfile,
    HostCrypto,
    plan_preflight,
    resolve_crypto,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.keys import GeneratedKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import Sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host_keys import DEFAULT_PATHS, HostKey, NewHostKey
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.plan import managed_files
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree
from tests.unit.fake_host import Expected, FakeHost

SSHD, MAIN, MODULI = "/usr/sbin/sshd", "/etc/ssh/sshd_config", "/etc/ssh/moduli.pyhost-baseline"
FILES = managed_files(MAIN, "00-pyhost-baseline.conf")
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
RSA, ECDSA, ED25519 = DEFAULT_PATHS
LISTED = {
    RSA: "3072 SHA256:rsa root@x (RSA)\n",
    ECDSA: "256 SHA256:ecdsa root@x (ECDSA)\n",
    ED25519: "256 SHA256:ed root@x (ED25519)\n",
}
OFFERED = "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,"
OFFERED += "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"
HARDENED = {name: ",".join(values) for name, values in profile_settings("hardened", t.cast(t.Any, None)).items()}
# What an OpenSSH of Debian 12 says, as far as it matters here: it knows no mlkem, and no GSSAPI.
ANSWER = f"""\
kexalgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,diffie-hellman-group-exchange-sha256
ciphers {HARDENED["Ciphers"]}
macs {HARDENED["MACs"]}
pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512
requiredrsasize 1024
hostkeyalgorithms {OFFERED}
modulifile /etc/ssh/moduli
"""
MLKEM, SNTRUP = "mlkem768x25519-sha256", "sntrup761x25519-sha512"
UNKNOWN_KEX = f"KexAlgorithms: this OpenSSH does not know {MLKEM}, {SNTRUP}"
NO_GSSAPI = "GSSAPIKexAlgorithms: this OpenSSH does not know the keyword"
NO_ECDSA = f"{ECDSA} is not offered: ecdsa-sha2-nistp256 is not part of the profile"
QUESTION = [SSHD, "-T", "-f", "/scratch" + MAIN, "-C"]
QUESTION += ["user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=22"]


@pytest.fixture(autouse=True)
def _over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")


def knows(option: str, *, known: bool = False) -> Expected:
    return Expected([*QUESTION, "-o", option], rc=0 if known else 255, out="port 22\n" if known else "", err="unknown")


def listings(*paths: str) -> list[Expected]:
    return [Expected(["ssh-keygen", "-l", "-f", path], out=LISTED[path]) for path in paths]


def resolve(
    host: FakeHost,
    profile: CryptoProfile,
    settings: dict[str, t.Any] | None = None,
    files: dict[str, str] | None = None,
) -> HostCrypto:
    tree = Tree(MAIN, {MAIN: INCLUDE, **(files or {})})
    texts = {FILES.main: INCLUDE, FILES.dropin: None, FILES.beside: None}
    sshd = Sshd(t.cast(t.Any, host), SSHD, MAIN)
    found = resolve_crypto(sshd, profile, build_settings(settings or {}), FILES, tree, texts)
    host.done()
    return found


@pytest.mark.parametrize(
    ("files", "settings", "moduli", "changes"),
    [
        pytest.param({}, {}, {MODULI: (None, None)}, False, id="nothing there"),
        pytest.param({MODULI: "old"}, {}, {MODULI: ("old", None)}, True, id="the moduli of another profile go"),
        pytest.param({MODULI: "x"}, {"ModuliFile": MODULI}, {}, False, id="the user has taken the file over"),
    ],
)
def test_the_system_decides(files: dict[str, str], settings: dict[str, t.Any], moduli: object, changes: bool) -> None:
    found = resolve(FakeHost(files), CryptoProfile("system"), settings)
    assert (found.moduli, found.changes, found.settings) == (moduli, changes, {})
    assert found.result()["profile"] == "system"


def test_hardened() -> None:
    """Two keys and none of ed25519: that one is generated, ECDSA is not offered."""
    host = FakeHost(
        {RSA: "x", ECDSA: "x"},
        [
            Expected(QUESTION, out=ANSWER),
            *listings(RSA, ECDSA),
            knows(f"KexAlgorithms={MLKEM}"),
            knows(f"KexAlgorithms={SNTRUP}"),
        ],
    )
    found = resolve(host, CryptoProfile("hardened"), {"MaxAuthTries": 3})
    assert "MaxAuthTries 3" in host.laid_out["/scratch" + FILES.dropin], "asked with all of the other settings"
    assert found.settings == {
        "KexAlgorithms": ("sntrup761x25519-sha512@openssh.com",),
        "Ciphers": (HARDENED["Ciphers"],),
        "MACs": (HARDENED["MACs"],),
        "PubkeyAcceptedAlgorithms": (HARDENED["PubkeyAcceptedAlgorithms"],),
        "RequiredRSASize": ("2048",),
        "HostKeyAlgorithms": (OFFERED,),
    }
    assert found.left_out == (NO_ECDSA, UNKNOWN_KEX, NO_GSSAPI)
    assert found.needed == (NewHostKey(ED25519, "ssh-ed25519", 256),)
    assert [key.path for key in found.keys] == [RSA, ECDSA]
    assert found.paths == (RSA, ED25519)
    assert (found.policy, found.moduli, found.changes) == ("", {MODULI: (None, None)}, True)
    assert found.diff() == [
        {"before_header": ED25519, "after_header": ED25519, "before": "", "after": "ssh-ed25519 256\n"}
    ]
    assert found.result()["host_keys"] == [
        {"path": RSA, "type": "ssh-rsa", "bits": 3072, "fingerprint": "SHA256:rsa"},
        {"path": ED25519, "type": "ssh-ed25519", "bits": 256, "fingerprint": ""},
    ]


def test_what_the_user_has_set_stays() -> None:
    host = FakeHost({RSA: "x", ED25519: "x"}, [Expected(QUESTION, out=ANSWER), *listings(RSA, ED25519)])
    explicit = frozenset({"kexalgorithms", "gssapikexalgorithms", "hostkeyalgorithms"})
    found = resolve(host, CryptoProfile("hardened", explicit), {"KexAlgorithms": "curve25519-sha256"})
    assert not {"KexAlgorithms", "HostKeyAlgorithms"} & set(found.settings)
    assert found.left_out == ()
    desired = build_settings({"Ciphers": "aes256-ctr", "UsePAM": True})
    joined = found.joined(desired).settings
    assert (joined["Ciphers"], joined["UsePAM"], joined["RequiredRSASize"]) == (("aes256-ctr",), ("yes",), ("2048",))


# The second group is too small (moduli(5) gives the size less one).
GROUPS = "20240101 2 6 100 4095 5 ab\n20240101 2 6 100 2047 5 cd\n"


STRICT = profile_settings("strict", parse_os_release("ID=debian\nVERSION_ID=12\n"))
STRICT_ANSWER = ANSWER.replace(
    "ssh-ed25519,rsa-sha2-512\nrequired", f"{','.join(STRICT['PubkeyAcceptedAlgorithms'])}\nrequired"
)
STRICT_ANSWER += f"hostbasedacceptedalgorithms {','.join(STRICT['HostbasedAcceptedAlgorithms'])}\n"
STRICT_ANSWER += f"casignaturealgorithms {','.join(STRICT['CASignatureAlgorithms'])}\n"


def strict(
    answer: str = STRICT_ANSWER, *, system: str = "ID=debian\nVERSION_ID=12\n", moduli: str | None = GROUPS
) -> FakeHost:
    files = {RSA: "x", ED25519: "x", "/etc/os-release": system}
    if moduli is not None:
        files["/etc/ssh/moduli"] = moduli
    return FakeHost(files, [Expected(QUESTION, out=answer), *listings(RSA, ED25519)])


def kex_questions(system: str) -> list[Expected]:
    """Return the questions about what the answer does not list."""
    listed = parse_effective(ANSWER)["kexalgorithms"][0].split(",")
    return [knows(f"KexAlgorithms={name}", known=True) for name in POLICIES[system][1] if name not in listed]


def test_strict_replaces_a_short_key_orders_the_keys_and_filters_the_moduli() -> None:
    host = strict()
    host.commands += kex_questions("debian12")
    found = resolve(host, CryptoProfile("strict"))
    old = HostKey(RSA, "ssh-rsa", 3072, "SHA256:rsa")
    assert found.needed == (NewHostKey(RSA, "ssh-rsa", 4096, replaces=old),)
    assert found.settings["HostKey"] == found.paths == (ED25519, RSA)
    assert found.settings["ModuliFile"] == (MODULI,)
    assert found.moduli == {MODULI: (None, GROUPS.splitlines(keepends=True)[0])}
    assert found.policy == "Hardened Debian 12"
    assert found.settings["RequiredRSASize"] == ("3072",)
    assert found.diff()[0] | {"after": ""} == {
        "before_header": RSA,
        "after_header": RSA,
        "before": "ssh-rsa 3072 SHA256:rsa\n",
        "after": "",
    }
    assert found.diff()[1]["after"] == "1 groups of 3072 bits and more\n"


def test_strict_where_others_have_host_keys_and_the_moduli_are_small() -> None:
    host = strict(STRICT_ANSWER + f"hostkey {RSA}\nhostkey {ED25519}\n", moduli=GROUPS.splitlines(keepends=True)[1])
    host.commands += kex_questions("debian12")
    other = "/etc/ssh/sshd_config.d/50-x.conf"
    found = resolve(host, CryptoProfile("strict"), files={other: f"HostKey {RSA}\nHostKey {ED25519}\n"})
    assert not {"HostKey", "ModuliFile"} & set(found.settings)
    assert found.moduli == {MODULI: (None, None)}
    assert found.left_out[-2:] == (
        f"HostKey: {other}:1, {other}:2 decide which keys are loaded; the policy wants ed25519, then RSA",
        "ModuliFile: /etc/ssh/moduli contains no group of 3072 bits or more",
    )


def test_strict_without_the_keyword_of_moduli() -> None:
    host = strict(STRICT_ANSWER.replace("modulifile /etc/ssh/moduli\n", ""))
    host.commands += kex_questions("debian12")
    assert resolve(host, CryptoProfile("strict")).left_out[-1] == ("ModuliFile: this OpenSSH does not know the keyword")


def test_strict_for_a_system_without_a_policy() -> None:
    host = strict(system="ID=debian\nPRETTY_NAME='Debian GNU/Linux forky/sid'\n")
    host.commands += [knows(f"KexAlgorithms={MLKEM}", known=True), knows(f"KexAlgorithms={SNTRUP}", known=True)]
    found = resolve(host, CryptoProfile("strict"))
    assert found.policy == ""
    assert found.left_out[0].startswith("ssh-audit has no policy for ")
    # No group exchange, no moduli.
    assert "ModuliFile" not in found.settings and found.moduli == {MODULI: (None, None)}


def test_a_profile_that_would_offer_no_key_is_an_error() -> None:
    answer = ANSWER + f"hostkey {ECDSA}\n"
    host = FakeHost({ECDSA: "x"}, [Expected(QUESTION, out=answer), *listings(ECDSA)])
    with pytest.raises(BaselineError) as caught:
        resolve(host, CryptoProfile("hardened"))
    assert caught.value.sentence == f"crypto: the crypto profile hardened would offer no host key at all: {NO_ECDSA}"
    assert caught.value.hint == "name another key in HostKey, or set HostKeyAlgorithms yourself"


def test_no_key_is_generated_where_an_agent_has_them() -> None:
    answer = ANSWER + "hostkeyagent /run/agent\n"
    explicit = frozenset({"kexalgorithms"})
    host = FakeHost({RSA: "x"}, [Expected(QUESTION, out=answer), *listings(RSA)])
    found = resolve(host, CryptoProfile("hardened", explicit))
    assert (found.needed, found.paths) == ((), (RSA,))


def test_the_files_of_generated_keys_are_part_of_the_change() -> None:
    old, new = HostKey(RSA, "ssh-rsa", 3072, "SHA256:old"), HostKey(RSA, "ssh-rsa", 4096, "SHA256:new")
    access = {RSA: (0, 0, 0o600)}
    made = GeneratedKey(new, {RSA: "old"}, {RSA: "new"}, access, replaces=old, kept=RSA + ".replaced")
    needed = (NewHostKey(RSA, "ssh-rsa", 4096, replaces=old),)
    crypto = HostCrypto("strict", keys=(old,), needed=needed, paths=(RSA,), moduli={MODULI: ("a\n", "b\n")})
    assert crypto.files([made]) == ({MODULI: "a\n", RSA: "old"}, {MODULI: "b\n", RSA: "new"}, access)
    assert crypto.diff([made])[0]["after"] == "ssh-rsa 4096 SHA256:new\n"
    result = crypto.result([made])
    assert result["host_keys"] == [{"path": RSA, "type": "ssh-rsa", "bits": 4096, "fingerprint": "SHA256:new"}]
    assert result["replaced"][0]["kept"] == RSA + ".replaced"
    assert crypto.loaded_with(Tree(MAIN, {MAIN: "x"})).files == {RSA: "", MAIN: "x"}


NOW: Effective = {
    "kexalgorithms": ("a,b",),
    "ciphers": ("c",),
    "macs": ("m",),
    "hostkeyalgorithms": ("ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256",),
    "hostkey": (RSA, ECDSA, ED25519),
}
THEN: Effective = {**NOW, "kexalgorithms": ("b",), "ciphers": ("other",)}


def preflight(now: Effective, then: Effective, crypto: HostCrypto, *paths: str) -> Preflight | None:
    host = FakeHost(dict.fromkeys(paths, "x"), listings(*paths))
    found = plan_preflight(Sshd(t.cast(t.Any, host), SSHD, MAIN), now, then, crypto)
    host.done()
    return found


def test_what_a_login_before_the_change_does_without() -> None:
    then = {**THEN, "hostkeyalgorithms": ("ssh-ed25519,rsa-sha2-512",)}
    crypto = HostCrypto("strict", needed=(NewHostKey(RSA, "ssh-rsa", 4096),))
    found = preflight(NOW, then, crypto, RSA, ECDSA, ED25519)
    assert found == Preflight(
        # Of the ciphers no common one would remain, so the login cannot try that.
        {"KexAlgorithms": ("a",), "HostKeyAlgorithms": ("rsa-sha2-512", "ecdsa-sha2-nistp256")},
        keys=("ssh-ed25519 256 SHA256:ed",),
        new_keys=(RSA,),
    )


def test_where_nothing_goes_away() -> None:
    assert preflight(NOW, NOW, HostCrypto("system"), RSA, ECDSA, ED25519) == Preflight(
        {},
        keys=("ssh-rsa 3072 SHA256:rsa", "ecdsa-sha2-nistp256 256 SHA256:ecdsa", "ssh-ed25519 256 SHA256:ed"),
    )


def test_a_key_that_is_no_longer_loaded_goes_away() -> None:
    found = preflight(NOW, {**NOW, "hostkey": (ED25519,)}, HostCrypto("system"), RSA, ECDSA, ED25519)
    assert found and found.keys == ("ssh-ed25519 256 SHA256:ed",)


def test_what_is_shown_now_is_not_known() -> None:
    assert preflight({}, THEN, HostCrypto("system")) is None
    assert preflight({**NOW, "hostkey": ()}, THEN, HostCrypto("system")) is None
