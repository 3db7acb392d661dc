"""The bag-of-words baseline."""

import time

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from mlops_cli.tasks.bag_of_words import fit_labels, fit_numbers, fit_score


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


def _some_texts(rows: int, seed: int) -> list[str]:
    dice = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in dice.integers(0, 30, 6)) for _ in range(rows)]


def test_numbers_are_those_of_ridge_regression_on_tf_idf() -> None:
    train, texts = _some_texts(80, 0), [*_some_texts(20, 1), "unknown", ""]
    true = np.array([float(len(set(text.split()))) + text.count("w1") for text in train])

    found = fit_numbers(train, true, texts)

    peer = make_pipeline(TfidfVectorizer(token_pattern=r"\w+"), Ridge(tol=1e-12)).fit(train, true)
    assert found == pytest.approx(peer.predict(texts), abs=1e-4)


def test_labels_are_those_of_naive_bayes_for_each() -> None:
    train, texts = _some_texts(80, 2), _some_texts(20, 3)
    true = np.array([["w1" in text, "w2" in text or "w3" in text] for text in train])

    found = fit_labels(train, true, texts)

    words = CountVectorizer(token_pattern=r"\w+").fit(train)
    for label in range(2):
        peer = MultinomialNB().fit(words.transform(train), true[:, label])
        assert (found[:, label] == peer.predict(words.transform(texts))).all()
