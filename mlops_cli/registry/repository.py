"""What the registry writes into git and reads from it: a branch of its own, and tags.

Commits are built from objects, with an index that is thrown away. The branch and the tag move in
one transaction of `git update-ref`, a process that a kill of ours leaves to end or to give up.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlops_cli.errors import MissingDependencyError, MlopsError, NotFoundError
from mlops_cli.project import refused_by_git, repository, run_git

BRANCH = "mlops-registry"
"""The branch that all commits of the registry are on."""
_REF = f"refs/heads/{BRANCH}"
_LOCKED = re.compile(r"Unable to create '(.+\.lock)': File exists")
_DENIED = re.compile(
    "insufficient permission|Permission denied|Unable to add|unable to create temp"
)


@dataclass(frozen=True)
class NewTag:
    """An annotated tag that is to be.

    Attributes:
        name: Its name.
        target: The commit it points to; None for the one that is made with it.
        message: Its annotation.
        at: Its time, in seconds.
    """

    name: str
    target: str | None
    message: str
    at: int


@dataclass(frozen=True)
class Repository:
    """The git repository of a project.

    Attributes:
        root: The project.
        top: The root of the repository.
    """

    root: Path
    top: Path

    @cached_property
    def prefix(self) -> str:
        """The project as seen from the top: empty, or a folder with a slash behind it."""
        inside = self.root.resolve().relative_to(self.top).as_posix()
        return "" if inside == "." else f"{inside}/"

    @cached_property
    def tip(self) -> str | None:
        """The newest commit of the registry that is known here; None where there is none."""
        local, theirs = self._branches
        if local is None or theirs is None:
            return local or theirs
        return theirs if self._leads_to(local, theirs) else local

    def look(self) -> None:
        """Reads where the branch is; `write` refuses when it moved since."""
        self.__dict__.pop("tip", None)
        self.__dict__.pop("_branches", None)
        _ = self.tip

    @property
    def remote(self) -> str | None:
        """The git remote to push to; None where there is none."""
        names = (run_git(self.top, "remote") or b"").decode().split()
        return "origin" if "origin" in names else next(iter(names), None)

    @property
    def fetching(self) -> str:
        """What brings the registry from the git remote."""
        return f"git fetch --tags {self.remote or 'REMOTE'} {BRANCH}:{BRANCH}"

    @property
    def partial(self) -> bool:
        """Whether the git remote may have a registry of which this clone has not got all."""
        if self.remote is None:
            return False
        fetched = run_git(self.top, "config", "--get-all", f"remote.{self.remote}.fetch") or b""
        return self.shallow or self.tip is not None or b"refs/heads/*" not in fetched

    @property
    def shallow(self) -> bool:
        """Whether the clone has only part of the history."""
        return run_git(self.top, "rev-parse", "--is-shallow-repository") == b"true\n"

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of the project as a commit has it; None where it has none."""
        return run_git(self.top, "cat-file", "blob", f"{commit}:{self.prefix}{path}")

    def annotated(self) -> list[list[str]]:
        """Every tag: its name; of an annotated one name inside, target, its type, time, text."""
        fields = ("refname:strip=2", "tag", "object", "type", "taggerdate:unix", "contents")
        shown = "".join(f"%({field})%00" for field in fields)
        said = run_git(self.top, "for-each-ref", f"--format={shown}", "refs/tags") or b""
        parts = said.decode("utf-8", "replace").split("\0")
        return [parts[at : at + len(fields)] for at in range(0, len(parts) - 1, len(fields))]

    def has(self, commit: str) -> bool:
        """Whether a commit is in the repository."""
        return run_git(self.top, "cat-file", "-e", f"{commit}^{{commit}}") is not None

    def identity(self) -> str:
        """Name and mail of whoever works here.

        Raises:
            MissingDependencyError: Git knows none.
        """
        said = run_git(self.top, "var", "GIT_COMMITTER_IDENT")
        if said is None:
            raise MissingDependencyError(
                "git does not know who you are, and a registry says who did what",
                hint='git config user.name "NAME" && git config user.email MAIL',
            )
        return said.decode("utf-8", "replace").rpartition(">")[0] + ">"

    @property
    def checked_out(self) -> bool:
        """Whether the branch is the one that is being worked on."""
        return run_git(self.top, "symbolic-ref", "-q", "HEAD") == f"{_REF}\n".encode()

    @property
    def apart(self) -> tuple[str, str] | None:
        """The branch here and at the git remote, where both have what the other has not."""
        local, theirs = self._branches
        if local is None or theirs is None or self.shallow:
            return None
        return (
            None
            if self._leads_to(local, theirs) or self._leads_to(theirs, local)
            else (local, theirs)
        )

    def write(
        self,
        files: Mapping[str, bytes],
        parents: Sequence[str],
        message: str,
        tag: NewTag,
        *,
        committed: Sequence[str] = (),
    ) -> str:
        """Makes a commit on top of the branch, and a tag, both or none.

        Args:
            files: What changes, by path in the project.
            parents: Other commits that it comes from.
            message: Of the commit.
            tag: The tag.
            committed: Files and folders of the project that are to be as they are in HEAD.

        Returns:
            The commit.

        Raises:
            MlopsError: Somebody else changed the registry meanwhile, or git refuses.
        """
        local, tip = self._branches[0], self.tip  # As they were when this began.
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            if tip is not None:
                self._git("read-tree", tip, env=index)
                if gone := self._listed(tip, committed, "--name-only"):
                    remove = ("update-index", "-z", "--force-remove", "--stdin")
                    self._git(*remove, given=gone, env=index)
            entries = "".join(
                f"100644 {self._git('hash-object', '-w', '--stdin', given=content)}\t"
                f"{self.prefix}{path}\0"
                for path, content in files.items()
            )
            given = entries.encode() + self._listed("HEAD", committed)
            self._git("update-index", "-z", "--index-info", given=given, env=index)
            tree = self._git("write-tree", env=index)
        wanted = [one for one in (tip, *parents) if one is not None]
        words = [word for one in dict.fromkeys(wanted) for word in ("-p", one)]
        commit = self._git("commit-tree", tree, *words, given=message.encode())
        self._move(commit, local, tag, self._tag(tag, commit))
        self.look()
        return commit

    def _listed(self, commit: str, paths: Sequence[str], *how: str) -> bytes:
        """What a commit has of the paths, as git lists it and takes it into an index."""
        places = [f"{self.prefix}{path}" for path in paths]
        words = ("ls-tree", "-rz", "--full-tree", *how, commit, "--", *places)
        return (run_git(self.top, *words) or b"") if paths else b""

    def _tag(self, tag: NewTag, commit: str) -> str:
        """The object of a tag, to which nothing points yet."""
        zone = self._git("var", "GIT_COMMITTER_IDENT").rpartition(" ")[2]
        text = (
            f"object {tag.target or commit}\ntype commit\ntag {tag.name}\n"
            f"tagger {self.identity()} {tag.at} {zone}\n\n{tag.message.strip()}\n"
        )
        return self._git("mktag", given=text.encode())

    def _move(self, commit: str, before: str | None, tag: NewTag, made: str) -> None:
        """Lets the branch and the tag point to what was made, if nobody else was faster."""
        branch = f"update {_REF} {commit} {before}" if before else f"create {_REF} {commit}"
        lines = ("start", branch, f"create refs/tags/{tag.name} {made}", "prepare", "commit", "")
        given = "\n".join(lines).encode()
        words = ("update-ref", "--create-reflog", "-m", "mlops", "--stdin")
        try:
            # In a session of its own: whoever kills us and all our processes does not stop it
            # between branch and tag, nor before it takes away its locks.
            self._git(*words, given=given, alone=True)
        except MlopsError as error:
            if error.hint:
                raise
            raise MlopsError(
                f"the registry was changed by somebody else meanwhile ({error.message})",
                hint="the same command again",
            ) from error

    @cached_property
    def _branches(self) -> tuple[str | None, str | None]:
        """The branch here, and what is known of it at the git remote."""
        pattern = f"refs/remotes/{self.remote}/{BRANCH}"
        listed = run_git(
            self.top, "for-each-ref", "--format=%(refname) %(objectname)", _REF, pattern
        )
        found = dict(line.split() for line in (listed or b"").decode().splitlines())
        return found.get(_REF), found.get(pattern)

    @property
    def _writing(self) -> str:
        """What helps where git can't write."""
        objects = run_git(self.top, "rev-parse", "--git-path", "objects") or b".git"
        place = self.top / objects.decode("utf-8", "replace").strip()
        return f"let your user write there: ls -ld {shlex.quote(str(place))} shows whose it is"

    def _leads_to(self, earlier: str, later: str) -> bool:
        return run_git(self.top, "merge-base", "--is-ancestor", earlier, later) is not None

    def _git(
        self,
        *words: str,
        given: bytes = b"",
        env: Mapping[str, str] | None = None,
        alone: bool = False,
    ) -> str:
        """What git says. Raises MlopsError with its last line where it refuses."""
        done = subprocess.run(
            ["git", "-C", str(self.top), *words],
            input=given,
            capture_output=True,
            check=False,
            env=os.environ | (env or {}),
            start_new_session=alone,
        )
        if done.returncode:
            text = done.stderr.decode("utf-8", "replace").strip()
            if lock := _LOCKED.search(text):
                raise MlopsError(
                    f"git is at work here, or was killed: its lock is there, {lock[1]}",
                    hint=f"where no git runs any more: rm {shlex.quote(lock[1])}",
                )
            said = text.splitlines()
            hint = self._writing if _DENIED.search(text) else ""
            raise MlopsError(f"git refuses: {said[-1] if said else words[0]}", hint=hint)
        return done.stdout.decode("utf-8", "replace").strip()


def open_repository(root: Path) -> Repository:
    """The repository of a project.

    Raises:
        MissingDependencyError: Git is not installed.
        NotFoundError: The project lies in no git repository.
        DataError: It does, and git refuses to work in it.
    """
    if shutil.which("git") is None:
        raise MissingDependencyError(
            "the registry of models is kept by git, which is not installed", hint="install git"
        )
    top = repository(root)
    if top is None:
        if refusal := refused_by_git(root):
            raise refusal
        raise NotFoundError(
            f"{root} lies in no git repository, which keeps the registry of models",
            hint="git init",
        )
    return Repository(root, top)
