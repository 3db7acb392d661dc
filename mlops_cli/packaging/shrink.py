"""Run by the Dockerfile: leaves of packages, or of the system, what a server needs.

    shrink.py packages DIR   packages that were installed into DIR: no tests, headers, stubs
    shrink.py compiled DIR   the same, with compiled modules in place of their sources
    shrink.py mlops DIR      mlops, of which only what a server loads is compiled
    shrink.py system DIR     a system that was copied to DIR: no tests, no file that takes other
                             rights than its caller's
    shrink.py needed DIR     the same, with no symbols of libraries and no sources
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
    "numpy/_core/_simd.*",
    "numpy/_core/_*_tests.*",
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
_ROOMS = (
    "commands", "completion", "config", "registry", "schemas", "serving", "tasks", "tracking",
)  # fmt: skip
"""Rooms of mlops that a server opens; a module of another is compiled when it is loaded."""


def main(kind: str, folder: Path) -> None:
    """Does it."""
    if kind == "files":
        _level(folder)
        return
    if kind in ("needed", "system"):
        below, library = folder, folder / sysconfig.get_path("stdlib")[1:]
    else:
        below, library = folder.parent.parent, folder
        for part in _PARTS if kind != "whole" else ():
            for path in folder.glob(part):
                _remove(path)
    if kind != "whole":
        _leave_needed(library)
        # Compilers read the symbols of a system's libraries.
        _cut_all(below if kind == "needed" else library)
    if kind == "mlops":
        _compile(library / "mlops_cli", below, levels=0)
        for room in _ROOMS:
            _compile(library / "mlops_cli" / room, below)
    else:
        _compile(library, below, alone=kind in ("compiled", "needed"))
    _level(below)


def _compile(folder: Path, below: Path, *, levels: int | None = None, alone: bool = False) -> None:
    """Compiles modules.

    Args:
        folder: Where they are.
        below: What is the root in the image.
        levels: So many folders deep; None: all.
        alone: Leave no source of what could be compiled. Tracebacks tell files and lines without.
    """
    compileall.compile_dir(
        folder,
        maxlevels=levels,
        quiet=1,
        legacy=alone,  # Beside its source: only there Python takes it without.
        stripdir=str(below),
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    for path in folder.rglob("*.py") if alone else ():
        if path.with_suffix(".pyc").is_file():
            path.unlink()


def _leave_needed(folder: Path) -> None:
    """Removes tests, headers and stubs."""
    for place, names, files in os.walk(folder):
        for name in [name for name in names if name in _FOLDERS]:
            names.remove(name)
            _remove(Path(place, name))
        for name in files:
            path = Path(place, name)
            if _FILES.fullmatch(name):
                path.unlink()


def _cut_all(folder: Path) -> None:
    """Cuts off of libraries what only a debugger or a compiler reads."""
    for path in folder.rglob("*.so*"):
        if path.is_file() and not path.is_symlink():
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
