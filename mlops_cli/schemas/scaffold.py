"""What a new project is made from, and what `mlops init` and `mlops update` answer."""

from dataclasses import dataclass, field
from pathlib import Path

from mlops_cli.wording import counted


@dataclass(frozen=True)
class Wishes:
    """What the user asked a new project to be; None leaves it to the defaults.

    Attributes:
        name: Name of the project.
        task: Choice of the config group `task`.
        model: Choice of the config group `model`.
        tracker: Choice of the config group `tracker`.
        data: A data file to copy into the project; None for the built-in sentences.
        text: Column of that file that holds the text.
        label: Column of that file that holds the label.
        text_pair: Column of that file that holds the second text of a pair.
    """

    name: str | None = None
    task: str | None = None
    model: str | None = None
    tracker: str | None = None
    data: Path | None = None
    text: str | None = None
    label: str | None = None
    text_pair: str | None = None


@dataclass(frozen=True)
class Answers:
    """What the template asks (template/copier.yml) and `.copier-answers.yml` records."""

    name: str
    task: str
    data_path: str
    data: str
    text: str
    label: str
    model: str
    tracker: str
    dvc: bool
    text_pair: str = ""


@dataclass(frozen=True)
class DataLook:
    """What a first look at a data file found.

    Attributes:
        text: Column that holds the text.
        label: Column that holds the label.
        guessed: Which of the two were guessed: "text", "label".
        rows: Rows looked at.
        complete: Whether these are all the rows.
        classes: The classes in them, most frequent first.
        text_pair: Column that holds the second text of a pair; None where rows have one text.
        task: The task that is asked for, or looks likely.
    """

    text: str
    label: str
    guessed: tuple[str, ...]
    rows: int
    complete: bool
    classes: list[str]
    text_pair: str | None = None
    task: str = "text_classification"

    @property
    def summary(self) -> str:
        """One line for people."""
        shown = ", ".join(label[:20] for label in self.classes[:5])
        more = ", …" if len(self.classes) > 5 else ""
        first = "" if self.complete else "the first "
        guess = f" (guessed: {' and '.join(self.guessed)})" if self.guessed else ""
        texts = f"text column {self.text!r}, "
        if self.text_pair is not None:
            texts = f"text columns {self.text!r} and {self.text_pair!r}, "
        held = f"{len(self.classes)} classes"
        if self.task in ("text_regression", "text_similarity"):
            held = f"{len(self.classes)} different numbers"
        task = "" if self.task == "text_classification" else f" (task {self.task})"
        return (
            f"{texts}label column {self.label!r}{guess}: "
            f"{held} in {first}{counted(self.rows, 'row')}: {shown}{more}{task}"
        )


@dataclass(frozen=True)
class InitResult:
    """A new project.

    Attributes:
        path: Its folder.
        answers: What it was made from.
        data: What was found in its data file; None with the built-in sentences.
        git: "new" for a repository of its own, "outer" inside another one, "none" without.
        commit: The first commit; None unless `git` is "new".
        template: Version of the template.
        files: What was rendered, relative to the folder.
        changed: Whether anything was done; not so where the same command had made it before.
    """

    path: Path
    answers: Answers
    data: DataLook | None
    git: str
    commit: str | None
    template: str
    files: list[str]
    changed: bool = True


@dataclass(frozen=True)
class UpdateResult:
    """What a newer template changed in a project.

    Attributes:
        path: The project.
        before: Version of the template it came from.
        after: Version of the present template.
        written: False after a mere check.
        added: New files.
        changed: Files with changes merged in, cleanly or not.
        deleted: Files the template no longer has.
        conflicts: Files among these, or beside them, that need a person.
        kept: Files kept as the user has them, each with the reason.
    """

    path: Path
    before: str
    after: str
    written: bool
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def up_to_date(self) -> bool:
        """Whether the project already has what the present template gives."""
        return not (self.added or self.changed or self.deleted or self.conflicts)
