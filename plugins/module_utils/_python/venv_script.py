# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts for the Python of a virtual environment. They run as the environment's owner, on Python 3.8 and later.

``SCRIPT`` reports the distributions in it and the unmet requirements, with the modules that pip has; asked to, it
writes the requirements for pip and uv to files. ``IMPORT_SCRIPT`` imports modules, in a process of its own, because an
extension module may end it. Each reads its question from standard input: a requirement may hold a password, and a
command line is everybody's to read. Pure: the scripts are texts.
"""

from __future__ import annotations

from .project_script import PROJECT_SCRIPT

__all__ = ["IMPORT_SCRIPT", "PROBE_SCRIPT", "SCRIPT"]

# An interpreter says what it is; one that is too old for the other scripts, too.
PROBE_SCRIPT = (
    "import json, platform, sys; print(json.dumps({'version': platform.python_version(), "
    "'implementation': platform.python_implementation(), 'prefix': getattr(sys, 'base_prefix', sys.prefix)}))"
)

IMPORT_SCRIPT = r"""
import importlib, json, os, sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(*words):
    print(json.dumps(words), file=answers, flush=True)


for name in json.load(sys.stdin):
    say("start", name)
    try:
        importlib.import_module(name)
    except (ImportError, SyntaxError, OSError) as error:
        say("failed", name, ("%s: %s" % (type(error).__name__, error))[:500])
    except BaseException:
        # The module's code runs; it wants settings (Django's do), or ends the program.
        say("imported", name)
    else:
        say("imported", name)
answers.flush()
os._exit(0)
"""

_HEAD = r'''
import glob, json, os, pathlib, platform, re, stat, sys, urllib.parse
from importlib import metadata

request = json.load(sys.stdin)
found, origins, unmet, undecided, reached = {}, {}, [], [], set()
wanted, constraints, direct, source = [], {}, set(), ""


def name_of(text):
    return re.sub(r"[-_.]+", "-", text).lower()


for one in metadata.distributions():
    name = one.metadata["Name"]
    if name and one.version:
        found.setdefault(name_of(name), one)

try:
    import pip
except ImportError:
    pip = None
    # An environment that uv has made may have no pip; the one that was made for uv has it.
    sys.path.extend(glob.glob(os.path.join(request.get("tools") or "/nonexistent", "lib/python3*/site-packages")))
try:
    from pip._vendor.packaging.markers import Marker
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    Requirement = None


def report(**more):
    print(json.dumps({
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "prefix": sys.base_prefix,
        "pip": getattr(pip, "__version__", ""),
        "can_compare": Requirement is not None,
        "distributions": {name: one.version for name, one in found.items()},
        "unmet": unmet,
        "undecided": undecided,
        "source": source,
        "modules": modules() if Requirement else {},
        **more,
    }))
    sys.exit()


def content(path, most):
    """Return the text of a file of the owner's; without O_NONBLOCK a pipe would block."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(number, encoding="utf-8", errors="replace") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                report(problem="%s is not a regular file" % path)
            return file.read(most)
    except OSError as error:
        report(problem="the owner cannot read %s: %s" % (path, error.strerror))


def read(path):
    """Return the lines of a requirements file, continued ones as one, without comments."""
    text = re.sub(r"\\\n", " ", content(path, 4 << 20).replace("\r\n", "\n"))
    return [line for line in (re.sub(r"(^|\s+)#.*", "", line).strip() for line in text.splitlines()) if line]
'''

_BODY = r'''
# Options that do not change what is requested.
IGNORED = re.compile(
    r"(-i|--index-url|--extra-index-url|--no-index|-f|--find-links|--no-binary|--only-binary|--prefer-binary|--pre"
    r"|--require-hashes|--trusted-host|--use-feature)(\s|=|$)"
)


OPTION = re.compile(
    r"(?:(?P<file>-r|--requirement)|(?P<constraint>-c|--constraint)|(?P<editable>-e|--editable))"
    r"(?:\s*=\s*|\s+|(?=[^-\s=]))(?P<value>.+)"
)


