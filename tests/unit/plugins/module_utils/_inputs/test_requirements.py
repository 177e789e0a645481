"""Entries of a list of requirements: what is a line for pip and uv, what is refused, and what is hidden."""

from __future__ import annotations

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._inputs import requirements

HASH = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    "text",
    [
        "django>=5.2,<6",
        "six==1.17.0 ; python_version < '4'",
        f"six==1.17.0 --hash={HASH}",
        f"six==1.17.0 --hash={HASH} --hash=sha512:{'a' * 128}",
        "-r /srv/app/requirements.txt",
        "-r/srv/app/requirements.txt",
        "--requirement=/srv/app/requirements.txt",
        "-c /srv/app/constraints.txt",
        "-e /srv/app/src",
        "-e /srv/app/src[more]",
        "-e git+https://example.org/a.git#egg=a",
        "--editable /srv/app/src",
        "--index-url https://example.org/simple",
        "--no-binary psycopg2",
        "--no-binary=psycopg2",
        "--pre",
        "git+ssh://git@example.org/a-b.git@v1-2",
        "a @ https://example.org/-/a.whl",
        "./a",
    ],
)
def test_a_line(text: str) -> None:
    assert requirements.requirement_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" ", "a requirement is empty"),
        ("# six", "a requirement is empty"),
        ("a\u202eb", "holds U+202E"),
        ("six\n--index-url x", "holds U+000A"),
        ("six \\", "ends with a backslash, which would join it to the next one"),
        ("-r requirements.txt", "must name an absolute path on the host after -r"),
        ("--constraint=c.txt", "must name an absolute path on the host after --constraint"),
        ("-e .", "must name an absolute path or a repository after -e"),
        ("-r", "names nothing after -r"),
        ("-e --config-settings=x", "names nothing after -e"),
        ("--pre x", "has a value, which --pre does not take"),
        ("--trusted-host example.org", "is an option that is not allowed in the list"),
        ("--target /etc", "is an option that is not allowed in the list"),
        ("-t /etc", "is an option that is not allowed in the list"),
        ("-x", "is an option that is not allowed in the list"),
        ("-", "is an option that is not allowed in the list"),
        ("six --hash=md5:00", "has a hash that is not sha256:"),
        ("six --hash=sha256:00", "has a hash that is not sha256:"),
        (f"six --hash={HASH} -r /x", "has the option -r; only --hash can follow a requirement"),
        ("six --global-option=build_ext", "has the option --global-option"),
        ("hg+https://example.org/a@--config=x#egg=a", "a host or revision that starts with -"),
        ("git+ssh://-oProxyCommand=touch/a", "a host or revision that starts with -"),
        ("-e git+ssh://git@-oProxyCommand=x/a", "a host or revision that starts with -"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    assert words in requirements.requirement_problem(text)


def test_a_password_is_not_repeated() -> None:
    problem = requirements.requirement_problem("--trusted https://ann:secret@example.org/simple")
    assert "secret" not in problem
    assert "https://****@example.org" in problem


@pytest.mark.parametrize(
    ("text", "shown", "secrets"),
    [
        ("https://ann:se:c@ret@example.org/a@1", "https://****@example.org/a@1", {"se:c@ret"}),
        ("a @ git+https://token@example.org/a.git", "a @ git+https://****@example.org/a.git", {"token"}),
        ("https://one:1111@a/ https://two:2222@b/", "https://****@a/ https://****@b/", {"1111", "2222"}),
        ("git+ssh://git@example.org/a.git", "git+ssh://****@example.org/a.git", set()),
        ("https://example.org/@a", "https://example.org/@a", set()),
        ("six", "six", set()),
    ],
)
def test_passwords(text: str, shown: str, secrets: set[str]) -> None:
    assert requirements.redacted(text) == shown
    assert requirements.has_credentials(text) is (shown != text)
    assert requirements.credentials([text]) == secrets


def test_texts_at_any_depth() -> None:
    assert list(requirements.texts_of([{"a": "1", "b": ["2", {"c": "3"}], "d": None, "e": 4}])) == ["1", "2", "3"]
