"""A small project whose data DVC holds, for tests of remotes."""

import hashlib
import subprocess
from pathlib import Path

from mlops_cli import versioning
from mlops_cli.versioning.repository import opened

FILES = {
    "model.bin": bytes(range(256)) * 2000,
    "data/reviews.csv": b"text,label\nnot bad at all,good\n" * 500,
    "data/pictures/1.png": b"\x89PNG one" * 100,
    "data/pictures/deep/2.png": b"\x89PNG two" * 100,
    "data/pictures/empty.png": b"",
}
"""What is held: two files, and a folder of three. With the folder's list, six objects."""

HELD = ("model.bin", "data/reviews.csv", "data/pictures")


def make(root):
    """A project in git, with the default remote .dvc-storage, and everything committed."""
    git(root, "init", "--quiet")
    versioning.init(root, git=True)
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    hold(root, *HELD)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Hold the data")
    return root


def hold(root, *names):
    with opened(root, locked=False) as repo:
        for name in names:
            repo.add(str(root / name))


def git(root, *words):
    return subprocess.run(
        ["git", *words], cwd=root, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def clone(root, target):
    """A second checkout, as a colleague or CI has it: no cache, no data; the same remotes."""
    git(root.parent, "clone", "--quiet", root.name, str(target))
    for name in ("config", "config.local"):
        if (root / ".dvc" / name).exists():
            (target / ".dvc" / name).write_bytes((root / ".dvc" / name).read_bytes())
    return target


def forget(root):
    """Loses the cache and the files that were laid out."""
    for name in (".dvc/cache", *HELD):
        subprocess.run(["rm", "-rf", name], cwd=root, check=True)


def contents(root):
    """The bytes of every held file that is there."""
    return {name: (root / name).read_bytes() for name in FILES if (root / name).exists()}


def stored(folder):
    """Files of a cache or remote, by the hash that their name says."""
    return {
        path.parent.name + path.name: path
        for path in Path(folder).glob("**/files/md5/??/*")
        if not path.name.endswith(".tmp")
    }


def wrong(folder):
    """Hashes under which a cache or remote holds other bytes."""
    return [
        name
        for name, path in stored(folder).items()
        if hashlib.md5(path.read_bytes()).hexdigest() != name.removesuffix(".dir")
    ]


def oid(name):
    """The hash under which DVC holds a file of `FILES`."""
    return hashlib.md5(FILES[name]).hexdigest()


def damage(path):
    """Wrong bytes of the same length, behind DVC's back."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(bytes(content))
    path.chmod(0o444)
