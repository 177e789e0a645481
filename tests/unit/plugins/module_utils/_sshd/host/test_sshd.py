"""How sshd is asked, by transcripts; real hosts are asked by the Molecule scenarios."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host import sshd as host_sshd
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.sshd import (
    Sshd,
    incoming_connection,
    read_tree,
    stage,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Tree
from tests.unit.fake_host import Expected, FakeHost

MAIN = "/etc/ssh/sshd_config"
ROOT = Connection("root", address="192.0.2.7")
QUESTION = ["-T", "-f", MAIN, "-C", "user=root,host=192.0.2.7,addr=192.0.2.7"]
SSHD = "/usr/sbin/sshd"
REFUSED = json.loads((Path(__file__).parents[4] / "fixtures" / "sshd" / "refused.json").read_text())


def sshd(host: FakeHost) -> Sshd:
    return Sshd(host, SSHD, MAIN)  # type: ignore[arg-type]  # the fake stands in for the host


def test_a_question() -> None:
    host = FakeHost(commands=[Expected([SSHD, *QUESTION], out="port 22\nusepam yes\n")])
    assert sshd(host).effective(ROOT) == {"port": ("22",), "usepam": ("yes",)}
    host.done()


def test_a_missing_directory_is_lent_in_a_namespace_and_remembered() -> None:
    """Seen on Debian 12 and 13: /run/sshd is there only while ssh.service has run."""
    places = ["/run", "/run/sshd", "/scratch", "/"]
    lent = ["unshare", "--mount", "sh", "-c", host_sshd._WITH_DIRECTORY, "sh", *places, SSHD, *QUESTION]
    missing = "Missing privilege separation directory: /run/sshd\n"
    host = FakeHost(
        commands=[
            Expected([SSHD, *QUESTION], rc=255, err=missing),
            Expected(lent, out="port 22\n"),
            Expected(lent, out="port 22\n"),
        ]
    )
    asked = sshd(host)
    assert asked.effective(ROOT) == asked.effective(ROOT) == {"port": ("22",)}
    host.done()


def test_a_missing_host_key_is_lent() -> None:
    host = FakeHost(
        commands=[
            Expected([SSHD, *QUESTION], rc=1, err="sshd: no hostkeys available -- exiting.\n"),
            Expected(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/scratch/key"]),
            Expected([SSHD, *QUESTION, "-h", "/scratch/key"], out="port 22\n"),
        ]
    )
    assert sshd(host).effective(ROOT) == {"port": ("22",)}
    host.done()


def test_a_port_that_is_not_known_is_no_port_that_a_block_names() -> None:
    message = "'Match LocalPort' in configuration but 'lport' not in connection test specification.\n"
    host = FakeHost(
        commands=[
            Expected([SSHD, *QUESTION], rc=255, err=message),
            Expected([SSHD, *QUESTION[:-1], QUESTION[-1] + ",lport=1"], out="port 22\n"),
        ]
    )
    assert sshd(host).effective(ROOT) == {"port": ("22",)}
    host.done()


@pytest.mark.parametrize(
    ("old", "more"),
    [
        pytest.param(False, ",invalid-user", id="a new sshd gets a flag for a missing account"),
        pytest.param(True, "", id="an old one does not know the word"),
    ],
)
def test_a_user_without_an_account(old: bool, more: str) -> None:
    asked = [SSHD, *QUESTION[:-1], QUESTION[-1].replace("user=root", "user=nosuch")]
    rejected = Expected(
        [*asked[:-1], asked[-1] + ",invalid-user"],
        rc=255 if old else 0,
        out="" if old else "port 22\n",
        err="Invalid test mode specification invalid-user\n" if old else "",
    )
    host = FakeHost(commands=[rejected] + ([Expected(asked, out="port 22\n")] if old else []))
    assert sshd(host).effective(replace(ROOT, user="nosuch", exists=False)) == {"port": ("22",)}
    host.done()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            '/stage/etc/ssh/sshd_config line 2: unsupported option "maybe".\n',
            'sshd rejects the configuration: /etc/ssh/sshd_config:2: unsupported option "maybe" (UsePAM maybe); '
            "this task changed nothing",
            id="a bad value",
        ),
        pytest.param(
            "/stage/etc/ssh/sshd_config: line 1: Bad configuration option: Prt\n"
            "/stage/etc/ssh/sshd_config: terminating, 1 bad configuration options\n",
            "sshd rejects the configuration: /etc/ssh/sshd_config:1: Bad configuration option: Prt (Prt 22), "
            "/etc/ssh/sshd_config: terminating, 1 bad configuration options; this task changed nothing",
            id="a bad keyword",
        ),
    ],
)
def test_sshds_message_when_it_rejects_the_files(words: str, expected: str) -> None:
    question = ["-T", "-f", "/stage" + MAIN, *QUESTION[3:]]
    host = FakeHost({"/stage" + MAIN: "Prt 22\nUsePAM maybe\n"}, [Expected([SSHD, *question], rc=255, err=words)])
    with pytest.raises(BaselineError) as caught:
        sshd(host).effective(ROOT, root="/stage")
    assert str(caught.value) == expected


@pytest.mark.parametrize("system", ["debian12", "debian13", "debian-unstable"])
@pytest.mark.parametrize("bad", [pytest.param(one, id=one["name"]) for one in REFUSED])
def test_the_messages_of_three_versions_and_the_lines_that_they_mean(bad: dict[str, t.Any], system: str) -> None:
    """Recorded on the hosts by `sshd -T` of a staged copy; what a version does not refuse, it does not refuse here."""
    words = bad["said"][system]
    if words is None:
        assert system != "debian12", "the oldest version refuses all of them"
        return
    files = {
        "/tmp/staged" + path: text.replace("/etc/ssh/", "/tmp/staged/etc/ssh/") for path, text in bad["files"].items()
    }
    question = ["-T", "-f", "/tmp/staged" + MAIN, *QUESTION[3:]]
    host = FakeHost(files, [Expected([SSHD, *question], rc=255, err=words)])
    with pytest.raises(BaselineError) as caught:
        sshd(host).effective(ROOT, root="/tmp/staged")
    message = caught.value.sentence
    assert message.startswith("sshd rejects the configuration: ")
    assert re.search(re.escape(bad["place"]) + r"\b", message), message
    for line in words.splitlines():
        its_own = re.sub(r"^/tmp/staged\S+?:? line \d+: | at line \d+$", "", line).rstrip(".")
        assert its_own.replace("/tmp/staged", "") in message
    assert "/tmp/staged" not in message


@pytest.mark.parametrize(
    ("words", "version"),
    [
        pytest.param("OpenSSH_9.2, OpenSSL 3.0.22 25 Aug 2026\n", "OpenSSH_9.2", id="debian12"),
        pytest.param("OpenSSH_10.0p2 Debian-7+deb13u4, OpenSSL 3.5.7 9 Jun 2026\n", "OpenSSH_10.0p2", id="debian13"),
    ],
)
def test_version(words: str, version: str) -> None:
    assert sshd(FakeHost(commands=[Expected([SSHD, "-V"], err=words)])).version() == version


class Folders(FakeHost):
    """A host that has folders, too, and links that lead nowhere: a name without a file."""

    folders: t.ClassVar[set[str]] = set()
    dangling: t.ClassVar[set[str]] = set()

    def stat(self, path: str) -> os.stat_result | None:
        if path in self.folders:
            return os.stat_result((0o40755, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        return super().stat(path)

    def read(self, path: str, *, last: int | None = None) -> str | None:
        if path in self.folders:
            raise BaselineError(f"{path} cannot be read: it is not a regular file")
        return super().read(path, last=last)

    def glob(self, pattern: str) -> list[str]:
        names = {*self.files, *self.folders, *self.dangling}
        return sorted(path for path in names if fnmatch.fnmatchcase(path, pattern))


def test_sshd_takes_a_folder_for_an_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folders, "folders", {"/etc/ssh/d/x.conf"})
    files = {MAIN: "Include d/*.conf\n", "/etc/ssh/d/y.conf": "Port 22\n"}
    host: t.Any = Folders(files)
    assert read_tree(host, MAIN).files == {**files, "/etc/ssh/d/x.conf": ""}


def test_a_link_that_leads_nowhere_ends_sshd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folders, "dangling", {"/etc/ssh/d/x.conf"})
    host: t.Any = Folders({MAIN: "Include d/*.conf\n"})
    with pytest.raises(BaselineError) as caught:
        read_tree(host, MAIN)
    assert (caught.value.where, caught.value.problem, caught.value.hint) == (
        "/etc/ssh/d/x.conf",
        "sshd cannot start, and would end at its next reload: it includes this link, which leads nowhere",
        "remove it (`rm /etc/ssh/d/x.conf`), or create the file that it leads to",
    )


def test_a_host_without_the_main_file_has_an_empty_tree() -> None:
    host: t.Any = Folders()
    assert read_tree(host, MAIN).files == {}


def test_read_tree_follows_includes_once() -> None:
    files = {
        MAIN: "Include sshd_config.d/*.conf\nMatch User a\nInclude /etc/other\n",
        "/etc/ssh/sshd_config.d/a.conf": "Include /etc/ssh/sshd_config\n",
        "/etc/other": "Banner none\n",
        "/etc/ssh/ssh_config": "not of sshd\n",
    }
    tree = read_tree(FakeHost(files), MAIN)  # type: ignore[arg-type]  # the fake stands in for the host
    assert sorted(tree.files) == ["/etc/other", MAIN, "/etc/ssh/sshd_config.d/a.conf"]


def test_stage() -> None:
    host = FakeHost(check_mode=True)
    tree = Tree(MAIN, {MAIN: "Include /etc/x\n", "/etc/x": "Port 22\n"})
    assert stage(host, tree) == "/scratch"  # type: ignore[arg-type]  # the fake stands in for the host
    assert host.laid_out == {
        "/scratch/etc/ssh/sshd_config": "Include /scratch/etc/x\n",
        "/scratch/etc/x": "Port 22\n",
    }


@pytest.mark.parametrize(
    ("variable", "specification"),
    [
        pytest.param(
            "192.0.2.7 50000 192.0.2.1 2222",
            "user=root,host=192.0.2.7,addr=192.0.2.7,laddr=192.0.2.1,lport=2222",
            id="ssh",
        ),
        *(
            pytest.param(variable, "user=root,host=127.0.0.1,addr=127.0.0.1", id=label)
            for label, variable in {
                "not by ssh": "",
                "by vsock": "UNKNOWN 65535 UNKNOWN 65535",
                "words": "a b c d",
                "no port": "192.0.2.7 50000 192.0.2.1 ssh",
                "too few": "192.0.2.7 50000 192.0.2.1",
            }.items()
        ),
        pytest.param(
            "fe80::1%eth0 50000 fe80::2%eth0 22",
            "user=root,host=fe80::1%eth0,addr=fe80::1%eth0,laddr=fe80::2%eth0,lport=22",
            id="link-local",
        ),
    ],
)
def test_incoming_connection(monkeypatch: pytest.MonkeyPatch, variable: str, specification: str) -> None:
    monkeypatch.setattr(host_sshd, "own_ssh_connection", lambda _host: variable)
    assert incoming_connection(FakeHost()).specification() == specification  # type: ignore[arg-type]  # the fake stands in


def test_the_keywords_that_this_sshd_does_not_know() -> None:
    """The message is that of Debian 12's OpenSSH 9.2."""
    message = "/scratch/keywords: line 2: Bad configuration option: PerSourcePenaltyExemptList\n"
    host = FakeHost(commands=[Expected([SSHD, "-T", "-f", "/scratch/keywords"], rc=255, err=message)])
    desired = build_settings({"PerSourcePenaltyExemptList": "192.0.2.1", "MaxStartups": "1:2:3"})
    assert sshd(host).unknown_keywords(desired.settings) == {"PerSourcePenaltyExemptList"}
    assert host.laid_out["/scratch/keywords"] == "MaxStartups 1:2:3\nPerSourcePenaltyExemptList 192.0.2.1\n"
    host.done()


def test_a_value_that_sshd_refuses_is_no_unknown_keyword() -> None:
    message = "/scratch/keywords line 1: PerSourcePenaltyExemptList entry 0 invalid\n"
    host = FakeHost(commands=[Expected([SSHD, "-T", "-f", "/scratch/keywords"], rc=255, err=message)])
    assert sshd(host).unknown_keywords({"PerSourcePenaltyExemptList": ("x",)}) == frozenset()
