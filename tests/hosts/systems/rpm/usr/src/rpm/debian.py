"""Make the RPMs of names.ini out of the real files of Debian's packages: ``python3 debian.py DIRECTORY`` (as root).

It runs while the image is built, in the root, whose apt says what the root lacks. Nothing is installed.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = Path("/var/tmp/debian-rpms")
# What no test reads and what a development package of Red Hat's family does not have: static libraries.
LEFT_OUT = (
    *("etc/init.d", "etc/runit", "etc/sv", "etc/ufw", "usr/share/apport", "usr/share/bash-completion", "usr/share/bug"),
    *("usr/share/doc", "usr/share/gdb", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man"),
    *("usr/share/runit", "usr/share/zsh", "var/log/runit", "usr/lib/python3*/config-*/libpython*.a"),
)
STATIC_BYTES = 200_000
SPEC = """\
%global debug_package %{{nil}}
%global __spec_install_post %{{nil}}
%global __os_install_post %{{nil}}
%global _build_id_links none
%global _empty_manifest_terminate_build 0
%global _binary_payload w1.zstdio
%global _buildhost stand-in.example.org
Name: debian-files
Version: 1
Release: 1.{dist}
Summary: Debian's files under names of Red Hat's family
License: various
%description
%{{summary}}.
%install
rm -rf %{{buildroot}}
mv {tree} %{{buildroot}}
"""


@dataclass(frozen=True)
class Rpm:
    """An RPM to be made: the Debian package whose files it gets (if any), and the RPMs that it requires."""

    name: str
    debian: str
    requires: tuple[str, ...]
    repository: str


@dataclass(frozen=True)
class Deb:
    """A downloaded Debian package."""

    name: str
    path: Path
    version: str
    provides: tuple[str, ...]
    # Alternatives of each dependency.
    depends: tuple[tuple[str, ...], ...]


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def wanted(distribution: str) -> list[Rpm]:
    """Return the RPMs of names.ini."""
    table = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    table.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
    table.read(HERE / "names.ini")
    rpms = []
    for section in table.sections():
        for name, value in table[section].items():
            debian, *requires = value.split()
            if distribution != "fedora":
                rpms.append(Rpm(name, _there(debian), tuple(requires), section))
            elif section != "extras":
                rpms.append(Rpm(name, _there(debian), tuple(requires), "os"))
    return rpms


def _there(names: str) -> str:
    """Return the first of ``A|B`` that the archive has and that does not lean on a later one; nothing for ``-``."""
    found = [name for name in names.split("|") if name != "-" and run("apt-cache", "madison", name)]
    while len(found) > 1 and f"Depends: {found[1]}\n" in run("apt-cache", "depends", found[0]):
        found.pop(0)
    return found[0] if found else ""


def download(packages: list[str]) -> list[Deb]:
    """Download ``packages`` with all that they depend on and the root lacks."""
    archives = WORK / "debs"
    (archives / "partial").mkdir(parents=True)
    run(
        *(
            "apt-get",
            "-qq",
            "-y",
            "--no-install-recommends",
            "--download-only",
            "-o",
            f"Dir::Cache::archives={archives}",
        ),
        *("install", *packages),
    )
    return [_deb(path) for path in sorted(archives.glob("*.deb"))]


def _deb(path: Path) -> Deb:
    fields = {}
    for line in run(
        "dpkg-deb", "-f", str(path), "Package", "Version", "Provides", "Depends", "Pre-Depends"
    ).splitlines():
        key, value = line.split(":", 1)
        fields[key] = value.strip()
    upstream = fields["Version"].split(":", 1)[-1].rpartition("-")
    depends = ",".join(fields.get(key, "") for key in ("Depends", "Pre-Depends"))
    return Deb(
        name=fields["Package"],
        path=path,
        version=(upstream[0] or upstream[2]).replace("-", "."),
        provides=tuple(_names(fields.get("Provides", "").split(","))),
        depends=tuple(tuple(_names(part.split("|"))) for part in depends.split(",") if part.strip()),
    )


def _names(texts: list[str]) -> list[str]:
    """Return the names in ``name (>= 1)``, ``name:any`` and so on."""
    return [re.split(r"[\s(:]", text.strip())[0] for text in texts if text.strip()]


def unpack(deb: Deb | None, rpm: Rpm) -> Path:
    """Unpack a package's files into a folder of its own, in the layout of the family."""
    folder = WORK / "unpacked" / rpm.name
    folder.mkdir(parents=True)
    if deb is not None:
        run("dpkg-deb", "-x", str(deb.path), str(folder))
    for name in ("bin", "sbin", "lib", "lib64"):
        if (folder / name).is_dir():
            run("cp", "-al", f"{folder / name}/.", str(_made(folder / "usr" / name)))
            shutil.rmtree(folder / name)
    for pattern in LEFT_OUT:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.glob("usr/lib/*-linux-gnu/*.a"):
        if path.is_symlink() or path.stat().st_size > STATIC_BYTES:
            path.unlink()
    own = HERE / "files" / rpm.name
    if own.is_dir():
        run("cp", "-a", f"{own}/.", str(folder))
    script = HERE / "adapt" / f"{rpm.name}.sh"
    if script.is_file():
        subprocess.run(["sh", "-eu", str(script)], cwd=folder, check=True)
    return folder


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def file_list(folder: Path) -> list[str]:
    """Return the lines of ``%files``: every file, and the folders that the root does not have."""
    lines = []
    for parent, folders, files in os.walk(folder):
        below = Path(parent).relative_to(folder)
        for name in sorted((*folders, *files)):
            path = Path(parent) / name
            host = f"/{below / name}" if str(below) != "." else f"/{name}"
            kind = ""
            if path.is_dir() and not path.is_symlink():
                if Path(host).is_dir():
                    continue
                kind = "%dir "
            elif host.startswith("/etc/"):
                kind = "%config(noreplace) "
            lines.append(f'{kind}"{host}"'.replace("%", "%%").replace("%%dir", "%dir").replace("%%config", "%config"))
    return lines