def take(text, folder, is_direct=True, locked=False, depth=0):
    """Keep a line of a requirements file in ``wanted``, those of the files that it names, and the constraints."""
    option = OPTION.match(text)
    if not option:
        if not IGNORED.match(text):
            wanted.append(("requirement", re.sub(r"(\s+--hash[= ]\S+)+$", "", text), is_direct, text, locked))
        return
    value = option.group("value").strip().strip("'\"")
    if option.group("editable"):
        wanted.append(("editable", value if "://" in value else os.path.join(folder, value), is_direct, text, locked))
    elif "://" in value or depth > 10:
        undecided.append(text)
    else:
        path = os.path.join(folder, value)
        for line in read(path):
            if option.group("constraint"):
                constrain(line)
            else:
                take(line, os.path.dirname(path), is_direct, locked, depth + 1)


def constrain(line):
    try:
        requirement = Requirement(re.sub(r"(\s+--hash[= ]\S+)+$", "", line))
    except InvalidRequirement:
        return
    if applies(requirement, ()):
        constraints.setdefault(name_of(requirement.name), []).append(requirement.specifier)


def applies(requirement, extras):
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or [""])


def evaluate(requirement, extras, is_direct=False, with_own=True):
    """Record a requirement, or one of its own requirements, that is not met."""
    if not applies(requirement, extras):
        return
    name = name_of(requirement.name)
    one = found.get(name)
    specifiers = [requirement.specifier, *constraints.get(name, [])]
    if one is None or not all(each.contains(one.version, prereleases=True) for each in specifiers):
        unmet.append(str(requirement))
        return
    if is_direct:
        direct.add(name)
    if with_own:
        evaluate_own(name, one, requirement.extras)


def evaluate_own(name, one, extras):
    key = (name, frozenset(extras))
    if key in reached:
        return
    reached.add(key)
    for text in one.requires or []:
        try:
            evaluate(Requirement(text), extras)
        except InvalidRequirement:
            pass


def origin_of(one):
    """Return what direct_url.json of a distribution says (PEP 610): where it was installed from."""
    try:
        given = json.loads(one.read_text("direct_url.json") or "{}")
    except ValueError:
        given = {}
    return given if isinstance(given, dict) else {}


