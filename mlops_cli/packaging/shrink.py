"""Run by the Dockerfile: leaves of packages, or of the system, what a server needs.

    shrink.py packages DIR   packages that were installed into DIR
    shrink.py needed DIR     of the system around this very file what its Python and the packages in
                             /opt/packages need, copied to DIR: no shell, no package manager
    shrink.py system DIR     all of the system, copied to DIR: no pip, no tests, no file that takes
                             other rights than its caller's
    shrink.py whole DIR      packages as they are, compiled
    shrink.py files DIR      files: as they are, at our one time

It goes into the build context as it stands here, and imports the standard library alone. What it
leaves is the same byte by byte whenever it runs: compiled files hold no time, folders have one.
"""

import compileall
import os
import py_compile
import re
import shutil
import stat
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

TIME = 315532800
"""Of every file and folder: 1980, the oldest that an archive can tell."""
_FOLDERS = frozenset(
    {
        "__pycache__", "benchmarks", "ensurepip", "idlelib", "include", "lib2to3", "pydoc_data",
        "test", "tests", "tkinter", "turtledemo",
    }
)  # fmt: skip
_FILES = re.compile(r".+\.(a|c|cpp|h|hpp|lib|pxd|pyc|pyi|pyx)")
_PARTS = (
    "bin",
    "mlops_cli/_template",
    "numpy/distutils",
    "numpy/f2py",
    # What the Python module needs of it is linked into the module.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "pydantic/v1",
)
"""Parts of packages that nothing asks for in a server."""
_ENGINES = ("dev", "proc", "sys", "build")
"""Folders of the system that are the engine's while it builds."""
_MOUNTED = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
"""Files that the engine puts in anew."""
_PACKAGES = Path("/opt/packages")
_TOLD = (
    # Time zones before the link to one of them.
    "usr/share/zoneinfo", "etc/localtime", "etc/timezone",
    "etc/group", "etc/passwd", "etc/host.conf", "etc/nsswitch.conf", "etc/protocols",
    "etc/services", "etc/crypto-policies", "etc/pki", "etc/ssl", "usr/lib/ssl",
    "usr/local/share/ca-certificates", "usr/share/ca-certificates",
    "etc/os-release", "usr/lib/os-release",
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


def main(kind: str, folder: Path) -> None:
    """Does it."""
    if kind == "files":
        _level(folder)
        return
    if kind in ("needed", "system"):
        below, library = folder, (_take_needed if kind == "needed" else _take_system)(folder)
    else:
        below, library = folder.parent.parent, folder
        for part in _PARTS if kind == "packages" else ():
            for path in folder.glob(part):
                _remove(path)
    if kind != "whole":
        _leave_needed(library)
    compileall.compile_dir(
        library,
        quiet=1,
        stripdir=str(below),
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    _level(below)


def _take_system(folder: Path) -> Path:
    """Copies the system, without its package manager of Python; where its standard library is."""
    folder.mkdir(parents=True)
    parts = [path for path in sorted(Path("/").iterdir()) if path.name not in _ENGINES]
    subprocess.run(["cp", "-a", *map(str, parts), str(folder)], check=True)
    for name in _ENGINES[:-1]:
        (folder / name).mkdir()
    for name in _MOUNTED:
        _remove(folder / name)
    for path in (folder / sysconfig.get_path("scripts")[1:]).glob("pip*"):
        _remove(path)
    return _without_site(folder)


def _without_site(folder: Path) -> Path:
    """Removes what was installed into the standard library at `folder`; where that is."""
    for path in (folder / sysconfig.get_path("purelib")[1:]).glob("*"):
        _remove(path)
    return folder / sysconfig.get_path("stdlib")[1:]


def _take_needed(folder: Path) -> Path:
    """Copies of the system what Python and the packages need; where its standard library is."""
    folder.mkdir(parents=True)
    for path in sorted(Path("/").iterdir()):
        if path.is_symlink():
            _link(path, folder)
        elif path.is_dir() and path.name != "build":
            (folder / path.name).mkdir(exist_ok=True)
            (folder / path.name).chmod(stat.S_IMODE(path.stat().st_mode))
    (folder / "var" / "tmp").mkdir()
    (folder / "var" / "tmp").chmod(0o1777)
    executable = Path(sys.executable)
    names = ("python", "python3", f"python3.{sys.version_info.minor}")
    places = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    told = [Path("/", name) for name in _TOLD]
    for path in [
        *(executable.with_name(name) for name in names),
        *map(Path, sorted(places)),
        *told,
    ]:
        if path.exists():
            _take(path, folder)
    library = _without_site(folder)
    for path in [one for one in folder.rglob("*.so") if _INTERACTIVE.fullmatch(one.name)]:
        path.unlink()
    _leave_needed(library)
    for path in _libraries(folder):
        _take(path, folder)
        _cut(folder / path.resolve().relative_to("/"))
    if (_DPKG / "status").is_file():
        _take_records(folder)
    return library


def _libraries(folder: Path) -> list[Path]:
    """The libraries that Python in `folder` and the packages load, and the loader."""

    def loaded(*words: str | Path, **environment: str) -> set[Path]:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        return {Path(name) for name in _LOADED.findall(done.stdout)}

    found = loaded(sys.executable, LD_TRACE_LOADED_OBJECTS="1")
    loader = next(path for path in found if path.name.startswith("ld"))
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
        shutil.copytree(here, target, symlinks=True, dirs_exist_ok=True)
    elif not target.exists():
        shutil.copy2(here, target)


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
    for record in (_DPKG / "status").read_text("utf-8").strip().split("\n\n"):
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


def _leave_needed(folder: Path) -> None:
    """Removes tests, headers and stubs, and of libraries what only a debugger reads."""
    for place, names, files in os.walk(folder):
        for name in [name for name in names if name in _FOLDERS]:
            names.remove(name)
            _remove(Path(place, name))
        for name in files:
            path = Path(place, name)
            if _FILES.fullmatch(name):
                path.unlink()
            elif ".so" in name and not path.is_symlink():
                _cut(path)


def _cut(library: Path) -> None:
    """Cuts off what lies behind the last part of a library that is ever loaded: its symbols."""
    with library.open("r+b") as stream:
        head = stream.read(64)
        if head[:6] != b"\x7fELF\x02\x01":  # 64 bits, little endian
            return
        start, (size, count) = (
            struct.unpack_from("<Q", head, 32)[0],
            struct.unpack_from("<HH", head, 54),
        )
        stream.seek(start)
        table = stream.read(size * count)
        parts = [struct.unpack_from("<Q16xQ", table, at + 8) for at in range(0, len(table), size)]
        stream.truncate(max([start + len(table), *(offset + length for offset, length in parts)]))
        # Where its sections begin, and how many they are.
        stream.seek(40)
        stream.write(bytes(8))
        stream.seek(60)
        stream.write(bytes(4))


def _level(folder: Path) -> None:
    """Gives everything one time; no file takes the rights of its owner."""
    for place, folders, files in os.walk(folder, topdown=False):
        links = (name for name in folders if Path(place, name).is_symlink())
        for path in (Path(place, name) for name in (*files, *links)):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(stat.S_IMODE(found.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
            if found.st_mtime != TIME:  # What is touched is copied.
                os.utime(path, (TIME, TIME), follow_symlinks=False)
        os.utime(place, (TIME, TIME))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
