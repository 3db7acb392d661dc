"""Results of `mlops data label-errors`: rows whose label is doubted, and what a review changed."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Suspect:
    """One row whose label is probably wrong.

    Attributes:
        source: The file it comes from, or the split where there is no file.
        row: Its line in the file (Parquet: its row), as a person counts, from 1.
        text: Its text.
        label: The label it has.
        suggested: The label it probably should have.
        quality: Label quality score, from 0 (surely wrong) to 1 (surely right).
        label_probability: Out-of-sample probability of the label it has.
        suggested_probability: Out-of-sample probability of the suggested label.
    """

    source: str
    row: int
    text: str
    label: str
    suggested: str
    quality: float
    label_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class LabelErrorsResult:
    """The rows whose label is probably wrong.

    Attributes:
        by: What gave the probabilities: linear, features, model, some of these joined by +, or
            the id of a run.
        split: The rows looked at: train, validation, test or all.
        rows: How many rows were looked at.
        unchecked: Rows left out because their label has too few texts.
        labels: How many different labels there are.
        suspected: How many rows probably have a wrong label.
        noise_rate: Their estimated share of the rows.
        accuracy: Share of the rows whose label was predicted out of sample.
        mcc: Matthews correlation coefficient of the same predictions; near 0, the
            probabilities tell nothing and the suspicions are of no use.
        majority_class: Share of the most frequent label, to hold the accuracy against.
        worst: The suspects, worst first; as many as were asked for.
        path: CSV file with all of them, to review; with `--all`, with the other rows after them.
        seconds: Wall time.
    """

    by: str
    split: str
    rows: int
    unchecked: int
    labels: int
    suspected: int
    noise_rate: float
    accuracy: float
    mcc: float
    majority_class: float
    worst: list[Suspect]
    path: Path
    seconds: float


@dataclass(frozen=True)
class ChangedFile:
    """What a review changed in one data file.

    Attributes:
        path: The data file.
        relabelled: Rows that have another label now.
        dropped: Rows that are gone.
        record: The file beside it that says what was changed, when, and by which review.
        sha256: SHA-256 of the file now.
        dvc: Its DVC file, renewed; None where DVC does not hold the data.
    """

    path: Path
    relabelled: int
    dropped: int
    record: Path
    sha256: str
    dvc: Path | None


@dataclass(frozen=True)
class ReviewResult:
    """A review that was put into the data.

    Attributes:
        review: The reviewed file.
        kept: Rows whose label was found right.
        open: Rows without a verdict, left as they are.
        files: What was changed; empty when nothing was to be changed.
        commit: Paths to commit, for git to know of the change.
    """

    review: Path
    kept: int
    open: int
    files: list[ChangedFile] = field(default_factory=list)
    commit: list[Path] = field(default_factory=list)
