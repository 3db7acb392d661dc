"""What `mlops data add` is asked for, and what it made."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AddWishes:
    """What the user asked for; None leaves it to be found out.

    Attributes:
        source: A file, a folder, a URL or the id of a data set on the hub.
        name: What the data is called in the project: `data=NAME`.
        text: Column that holds the text.
        label: Column that holds the label.
        target: Column that holds a number to be predicted.
        text_pair: Column that holds the second text of a pair.
        move: Take the files away from where they are.
        force: Replace data, schema and config of that name.
        sql: A query, instead of a source.
        url: SQLAlchemy's URL of the database that the query is for.
        settings: `data.KEY=VALUE` words: how the source is read.
    """

    source: str | None = None
    name: str | None = None
    text: str | None = None
    label: str | None = None
    target: str | None = None
    move: bool = False
    force: bool = False
    sql: str | None = None
    url: str | None = None
    settings: tuple[str, ...] = ()
    text_pair: str | None = None


@dataclass(frozen=True)
class Kind:
    """What a table could be used for.

    Attributes:
        task: Such as text_classification.
        text: The text column, where there is one.
        label: The label or target column, where it is known.
        guessed: Which of "text" and "label" were guessed.
        trainable: Whether `mlops train` can learn from it.
        note: What a person should know about it; empty where there is nothing to say.
        text_pair: The column of the second text, where texts come in pairs.
    """

    task: str
    text: str | None = None
    label: str | None = None
    guessed: tuple[str, ...] = ()
    trainable: bool = False
    note: str = ""
    text_pair: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns that play a part, by the key of `data` that names them."""
        found = {"text": self.text, "text_pair": self.text_pair, "label": self.label}
        return {part: name for part, name in found.items() if name is not None}

    @property
    def command(self) -> str:
        """What uses such data, to be followed by `data=NAME`."""
        use = "train" if self.trainable else "data stats"  # Which needs no label.
        return " ".join(["mlops", use, *self.settings])

    @property
    def settings(self) -> list[str]:
        """What is to be set beside `data`."""
        if not self.trainable or self.task == "text_classification":
            return []
        return [f"task={self.task}", *(["model=trees"] if self.tabular else [])]

    @property
    def classifies(self) -> bool:
        """Whether a label is one class."""
        return self.task.endswith("_classification") and not self.task.startswith(
            ("multi_label", "token")
        )

    @property
    def counts(self) -> bool:
        """Whether a label is a number."""
        return self.task.endswith(("_regression", "_similarity"))

    @property
    def tabular(self) -> bool:
        """Whether a row is numbers and categories."""
        return self.task.startswith("tabular_")

    @property
    def title(self) -> str:
        """The task for people: Text classification."""
        return self.task.replace("_", " ").capitalize()


@dataclass(frozen=True)
class AddedFile:
    """One file of the data.

    Attributes:
        split: train, validation or test.
        path: The file, from the project's root.
        rows: Its rows.
        bytes: Its size.
    """

    split: str
    path: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class AddResult:
    """Data that the project now has.

    Attributes:
        name: `data=NAME` trains on it.
        source: Where it came from, without credentials.
        kind: What it could be used for.
        files: Its files; none for a data set on the hub.
        types: The type of each column, in order.
        classes: Rows of each class of the training file, the largest first; empty for numbers.
        config: The config file, from the project's root.
        schema: The schema file; None for a data set on the hub.
        dvc: Whether DVC holds the files.
        commit: The files that git should have.
        git: Whether there is a git repository to commit them to.
        changed: Whether anything was done; not so where the same command had added it before.
    """

    name: str
    source: str
    kind: Kind
    files: list[AddedFile]
    types: dict[str, str]
    classes: dict[str, int]
    config: str
    schema: str | None
    dvc: bool
    commit: list[str] = field(default_factory=list)
    git: bool = True
    changed: bool = True
