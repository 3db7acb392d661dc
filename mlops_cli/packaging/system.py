"""Run by the Dockerfile: copies the system around this very file, without Python's package manager.

    system.py needed DIR     what its Python and the packages in /opt/packages need: no shell
    system.py whole DIR      all of it

It goes into the build context as it stands here, and imports the standard library alone.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from functools import partial
from pathlib import Path

_ENGINES = ("dev", "proc", "sys", "build")
"""Folders of the system that are the engine's while it builds."""
_MOUNTED = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
"""Files that the engine puts in anew."""
_PACKAGES = Path("/opt/packages")
_SITE = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
"""Where packages are installed, among them what installs them."""
_TOLD = (
    # Time zones before the link to one of them.
    "usr/share/zoneinfo", "etc/localtime", "etc/timezone",
    "etc/group", "etc/passwd", "etc/host.conf", "etc/nsswitch.conf", "etc/protocols",
    "etc/services", "etc/crypto-policies", "etc/pki", "etc/ssl", "usr/lib/ssl",
    "usr/local/share/ca-certificates", "usr/share/ca-certificates",
    "etc/os-release", "usr/lib/os-release", "etc/debian_version", "etc/lsb-release",
    "etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d", "usr/lib/locale/C.utf8",
)  # fmt: skip
"""What of a system its libraries read: time zones, users and names, certificates, themselves."""
_ASKED_FOR = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
"""Libraries that the C library loads only when it comes to it."""
_INTERACTIVE = re.compile(
    r"(_curses|_curses_panel|_dbm|_gdbm|_tkinter|nis|readline|_(ctypes_)?test\w*|_?xx\w+)\..*so"
)
"""Modules of the standard library for people at a terminal, old databases and tests."""
_LOADED = re.compile(r"(/\S+) \(0x[0-9a-f]+\)")
"""A library in what the loader lists."""
_DPKG = Path("/var/lib/dpkg")
"""Where Debian keeps what it knows of its packages."""


def whole(folder: Path) -> None:
    """Copies all of it."""
    folder.mkdir(parents=True)
    parts = [path for path in sorted(Path("/").iterdir()) if path.name not in _ENGINES]
    subprocess.run(["cp", "-a", *map(str, parts), str(folder)], check=True)
    for name in _ENGINES[:-1]:
        (folder / name).mkdir()
    for name in _MOUNTED:
        (folder / name).unlink(missing_ok=True)
    for site in _SITE:
        if (folder / site.relative_to("/")).is_dir():
            shutil.rmtree(folder / site.relative_to("/"))
    for script in (folder / sysconfig.get_path("scripts")[1:]).glob("pip*"):
        script.unlink()


def needed(folder: Path) -> None:
    """Copies what Python and the packages need, and what tells of it."""
    _lay_out(folder)
    executable = Path(sys.executable)
    names = ("python", "python3", f"python3.{sys.version_info.minor}")
    library = sorted({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
    told = [Path("/", name) for name in _TOLD]
    for path in [*map(executable.with_name, names), *map(Path, library), *told]:
        if path.exists():
            _take(path, folder)
    for path in [one for one in folder.rglob("*.so") if _INTERACTIVE.fullmatch(one.name)]:
        path.unlink()
    for path in _libraries(folder):
        _take(path, folder)
    _take_targets(folder)
    if (_DPKG / "status").is_file():
        _take_records(folder)


def _lay_out(folder: Path) -> None:
    """Makes the folders and links at the root."""
    folder.mkdir(parents=True)
    for path in sorted(Path("/").iterdir()):
        if path.is_symlink():
            _link(path, folder)
        elif path.is_dir() and path.name != "build":
            # Those of the engine are as the engine that builds has them.
            mode = 0o755 if path.name in _ENGINES else stat.S_IMODE(path.stat().st_mode)
            (folder / path.name).mkdir(exist_ok=True)
            (folder / path.name).chmod(mode)
    (folder / "var" / "tmp").mkdir()
    (folder / "var" / "tmp").chmod(0o1777)


def _libraries(folder: Path) -> list[Path]:
    """The libraries that Python in `folder` and the packages load, and the loader."""

    def loaded(*words: str | Path, **environment: str) -> set[Path]:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        return {Path(name) for name in _LOADED.findall(done.stdout)}

    found = loaded(sys.executable, LD_TRACE_LOADED_OBJECTS="1")
    loader = next((path for path in found if path.name.startswith("ld")), None)
    if loader is None:
        raise RuntimeError(
            "what Python loads can't be told: image.system=whole takes all of the base"
        )
    modules = [Path("/", one.relative_to(folder)) for one in folder.rglob("*.so")]
    for module in [*modules, *_PACKAGES.rglob("*.so*")]:
        found |= loaded(loader, "--list", module)
    places = sorted({path.parent for path in found})
    found |= {place / name for place in places for name in _ASKED_FOR if (place / name).exists()}
    return sorted(path for path in found if _PACKAGES not in path.resolve().parents)


def _take(path: Path, folder: Path) -> None:
    """Copies a file or a folder, and every link on the way to it."""
    here, names = Path("/"), list(path.parts[1:])
    while names:
        name = names.pop(0)
        if name == "..":
            here = here.parent
        elif (here / name).is_symlink():
            _link(here / name, folder)
            target = here / (here / name).readlink()
            here, names = Path("/"), [*target.parts[1:], *names]
        else:
            here = here / name
    target = folder / here.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if here.is_dir():
        left = partial(_left, folder)
        shutil.copytree(here, target, symlinks=True, dirs_exist_ok=True, ignore=left)
    elif not target.exists():
        shutil.copy2(here, target)


def _left(folder: Path, place: str, names: list[str]) -> list[str]:
    """Names that are left where they are: packages, and what is a link in `folder` already."""
    linked = {name for name in names if (folder / place[1:] / name).is_symlink()}
    return [name for name in names if name in linked or Path(place, name) in _SITE]


def _take_targets(folder: Path) -> None:
    """Copies what links in `folder` lead to, such as certificates that are kept elsewhere."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files) if Path(place) != folder else ():
            path = Path("/", Path(place, name).relative_to(folder))
            if (
                path.is_symlink()
                and path.exists()
                and not (folder / str(path.resolve())[1:]).exists()
            ):
                _take(path, folder)


def _link(path: Path, folder: Path) -> None:
    """Makes a link in `folder` that is as one of the system."""
    link = folder / path.relative_to("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(path.readlink())


def _take_records(folder: Path) -> None:
    """Copies what tells of Debian's packages that are in `folder`: licences, and for scanners.

    Where images without a package manager keep that is a custom of theirs: a file a package.
    """
    records = folder / _DPKG.relative_to("/") / "status.d"
    records.mkdir(parents=True)
    for record in filter(None, (_DPKG / "status").read_text("utf-8").strip().split("\n\n")):
        facts = dict(re.findall(r"^(Package|Architecture): (.+)$", record, re.MULTILINE))
        name = facts["Package"]
        listed = [
            path
            for owner in (name, f"{name}:{facts.get('Architecture')}")
            if (path := _DPKG / "info" / f"{owner}.list").is_file()
        ]
        files = [line for path in listed for line in path.read_text("utf-8").split("\n")]
        if any((folder / line[1:]).is_file() for line in files if line):
            (records / name).write_text(record + "\n", "utf-8")
            licence = Path("/usr/share/doc", name, "copyright")
            if licence.exists():
                _take(licence, folder)


if __name__ == "__main__":
    {"needed": needed, "whole": whole}[sys.argv[1]](Path(sys.argv[2]))
