"""`mlops init`: a project that is there whole, or not at all."""

import dataclasses
import filecmp
import shutil
from pathlib import Path

from mlops_cli.data import looking
from mlops_cli.errors import MlopsError
from mlops_cli.project import packaged_template
from mlops_cli.reporting import Reporter
from mlops_cli.scaffold import answers as answering
from mlops_cli.scaffold import git as vcs
from mlops_cli.scaffold import staging, template
from mlops_cli.schemas.scaffold import Answers, InitResult, Wishes

_LARGE = 50 * 2**20
"""Bytes from which a data file is too large for git's own taste."""


def check(folder: Path, *, git: bool = True) -> Path:
    """The resolved folder of a project to be, if it can be one.

    Raises:
        UsageError: Something is there already.
        MissingDependencyError: There is no git.
    """
    if git:
        vcs.require("mlops init", "install git, or go without: mlops init --no-git")
    folder = folder.resolve()
    staging.check(folder)
    return folder


def again(folder: Path, wishes: Wishes, *, dvc: bool) -> InitResult | None:
    """The project that the same wishes have made before; None where there is none, or another.

    Who is killed once the project is there types the command again, and finds it done.
    """
    folder = folder.resolve()
    staging.remove_leftovers(folder)
    if not staging.is_project(folder):
        return None
    look = None
    if wishes.data:
        columns = wishes.text, wishes.label, wishes.text_pair
        look = looking.look_at(wishes.data, *columns, task=wishes.task)
    answers = answering.settle(wishes, folder, look, dvc=dvc)
    made_by, known = template.read_answers(folder / template.ANSWERS)
    now = template.version(packaged_template())
    if known != dataclasses.asdict(answers) or made_by != now:
        return None
    if wishes.data and not _has(folder / answers.data_path, wishes.data):
        return None
    own, outer = (folder / ".git").exists(), vcs.outer_repository(folder)
    return InitResult(
        path=folder,
        answers=answers,
        data=look,
        git="new" if own else "outer" if outer else "none",
        commit=None,
        template=now,
        files=[],
        changed=False,
    )


def _has(there: Path, data: Path) -> bool:
    """Whether a file holds the very data; another one may be called the same."""
    return there.is_file() and filecmp.cmp(data, there, shallow=False)


def run(
    folder: Path,
    wishes: Wishes,
    reporter: Reporter,
    *,
    git: bool = True,
    dvc: bool = True,
    source: Path | None = None,
) -> InitResult:
    """Makes a project in a new or empty folder.

    Args:
        folder: Where.
        wishes: What the user asked for; the rest are defaults.
        reporter: Hears what was guessed.
        git: Whether to make a git repository with one commit.
        dvc: Whether to let DVC hold the data.
        source: The template; the packaged one if None.
    """
    folder = check(folder, git=git)
    look = None
    if wishes.data:
        columns = wishes.text, wishes.label, wishes.text_pair
        look = looking.look_at(wishes.data, *columns, task=wishes.task)
        reporter.info(f"{wishes.data}: {look.summary}")
    answers = answering.settle(wishes, folder, look, dvc=dvc)
    outer = vcs.outer_repository(folder) if git else None
    if outer:
        reporter.info(f"inside the git repository {outer}: no repository of its own, no commit")
    with staging.staged(folder) as project:
        rendered = template.render(
            source or packaged_template(), dataclasses.asdict(answers), project
        )
        (project / template.BASE).write_bytes(template.pack(rendered))
        _bring_data(wishes.data, project, answers, reporter)
        commit = _put_under_control(project, answers, git=git, keep=outer is None)
    return InitResult(
        path=folder,
        answers=answers,
        data=look,
        git="none" if not git else "outer" if outer else "new",
        commit=commit,
        template=template.version(source or packaged_template()),
        files=sorted(rendered),
    )


def _bring_data(data: Path | None, project: Path, answers: Answers, reporter: Reporter) -> None:
    if data is None:
        return
    try:
        (project / answers.data_path).parent.mkdir(exist_ok=True)
        shutil.copyfile(data, project / answers.data_path)
    except OSError as error:
        raise MlopsError(f"can't copy {data} into the project: {error.strerror}") from error
    if not answers.dvc and data.stat().st_size > _LARGE:
        reporter.warn(f"{data.name} is large for git; without --no-dvc, DVC would hold it")


def _put_under_control(project: Path, answers: Answers, *, git: bool, keep: bool) -> str | None:
    """Sets up git and DVC; returns the commit if the repository is kept."""
    if git:
        vcs.run(project, "init", "--quiet", "--initial-branch=main")
    if answers.dvc:
        from mlops_cli import versioning

        data = project / answers.data_path if answers.data_path else None
        versioning.init(project, git=git, data=data)
    if git and keep:
        message = f"Start {answers.name} with mlops init"
        return vcs.commit_everything(project, message, forced=(template.BASE,))
    if git:
        # DVC wrote what git needs to ignore; the repository around the project takes it from here.
        shutil.rmtree(project / ".git")
    return None
