"""Config group `validation`: how bad each fault of the data is, and where a fault begins."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.schemas.option import option

SEVERITIES = ("error", "warning", "info", "ignore")
"""How bad a fault is; `ignore` leaves its check out."""


def _check(help: str, default: str) -> Any:  # noqa: A002 - as in `option`
    return option(help, default, choices=SEVERITIES)


@dataclass
class ValidationConfig:
    """The severity of each check (error, warning, info, ignore), then the thresholds."""

    missing_columns: str = _check("A column of the schema is not there.", "error")
    extra_columns: str = _check("A column is not in the schema.", "info")
    wrong_types: str = _check("Values that are not of the schema's type.", "error")
    unknown_values: str = _check("Values that the schema's category does not have.", "error")
    out_of_range: str = _check("Values or lengths beyond the schema's limits.", "warning")
    missing_values: str = _check("More missing values than the schema allows.", "error")
    repeated_keys: str = _check(
        "Repeated values in a column that the schema calls unique.", "error"
    )
    empty_texts: str = _check("Rows without text.", "error")
    missing_labels: str = _check("Rows without label.", "error")
    duplicates: str = _check("Rows whose input is there before.", "warning")
    conflicting_labels: str = _check("The same input with different labels.", "warning")
    near_duplicates: str = _check("Texts that nearly equal an earlier one.", "info")
    leakage: str = _check("Inputs of an earlier split in a later one.", "warning")
    near_leakage: str = _check("Texts of a later split that nearly equal one of train.", "warning")
    unseen_classes: str = _check("Labels of a later split that train does not have.", "error")
    missing_classes: str = _check("Labels of train that a later split does not have.", "warning")
    tiny_classes: str = _check("Classes with fewer rows than class_rows.", "warning")
    imbalance: str = _check("The largest class is class_ratio times the smallest.", "info")
    text_length: str = _check("Texts far shorter or longer than the others.", "info")
    mojibake: str = _check("UTF-8 that was read as another encoding, such as Ã©.", "warning")
    replacement_characters: str = _check("Characters that were lost in decoding.", "warning")
    control_characters: str = _check("Invisible characters, such as backspace.", "warning")
    mixed_scripts: str = _check("Words that mix Latin with Greek or Cyrillic letters.", "info")
    foreign_script: str = _check("Texts in another script than most.", "info")
    html: str = _check("Remnants of HTML, such as <br /> and &amp;.", "warning")
    constant_columns: str = _check("Columns with a single value.", "warning")
    incomplete_columns: str = _check("Columns with missing values.", "info")
    identifiers: str = _check("Columns of a table without text that number its rows.", "info")
    redundant_columns: str = _check("Columns that say the same, value by value.", "info")
    label_leak: str = _check("Columns that give the label away.", "warning")
    skew_columns: str = _check("Columns of train that the other file lacks.", "error")
    skew_values: str = _check("Categories of the other file that train never has.", "warning")
    skew_range: str = _check("Values of the other file beyond those of train.", "warning")
    skew_missing: str = _check("More missing values than in train.", "warning")
    skew_length: str = _check("Texts of other lengths than in train.", "warning")
    skew_words: str = _check("More words that train does not have than expected.", "warning")
    similarity: float = option(
        "Texts are near-duplicates from this share of common character 5-grams on.",
        0.8,
        minimum=0.7,
        maximum=1,
    )
    near_share: float = option(
        "Share of a later split's texts from which near_leakage is more than a note.",
        0.05,
        minimum=0,
        maximum=1,
    )
    class_rows: int = option("Rows that a class must have in each split.", 10, minimum=1)
    class_ratio: float = option(
        "How many times the smallest class the largest may be.", 10.0, minimum=1
    )
    missing_increase: float = option(
        "How much larger than in train the share of missing values may be.",
        0.05,
        minimum=0,
        maximum=1,
    )
    length_shift: float = option(
        "Largest Kolmogorov-Smirnov distance of the text lengths from those of train.",
        0.1,
        minimum=0,
        maximum=1,
    )
    words_increase: float = option(
        "How much larger the share of words that are new may be than within train.",
        0.05,
        minimum=0,
        maximum=1,
    )


@dataclass(frozen=True)
class Example:
    """Rows that show a fault.

    Attributes:
        rows: Their numbers: lines of a text file, else rows from 1; empty where none is meant.
        value: What is there, shortened.
    """

    rows: list[int]
    value: str


@dataclass(frozen=True)
class Anomaly:
    """One fault of the data.

    Attributes:
        name: The check, which is its key in the config group `validation`.
        severity: error, warning or info.
        message: What is wrong, in one sentence.
        split: The split (train, validation, test) or the other file.
        column: The column, where one is meant.
        count: How many rows, values or columns are concerned.
        share: Their share of all such rows, values or columns.
        examples: Up to five.
        fix: What to do or type.
    """

    name: str
    severity: str
    message: str
    split: str
    column: str | None
    count: int
    share: float
    examples: list[Example]
    fix: str


@dataclass(frozen=True)
class ValidationResult:
    """What is wrong with the data.

    Attributes:
        data: The data source.
        rows: Rows of each split or file that was looked at.
        schema: The schema the columns were held to, or None.
        against: The file that was compared with train, or None.
        checks: Names of the checks that were made.
        anomalies: The faults, the worst first.
        errors: How many of them are errors.
        warnings: How many are warnings.
        infos: How many are neither.
        seconds: Wall time.
    """

    data: str
    rows: dict[str, int]
    schema: Path | None
    against: Path | None
    checks: list[str]
    anomalies: list[Anomaly] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    seconds: float = 0.0
