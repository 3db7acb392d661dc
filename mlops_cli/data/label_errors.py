"""Doubtful labels: rows dealt to folds, a linear baseline, and cleanlab's ranking of the rows.

Confident learning (Northcutt, Jiang and Chuang, 2021): a label is doubted when a model that has
not seen the row finds it unlikely and is more sure of another.
"""

import random
import warnings
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from cleanlab.count import num_label_issues
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from mlops_cli.data.examples import Examples
from mlops_cli.errors import DataError
from mlops_cli.reporting import Reporter

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_WORDS_AND_SIGNS = r"(?u)\b\w+\b|[^\w\s]"
_MOST_FEATURES = 100_000
"""Of words and of characters, the most frequent: what bounds the memory of the baseline."""


def deal(examples: Examples, count: int, seed: int) -> Integers:
    """The fold of each row, from 0; classes keep their shares, equal texts stay together.

    Args:
        examples: The rows.
        count: How many folds.
        seed: Same rows and seed, same folds.

    Raises:
        DataError: There are fewer different texts than folds.
    """
    first: dict[tuple[str, ...], int] = {}
    keys = examples.keys()
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    if len(first) < count:
        raise DataError(
            f"{len(first)} different texts are too few for {count} folds",
            hint=f"--folds {len(first)}" if len(first) > 1 else "add rows",
        )
    classes: dict[str, list[int]] = defaultdict(list)
    for row in first.values():
        classes[examples.targets[row]].append(row)
    draw, dealt = random.Random(f"folds {seed}"), 0
    fold_of: dict[int, int] = {}
    for label in sorted(classes):
        draw.shuffle(classes[label])
        # Dealing goes on where the last class ended, so that folds are of equal size.
        for row in classes[label]:
            fold_of[row] = dealt % count
            dealt += 1
    return np.array([fold_of[first[key]] for key in keys], dtype=np.int64)


def checkable(examples: Examples, folds: Integers, reporter: Reporter) -> list[int]:
    """Positions of the rows whose label occurs in several folds, so that each can be learnt.

    Raises:
        DataError: Fewer than two labels are left.
    """
    places: dict[str, set[int]] = defaultdict(set)
    for target, fold in zip(examples.targets, folds.tolist(), strict=True):
        places[target].add(fold)
    rare = sorted(label for label, within in places.items() if len(within) < 2)
    if len(places) - len(rare) < 2:
        raise DataError(
            "too few rows to doubt a label: two labels need two different texts each",
            hint="add rows, or look at more of them: --split all",
        )
    rows = [row for row, target in enumerate(examples.targets) if target not in rare]
    if rare:
        named = ", ".join(map(repr, rare[:5])) + (", …" if len(rare) > 5 else "")
        reporter.warn(
            f"rows not checked, as their label has too few texts: "
            f"{len(examples) - len(rows)} ({named})"
        )
    return rows


def linear(
    texts: list[str], targets: Integers, folds: Integers, seed: int, reporter: Reporter
) -> Floats:
    """Out-of-sample probabilities of logistic regression on tf-idf of words and characters.

    Term weights come from all texts, which tells nothing of a label.

    Args:
        texts: The rows.
        targets: Class ids 0 … classes - 1 of shape (rows,), each outside of every fold.
        folds: The fold of each row, of shape (rows,).
        seed: Seed of the solver.
        reporter: Told of progress.

    Returns:
        Shape (rows, classes).
    """
    with reporter.task("words and characters", 1) as progress:
        terms = _vectorizer().fit_transform(texts).tocsr()
        progress.advance()
    model = LogisticRegression(C=3.0, tol=1e-3, max_iter=300, random_state=seed)
    return _cross_validated(model, terms, targets, folds, reporter)


def linear_on(
    features: NDArray[np.float32],
    targets: Integers,
    folds: Integers,
    seed: int,
    reporter: Reporter,
) -> Floats:
    """Out-of-sample probabilities of logistic regression on features of any kind.

    Args:
        features: Of shape (rows, features).
        targets: As in `linear`.
        folds: As in `linear`.
        seed: As in `linear`.
        reporter: Told of progress.

    Returns:
        Shape (rows, classes).
    """
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    # Many correlated features want strong regularisation.
    model = LogisticRegression(C=1e-3, tol=1e-3, max_iter=300, random_state=seed)
    return _cross_validated(model, scaled, targets, folds, reporter)


def _cross_validated(
    model: LogisticRegression, features: Any, targets: Integers, folds: Integers, reporter: Reporter
) -> Floats:
    """Fits the model to all folds but one, and asks it about that one, in turn."""
    count = int(folds.max()) + 1
    found = np.zeros((len(targets), int(targets.max()) + 1))
    with reporter.task("logistic regression", count) as progress:
        for fold in range(count):
            inside = folds == fold
            with warnings.catch_warnings():
                # Nearly converged ranks as well as converged.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(features[~inside], targets[~inside])
            found[inside] = model.predict_proba(features[inside])
            progress.advance()
    return found


def _vectorizer() -> TfidfVectorizer:
    words = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=_WORDS_AND_SIGNS,
        sublinear_tf=True,
        max_features=_MOST_FEATURES,
    )
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=_MOST_FEATURES
    )
    return make_union(words, characters)


@dataclass(frozen=True)
class Ranking:
    """How much each row's label is doubted.

    Attributes:
        quality: Label quality score of each row, from 0 (surely wrong) to 1; shape (rows,).
        suspects: Positions of the rows whose label is probably wrong, worst first.
        noise_rate: Estimated share of wrong labels.
    """

    quality: Floats
    suspects: list[int]
    noise_rate: float

    def order(self) -> list[int]:
        """Positions of all rows, most doubted first: the suspects, then the others."""
        suspected = set(self.suspects)
        others = np.argsort(self.quality, kind="stable").tolist()
        return self.suspects + [row for row in others if row not in suspected]


def rank(targets: Integers, probabilities: Floats) -> Ranking:
    """Ranks the rows by cleanlab's self-confidence; as many are suspected as it counts errors.

    Args:
        targets: Class ids of shape (rows,).
        probabilities: Out of sample, of shape (rows, classes).
    """
    quality = get_label_quality_scores(targets, probabilities, method="self_confidence")
    suspects = find_label_issues(
        targets,
        probabilities,
        filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    return Ranking(
        quality=np.asarray(quality, dtype=np.float64),
        suspects=[int(row) for row in suspects],
        noise_rate=float(num_label_issues(targets, probabilities)) / len(targets),
    )
