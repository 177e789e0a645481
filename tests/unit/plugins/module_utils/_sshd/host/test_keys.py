"""Host keys that are listed and made, on a host that is played; the scenario sshd_crypto does it on real ones."""

from __future__ import annotations

import os
import re
import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import keys
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import Sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host_keys import DEFAULT_PATHS, HostKey, NewHostKey
from tests.unit.fake_host import Expected, FakeHost

RSA, ECDSA, ED25519 = DEFAULT_PATHS
NEW = "/scratch/ssh_host_rsa_key"
OLD = HostKey(RSA, "ssh-rsa", 3072, "SHA256:old")


class KeyHost(FakeHost):
    """Knows of the files' owners and modes as well."""

    access: t.ClassVar[dict[str, tuple[int, int]]] = {}

    def stat(self, path: str) -> os.stat_result | None:
        found = super().stat(path)
        mode, group = self.access.get(path, (0o600, 0))
        return found and os.stat_result((0o100000 | mode, 0, 0, 1, 0, group, found.st_size, 0, 0, 0))


def making(**options: t.Any) -> KeyHost:
    commands = [
        Expected(
            ["ssh-keygen", "-q", "-t", "rsa", "-b", "4096", "-N", "", "-f", NEW],
            writes={NEW: "new secret", f"{NEW}.pub": "new public"},
        ),
        Expected(["ssh-keygen", "-l", "-f", NEW], out="4096 SHA256:new root@web (RSA)\n"),
    ]
    return KeyHost(commands=commands, **options)


def test_a_replaced_key_is_kept_beside_readable_to_root_alone() -> None:
    host = making(files={RSA: "old secret", f"{RSA}.pub": "old public"})
    (made,) = keys.generate_host_keys(
        t.cast(t.Any, host), [NewHostKey(RSA, "ssh-rsa", 4096, replaces=OLD)], beside=[RSA]
    )
    assert re.fullmatch(rf"{RSA}\.replaced-\d{{8}}T\d{{6}}Z", made.kept)
    assert made.before == {RSA: "old secret", f"{RSA}.pub": "old public", made.kept: None}
    assert made.after == {RSA: "new secret", f"{RSA}.pub": "new public", made.kept: "old secret"}
    assert made.access[made.kept] == (0, 0, 0o600)
    assert made.as_result() == {
        "path": RSA,
        "old_fingerprint": "SHA256:old",
        "new_fingerprint": "SHA256:new",
        "kept": made.kept,
    }
    # Nothing takes its place before the whole change does.
    assert host.written == []
    host.done()


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        pytest.param({}, (0, 0, 0o600), id="as Debian has them"),
        pytest.param({ED25519: (0o640, 997), ECDSA: (0o640, 997)}, (0, 997, 0o640), id="as RHEL 9 has them"),
        pytest.param({ED25519: (0o640, 997)}, (0, 0, 0o600), id="the strictest of its neighbours"),
    ],
)
def test_a_missing_key_is_readable_as_its_neighbours_are(
    access: dict[str, tuple[int, int]], expected: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyHost, "access", access)
    host = making(files={ED25519: "secret", ECDSA: "secret"})
    (made,) = keys.generate_host_keys(t.cast(t.Any, host), [NewHostKey(RSA, "ssh-rsa", 4096)], beside=[ECDSA, ED25519])
    assert made.access == {RSA: expected, f"{RSA}.pub": (0, 0, 0o644)}
    assert (made.kept, made.before[RSA]) == ("", None)


def test_an_empty_file_is_no_key_and_a_broken_one_is_an_error() -> None:
    host = KeyHost(
        files={RSA: "", ECDSA: "broken"},
        commands=[Expected(["ssh-keygen", "-l", "-f", ECDSA], rc=255, err=f"{ECDSA} is not a key file.")],
    )
    sshd = Sshd(t.cast(t.Any, host), "/usr/sbin/sshd", "/etc/ssh/sshd_config")
    with pytest.raises(
        BaselineError, match=f"{ECDSA}: the host key cannot be read: .* this task changed nothing; restore"
    ):
        keys.host_keys(sshd, {"hostkey": (RSA, ECDSA)})
    assert keys.host_keys(sshd, {"hostkey": (RSA,)}) == {RSA: None}