def is_older(one, folder):
    """Say whether an editable installation is older than what describes its project."""
    files = [os.path.join(folder, name) for name in ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")]
    try:
        made = os.stat(str(one._path)).st_mtime
        return any(os.path.exists(path) and os.stat(path).st_mtime > made for path in files)
    except (AttributeError, OSError):
        return True


def editable(target):
    """Return the distribution and the extras of an editable installation that is there and not out of date."""
    folder, extras = re.fullmatch(r"(.*?)(?:\[([^\]]*)\])?", target).groups()
    if "://" in folder:
        return None
    folder = os.path.realpath(folder)
    for name, one in found.items():
        origin = origin_of(one)
        path = urllib.parse.unquote(urllib.parse.urlsplit(str(origin.get("url", ""))).path)
        is_editable = isinstance(origin.get("dir_info"), dict) and origin["dir_info"].get("editable")
        if is_editable and os.path.realpath(path) == folder and not is_older(one, folder):
            return name, one, [extra.strip() for extra in (extras or "").split(",") if extra.strip()]
    return None


def of_commit(text):
    """Return the distribution that was installed from the commit of a repository that ``text`` names."""
    match = re.fullmatch(r"(?:([\w.-]+)(?:\[([\w., -]*)\])?\s*@\s*)?git\+(\w+://\S+?)@([0-9a-f]{40})(#\S*)?", text)
    if not match:
        return None
    address = re.sub(r"//[^/@]*@", "//", match.group(3))
    for name, one in found.items():
        origin = origin_of(one)
        same = re.sub(r"//[^/@]*@", "//", str(origin.get("url", ""))) == address
        commit = origin["vcs_info"].get("commit_id") if isinstance(origin.get("vcs_info"), dict) else None
        if same and commit == match.group(4) and (not match.group(1) or name_of(match.group(1)) == name):
            return name, one, [extra.strip() for extra in (match.group(2) or "").split(",") if extra.strip()]
    return None


def decide(kind, text, is_direct, given, locked):
    there = editable(text) if kind == "editable" else of_commit(text)
    if there:
        name, one, extras = there
        if is_direct:
            direct.add(name)
        evaluate_own(name, one, extras)
        return
    # Options, addresses, paths and variables.
    is_plain = not re.match(r"[-./]", text) and not re.search(r"://|@|\$\{|\s--?\w|\.(whl|zip|tar\.\w+)$", text)
    try:
        requirement = Requirement(text) if kind == "requirement" and is_plain else None
    except InvalidRequirement:
        requirement = None
    if requirement is None:
        undecided.append(given)
    else:
        # What is locked is complete by itself, and may override what a distribution requires.
        evaluate(requirement, (), is_direct, with_own=not locked)


def modules():
    """Return the modules of the distributions that are requested themselves: one of each can be imported."""
    answer = {}
    for name in sorted(direct):
        names = top_modules(found[name])
        if names:
            answer[name] = names[:20]
    return answer


def top_modules(one):
    names = set()
    for file in one.files or []:
        parts = str(file).split("/")
        stem, dot, suffix = parts[-1].partition(".")
        if dot and suffix.split(".")[-1] in ("py", "so"):
            names.add(".".join(parts[:-1] if stem == "__init__" else [*parts[:-1], stem]))
    named = [name for name in names if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name)]
    # Of a package only the package, of a namespace the packages in it.
    tops = [name for name in named if not any(name.startswith(other + ".") for other in named)]
    least = min((name.count(".") for name in tops), default=0)
    unlikely = re.compile(r"__editable__|_|tests?(_|\b)|docs?\b|examples?\b|setup$|conftest$|benchmarks?\b|scripts?\b")
    return sorted(name for name in tops if name.count(".") == least and not unlikely.match(name))


def lines_of_requests():
    """Yield the lines for pip and uv: of the lock file with hashes, of it without, and all others."""
    locked = [given for _kind, _text, _direct, given, is_locked in wanted if is_locked]
    yield "locked", [line for line in locked if " --hash" in line]
    yield "unlocked", [line for line in locked if " --hash" not in line]
    lines = [*project, *requested]
    hashed = [line for line in lines if re.search(r"\s--hash[= ]", line)]
    options = [line for line in lines if re.match("-", line) and not re.match("-[re]|--requirement|--editable", line)]
    others = [line for line in lines if line not in hashed and line not in options]
    # With one hash pip wants hashes of all that is in a file.
    if hashed and others:
        yield "hashed", [*options, *hashed]
        lines = [*options, *others]
    yield "requested", lines


def write(prefix):
    """Write the files of requirements for the owner alone; say which there are."""
    names = []
    for name, lines in lines_of_requests():
        if lines:
            path = "%s%s.txt" % (prefix, name)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(number, "w", encoding="utf-8") as file:
                file.write("".join(line + "\n" for line in lines))
            names.append(name)
    return names


project, requested = [], ["-r " + request["file"]] if request["file"] else request["requirements"]
if Requirement:
    try:
        if request["project"]:
            source, path, lines = project_lines(request["project"])
            if source.endswith(".lock"):
                for text, is_direct in lines:
                    take(text, request["project"], is_direct, locked=True)
            else:
                project = ["-r " + path] if lines is None else [text for text, _direct in lines]
        for text in [*project, *requested]:
            take(text, "/")
    except Unusable as error:
        report(problem=str(error))
    except (AttributeError, InvalidRequirement, KeyError, TypeError, ValueError) as error:
        report(problem="%s is not as expected: %s: %s" % (source or "the project", type(error).__name__, error))
    if request.get("write"):
        report(written=write(request["write"]))
    for one in wanted:
        decide(*one)
report()
'''

SCRIPT = _HEAD + PROJECT_SCRIPT + _BODY
