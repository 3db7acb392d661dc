"""The baseline beside every score."""

import math

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from mlops_cli.tasks.bag_of_words import fit_score


def test_words_that_tell_the_class_are_learned():
    train = ["good film", "a good one", "bad film", "a bad one"]
    labels = np.array([1, 1, 0, 0])
    assert fit_score(train, labels, ["Good!", "bad?"], np.array([1, 0]), 2) == 1.0


def test_word_order_is_not_seen():
    train = ["dog bites man", "man bites dog"]
    score = fit_score(train, np.array([0, 1]), train, np.array([0, 1]), 2)
    assert score == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_it_scores_as_scikit_learn_does(seed):
    rng = np.random.default_rng(seed)
    words = [f"w{number}" for number in range(30)]
    labels = rng.integers(3, size=300)
    texts = [
        " ".join(rng.choice(words[label * 5 : label * 5 + 20], size=rng.integers(1, 9)))
        for label in labels
    ]
    counts = CountVectorizer(token_pattern=r"\w+")
    theirs = MultinomialNB().fit(counts.fit_transform(texts[:200]), labels[:200])
    expected = theirs.score(counts.transform(texts[200:]), labels[200:])
    ours = fit_score(texts[:200], labels[:200], texts[200:], labels[200:], 3)
    assert ours == pytest.approx(expected)


def test_texts_without_known_words_get_the_commonest_class():
    found = fit_score(["a", "b", "c"], np.array([1, 1, 0]), ["?", "zzz"], np.array([1, 0]), 2)
    assert found == 0.5


def test_nothing_to_score_is_not_a_number():
    assert math.isnan(fit_score(["a"], np.array([0]), [], np.array([], dtype=np.int64), 1))
