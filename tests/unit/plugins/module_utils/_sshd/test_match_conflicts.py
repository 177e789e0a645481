"""Which lines in Match blocks of other files are conflicts with what was requested, and which block overrides them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.comparison import Difference
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection, connection_for
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match_conflicts import (
    BlocksOfOthers,
    conflict_error,
    is_of_block,
    overriding_settings,
    with_override,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import deciding_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import NEWEST, Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import (
    SshdSettings,
    build_settings,
    render_settings,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Directive, Tree, compose

FOLDER = "/etc/ssh/sshd_config.d"
OWN = f"{FOLDER}/00-pyhost-baseline.conf"
OTHER = f"{FOLDER}/50-other.conf"
EARLY = f"{FOLDER}/00-0.conf"
MAIN = "/etc/ssh/sshd_config"
ROOT = Connection("root", address="192.0.2.7")
CLOSED: dict[str, t.Any] = {"PasswordAuthentication": False, "PermitRootLogin": "prohibit-password"}
OPEN = "PasswordAuthentication yes\n"


def blocks(
    text: str,
    settings: dict[str, t.Any] | None = None,
    match: t.Sequence[dict[str, t.Any]] = (),
    *,
    release: Release = NEWEST,
    override: bool = False,
    files: dict[str, str] | None = None,
) -> BlocksOfOthers:
    """Return what others have in ``text`` (50-other.conf) and ``files`` beside the requested settings."""
    desired = build_settings(settings or CLOSED, match)
    own = render_settings(with_override(desired, release) if override else desired)
    tree = Tree(MAIN, {MAIN: f"Include {FOLDER}/*.conf\n", OWN: own, OTHER: text, **(files or {})})
    return BlocksOfOthers(tuple(compose(tree, release)), desired, (OWN,), release)


def examples_of(found: BlocksOfOthers) -> dict[Directive, Connection | None]:
    """Return an example of each block, as the host makes it from its accounts."""
    return {one: connection_for(one.criteria[-1], ROOT) for one in found.differing()}


def answered(found: BlocksOfOthers, examples: t.Mapping[Directive, Connection | None]) -> list[Difference]:
    """Return the differences of an sshd that takes the first block, as the model says it."""
    differences = []
    for example in examples.values():
        if example:
            deciding = deciding_directives(found.directives, "passwordauthentication", example)[0]
            differences += [
                Difference("passwordauthentication", example, ("no",), one.arguments, one)
                for one in deciding
                if one.arguments == ("yes",)
            ]
    return differences


def lines(found: t.Iterable[Directive]) -> list[str]:
    return [one.where.replace(f"{FOLDER}/", "") for one in found]


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        pytest.param(f"Match User vera\n{OPEN}", CLOSED, ["50-other.conf:2"], id="it loosens"),
        pytest.param("Match User git\nAllowTcpForwarding no\n", CLOSED, [], id="a keyword that was not requested"),
        pytest.param("Match User git\nX11Forwarding No\n", CLOSED, [], id="nor is such a one in capital letters"),
        pytest.param("Match User vera\nPasswordAuthentication No\n", CLOSED, [], id="the same value"),
        pytest.param("Match User git\nMaxAuthTries 2\n", {"MaxAuthTries": 6}, ["50-other.conf:2"], id="it tightens"),
        pytest.param(OPEN, CLOSED, [], id="outside of blocks"),
        pytest.param(f"Match all\n{OPEN}", CLOSED, ["50-other.conf:2"], id="a block for all"),
        pytest.param(
            "Match all\nMaxStartups 1\n", {"MaxStartups": "9"}, [], id="sshd reads the keyword at startup only"
        ),
        pytest.param(f"Match Version OpenSSH_1.*\n{OPEN}", CLOSED, [], id="a block for another sshd"),
        pytest.param(f"Match Frobnicate x\n{OPEN}", CLOSED, [], id="a criterion that this sshd does not have"),
        pytest.param("Match User x\nPasswordAuthentication = yes\n", CLOSED, ["50-other.conf:2"], id="equals sign"),
        pytest.param(
            "Match User x\nChallengeResponseAuthentication yes\n",
            {"KbdInteractiveAuthentication": False},
            ["50-other.conf:2"],
            id="an older name",
        ),
        pytest.param(
            "Match User x\nPermitRootLogin without-password\n",
            CLOSED,
            ["50-other.conf:2"],
            id="what may be another spelling is asked about",
        ),
        pytest.param(
            "Match User x\nAllowUsers a\nAllowUsers b\n",
            {"AllowUsers": ["a", "b"]},
            ["50-other.conf:2", "50-other.conf:3"],
            id="several lines are asked about",
        ),
        pytest.param("Match User x\nAllowUsers a b\n", {"AllowUsers": ["a", "b"]}, [], id="the same in one line"),
        pytest.param(
            f"Match User vera\n{OPEN}X11Forwarding yes\nMatch Group g\n{OPEN}",
            CLOSED,
            ["50-other.conf:2", "50-other.conf:5"],
            id="two blocks",
        ),
    ],
)
def test_lines_that_differ(text: str, settings: dict[str, t.Any], expected: list[str]) -> None:
    assert lines(blocks(text, settings).differing()) == expected


def test_a_subsystem_in_a_block_is_one_from_9_5_on() -> None:
    text, settings = "Match User x\nSubsystem sftp /other\n", {"Subsystem": "sftp internal-sftp"}
    assert lines(blocks(text, settings, release=Release(9, 5)).differing()) == ["50-other.conf:2"]
    assert blocks(text, settings, release=Release(9, 2)).differing() == []


VERA = {"criteria": {"user": "vera"}, "settings": {"PasswordAuthentication": False}}
NEAR = {"criteria": {"user": "vera", "address": "192.0.2.0/24"}, "settings": {"PasswordAuthentication": False}}
EVERYBODY = {"criteria": "All", "settings": {"PasswordAuthentication": False}}


@pytest.mark.parametrize(
    ("text", "match", "expected"),
    [
        pytest.param(f"Match User vera\n{OPEN}", [], ["50-other.conf:2"], id="nothing of ours decides"),
        pytest.param(f"Match User vera\n{OPEN}", [VERA], [], id="a block of ours decides first"),
        pytest.param(f"Match User vera\n{OPEN}", [EVERYBODY], [], id="a block of ours for all decides first"),
        pytest.param(
            f"Match User vera Address 198.51.100.0/24\n{OPEN}", [VERA], [], id="a block of ours has fewer conditions"
        ),
        pytest.param(
            f"Match User vera\n{OPEN}",
            [NEAR],
            ["50-other.conf:2"],
            id="a block of ours decides for the example, and not for vera from elsewhere",
        ),
        pytest.param(f"Match User walter\n{OPEN}", [VERA], ["50-other.conf:2"], id="a block of ours for another"),
        pytest.param(
            f"Match User vera\nPasswordAuthentication no\nMatch User vera Group g\n{OPEN}",
            [],
            [],
            id="an earlier block of theirs that agrees decides",
        ),
        pytest.param(
            f"Match User vera\n{OPEN}Match User vera Address 192.0.2.0/24\n{OPEN}",
            [],
            ["50-other.conf:2", "50-other.conf:4"],
            id="one that decides once the first is removed is named at once",
        ),
        pytest.param(
            f"Match User vera Address 198.51.100.0/24\nPasswordAuthentication no\nMatch User vera\n{OPEN}",
            [],
            ["50-other.conf:4"],
            id="a block of theirs that agrees decides for some of its connections",
        ),
        pytest.param(
            f"Match Group no-such-group\n{OPEN}",
            [],
            ["50-other.conf:2"],
            id="no example, another value as it is written",
        ),
    ],
)
def test_conflicts(text: str, match: list[dict[str, t.Any]], expected: list[str]) -> None:
    found = blocks(text, match=match)
    examples = examples_of(found) if "Group" not in text else dict.fromkeys(found.differing())
    conflicts = found.conflicts(examples, answered(found, examples))
    assert lines(one.directive for one in conflicts) == expected
    assert {one.obstacle for one in conflicts} <= {""}


def test_another_spelling_is_no_conflict() -> None:
    """sshd answers without-password for both, so that there is no difference where this line decides."""
    found = blocks("Match User vera\nPermitRootLogin without-password\n")
    examples = examples_of(found)
    assert len(examples) == 1
    assert found.conflicts(examples, []) == []
    # Nobody knows without an answer.
    assert lines(one.directive for one in found.conflicts(dict.fromkeys(examples), [])) == ["50-other.conf:2"]


def test_what_sshd_answers_counts_whatever_the_model_says() -> None:
    """Such as for a guarded user whom the block meets."""
    found = blocks(f"Match User vera\n{OPEN}", match=[VERA])
    (directive,) = found.differing()
    difference = Difference("passwordauthentication", Connection("deploy"), ("no",), ("yes",), directive)
    (conflict,) = found.conflicts(examples_of(found), [difference])
    assert str(conflict) == (
        f"{OTHER}:2 sets PasswordAuthentication yes (requested: no) for connections that match user vera"
    )
    assert conflict.result() == {
        "keyword": "PasswordAuthentication",
        "value": "yes",
        "file": OTHER,
        "line": 2,
        "criteria": "user vera",
    }


# The block that overrides.


def test_the_block_repeats_what_may_be_in_it_and_comes_last() -> None:
    settings = {
        "PasswordAuthentication": False,
        "MaxAuthTries": 6,
        "UsePAM": True,
        "Port": 22,
        "Ciphers": ["aes256-ctr"],
        "AllowUsers": ["deploy"],
        "AcceptEnv": "LANG",
        "IPQoS": "af21",
        "Subsystem": "sftp internal-sftp",
    }
    desired = build_settings(settings, [{"criteria": {"user": "upload"}, "settings": {"MaxAuthTries": 3}}])
    text = render_settings(with_override(desired, Release(10, 0)))
    assert text.endswith(
        "\nMatch User upload\n    MaxAuthTries 3\n\nMatch All\n    MaxAuthTries 6\n    PasswordAuthentication no\n"
    )
    # From 10.3 on the first IPQoS wins, too.
    assert set(overriding_settings(desired, Release(10, 3))) == {"MaxAuthTries", "PasswordAuthentication", "IPQoS"}


def test_nothing_to_override_is_no_block() -> None:
    desired = build_settings({"Port": 22})
    assert with_override(desired, NEWEST) is desired
    assert with_override(SshdSettings({}), NEWEST) == SshdSettings({})


@pytest.mark.parametrize(
    ("text", "settings", "files", "expected"),
    [
        pytest.param(f"Match User vera\n{OPEN}", CLOSED, {}, [], id="it is overridden"),
        pytest.param(f"Match all\n{OPEN}", CLOSED, {}, [], id="a block for all is overridden"),
        pytest.param(
            "",
            CLOSED,
            {EARLY: f"Match User vera\n{OPEN}"},
            [("00-0.conf:2", "it is read before the requested settings")],
            id="a file that sorts before",
        ),
        pytest.param(
            "Match User vera\nAllowUsers vera\n",
            {"AllowUsers": "deploy"},
            {},
            [("50-other.conf:2", "all lines of AllowUsers add up")],
            id="they add up",
        ),
        pytest.param(
            "Match User vera\nIPQoS ef\n",
            {"IPQoS": "af21"},
            {},
            [("50-other.conf:2", "this OpenSSH takes the last IPQoS")],
            id="the last one wins",
        ),
        pytest.param(
            "Match User vera\nUnusedConnectionTimeout none\n",
            {"UnusedConnectionTimeout": "10m"},
            {},
            [("50-other.conf:2", "sshd takes none from wherever it is")],
            id="no timeout, seen on OpenSSH 10.0",
        ),
        pytest.param(
            "Match User vera\nUnusedConnectionTimeout 1h\n",
            {"UnusedConnectionTimeout": "10m"},
            {},
            [],
            id="another timeout is overridden",
        ),
    ],
)
def test_what_the_block_cannot_override(
    text: str, settings: dict[str, t.Any], files: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found = blocks(text, settings, files=files, override=True, release=Release(10, 0))
    differences = [
        Difference(directive.keyword, example, ("x",), ("y",), directive)
        for directive, example in examples_of(found).items()
        if example and expected
    ]
    conflicts = found.conflicts(examples_of(found), differences)
    assert [(lines([one.directive])[0], one.obstacle) for one in conflicts] == expected
    assert lines(found.overridden(conflicts)) == ([] if expected else ["50-other.conf:2"])


def test_a_block_of_the_users_own_stays_before_the_block_that_overrides() -> None:
    match = [{"criteria": {"user": "upload"}, "settings": {"PasswordAuthentication": True}}]
    text = render_settings(with_override(build_settings(CLOSED, match), NEWEST))
    assert text.index("Match User upload") < text.index("Match All")


# The errors.


def test_the_error_names_each_line_and_every_choice() -> None:
    found = blocks(f"Match User vera Address 198.51.100.0/24\n{OPEN}PermitRootLogin yes\n")
    error = conflict_error(found.conflicts(dict.fromkeys(found.differing()), []), overrides=False)
    who = "for connections that match user vera address 198.51.100.0/24"
    assert str(error) == (
        "match_conflicts: Match blocks of other files decide otherwise than requested: "
        f"{OTHER}:2 sets PasswordAuthentication yes (requested: no) {who}, and "
        f"{OTHER}:3 sets PermitRootLogin yes (requested: prohibit-password) {who}; this task changed nothing; "
        "remove these lines, or set match_conflicts (sshd_match_conflicts of the role) to 'override', so that the "
        "requested settings win, or to 'keep', so that the blocks stay in effect"
    )
    assert error.details == {"culprits": [f"{OTHER}:2", f"{OTHER}:3"]}


@pytest.mark.parametrize("overrides", [False, True])
def test_what_cannot_be_overridden_is_not_offered(overrides: bool) -> None:
    found = blocks("Match User vera\nAllowUsers vera\n", {"AllowUsers": "deploy"})
    error = conflict_error(found.conflicts(dict.fromkeys(found.differing()), []), overrides=overrides)
    assert error.problem.startswith(
        "Match blocks of other files "
        + ("cannot be overridden: " if overrides else "decide otherwise than requested: ")
    )
    assert error.problem.endswith("for connections that match user vera (all lines of AllowUsers add up)")
    assert error.hint == (
        "remove these lines, or set match_conflicts (sshd_match_conflicts of the role) to 'keep', so that the blocks "
        "stay in effect"
    )


@pytest.mark.parametrize(
    ("text", "keyword", "last", "release", "expected"),
    [
        pytest.param(f"Match User vera\n{OPEN}", "passwordauthentication", False, NEWEST, True, id="a block decides"),
        pytest.param(OPEN, "passwordauthentication", False, NEWEST, False, id="a line outside of blocks"),
        pytest.param("Match all\nMaxStartups 1\n", "maxstartups", True, Release(10, 0), False, id="read at startup"),
        pytest.param("Match User x\nIPQoS ef\n", "ipqos", True, Release(10, 0), True, id="the last one wins"),
        pytest.param(
            f"Match User vera\n{OPEN}", "passwordauthentication", True, NEWEST, False, id="against the model: unknown"
        ),
    ],
)
def test_differences_of_blocks(text: str, keyword: str, last: bool, release: Release, expected: bool) -> None:
    directive = next(one for one in blocks(text, release=release).directives if one.file == OTHER)
    assert is_of_block(Difference(keyword, ROOT, ("x",), ("y",), directive, last), release) is expected
    assert not is_of_block(Difference(keyword, ROOT, ("x",), ("y",), None), release)
