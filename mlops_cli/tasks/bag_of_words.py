"""The baseline that knows no word order: what a model must beat to be worth its cost."""

import re
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


def fit_score(
    train_texts: list[str],
    train_ids: NDArray[np.int64],
    texts: list[str],
    ids: NDArray[np.int64],
    classes: int,
) -> float:
    """Accuracy of multinomial naive Bayes over lower-cased words, with add-one smoothing.

    Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), section 13.2.

    Args:
        train_texts: Texts to fit to.
        train_ids: Class id of each, shape (rows,).
        texts: Texts to score.
        ids: Class id of each, shape (rows,).
        classes: Number of classes.

    Returns:
        The share of `texts` whose class is found; NaN without texts.
    """
    if not texts:
        return float("nan")
    words = [_WORD.findall(text.lower()) for text in train_texts]
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys(chain.from_iterable(words)))}
    lengths = np.array([len(row) for row in words])
    tokens = np.fromiter((vocabulary[word] for row in words for word in row), dtype=np.int64)
    cells = np.repeat(train_ids, lengths) * len(vocabulary) + tokens
    counts = np.bincount(cells, minlength=classes * len(vocabulary)).reshape(classes, -1) + 1.0
    likelihood = np.log(counts / counts.sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):  # A class without rows is never chosen.
        prior = np.log(np.bincount(train_ids, minlength=classes) / len(train_ids))
    right = 0
    for text, wanted in zip(texts, ids.tolist(), strict=True):
        known = [vocabulary[w] for w in _WORD.findall(text.lower()) if w in vocabulary]
        right += int(np.argmax(prior + likelihood[:, known].sum(axis=1))) == wanted
    return right / len(texts)
