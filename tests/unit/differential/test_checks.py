"""The checks of `make fuzz` themselves: a wrong model is found out, and what is found becomes small in bounded time.

The oracle here is a stand-in that answers with the model; the real one is sshd on the hosts.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.match import Connection
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.precedence import deciding_directives
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.releases import Release
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.tree import Directive, compose
from tests.differential import compare as comparing
from tests.differential import provenance, shrink
from tests.differential.compare import Disagreement, Speller, Tally, compare
from tests.differential.fuzz import generate
from tests.differential.oracle import Answer, Oracle
from tests.differential.trees import MAIN, Case

JOE = Connection("joe", address="192.0.2.7")


class Stand(Oracle):
    """Answers as the model would."""

    version = "OpenSSH_10.0"
    release = Release(10, 0, "OpenSSH_10.0")

    def answers(self, questions: t.Iterable[Case]) -> list[Answer]:
        return [self._answer(case) for case in questions]

    def _answer(self, case: Case) -> Answer:
        directives = compose(case.tree, self.release)
        said: dict[str, tuple[str, ...]] = {"port": ("22",)}
        for keyword in {one.keyword for one in directives}:
            deciding = deciding_directives(directives, keyword, case.connection, self.release)[0]
            if deciding:
                said[keyword] = tuple(" ".join(one.arguments) for one in deciding)
        return Answer(said)


def wrong(
    directives: t.Iterable[Directive], keyword: str, connection: Connection, release: Release
) -> tuple[list[Directive], list[Directive]]:
    """Let the last line of X11DisplayOffset win."""
    deciding, shadowed = deciding_directives(directives, keyword, connection, release)
    if keyword == "x11displayoffset" and shadowed:
        return shadowed[-1:], [*deciding, *shadowed[:-1]]
    return deciding, shadowed


def case(text: str) -> Case:
    return Case(((MAIN, text),), JOE, staged=False)


CASES = [case(f"X11DisplayOffset {one}\nBanner none\nX11DisplayOffset {two}") for one, two in ((10, 20), (20, 99))]


@pytest.mark.parametrize("module", [comparing, provenance])
def test_a_wrong_model_is_found_out(monkeypatch: pytest.MonkeyPatch, module: t.Any) -> None:
    speller, tally = Speller(Stand("stand-in", [])), Tally()
    assert compare(speller.oracle, CASES, tally, speller) == []
    # Chance says which line gets which value; over some seeds each is put to the test.
    assert [found for seed in range(20) for found in provenance.prove(speller, CASES, tally, seed=seed)] == []
    assert tally.counts["lines proven to decide"] > 10

    monkeypatch.setattr(module, "deciding_directives", wrong)
    found = compare(speller.oracle, CASES, tally, speller)
    if module is provenance:
        found = [one for seed in range(20) for one in provenance.prove(speller, CASES, tally, seed=seed)]
    assert found and "x11displayoffset" in str(found[0])


def test_a_line_that_is_read_twice_is_changed_in_both_places() -> None:
    """`make fuzz SEED=2018000`: the same line by way of two Includes, in blocks of different depth."""
    files = ((MAIN, "Match all\nInclude a z"), ("/etc/ssh/a", "Match all\nInclude z"), ("/etc/ssh/z", "AcceptEnv A"))
    speller, twice = Speller(Stand("stand-in", [])), Case(files, JOE, staged=False)
    compare(speller.oracle, [twice], Tally(), speller)
    assert [found for seed in range(10) for found in provenance.prove(speller, [twice], Tally(), seed=seed)] == []


def test_what_is_found_becomes_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "deciding_directives", wrong)
    speller = Speller(Stand("stand-in", []))
    noise = max((one for one in generate(3, 40) if len(one.files) > 2), key=lambda one: len(str(one)))
    text = "X11DisplayOffset 10\nBanner none\nAcceptEnv LANG\nX11DisplayOffset 20\n"
    big = Case(((MAIN, text), *noise.files[1:]), noise.connection, staged=True)
    (found,) = compare(speller.oracle, [big], Tally(), speller)
    small = shrink.shrunk(speller, [found], seconds=20)
    assert small.case.files == ((MAIN, "X11DisplayOffset 10\nX11DisplayOffset 20"),)
    assert not small.case.staged and not small.case.connection.rdomain
    assert "sshd says x11displayoffset is ('10',), the model ('20',)" in str(small)


def test_the_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrink, "compare", lambda *_arguments: pytest.fail("asked although the time was over"))
    found = [Disagreement(case("Banner a\nBanner b"), "x"), Disagreement(case("Banner a"), "y")]
    assert shrink.shrunk(Speller(Stand("stand-in", [])), found, seconds=0) == found[1]