def package(rpm: Rpm, deb: Deb | None, requires: list[str], files: Path) -> str:
    """Render the sections of one RPM in the specification."""
    version = deb.version if deb is not None else "1"
    scriptlets = []
    for when in ("pre", "post"):
        script = HERE / "adapt" / f"{rpm.name}.{when}"
        if script.is_file():
            scriptlets.append(f"%{when} -n {rpm.name}\n{script.read_text()}")
    return "\n".join(
        [
            f"%package -n {rpm.name}",
            f"Version: {version}",
            "AutoReqProv: no",
            f"Summary: {'Debian package ' + deb.name if deb else 'A name of the family'}",
            *(f"Requires: {name}" for name in requires),
            f"%description -n {rpm.name}",
            "%{summary}.",
            *scriptlets,
            f"%files -n {rpm.name} -f {files}",
            "",
        ]
    )


def main(target: Path) -> None:
    """Download, unpack and pack; the RPMs land in folders of ``target``, one a repository."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().replace('"', "").splitlines() if "=" in line
    )
    dist = ("fc" if release["ID"] == "fedora" else "el") + release["VERSION_ID"].partition(".")[0]
    rpms = wanted(release["ID"])
    shutil.rmtree(WORK, ignore_errors=True)
    named = {rpm.name for rpm in rpms}
    asked = {rpm.debian for rpm in rpms if rpm.debian} | {name for rpm in rpms for name in rpm.requires} - named
    debs = {deb.name: deb for deb in download(sorted(asked))}
    # What is in the root already becomes a name without files.
    taken = {rpm.debian: rpm.name for rpm in rpms if rpm.debian in debs}
    rpms += [Rpm(name, name, (), "os") for name in sorted(set(debs) - set(taken))]
    # Which RPM gives what a Debian package calls by name.
    gives = {provided: taken.get(deb.name, deb.name) for deb in debs.values() for provided in deb.provides}
    gives |= {name: taken.get(name, name) for name in debs}
    tree = _made(WORK / "tree")
    sections = []
    for rpm in rpms:
        deb = debs.get(rpm.debian)
        requires = {name if name in named else gives[name] for name in rpm.requires}
        for alternatives in deb.depends if deb else ():
            # What nothing here gives is in the root.
            requires |= set([gives[name] for name in alternatives if name in gives][:1])
        folder = unpack(deb, rpm)
        files = WORK / f"{rpm.name}.files"
        files.write_text("".join(f"{line}\n" for line in file_list(folder)))
        run("cp", "-al", f"{folder}/.", str(tree))
        sections.append(package(rpm, deb, sorted(requires - {rpm.name}), files))
    spec = WORK / "debian-files.spec"
    spec.write_text(SPEC.format(dist=dist, tree=tree) + "\n".join(sections))
    run(
        "rpmbuild",
        "--quiet",
        "-bb",
        "--define",
        f"_topdir {WORK}/rpmbuild",
        "--define",
        f"_rpmdir {WORK}/rpms",
        str(spec),
    )
    for rpm in rpms:
        shutil.move(str(_built(rpm.name)), str(_made(target / rpm.repository)))
    shutil.rmtree(WORK)


def _built(name: str) -> Path:
    (found,) = [path for path in WORK.glob(f"rpms/*/{name}-*.rpm") if path.name.rsplit("-", 2)[0] == name]
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
