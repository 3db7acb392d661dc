"""Classifier two-sample tests: can a model tell which of the two tables a row comes from?

Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests. Here the figure is the area
under the ROC curve (AUC), so that tables of different sizes are compared alike.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm, rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from mlops_cli.data.drift.sides import Values
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.drift import DriftCheck

ALL = "(all columns)"
"""What the check of all columns together is called."""

_HASHES = 2**18
_CHARACTERS = 1_500_000
"""Characters of all texts together that the classifier reads; longer texts are cut."""
_SHORTEST_CUT = 200
_CELLS = 2_000_000
"""Values of all rows together that the classifier of tables reads."""
_MOST_CATEGORIES = 100
_CONFIDENCE = 1.959964

Fit = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Trains on the first rows, scores the second."""


@dataclass(frozen=True)
class Domains:
    """Rows of both tables, one below the other.

    Attributes:
        labels: 0 for rows of the reference, 1 for those of the current table.
        folds: The fold of each row: random, the same for rows of the same content.
    """

    labels: NDArray[np.int64]
    folds: NDArray[np.int64]


def domains(
    reference: Sequence[Hashable], current: Sequence[Hashable], folds: int, seed: int
) -> Domains:
    """Puts rows into shuffled folds, rows of the same content into the same one.

    A row that a model has seen with one answer must not be asked again, whatever table the copy
    is in. Rows of a file are often grouped, so folds are never runs of rows.
    """
    random = np.random.default_rng(seed)
    places: dict[Hashable, int] = {}
    groups = [places.setdefault(content, len(places)) for content in [*reference, *current]]
    dealt = random.permutation(len(places)) % folds
    labels = np.repeat([0, 1], [len(reference), len(current)])
    return Domains(labels, dealt[np.array(groups)])


def text_check(
    column: str,
    texts: Sequence[str],
    split: Domains,
    *,
    floor: float,
    seed: int,
    reporter: Reporter,
) -> DriftCheck:
    """Tells texts apart by words and groups of three characters, with logistic regression.

    Args:
        column: The column.
        texts: Texts of both tables, as many as `split` has labels.
        split: Where they come from, and their folds.
        floor: The smallest AUC that matters.
        seed: Seed of the model.
        reporter: Shown a bar.
    """
    length = _SHORTEST_CUT
    lengths = np.array([len(text) for text in texts])
    while np.minimum(lengths, length).sum() < _CHARACTERS and length < lengths.max():
        length *= 2
    cut = [text[:length].lower() for text in texts]
    words = HashingVectorizer(
        n_features=_HASHES, token_pattern=r"\w+|[^\w\s]", alternate_sign=False, norm=None
    )
    characters = HashingVectorizer(
        n_features=_HASHES, analyzer="char_wb", ngram_range=(3, 3), alternate_sign=False, norm=None
    )
    parts = [
        TfidfTransformer(sublinear_tf=True).fit_transform(vectorizer.transform(cut))
        for vectorizer in (words, characters)
    ]
    features = sparse.csr_matrix(sparse.hstack(parts))
    # Columns that are in one row only tell nothing of another.
    features = features[:, np.asarray((features > 0).sum(axis=0)).ravel() > 1]

    def fit(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        model = LogisticRegression(
            solver="liblinear", C=10.0, class_weight="balanced", random_state=seed
        )
        model.fit(features[train], split.labels[train])
        return np.asarray(model.decision_function(features[test]), dtype=float)

    return _check(column, fit, split, floor=floor, reporter=reporter)


def table_check(
    columns: dict[str, Values],
    split: Domains,
    *,
    floor: float,
    seed: int,
    reporter: Reporter,
) -> DriftCheck:
    """Tells rows apart by all their numbers and categories together, with boosted trees.

    Trees see what no single column shows, such as two columns that no longer go together.

    Args:
        columns: Values of both tables by column: floats, or objects for categories.
        split: Where they come from, and their folds.
        floor: The smallest AUC that matters.
        seed: Seed of the model.
        reporter: Shown a bar.
    """
    rows = max(1000, _CELLS // len(columns))
    kept = np.arange(len(split.labels))
    if len(kept) > rows:
        kept = np.sort(np.random.default_rng(seed).choice(kept, rows, replace=False))
    part = Domains(split.labels[kept], split.folds[kept])
    features = np.column_stack([_encoded(values[kept]) for values in columns.values()])
    categorical = [values.dtype == object for values in columns.values()]

    def fit(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        model = HistGradientBoostingClassifier(
            max_iter=50,
            max_leaf_nodes=15,
            early_stopping=False,
            categorical_features=categorical,
            class_weight="balanced",
            random_state=seed,
        )
        model.fit(features[train], part.labels[train])
        return np.asarray(model.decision_function(features[test]), dtype=float)

    return _check(ALL, fit, part, floor=floor, reporter=reporter)


def _encoded(values: Values) -> NDArray[np.float64]:
    """Floats as they are; categories as numbers by frequency, the rarest together."""
    if values.dtype != object:
        return values.astype(float)
    names, counts = np.unique([v for v in values if v is not None], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes: dict[Any, int] = {
        str(names[place]): min(rank, _MOST_CATEGORIES) for rank, place in enumerate(order)
    }
    return np.array([np.nan if v is None else codes[v] for v in values], dtype=float)


def _check(
    column: str, fit: Fit, split: Domains, *, floor: float, reporter: Reporter
) -> DriftCheck:
    """Cross-validates, and holds the mean AUC against a coin's.

    Folds share training rows, so their AUCs vary together: their variance is enlarged as Nadeau
    & Bengio (2003), Inference for the generalization error, do. Under the null hypothesis the
    variance of one fold's AUC is the Mann-Whitney statistic's, else Hanley & McNeil's (1982).
    """
    areas, sizes = [], []
    folds = int(split.folds.max()) + 1
    # So few rows are learnt faster by one thread than by many that wait for each other.
    with (
        threadpool_limits(1),
        reporter.task(f"telling the tables apart by {column}", folds) as progress,
    ):
        for fold in range(folds):
            test = np.flatnonzero(split.folds == fold)
            train = np.flatnonzero(split.folds != fold)
            counts = np.bincount(split.labels[test], minlength=2)
            if counts.min() and np.bincount(split.labels[train], minlength=2).min():
                areas.append(_auc(fit(train, test), split.labels[test]))
                sizes.append(counts)
            progress.advance()
    area = float(np.mean(areas))
    first, second = np.mean(sizes, axis=0)
    enlarged = 1 / len(areas) + 1 / max(1, len(areas) - 1)
    null = (first + second + 1) / (12 * first * second)
    one = area / (2 - area) - area**2
    two = 2 * area**2 / (1 + area) - area**2
    own = (area * (1 - area) + (second - 1) * one + (first - 1) * two) / (first * second)
    margin = _CONFIDENCE * float(np.sqrt(max(own, 0.0) * enlarged))
    return DriftCheck(
        column=column,
        aspect="domain classifier",
        test="classifier two-sample test",
        measure="AUC",
        effect=area,
        floor=floor,
        p=float(norm.sf((area - 0.5) / np.sqrt(null * enlarged))),
        detail=f"{len(split.labels):,} rows, {len(areas)} folds",
        low=max(0.0, area - margin),
        high=min(1.0, area + margin),
    )


def _auc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Chance that a row of the current table scores above one of the reference."""
    ranks = rankdata(scores)
    positive = int(labels.sum())
    negative = len(labels) - positive
    return float((ranks[labels == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))
