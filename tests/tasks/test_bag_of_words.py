"""The bag-of-words baseline."""

import time

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from mlops_cli.tasks.bag_of_words import fit_score


def test_words_that_mark_a_class_are_learned() -> None:
    train = ["good film", "a good day", "bad film", "a bad day"]

    score = fit_score(
        train,
        np.array([1, 1, 0, 0]),
        ["GOOD!", "so bad", "good, good", "bad film"],
        np.array([1, 0, 1, 0]),
        2,
    )

    assert score == 1.0


def test_word_order_is_not_seen() -> None:
    train = ["dogs chase cats", "cats chase dogs"] * 20
    ids = np.array([0, 1] * 20)

    assert fit_score(train, ids, train, ids, 2) == 0.5


def test_without_known_words_the_larger_class_wins() -> None:
    score = fit_score(
        ["a", "b", "c"], np.array([2, 2, 0]), ["zzz", "", "?"], np.array([2, 2, 2]), 3
    )

    assert score == 1.0


@pytest.mark.filterwarnings("error")
def test_texts_without_a_single_word_are_no_problem() -> None:
    assert fit_score(["?", "!", ""], np.array([1, 1, 0]), ["?!"], np.array([1]), 2) == 1.0


def test_a_class_that_training_lacks_is_never_predicted() -> None:
    texts, ids = ["a b", "c d"], np.array([0, 2])

    assert fit_score(texts, ids, texts, ids, 3) == 1.0


@pytest.mark.parametrize("classes", [2, 5])
def test_agrees_with_scikit_learn(classes: int) -> None:
    random = np.random.default_rng(0)
    ids = random.integers(classes, size=600)
    texts = [
        " ".join(f"Wort{word}" for word in random.poisson(8 + 2 * label, size=6)) + " Größe, 물"
        for label in ids
    ]

    ours = fit_score(texts[:400], ids[:400], texts[400:], ids[400:], classes)

    count = CountVectorizer(token_pattern=r"\w+")
    theirs = MultinomialNB().fit(count.fit_transform(texts[:400]), ids[:400])
    assert ours == pytest.approx(theirs.score(count.transform(texts[400:]), ids[400:]))


def test_a_hundred_thousand_texts_take_seconds() -> None:
    texts = [f"the number {row % 5000} is a plain sentence of ten words" for row in range(100_000)]
    ids = np.arange(100_000) % 2
    begin = time.process_time()

    fit_score(texts, ids, texts, ids, 2)

    assert time.process_time() - begin < 10
