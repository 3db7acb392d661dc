"""How far counting words gets: the score that a model has to beat to know any more than words.

Classes: multinomial naive Bayes with Laplace smoothing, as in Manning, Raghavan and Schütze,
Introduction to Information Retrieval (2008), section 13.2. Numbers: ridge regression on tf-idf.
Both have scikit-learn's defaults.
"""

import re
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_Positions = tuple[NDArray[np.int64], NDArray[np.int64]]
_PENALTY, _ITERATIONS, _CLOSE = 1.0, 200, 1e-6
"""Of the ridge regression, and of conjugate gradients, which solve it."""


def fit_score(
    train_texts: list[str],
    train_ids: NDArray[np.int64],
    texts: list[str],
    ids: NDArray[np.int64],
    classes: int,
) -> float:
    """Fits on the training texts (class ids in 0 … classes - 1) and gives the accuracy on `texts`.

    Words are runs of letters and digits, lower-cased; words that training never saw are ignored.
    """
    train, found, words = _vectors(train_texts, texts)
    answers = _naive_bayes(train, train_ids, found, (len(texts), words, classes))
    return float((answers == ids).mean())


def fit_labels(
    train_texts: list[str], train: NDArray[np.bool_], texts: list[str]
) -> NDArray[np.bool_]:
    """Which labels `texts` have, (rows, labels), each label against the rest as in `fit_score`.

    Args:
        train_texts: What is fitted to.
        train: Which labels they have, (rows, labels).
        texts: What is asked.
    """
    seen, found, words = _vectors(train_texts, texts)
    shape = len(texts), words, 2
    answers = [_naive_bayes(seen, has.astype(np.int64), found, shape) for has in train.T]
    has_label: NDArray[np.bool_] = np.stack(answers, axis=1) == 1
    return has_label


def fit_numbers(
    train_texts: list[str], train: NDArray[np.float64], texts: list[str]
) -> NDArray[np.float64]:
    """The numbers (rows,) of `texts`, by ridge regression on the tf-idf of their words.

    Args:
        train_texts: What is fitted to.
        train: Their numbers, (rows,).
        texts: What is asked.
    """
    (rows, columns), (asked_rows, asked), words = _vectors(train_texts, texts)
    known, count = np.unique(rows * words + columns, return_counts=True)
    documents = np.bincount(known % words, minlength=words)
    rarity = np.log((1 + len(train_texts)) / (1 + documents)) + 1
    rows, columns, weights = _weighted(known, count, rarity, len(train_texts))
    known, count = np.unique(asked_rows * words + asked, return_counts=True)
    asked_rows, asked, asked_weights = _weighted(known, count, rarity, len(texts))
    means = np.bincount(columns, weights, minlength=words) / len(train_texts)

    def forward(factors: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(rows, weights * factors[columns], minlength=len(train_texts))
        centred: NDArray[np.float64] = sums - means @ factors
        return centred

    def backward(errors: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(columns, weights * errors[rows], minlength=words)
        centred: NDArray[np.float64] = sums - means * errors.sum()
        return centred

    factors = _solved(
        lambda factors: backward(forward(factors)) + _PENALTY * factors,
        backward(train - train.mean()),
    )
    found = np.bincount(asked_rows, asked_weights * factors[asked], minlength=len(texts))
    answers: NDArray[np.float64] = found - means @ factors + train.mean()
    return answers


def _weighted(
    cells: NDArray[np.int64], counts: NDArray[np.int64], rarity: NDArray[np.float64], texts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, column and tf-idf of cells (row * words + column); each row's norm is 1."""
    rows, columns = np.divmod(cells, len(rarity))
    weights = counts * rarity[columns]
    norms = np.sqrt(np.bincount(rows, weights**2, minlength=texts))
    return rows, columns, weights / norms[rows]


def _solved(
    product: Callable[[NDArray[np.float64]], NDArray[np.float64]], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The x for which `product(x)` is `wanted`, by conjugate gradients (Hestenes and Stiefel)."""
    found = np.zeros_like(wanted)
    rest, direction = wanted.copy(), wanted.copy()
    size = rest @ rest
    limit = _CLOSE**2 * size
    for _ in range(_ITERATIONS):
        if size <= limit:
            break
        image = product(direction)
        step = size / (direction @ image)
        found += step * direction
        rest -= step * image
        before, size = size, rest @ rest
        direction = rest + (size / before) * direction
    return found


def _naive_bayes(
    train: _Positions,
    ids: NDArray[np.int64],
    asked: _Positions,
    shape: tuple[int, int, int],
) -> NDArray[np.int64]:
    """The class of each text that is asked; `shape` is how many of them, of words, of classes."""
    texts, words, classes = shape
    rows, columns = train
    counts = np.bincount(ids[rows] * words + columns, minlength=classes * words)
    counts = counts.reshape(classes, words)
    totals = counts.sum(axis=1, keepdims=True) + words
    with np.errstate(divide="ignore"):  # a class that training lacks is never predicted
        prior = np.log(np.bincount(ids, minlength=classes) / len(ids))
        log_likelihood = np.log(counts + 1) - np.log(totals)
    rows, columns = asked
    scores = np.stack(
        [
            prior[label] + np.bincount(rows, log_likelihood[label, columns], minlength=texts)
            for label in range(classes)
        ]
    )
    best: NDArray[np.int64] = scores.argmax(axis=0)
    return best


def _vectors(train_texts: list[str], texts: list[str]) -> tuple[_Positions, _Positions, int]:
    """The words of the training texts, those of them in `texts`, and how many there are."""
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__  # a new word gets the next column
    train = _occurrences(train_texts, vocabulary.__getitem__)
    return train, _occurrences(texts, vocabulary.get), len(vocabulary)


def _occurrences(texts: list[str], column: Callable[[str], int | None]) -> _Positions:
    """Row and column of every word in `texts` that has a column."""
    lengths: list[int] = []
    columns: list[int] = []
    for text in texts:
        before = len(columns)
        columns += [at for at in map(column, _WORD.findall(text.lower())) if at is not None]
        lengths.append(len(columns) - before)
    return np.repeat(np.arange(len(texts)), lengths), np.array(columns, dtype=np.int64)
