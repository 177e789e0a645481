# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a host to the probe, and which hosts are refused for which reason."""

from __future__ import annotations

import subprocess
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.plugin_utils._reach.answer import (
    HostRequirements,
    ProbeAnswer,
    command_message,
    escalation_error,
    host_error,
    host_warning,
    parse_answer,
    probe_script,
)
from tests.unit.plugins.untrusted import EVIL, nothing_touched

MANAGED = (
    "Debian 12 and 13, Ubuntu 22.04, 24.04 and 26.04, "
    "Red Hat Enterprise Linux, CentOS Stream, Rocky Linux and AlmaLinux 9 and 10, Fedora 43"
)

LIMIT = "take the host out of the inventory or choose other hosts with '--limit'"
REQUIRED = HostRequirements((3, 9))

DEBIAN13 = ProbeAnswer(
    login="deploy",
    uid=1000,
    kernel="Linux",
    system="debian",
    version="13",
    name="Debian GNU/Linux 13 (trixie)",
    sudo="ok",
    pythons=(("/usr/bin/python3", (3, 13, 5)),),
)


def answer(**changes: t.Any) -> ProbeAnswer:
    return ProbeAnswer(**{**DEBIAN13.__dict__, **changes})


def test_script_runs_in_a_posix_shell() -> None:
    script = probe_script(["/nonexistent/python3", "python3"], least=(3, 8))
    ran = subprocess.run(["/bin/sh", "-s"], input=f"echo banner\n{script}", capture_output=True, text=True, check=True)
    found = parse_answer(ran.stdout)
    assert ran.stderr == ""
    assert found is not None
    assert found.kernel == "Linux"
    assert found.python((3, 8)) is not None


def test_script_goes_on_past_an_old_python() -> None:
    text = "pyhost.baseline.reach begin\r\nuid=0\r\npython=3.6.8 /usr/bin/python3\r\npython=3.12.1 /opt/python3.12\r\n"
    found = parse_answer(f"motd\n{text}pyhost.baseline.reach end\r\n")
    assert found is not None
    assert found.pythons == (("/usr/bin/python3", (3, 6, 8)), ("/opt/python3.12", (3, 12, 1)))
    assert found.python((3, 9)) == "/opt/python3.12"


@pytest.mark.parametrize(
    ("uname", "system", "version", "name"),
    [
        ("kernel=FreeBSD\nrelease=12.4-RELEASE-p9\n", "freebsd", "12.4", "FreeBSD 12.4-RELEASE-p9"),
        ("kernel=OpenBSD\nrelease=7.7\n", "openbsd", "7.7", "OpenBSD 7.7"),
        ("kernel=SunOS\nrelease=5.11\n", "sunos", "5.11", "SunOS 5.11"),
        ("kernel=Linux\nrelease=2.6.32-754.el6.x86_64\n", "", "", "Linux"),
    ],
    ids=["freebsd12", "openbsd", "solaris", "centos6"],
)
def test_a_host_without_os_release_is_known_by_uname(uname: str, system: str, version: str, name: str) -> None:
    found = parse_answer(f"pyhost.baseline.reach begin\nuid=0\n{uname}pyhost.baseline.reach end\n")
    assert found is not None
    assert (found.system, found.version, found.name) == (system, version, name)


@pytest.mark.parametrize(
    ("host", "error"),
    [
        (DEBIAN13, None),
        (answer(version="12"), None),
        (
            answer(kernel="Darwin", system="", version="", name="Darwin"),
            "the host runs macOS, which can run Ansible but is never a managed host; this task changed nothing; "
            f"{LIMIT}",
        ),
        (
            answer(system="alpine", version="3.22.1", name="Alpine Linux v3.22"),
            "the host runs Alpine Linux v3.22, which pyhost.baseline does not manage; this task changed nothing; "
            f"{LIMIT} (pyhost.baseline manages {MANAGED})",
        ),
        (
            answer(system="", version="", name="Linux"),
            "the host runs Linux, which pyhost.baseline does not manage; this task changed nothing; "
            f"{LIMIT} (pyhost.baseline manages {MANAGED})",
        ),
        (
            answer(pythons=()),
            "the host has no Python, and Ansible needs 3.9 or later; this task changed nothing; "
            "run playbooks/bootstrap.yml (pyhost.baseline.bootstrap) first, with the same options",
        ),
        (
            answer(pythons=(("/usr/local/bin/python3", (3, 6, 8)),)),
            "the host has only Python 3.6.8 at /usr/local/bin/python3, and Ansible needs 3.9 or later; this task "
            "changed nothing; run playbooks/bootstrap.yml (pyhost.baseline.bootstrap) first, with the same options",
        ),
        (
            answer(pythons=(("/usr/bin/python3", (3, 7, 3)), ("/usr/bin/python3", (3, 7, 3)))),
            "the host has only Python 3.7.3 at /usr/bin/python3, and Ansible needs 3.9 or later; this task changed "
            "nothing; upgrade the host to a later release, use an Ansible that still supports that Python, or install "
            "a newer Python and name it in ansible_python_interpreter",
        ),
    ],
    ids=["debian13", "debian12", "macos", "alpine", "no-os-release", "no-python", "old-python", "old-system-python"],
)
def test_host_error(host: ProbeAnswer, error: str | None) -> None:
    found = host_error(host, REQUIRED)
    assert (found and str(found)) == error


