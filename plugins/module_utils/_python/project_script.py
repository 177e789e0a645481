# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the environment's script that reads a project: its lock file, requirements.txt or pyproject.toml.

Pure: the script is a text (``venv_script`` adds the rest). What is locked becomes lines of a requirements file, so that
one way leads to pip and to uv, and one comparison says what is missing. Only the project's own dependencies count: no
extras, no groups for development, and not the project itself.
"""

from __future__ import annotations

__all__ = ["PROJECT_SCRIPT"]

PROJECT_SCRIPT = r'''
class Unusable(Exception):
    """A project that cannot be read; the text is for the user."""


def parsed(path):
    try:
        import tomllib as toml
    except ImportError:
        try:
            from pip._vendor import tomli as toml
        except ImportError:
            raise Unusable("%s cannot be read: this Python has no TOML parser, and its pip is older than 21.2" % path)
    try:
        return toml.loads(content(path, 32 << 20))
    except ValueError as error:
        raise Unusable("%s is not valid TOML: %s" % (path, error))


def holds(marker):
    try:
        return Marker(marker).evaluate({"extra": ""}) if marker else True
    except Exception as error:
        raise Unusable("the marker %r of the project cannot be evaluated: %s" % (marker, error))


def hashed(line, hashes):
    return " ".join([line, *("--hash=" + one for one in sorted(set(hashes)) if one)])


def project_lines(folder):
    """Return the file that was read and its lines: (text, whether the project names it itself)."""
    for name, reader in (
        ("uv.lock", uv_lines),
        ("poetry.lock", poetry_lines),
        ("requirements.txt", None),
        ("pyproject.toml", pyproject_lines),
    ):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            lines = reader(folder, parsed(path)) if reader else []
            for line, _direct in lines:
                # In a requirements file a line of its own could be an option.
                if not line.isprintable() or (line.startswith("-") and not line.startswith("-e /")):
                    raise Unusable("%s has %r, which is no requirement" % (path, line))
            return name, path, lines if reader else None
    raise Unusable("%s has no uv.lock, poetry.lock, requirements.txt or pyproject.toml that the owner can see" % folder)


def dependencies_of(folder, data):
    """Return the requirements that pyproject.toml has: those of the standard, else those of Poetry."""
    project, poetry = data.get("project") or {}, (data.get("tool") or {}).get("poetry") or {}
    if "dependencies" in (project.get("dynamic") or []) and "dependencies" not in poetry:
        raise Unusable(
            "the dependencies of %s are dynamic: only its build backend knows them; use requirements: ['-e %s']"
            % (folder, folder)
        )
    if "dependencies" in project:
        return list(project["dependencies"])
    if "dependencies" in poetry:
        return [line for name, value in poetry["dependencies"].items() for line in of_poetry(name, value)]
    if "name" in project:
        return []
    raise Unusable("%s/pyproject.toml has no dependencies" % folder)


def pyproject_lines(folder, data):
    return [(line, True) for line in dependencies_of(folder, data)]


def of_poetry(name, value):
    """Yield the requirements that an entry of [tool.poetry.dependencies] means."""
    if name.lower() == "python":
        return
    for one in value if isinstance(value, list) else [value]:
        one = {"version": one} if isinstance(one, str) else one
        if one.get("optional"):
            continue
        extras = "[%s]" % ",".join(one["extras"]) if one.get("extras") else ""
        markers = [one.get("markers", ""), python_marker(one.get("python", ""))]
        marker = " and ".join("(%s)" % text for text in markers if text)
        if "git" in one:
            revision = one.get("rev") or one.get("tag") or one.get("branch") or ""
            source = " @ git+" + one["git"] + ("@" + revision if revision else "")
        elif "url" in one:
            source = " @ " + one["url"]
        elif "path" in one:
            raise Unusable("the dependency %s is a path: name it in requirements, or lock the project" % name)
        else:
            source = specifier(one.get("version", "*"))
        yield name + extras + source + (" ; " + marker if marker else "")


def specifier(text):
    """Return the specifier of PEP 440 for a constraint of Poetry."""
    found = []
    for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text.strip()):
        caret = re.fullmatch(r"([\^~])\s*(\d+)((?:\.\d+)*)(.*)", part)
        if part in ("", "*"):
            continue
        elif "||" in part or " or " in part:
            raise Unusable("the constraint %r of the project has alternatives: lock the project" % text)
        elif caret:
            numbers = [int(number) for number in (caret.group(2) + caret.group(3)).split(".")]
            if caret.group(1) == "^":
                place = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
            else:
                place = min(1, len(numbers) - 1)
            upper = numbers[:place] + [numbers[place] + 1]
            found += [">=" + part[1:].strip(), "<" + ".".join(map(str, upper))]
        else:
            found.append(re.sub(r"\s", "", part) if part[0] in "<>=!~" else "==" + part)
    return ",".join(found)


def python_marker(text):
    alternatives = []
    for one in re.split(r"\s*\|\|\s*", text) if text and text != "*" else []:
        parts = re.findall(r"([<>=!~]{1,3})([^,]+)", specifier(one))
        alternatives.append(" and ".join("python_full_version %s '%s'" % part for part in parts))
    return " or ".join("(%s)" % one for one in alternatives if one)


def require_python(path, versions):
    if not holds(python_marker(versions)):
        raise Unusable("%s is for Python %s, and this is %s" % (path, versions, platform.python_version()))


def poetry_lines(folder, lock):
    packages = lock.get("package") or []
    require_python(folder + "/poetry.lock", (lock.get("metadata") or {}).get("python-versions", "*"))
    own = os.path.join(folder, "pyproject.toml")
    roots = {}
    if os.path.lexists(own):
        for line in dependencies_of(folder, parsed(own)):
            requirement = Requirement(line)
            if requirement.marker is None or holds(str(requirement.marker)):
                roots[name_of(requirement.name)] = requirement.extras
    if all("groups" in one for one in packages):
        chosen = [one for one in packages if "main" in one["groups"] and not one.get("optional")]
        chosen = [one for one in chosen if holds(main_marker(one.get("markers", "")))]
    else:
        chosen = poetry_walk(packages, roots)
    missing = sorted(set(roots) - {name_of(one["name"]) for one in chosen})
    if missing:
        raise Unusable("%s/poetry.lock does not have %s: lock the project anew" % (folder, ", ".join(missing)))
    old = (lock.get("metadata") or {}).get("files") or {}
    return [(poetry_line(folder, one, old), name_of(one["name"]) in roots) for one in chosen]


def main_marker(markers):
    return markers.get("main", "") if isinstance(markers, dict) else markers


def poetry_walk(packages, roots):
    """Return what the roots need: locks of Poetry before 2.0 do not say to which group a package belongs."""
    chosen, waiting, seen = [], [(name, tuple(extras)) for name, extras in roots.items()], set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for one in packages:
            if name_of(one["name"]) != name or not supported(one):
                continue
            if one not in chosen:
                chosen.append(one)
            named = [text for key in extras for text in (one.get("extras") or {}).get(key, [])]
            more = {name_of(re.match(r"[\w.-]+", text).group()) for text in named}
            for needed, value in (one.get("dependencies") or {}).items():
                for entry in value if isinstance(value, list) else [value]:
                    entry = entry if isinstance(entry, dict) else {}
                    marker = re.sub(r"""extra == ["'][^"']*["']""", "python_version >= '0'", entry.get("markers", ""))
                    if (not entry.get("optional") or name_of(needed) in more) and holds(marker):
                        waiting.append((name_of(needed), tuple(entry.get("extras", ()))))
    return chosen


def supported(package):
    return holds(python_marker(package.get("python-versions", "*")))


def poetry_line(folder, package, old):
    name, source = package["name"], package.get("source") or {}
    kind, url = source.get("type", ""), source.get("url", "")
    if kind == "git":
        below = source.get("subdirectory")
        revision = source.get("resolved_reference", "")
        return "%s @ git+%s@%s%s" % (name, url, revision, "#subdirectory=" + below if below else "")
    if kind == "directory":
        path = os.path.normpath(os.path.join(folder, url))
        return "-e " + path if package.get("develop") else "%s @ %s" % (name, pathlib.Path(path).as_uri())
    hashes = [one["hash"] for one in package.get("files") or old.get(name) or []]
    if kind == "file":
        url = pathlib.Path(os.path.normpath(os.path.join(folder, url))).as_uri()
    line = "%s @ %s" % (name, url) if kind in ("file", "url") else "%s==%s" % (name, package["version"])
    return hashed(line, hashes)


def uv_lines(folder, lock):
    if lock.get("version") != 1:
        raise Unusable("%s/uv.lock has the version %r, and only 1 is known" % (folder, lock.get("version")))
    packages = {}
    for one in lock.get("package") or []:
        packages.setdefault(name_of(one["name"]), []).append(one)
    every = [one for many in packages.values() for one in many]
    roots = [one for one in every if "." in (uv_source(one, "virtual"), uv_source(one, "editable"))]
    if len(roots) != 1:
        raise Unusable("%s/uv.lock has no project of its own in that folder" % folder)
    require_python(folder + "/uv.lock", lock.get("requires-python", "*"))
    waiting, seen, chosen, direct = [(roots[0], ())], set(), [], set()
    while waiting:
        one, extras = waiting.pop()
        if (id(one), extras) in seen:
            continue
        seen.add((id(one), extras))
        if one is not roots[0] and one not in chosen:
            chosen.append(one)
        needed = list(one.get("dependencies") or [])
        for extra in extras:
            needed += (one.get("optional-dependencies") or {}).get(extra, [])
        for entry in needed:
            if holds(entry.get("marker", "")):
                found = uv_choice(folder, packages, entry)
                direct.update([name_of(entry["name"])] if one is roots[0] else [])
                waiting.append((found, tuple(sorted(entry.get("extra") or ()))))
    pairs = [(uv_line(folder, one), name_of(one["name"]) in direct) for one in chosen]
    return [(line, is_direct) for line, is_direct in pairs if line]


def uv_source(package, kind):
    return (package.get("source") or {}).get(kind, "")


def uv_choice(folder, packages, entry):
    """Return the package that an entry means: a name may be locked in several versions, by markers."""
    found = packages.get(name_of(entry["name"]), [])
    for key in ("version", "source"):
        found = [one for one in found if entry.get(key) in (None, one.get(key))]
    if len(found) > 1:
        found = [one for one in found if any(holds(text) for text in one.get("resolution-markers") or [""])]
    if len(found) != 1:
        raise Unusable("%s/uv.lock does not say which %s to install: lock the project anew" % (folder, entry["name"]))
    return found[0]


def uv_line(folder, package):
    name, kinds = package["name"], package.get("source") or {}
    files = [*([package["sdist"]] if package.get("sdist") else []), *(package.get("wheels") or [])]
    hashes = [one.get("hash", "") for one in files]
    if "git" in kinds:
        address, _, revision = kinds["git"].partition("#")
        address, _, query = address.partition("?")
        below = dict(one.partition("=")[::2] for one in query.split("&")).get("subdirectory")
        return "%s @ git+%s@%s%s" % (name, address, revision, "#subdirectory=" + below if below else "")
    if "url" in kinds:
        return hashed("%s @ %s" % (name, kinds["url"]), hashes)
    for kind in ("editable", "directory", "path", "virtual"):
        if kind in kinds:
            path = os.path.normpath(os.path.join(folder, kinds[kind]))
            uri = "%s @ %s" % (name, pathlib.Path(path).as_uri())
            return {"editable": "-e " + path, "virtual": ""}.get(kind, hashed(uri, hashes) if kind == "path" else uri)
    return hashed("%s==%s" % (name, package["version"]), hashes)
'''
