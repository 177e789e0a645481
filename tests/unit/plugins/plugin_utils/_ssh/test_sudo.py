"""From a login to root: its command and the errors of sudo. Messages are recorded from sudo 1.9 and sudo-rs."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.client import MARK, Reply, SshTarget
from ansible_collections.pyhost.baseline.plugins.plugin_utils._ssh.sudo import (
    as_root,
    is_root,
    needs_password,
    rejects_password,
    sudo_error,
    without_sudo,
)

TARGET = SshTarget("192.0.2.7", user="deploy", port=2222)


def failed(err: str, *, rc: int = 255, out: str = "") -> Reply:
    return Reply(rc, out, err)


@pytest.mark.parametrize(
    ("reply", "tried", "part"),
    [
        pytest.param(failed("", rc=0, out=f"{MARK}\npyhost.baseline: root\n"), "nopasswd", None, id="root"),
        pytest.param(failed("", rc=0, out=f"{MARK}\n"), "nopasswd", "but sudo there does not", id="mute"),
        pytest.param(
            failed("", rc=0, out=f"{MARK}\npyhost.baseline: not root but uid 33\n"),
            "nopasswd",
            "sudo there leads to the user with uid 33 and not to root",
            id="somebody-else",
        ),
        pytest.param(
            failed("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n", rc=1),
            "nopasswd",
            "sudo must belong to root with the mode 4755",
            id="no-setuid",
        ),
        pytest.param(
            failed("sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option?\n", rc=1),
            "nopasswd",
            "not mounted with nosuid",
            id="nosuid",
        ),
        pytest.param(
            failed("sudo: a password is required\n", rc=1), "nopasswd", "give the become password", id="password-wanted"
        ),
        pytest.param(
            failed("sudo: interactive authentication is required\n", rc=1),
            "nopasswd",
            "give the become password",
            id="password-wanted-by-sudo-rs",
        ),
        pytest.param(
            failed("Sorry, try again.\nsudo: no password was provided\n", rc=1),
            "password",
            "correct the become password, which was not accepted",
            id="wrong-password",
        ),
        pytest.param(failed("sh: 1: sudo: not found\n", rc=127), "nopasswd", "install sudo", id="no-sudo"),
        pytest.param(
            failed("deploy is not in the sudoers file.\n", rc=1), "nopasswd", "a rule in /etc/sudoers.d", id="no-rule"
        ),
    ],
)
def test_sudo_error(reply: Reply, tried: str, part: str | None) -> None:
    error = sudo_error(TARGET, reply, tried=tried)
    assert (error is None) is (part is None)
    assert part is None or part in str(error)


def test_needs_password() -> None:
    assert needs_password(failed("sudo: a password is required\n", rc=1))
    assert not needs_password(failed("deploy is not in the sudoers file.\n", rc=1))


@pytest.mark.parametrize(
    ("err", "expected"),
    [
        pytest.param("sudo: unable to resolve host web: Name or service not known\n{}", True, id="a warning"),
        pytest.param("Welcome to sudo: the company\n{}", True, id="a banner"),
        pytest.param("sudo: account validation failure, is your account locked?\n{}", False, id="PAM"),
        pytest.param("{}sudo: unable to initialize policy plugin\n", False, id="a plugin"),
        pytest.param("sudo: Ein Passwort ist notwendig\n", False, id="German"),
    ],
)
def test_a_password_is_all_that_is_missing(err: str, expected: bool) -> None:
    assert needs_password(failed(err.format("sudo: a password is required\n"), rc=1)) is expected


def test_rejects_password() -> None:
    assert rejects_password(failed("Sorry, try again.\nsudo: no password was provided\n", rc=1))
    assert rejects_password(failed("My name is Ozymandias.\nsudo: 1 incorrect password attempt\n", rc=1))
    assert not rejects_password(failed("Sorry, user deploy is not allowed to execute '/bin/sh' as root.\n", rc=1))


def shell(script: str, *, sudo: str, uid: str) -> Reply:
    """Run ``script`` by a real shell for which ``id`` says ``uid`` and ``sudo`` is a function."""
    functions = f"id() {{ echo ${{SHOWN:-{uid}}}; }}; sudo() {{ {sudo}; }}; "
    done = subprocess.run(["/bin/sh", "-c", functions + script], capture_output=True, text=True, check=False)
    return Reply(done.returncode, done.stdout, done.stderr)


def test_root_runs_it_and_says_so() -> None:
    script, data = as_root("echo it; exit 3", password="x y")
    assert data == "x y\n"
    reply = shell(script, sudo="exit 9", uid="0")
    assert (reply.rc, is_root(reply), without_sudo(reply), "it" in reply.out) == (3, True, True, True)


def test_another_user_goes_by_sudo() -> None:
    script, data = as_root("echo 'it'")
    assert data is None
    reply = shell(script, sudo='[ "$*" = "${*#-n -u root sh -c }" ] && exit 9; SHOWN=0; eval "$6"', uid="1000")
    assert (is_root(reply), without_sudo(reply), "it" in reply.out) == (True, False, True)


def test_a_sudo_that_leads_to_somebody_else_runs_nothing() -> None:
    script, _data = as_root("echo it")
    reply = shell(script, sudo='SHOWN=33; eval "$6"', uid="1000")
    assert (is_root(reply), "it\n" in reply.out) == (False, False)
    assert "leads to the user with uid 33" in str(sudo_error(TARGET, reply, tried="nopasswd"))


# Other become methods. Their messages are recorded from opendoas 6.8 and su of util-linux 2.41.


@pytest.mark.parametrize(
    ("become", "password", "part"),
    [
        ("doas", None, "doas -n -u root sh -c "),
        ("doas", "x", "doas -n -u root sh -c "),
        ("su", "x", "su root -c 'exec sh -c "),
        ("su", None, "echo 'pyhost.baseline: not tried: su'; exit 1"),
        ("pbrun", "x", "echo 'pyhost.baseline: not tried: pbrun'; exit 1"),
    ],
)
def test_the_way_of_another_method(become: str, password: str | None, part: str) -> None:
    script, data = as_root("true", password=password, become=become)
    assert part in script and "sudo" not in script.replace("root without sudo", "")
    assert data == (f"{password}\n" if password else None)


@pytest.mark.parametrize("become", ["doas", "su"])
def test_another_method_makes_root(become: str) -> None:
    script, _data = as_root('echo "it\'s"', password="x", become=become)
    functions = {
        "doas": 'doas() { SHOWN=0; eval "$6"; }; ',
        # sh -c runs what su would have run, in this shell.
        "su": 'su() { SHOWN=0; sh() { eval "$2"; }; eval "${3#exec }"; }; ',
    }
    script = functions[become] + script
    reply = shell(script, sudo="exit 9", uid="1000")
    assert (is_root(reply), "it's" in reply.out) == (True, True)


def test_a_method_that_is_not_tried_lacks_something() -> None:
    script, _data = as_root("echo it", become="su")
    reply = shell(script, sudo="exit 9", uid="1000")
    assert (is_root(reply), needs_password(reply)) == (False, True)
    target = SshTarget("192.0.2.7", user="ann", become="su")
    assert str(sudo_error(target, reply, tried="nopasswd")) == (
        "a new login as ann@192.0.2.7 works, but su cannot be tried there without a terminal; "
        "give root's password (--ask-become-pass)"
    )


@pytest.mark.parametrize(
    ("become", "err", "wanted", "part"),
    [
        ("doas", "doas: Authentication required\n", True, "give the become password"),
        ("doas", "doas: Operation not permitted\n", False, "let doas make the user root"),
        ("su", "Password: su: Authentication failure\n", False, "let su make the user root"),
    ],
)
def test_what_another_method_says(become: str, err: str, wanted: bool, part: str) -> None:
    target = SshTarget("192.0.2.7", user="ann", become=become)
    reply = failed(err, rc=1, out=f"{MARK}\n")
    assert needs_password(reply) is wanted
    error = sudo_error(target, reply, tried="nopasswd")
    assert error is not None and part in error.hint and f"but {become} there does not" in error.problem


def test_su_rejects_a_password() -> None:
    assert rejects_password(failed("Password: su: Authentication failure\n", rc=1))
