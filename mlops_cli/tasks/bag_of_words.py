"""How far counting words gets: the score that a model has to beat to know any more than words.

Multinomial naive Bayes with Laplace smoothing, as in Manning, Raghavan and Schütze, Introduction
to Information Retrieval (2008), section 13.2.
"""

import re
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_Positions = tuple[NDArray[np.int64], NDArray[np.int64]]


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
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__  # a new word gets the next column
    rows, columns = _occurrences(train_texts, vocabulary.__getitem__)
    counts = np.bincount(
        train_ids[rows] * len(vocabulary) + columns, minlength=classes * len(vocabulary)
    ).reshape(classes, len(vocabulary))
    totals = counts.sum(axis=1, keepdims=True) + len(vocabulary)
    with np.errstate(divide="ignore"):  # a class that training lacks is never predicted
        prior = np.log(np.bincount(train_ids, minlength=classes) / len(train_ids))
        log_likelihood = np.log(counts + 1) - np.log(totals)

    rows, columns = _occurrences(texts, vocabulary.get)
    scores = np.stack(
        [
            prior[label] + np.bincount(rows, log_likelihood[label, columns], minlength=len(texts))
            for label in range(classes)
        ]
    )
    return float((scores.argmax(axis=0) == ids).mean())


def _occurrences(texts: list[str], column: Callable[[str], int | None]) -> _Positions:
    """Row and column of every word in `texts` that has a column."""
    lengths: list[int] = []
    columns: list[int] = []
    for text in texts:
        before = len(columns)
        columns += [at for at in map(column, _WORD.findall(text.lower())) if at is not None]
        lengths.append(len(columns) - before)
    return np.repeat(np.arange(len(texts)), lengths), np.array(columns, dtype=np.int64)
