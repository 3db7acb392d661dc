"""What the classifiers see of rows: words and characters of texts, numbers and categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from mlops_cli.data.drift.sides import Values

_HASHES = 2**18
_CHARACTERS = 1_500_000
"""Characters of all texts together that a classifier reads; longer texts are cut."""
_SHORTEST_CUT = 200
_MOST_CATEGORIES = 100
_LEVELS = np.linspace(0, 1, 65)[1:-1]
"""Quantiles between which the trees tell numbers apart."""

Rows = NDArray[np.int64]


class Learner(Protocol):
    """Features of rows of both tables, and the model that suits them."""

    def fit(self, rows: Rows, answers: NDArray[Any]) -> "Learner":
        """Trains on some rows."""

    def score(self, rows: Rows) -> NDArray[np.float64]:
        """How much rows look like the second of two answers."""

    def answer(self, rows: Rows) -> NDArray[Any]:
        """The likeliest answer for rows."""

    def part(self, rows: Rows) -> "Learner":
        """The same of some of the rows."""


@dataclass
class _Learner:
    """A model of scikit-learn on rows of a matrix."""

    features: Any
    model: Any

    def fit(self, rows: Rows, answers: NDArray[Any]) -> "_Learner":
        self.model.fit(self.features[rows], answers)
        return self

    def score(self, rows: Rows) -> NDArray[np.float64]:
        return np.asarray(self.model.decision_function(self.features[rows]), dtype=float)

    def answer(self, rows: Rows) -> NDArray[Any]:
        return np.asarray(self.model.predict(self.features[rows]))

    def part(self, rows: Rows) -> "_Learner":
        return _Learner(self.features[rows], clone(self.model))


def cut(texts: Sequence[str]) -> list[str]:
    """The beginnings of texts, as much of them as is looked at, in small letters."""
    length = _SHORTEST_CUT
    lengths = np.array([len(text) for text in texts])
    while np.minimum(lengths, length).sum() < _CHARACTERS and length < lengths.max():
        length *= 2
    return [text[:length].lower() for text in texts]


def of_texts(texts: Sequence[str], seed: int) -> Learner:
    """Logistic regression on the weighted words and groups of three characters of cut texts."""
    words = HashingVectorizer(
        n_features=_HASHES, token_pattern=r"\w+|[^\w\s]", alternate_sign=False, norm=None
    )
    characters = HashingVectorizer(
        n_features=_HASHES, analyzer="char_wb", ngram_range=(3, 3), alternate_sign=False, norm=None
    )
    parts = [
        TfidfTransformer(sublinear_tf=True).fit_transform(vectorizer.transform(texts))
        for vectorizer in (words, characters)
    ]
    features = sparse.csr_matrix(sparse.hstack(parts))
    # Columns that are in one row only tell nothing of another.
    features = features[:, np.asarray((features > 0).sum(axis=0)).ravel() > 1]
    model = LogisticRegression(
        solver="liblinear", C=10.0, class_weight="balanced", random_state=seed
    )
    # This solver is by far the fastest here, and knows two answers only.
    return _Learner(features, OneVsRestClassifier(model))


def of_columns(columns: dict[str, Values], seed: int) -> Learner:
    """Boosted trees on numbers and categories.

    Trees see what no single column shows, such as two columns that no longer go together.

    Args:
        columns: Values of both tables by column: floats, or objects for categories.
        seed: Seed of the model.
    """
    features = np.column_stack([_encoded(values) for values in columns.values()])
    model = HistGradientBoostingClassifier(
        max_iter=50,
        max_leaf_nodes=15,
        early_stopping=False,
        categorical_features=[values.dtype == object for values in columns.values()],
        class_weight="balanced",
        random_state=seed,
    )
    return _Learner(features, model)


def _encoded(values: Values) -> NDArray[np.float64]:
    """Numbers as their place among quantiles; categories by frequency, the rarest together."""
    if values.dtype != object:
        # The trees would look for bins themselves, anew in each fold and far more slowly.
        there = values[~np.isnan(values)]
        edges = np.unique(np.quantile(there, _LEVELS)) if len(there) else there
        return np.where(np.isnan(values), np.nan, np.searchsorted(edges, values))
    names, counts = np.unique([v for v in values if v is not None], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes: dict[Any, int] = {
        str(names[place]): min(rank, _MOST_CATEGORIES) for rank, place in enumerate(order)
    }
    return np.array([np.nan if v is None else codes[v] for v in values], dtype=float)
