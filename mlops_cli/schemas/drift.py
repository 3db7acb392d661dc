"""Config group `drift`: when two tables count as different, and what a comparison found."""

from dataclasses import dataclass
from pathlib import Path

from mlops_cli.schemas.option import option


@dataclass
class DriftConfig:
    """Drift settings: it needs both evidence (`alpha`) and size (the `min_` settings)."""

    alpha: float = option(
        "Chance of any false alarm in one comparison, all its tests together (Holm).",
        0.01,
        above=0,
        below=1,
    )
    min_distance: float = option(
        "Smallest distance that matters, of numbers (Kolmogorov-Smirnov) and of categories and "
        "labels (total variation): 0 to 1.",
        0.1,
        minimum=0,
        maximum=1,
    )
    min_share: float = option(
        "Smallest change that matters in the share of missing values or unknown words.",
        0.05,
        minimum=0,
        maximum=1,
    )
    min_auc: float = option(
        "Smallest AUC of the domain classifier that matters (0.5: can't tell the tables apart).",
        0.55,
        minimum=0.5,
        maximum=1,
    )
    sample_rows: int = option(
        "Rows of each table that the classifiers see; the other figures are of all rows.",
        10_000,
        minimum=100,
    )
    min_rows: int = option("Fewer rows than this in a table are too few to tell.", 50, minimum=10)
    folds: int = option("Folds of the classifiers' cross-validation.", 5, minimum=2, maximum=20)


@dataclass(frozen=True)
class DriftCheck:
    """One test of one aspect of a column, or of all columns together.

    Attributes:
        column: The column, or `(all columns)`.
        aspect: What of it was compared: values, missing, classifier, length, …
        test: The statistical test.
        measure: What the effect is: KS distance, total variation, AUC, …
        effect: How far apart the tables are.
        low: Lower end of the effect's 95 % confidence interval, where there is one.
        high: Its upper end.
        floor: The smallest effect that matters.
        p: The p-value of the test alone.
        p_adjusted: The p-value after the correction for all tests of the comparison.
        drifted: Whether the adjusted p-value is below alpha and the effect reaches the floor.
        detail: The figures behind it, for people.
    """

    column: str
    aspect: str
    test: str
    measure: str
    effect: float
    floor: float
    p: float
    detail: str
    low: float | None = None
    high: float | None = None
    p_adjusted: float = 1.0
    drifted: bool = False


@dataclass(frozen=True)
class DriftResult:
    """What differs between two tables.

    Attributes:
        reference: The table that is held to be right.
        current: The table that is compared with it.
        rows_reference: Rows of the one.
        rows_current: Rows of the other.
        drifted: Whether any check says so.
        reasons: Why, the largest evidence first; empty when nothing drifted.
        checks: Every check, those that drifted first.
        columns: How each compared column was read: numeric, categorical, text or label.
        ignored: Why each of the other columns was not compared.
        notes: What a person should know to read the verdict.
        alpha: Chance of any false alarm.
        correction: How p-values are adjusted for the number of checks.
        sampled_reference: Rows of the reference that the classifiers saw.
        sampled_current: Rows of the current table that they saw.
        seed: Seed of samples and folds.
        seconds: Wall time.
    """

    reference: Path
    current: Path
    rows_reference: int
    rows_current: int
    drifted: bool
    reasons: list[str]
    checks: list[DriftCheck]
    columns: dict[str, str]
    ignored: dict[str, str]
    notes: list[str]
    alpha: float
    correction: str
    sampled_reference: int
    sampled_current: int
    seed: int
    seconds: float