def test_end_of_life_is_allowed_knowingly_and_python_is_asked_for_all_the_same() -> None:
    buster = answer(version="10", name="Debian GNU/Linux 10 (buster)", pythons=(("/usr/bin/python3", (3, 7, 3)),))
    refused = host_error(buster, HostRequirements((3, 8)))
    allowed = host_error(buster, HostRequirements((3, 8), allow_end_of_life=True))
    assert refused is not None and refused.problem.endswith("which is past its end of life")
    assert allowed is not None and allowed.problem.startswith("the host has only Python 3.7.3 at /usr/bin/python3")
    assert host_error(buster, HostRequirements((3, 7), allow_end_of_life=True)) is None


def test_what_was_never_run_is_refused_or_warned_of() -> None:
    freebsd = answer(kernel="FreeBSD", system="freebsd", version="14.3", name="FreeBSD 14.3-RELEASE")
    refused = host_error(freebsd, HostRequirements((3, 8), python_required=False))
    assert refused is not None and "set 'baseline_allow_unproven: true'" in refused.hint
    assert host_error(freebsd, HostRequirements((3, 8), python_required=False, allow_unproven=True)) is None
    assert host_warning(freebsd) and host_warning(answer()) is None


def test_host_error_of_a_named_python() -> None:
    error = host_error(answer(pythons=()), HostRequirements((3, 9), python_named="/opt/py/bin/python"))
    assert str(error) == (
        "ansible_python_interpreter: the host has no Python 3.9 or later at /opt/py/bin/python; "
        "this task changed nothing; correct or remove that variable"
    )


def test_python_is_not_demanded_by_its_installer() -> None:
    assert host_error(answer(pythons=()), HostRequirements((3, 9), python_required=False)) is None


@pytest.mark.parametrize(
    ("out", "err", "message"),
    [
        ("sh: 1: sudo: not found\r\n", "Shared connection to 203.0.113.7 closed.\r\n", "sh: 1: sudo: not found"),
        ("", "Connection to host.example.org closed.\n", "no reason given"),
        ("", "bob is not in the sudoers file.\n", "bob is not in the sudoers file."),
    ],
    ids=["terminal", "farewell", "stderr"],
)
def test_the_message_of_a_command_is_not_the_closing_message_of_ssh(out: str, err: str, message: str) -> None:
    assert command_message(out, err) == message


def test_a_user_who_cannot_become_root_gets_a_hint_about_sudo_rs() -> None:
    message = "Timeout (12s) waiting for privilege escalation prompt:"
    usual = (
        f"'deploy' logs in but cannot become root: {message}; this task changed nothing; give the password with "
        "'--ask-become-pass' (or ansible_become_password), or log in as root with '-u root'"
    )
    assert str(escalation_error(answer(sudo_version="Sudo version 1.9.16p2"), message)) == usual
    assert str(escalation_error(answer(sudo_version="sudo-rs 0.2.5"), message)) == (
        f"{usual}; the host's sudo is sudo-rs 0.2.5, whose prompt no ansible-core up to 2.21.5 recognizes: if the "
        "other sudo is installed too, as on Ubuntu 26.04, give the password and '-e ansible_become_exe=sudo.ws'"
    )