DSA = "/etc/ssh/ssh_host_dsa_key"
PRINT = "SHA256:kfeZkuW3WdLvRB3QXTfu9JIRgqlWtkNrPEyNzLkmtDU"
ARGV = ["ssh-keygen", "-l", "-f", DSA]
NOT_LISTED = Expected(ARGV, rc=255, err=f"{DSA} is not a key file.")
LISTED = Expected(["ssh-keygen", "-l", "-f", ED25519], out=f"256 {PRINT} root@web (ED25519)\n")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(NOT_LISTED, id="DSA on Debian 13"),
        pytest.param(Expected(ARGV, rc=255, err=f"Load key {DSA}: error in libcrypto"), id="a damaged file"),
        pytest.param(Expected(ARGV, rc=255, err=f"{DSA} is not a public key file."), id="another kind of file"),
    ],
)
def test_a_key_that_this_openssh_does_not_load_is_left_out_with_a_warning(answer: Expected) -> None:
    """sshd logs it and runs with the others."""
    host = KeyHost(files={DSA: "old", ED25519: "secret"}, commands=[answer, LISTED])
    sshd = Sshd(t.cast(t.Any, host), "/usr/sbin/sshd", "/etc/ssh/sshd_config")
    effective: dict[str, tuple[str, ...]] = {"hostkey": (DSA, ED25519)}
    found = keys.host_keys(sshd, effective)
    assert list(found) == [ED25519]
    assert keys.unloaded_key_warnings(sshd, effective, found) == [
        f"sshd does not load the host key {DSA}, and logs that at each start: this OpenSSH cannot read it (an old type "
        "such as DSA, or a damaged file); remove its HostKey line"
    ]
    assert keys.unloaded_key_warnings(sshd, {"hostkey": (ED25519,)}, found) == []


@pytest.mark.parametrize(
    ("mode", "debians", "is_loaded"),
    [
        pytest.param(0o600, True, True, id="root's alone"),
        pytest.param(0o400, True, True, id="read only"),
        pytest.param(0o644, True, False, id="copied, so that all can read it"),
        pytest.param(0o640, True, False, id="a group can read it"),
        pytest.param(0o640, False, True, id="Red Hat's group ssh_keys"),
        pytest.param(0o660, False, False, id="a group can write it"),
    ],
)
def test_a_key_that_others_can_read_is_ignored_by_sshd(
    mode: int, debians: bool, is_loaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyHost, "access", {RSA: (mode, 0)})
    monkeypatch.setattr(Sshd, "is_debians", lambda _self: debians)
    listed = Expected(["ssh-keygen", "-l", "-f", RSA], out=f"3072 {PRINT} root@web (RSA)\n")
    host = KeyHost(files={RSA: "secret", ED25519: "secret"}, commands=[*([listed] if is_loaded else []), LISTED])
    sshd = Sshd(t.cast(t.Any, host), "/usr/sbin/sshd", "/etc/ssh/sshd_config")
    effective: dict[str, tuple[str, ...]] = {"hostkey": (RSA, ED25519)}
    found = keys.host_keys(sshd, effective)
    host.done()
    assert list(found) == ([RSA, ED25519] if is_loaded else [ED25519])
    warnings = keys.unloaded_key_warnings(sshd, effective, found)
    assert warnings == (
        []
        if is_loaded
        else [
            f"sshd does not load the host key {RSA}, and logs that at each start: others can read it (mode "
            f"{mode:04o}); `chmod 600 {RSA}` if it may still be trusted"
        ]
    )


def test_no_key_but_one_that_this_openssh_does_not_load_is_an_error() -> None:
    """sshd: no hostkeys available -- exiting."""
    host = KeyHost(files={DSA: "old"}, commands=[NOT_LISTED])
    sshd = Sshd(t.cast(t.Any, host), "/usr/sbin/sshd", "/etc/ssh/sshd_config")
    with pytest.raises(BaselineError, match=f"{DSA}: the host key cannot be read"):
        keys.host_keys(sshd, {"hostkey": (DSA, ED25519)})


def test_a_borrowed_key_is_none_of_the_hosts() -> None:
    host = KeyHost()
    sshd = Sshd(t.cast(t.Any, host), "/usr/sbin/sshd", "/etc/ssh/sshd_config", borrowed_key="/scratch/key")
    assert keys.host_keys(sshd, {"hostkey": ("/scratch/key",)}) == dict.fromkeys(DEFAULT_PATHS)
