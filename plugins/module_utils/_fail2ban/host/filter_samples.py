# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries filters on sample lines with the code of the installed fail2ban, as fail2ban-regex(1) does.

The filters are read from a staged copy of the configuration. Nothing is written, no server or action runs.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..._core.errors import UNCHANGED, BaselineError
from ..._core.host.python_scripts import OWN_PATH, interpreter
from ..filter_forging import first_word, forged_lines, forging_warning
from ..filter_results import TriedFilter, sample_error
from .loading import SERVER

if t.TYPE_CHECKING:
    from ..._core.host.host import Host
    from ..filters import UserFilter

__all__ = ["SamplesResult", "try_samples"]

# An expression that needs this long for some lines would let a client stop fail2ban.
_SECONDS = 10
_PROGRAM = (
    OWN_PATH
    + f"""
import json, logging, signal, time
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.filter import Filter
logging.disable(logging.CRITICAL)
# Python cannot interrupt an expression. The kernel ends the process.
signal.signal(signal.SIGALRM, signal.SIG_DFL)
given = json.load(sys.stdin)
SETTERS = dict(addfailregex="addFailRegex", addignoreregex="addIgnoreRegex", maxlines="setMaxLines",
               datepattern="setDatePattern")
def options(name, journal):
    reader = FilterReader(name, "sample", {{}}, basedir=given["directory"])
    reader.read()
    reader.applyAutoOptions("systemd" if journal else "auto")
    reader.getOptions(None)
    found = []
    for command in reader.convert():
        values = command[3] if command[0] == "multi-set" else command[3:4]
        found += [(command[2], value) for value in values]
    return found
def built(found):
    one = Filter(None, "no")
    # The samples are older than findtime.
    one.checkFindTime = False
    for option, value in found:
        if option == "prefregex":
            one.prefRegex = value
        elif option in SETTERS:
            getattr(one, SETTERS[option])(value)
    return one
def dated(one, line):
    match = one.dateDetector.matchTime(line)[0]
    return match and match.group(1) is not None and match.span(1)
def tried(found, text, journal):
    one = built(found)
    hosts, messages, times, ignored, written = [], [], [], [], []
    expressions = [value for option, value in found if option == "addfailregex"]
    ignoring = [value for option, value in found if option == "addignoreregex"]
    one.onIgnoreRegex = lambda index, regex: ignored.append(ignoring[index])
    for line in text.split("\\n"):
        span = dated(one, line)
        times.append(bool(span))
        rest = line[:span[0]] + line[span[1]:] if span else line
        if journal:
            rest = rest.lstrip()
            failures = one.processLine(("", "", rest), time.time())
        else:
            failures = one.processLine(line)
        messages.append(rest)
        hosts += [(str(failure[1]), expressions[failure[0]]) for failure in failures]
        matched = [value for value, regex in zip(expressions, getattr(one, "_Filter__failRegex", []))
                   if regex.hasMatched()]
        prefix = getattr(one, "_Filter__prefRegex", None)
        written += matched if not prefix or prefix.hasMatched() else []
    return dict(hosts=[host for host, _ in hosts], expressions=[one for _, one in hosts] or written, ignored=ignored,
                message="\\n".join(messages), times=all(times), prefix=bool(not prefix or prefix.hasMatched()))
answers = {{}}
for name, asked in given["filters"].items():
    sys.stderr.write(name + "\\n")
    sys.stderr.flush()
    signal.alarm({_SECONDS})
    try:
        found = options(name, asked["journal"])
        built(found)
        answers[name] = dict(lines={{text: tried(found, text, asked["journal"]) for text in asked["lines"]}})
    # Readers and expressions raise what they like.
    except Exception as error:
        answers[name] = dict(error=str(error))
json.dump(answers, sys.stdout)
"""
)


@dataclass(frozen=True)
class SamplesResult:
    """What the filters find: by filter, the address in each sample that has to match, and warnings."""

    addresses: t.Mapping[str, list[str]]
    warnings: tuple[str, ...] = ()


def try_samples(
    host: Host, directory: str, filters: t.Mapping[str, UserFilter], journal: t.Container[str]
) -> SamplesResult:
    """Raise if a sample of ``filters`` matches or does not match against its meaning.

    ``directory``: the configuration that contains the filters; ``journal``: the filters whose jails read the journal.
    """
    if not filters:
        return SamplesResult({})
    forged = {
        name: [(sample.text, forged_lines(sample.text)) for sample in one.matches] for name, one in filters.items()
    }
    asked = {}
    for name, one in filters.items():
        lines = [sample.text for sample in (*one.matches, *one.ignores)]
        lines += [text for _sample, tried in forged[name] for line in tried for text in (line.text, line.other) if text]
        asked[name] = {"journal": name in journal, "lines": list(dict.fromkeys(lines))}
    answers = _ask(host, {"directory": directory, "filters": asked})
    addresses, warnings = {}, []
    for name, one in filters.items():
        tried = TriedFilter(name, answers[name].get("lines", {}))
        problem = answers[name].get("error") or sample_error(tried, one)
        if problem:
            raise BaselineError(
                problem.replace(directory + "/", ""), option="filters", where=f"[{name}]", state=UNCHANGED
            )
        addresses[name] = [tried.hosts(sample.text)[0] for sample in one.matches]
        warnings += tried.warnings(one, journal=name in journal)
        hosts = tried.every_host()
        found = (
            forging_warning(name, text, lines, hosts, first_word(text, tried.message(text)))
            for text, lines in forged[name]
        )
        warnings += [warning for warning in found if warning][:1]
    return SamplesResult(addresses, tuple(warnings))


def _ask(host: Host, request: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    ran = host.run([*interpreter(host, SERVER), "-c", _PROGRAM], data=json.dumps(request))
    if ran.rc == -14:
        name = (ran.err.split() or ["?"])[-1]
        raise BaselineError(
            f"its expressions need more than {_SECONDS} seconds for the sample lines and lines like them",
            option="filters",
            where=f"[{name}]",
            state=UNCHANGED,
            hint="a client could stop fail2ban with such a line; avoid a repeated group that contains a repetition",
        )
    if not ran.ok:
        raise BaselineError(
            f"the Python code of fail2ban cannot be used to try the filters: {ran.message()}", state=UNCHANGED
        )
    answers: dict[str, dict[str, t.Any]] = json.loads(ran.out)
    return answers