def printed(**fields: str) -> str:
    """Return the answer of a host with ``fields``, each on a line of its own."""
    honest = {"uid": "0", "login": "root", "kernel": "Linux", "system": "debian", "version": "13", "sudo": "ok"}
    lines = [f"{name}={value}" for name, value in {**honest, **fields}.items()]
    return "\n".join(["pyhost.baseline.reach begin", *lines, "pyhost.baseline.reach end", ""])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uid", "\u00b2"),
        ("uid", "9" * 5000),
        ("uid", "-1"),
        ("uid", "0x0"),
        ("login", "-oProxyCommand=touch"),
        ("login", "root;id"),
        ("login", "a b"),
        ("login", "{{ 7 }}"),
        ("login", "r\u0456ot"),
        ("login", "a" * 200),
        ("login", "root\x1b[2J"),
        ("kernel", "Linux\x1b[2J"),
        ("kernel", "L" * 65),
        ("release", "6.1\x07"),
        ("system", "../debian"),
        ("system", "debian\u202e"),
        ("version", "13;"),
        ("version", "\u0661\u0663"),
        ("sudo", "maybe"),
        ("python", "3.13.5 python3"),
        ("python", "3.13.5 /usr/bin/python3;id"),
        ("python", "3.13.5 /usr/bin/python3 -c id"),
        ("python", "3.13.5 /usr/bin/{{ 7 }}"),
        ("python", "\u00b3.8 /usr/bin/python3"),
        ("python", f"3.{'9' * 5000} /usr/bin/python3"),
        ("python", "3 /usr/bin/python3"),
        ("python", ""),
    ],
)
def test_an_answer_that_cannot_be_true_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BaselineError, match=f"the host's answer to the probe cannot be true: {name} is ") as caught:
        parse_answer(printed(**{name: value}))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("login", ["deploy", "a.b", "_svc", "ann@example.org", "EXAMPLE\\ann", "1001", "machine$", ""])
def test_logins_of_directories_are_taken(login: str) -> None:
    found = parse_answer(printed(login=login))
    assert found is not None
    assert found.login == login


def test_texts_for_people_are_quoted_and_bounded() -> None:
    found = parse_answer(printed(name=f"Debian\x1b[2J\u202e{'x' * 5000}", sudo_version="Sudo\x9b2J 1.9"))
    assert found is not None
    assert found.name.startswith(r"Debian\x1b[2J\u202exxx")
    assert len(found.name) < 300
    assert found.sudo_version == r"Sudo\x9b2J 1.9"


def test_an_answer_is_bounded() -> None:
    pythons = "\n".join("python=3.13.5 /usr/bin/python3" for _number in range(51))
    with pytest.raises(BaselineError, match="cannot be true: python is given 51 times"):
        parse_answer(f"pyhost.baseline.reach begin\n{pythons}\npyhost.baseline.reach end\n")
    with pytest.raises(BaselineError, match="cannot be true: it is longer than the script can print"):
        parse_answer("pyhost.baseline.reach begin\n" + "x" * 30_000)
    assert parse_answer("pyhost.baseline.reach begin\n" * 500) is None


_LINES = st.tuples(
    st.sampled_from(
        ["uid", "login", "kernel", "release", "system", "version", "name", "sudo", "sudo_version", "python"]
    ),
    st.one_of(
        st.text(),
        st.just(EVIL),
        st.sampled_from(["0", "", "root", "3.13.5 /usr/bin/python3", "\u00b2", "9" * 5000, "13", "ok", "FreeBSD"]),
    ),
).map("=".join)


@given(st.lists(st.one_of(_LINES, st.text()), max_size=12))
def test_any_answer_is_read_or_refused(lines: list[str]) -> None:
    text = "\n".join(["pyhost.baseline.reach begin", *lines, "pyhost.baseline.reach end"])
    with nothing_touched():
        try:
            found = parse_answer(text)
        except BaselineError as error:
            assert str(error).isprintable()
            return
        if found is None:
            return
        texts = [found.login, found.kernel, found.system, found.version, found.name, found.sudo, found.sudo_version]
        texts += [path for path, _version in found.pythons]
        texts += filter(None, [str(host_error(found, REQUIRED)), host_warning(found)])
        texts.append(str(escalation_error(found, command_message(text))))
    assert all(one.isprintable() for one in texts)


def test_the_message_of_sudo_is_quoted_and_bounded() -> None:
    message = command_message(EVIL, "x" * 100_000)
    assert message.isprintable()
    assert len(message) < 600


@pytest.mark.parametrize(
    ("lines", "machine_id", "keys"),
    [
        (f"machine={'0a' * 16}\nhost_key=AAAA+/=\nhost_key=BBBB\n", "0a" * 16, ("AAAA+/=", "BBBB")),
        ("machine=uninitialized\nhost_key=\n", "", ()),
        ("", "", ()),
    ],
)
def test_what_identifies_the_machine(lines: str, machine_id: str, keys: tuple[str, ...]) -> None:
    found = parse_answer(f"pyhost.baseline.reach begin\nuid=0\nkernel=Linux\n{lines}pyhost.baseline.reach end\n")
    assert found is not None
    assert (found.machine_id, found.host_keys) == (machine_id, keys)


@pytest.mark.parametrize("line", ["machine=a b", "host_key=AAAA;x", "host_key=A\n" * 51])
def test_an_identity_that_cannot_be_true(line: str) -> None:
    with pytest.raises(BaselineError, match="the host's answer to the probe cannot be true"):
        parse_answer(f"pyhost.baseline.reach begin\nkernel=Linux\n{line}\npyhost.baseline.reach end\n")
