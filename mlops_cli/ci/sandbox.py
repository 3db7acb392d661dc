"""Where a workflow is played: a stand-in of the remote, and a clean clone of it for each job.

    mlops-ci-…/
      origin.git   what a push goes to: branches and tags of the repository, none of its settings
      source       the commit that is played: its workflow, and the actions of the repository
      jobs/N/…     workspace, temporary files and scripts of a job

The repository itself is read, and never written to.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.scaffold import git

DETACHED = "detached"
"""The branch that is played where none is checked out."""


@dataclass(frozen=True)
class Sandbox:
    """Where a workflow is played.

    Attributes:
        folder: All of it.
        repository: The repository that it stands for.
        branch: The branch that is checked out there.
        changed: How many files of it are not committed.
    """

    folder: Path
    repository: Path
    branch: str
    changed: int

    @property
    def origin(self) -> Path:
        """The stand-in of the remote."""
        return self.folder / "origin.git"

    @property
    def source(self) -> Path:
        """The commit that is played."""
        return self.folder / "source"

    def commit_of(self, ref: str) -> str:
        """The commit of a branch or tag of the stand-in."""
        found = git.run(self.origin, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return found.decode().strip()

    def refs(self) -> Mapping[str, str]:
        """Branches and tags of the stand-in, each with what it points to."""
        words = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
        lines = git.run(self.origin, *words).decode().splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def tags(self) -> list[str]:
        """Its tags, the newest first."""
        words = ("for-each-ref", "--sort=-creatordate", "--format=%(refname:strip=2)", "refs/tags")
        return git.run(self.origin, *words).decode().splitlines()

    def main_branch(self) -> str:
        """The branch that pull requests go to."""
        told = git.ask(self.repository, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
        if told:
            return told.partition("/")[2]
        heads = {ref.removeprefix("refs/heads/") for ref in self.refs()}
        return next((one for one in ("main", "master") if one in heads), self.branch)

    def with_changes(self) -> None:
        """Puts what is not committed, and not ignored, on top of the branch."""
        index = {
            "GIT_DIR": str(self.origin),
            "GIT_WORK_TREE": str(self.repository),
            "GIT_INDEX_FILE": str(self.folder / "index"),
        }
        exclude = git.ask(self.repository, "rev-parse", "--git-path", "info/exclude")
        if exclude and (self.repository / exclude).is_file():
            (self.origin / "info").mkdir(exist_ok=True)
            shutil.copyfile(self.repository / exclude, self.origin / "info" / "exclude")
        git.run(self.repository, "read-tree", self.branch, variables=index)
        git.run(self.repository, "add", "--all", "--", ".", variables=index)
        tree = git.run(self.repository, "write-tree", variables=index).decode().strip()
        words = ("commit-tree", tree, "-p", self.branch, "-m", "Uncommitted changes")
        commit = git.run(self.origin, *words, variables=_IDENTITY).decode().strip()
        git.run(self.origin, "update-ref", f"refs/heads/{self.branch}", commit)

    def check_out(self, into: Path, ref: str, commit: str, *, depth: int) -> None:
        """Makes a clean clone, as `actions/checkout` does.

        Args:
            into: An empty folder, or none.
            ref: The branch or tag, in full.
            commit: Its commit.
            depth: Of the history; 0 takes all of it, with every branch and tag.
        """
        shutil.rmtree(into / ".git", ignore_errors=True)
        into.mkdir(parents=True, exist_ok=True)
        git.run(into, "init", "--quiet", "--template=")
        git.run(into, "remote", "add", "origin", self.origin.as_uri())
        branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
        if depth:
            target = f"refs/remotes/origin/{branch}" if branch else ref
            words = [f"--depth={depth}", "--no-tags", "origin", f"+{commit}:{target}"]
        else:
            words = ["--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"]
        git.run(into, "fetch", "--quiet", *words)
        where = ("-B", branch, commit) if branch else ("--detach", commit)
        git.run(into, "checkout", "--quiet", "--force", *where)
        if branch:
            tracked = ("--set-upstream-to", f"origin/{branch}", branch)
            git.run(into, "branch", "--quiet", *tracked)


_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "mlops ci run"), ("EMAIL", "mlops@localhost"))
}


@contextmanager
def opened(root: Path, *, keep: bool) -> Iterator[Sandbox]:
    """A sandbox for the repository around a project.

    Args:
        root: The project.
        keep: Whether it stays when the block ends.

    Raises:
        NotFoundError: There is no repository, or no commit.
        DataError: There is one, and git refuses to work in it.
        MissingDependencyError: There is no git.
        MlopsError: Git can't clone it.
    """
    git.require("mlops ci", "https://git-scm.com")
    repository = project.repository(root)
    if repository is None:
        if refusal := project.refused_by_git(root):
            raise refusal
        raise NotFoundError(f"{root} is in no git repository", hint="git init")
    if git.ask(repository, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise NotFoundError("nothing is committed here yet", hint="git add --all && git commit")
    folder = Path(tempfile.mkdtemp(prefix="mlops-ci-"))
    try:
        yield _filled(folder.resolve(), repository)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _filled(folder: Path, repository: Path) -> Sandbox:
    status = git.run(repository, "status", "--porcelain", "-z", "--no-renames", "-uall")
    branch = git.ask(repository, "symbolic-ref", "--short", "--quiet", "HEAD") or DETACHED
    made = Sandbox(folder, repository, branch, status.count(b"\0"))
    made.origin.mkdir()
    git.run(made.origin, "init", "--quiet", "--bare", "--template=")
    # What the repository has need not be copied.
    objects = git.run(repository, "rev-parse", "--git-path", "objects").decode().strip()
    borrowed = made.origin / "objects" / "info" / "alternates"
    borrowed.parent.mkdir(exist_ok=True)
    borrowed.write_text(f"{(repository / objects).resolve()}\n", "utf-8")
    for name, value in (("uploadpack.allowAnySHA1InWant", "true"), ("gc.auto", "0")):
        git.run(made.origin, "config", name, value)
    fetch = ("fetch", "--quiet", "--update-shallow", "--no-tags", str(repository))
    # A branch of ours goes before the one of the remote that it tracks.
    git.run(made.origin, *fetch, "+refs/remotes/origin/*:refs/heads/*")
    git.run(made.origin, "update-ref", "-d", "refs/heads/HEAD")
    git.run(made.origin, *fetch, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    if branch == DETACHED:
        commit = git.run(repository, "rev-parse", "HEAD").decode().strip()
        git.run(made.origin, "update-ref", f"refs/heads/{DETACHED}", commit)
    git.run(made.origin, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    if not made.refs().get(f"refs/heads/{branch}"):
        raise MlopsError(f"git did not clone the branch {branch}", hint="git fsck")
    return made
