"""Folds, the linear baseline and the ranking: does it find labels that were flipped on purpose?"""

import csv
import random

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mlops_cli.data import label_errors
from mlops_cli.data.examples import Examples
from mlops_cli.errors import DataError
from mlops_cli.reporting import SilentReporter


class Told(SilentReporter):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def rows(*pairs):
    return Examples({"text": [text for text, _ in pairs]}, [label for _, label in pairs])


def with_flips(texts, targets, seed=0, rate=0.05):
    """The rows with a share of the labels changed to another one, and which they are."""
    draw, labels = random.Random(seed), sorted(set(targets))
    wrong = set(draw.sample(range(len(texts)), round(rate * len(texts))))
    noisy = [
        draw.choice([label for label in labels if label != target]) if row in wrong else target
        for row, target in enumerate(targets)
    ]
    return Examples({"text": list(texts)}, noisy), np.isin(np.arange(len(texts)), list(wrong))


def ranked(examples, folds=5):
    targets = np.unique(examples.targets, return_inverse=True)[1]
    dealt = label_errors.deal(examples, folds, 0)
    found = label_errors.linear(examples.inputs["text"], targets, dealt, 0, SilentReporter())
    return label_errors.rank(targets, found), found


def generated(count=600):
    """Short orders that a bag of words tells apart."""
    draw = random.Random(1)
    things = {"food": ["soup", "bread", "apples", "tea"], "tools": ["nails", "a saw", "glue"]}
    pairs = [
        (f"{draw.choice(['please', 'today', 'kindly'])} bring {draw.choice(words)} {row}", label)
        for row in range(count)
        for label, words in [draw.choice(list(things.items()))]
    ]
    return zip(*pairs, strict=True)


def test_flipped_labels_of_a_generated_set_come_first():
    examples, wrong = with_flips(*generated())
    ranking, found = ranked(examples)
    assert np.allclose(found.sum(axis=1), 1)
    assert average_precision_score(wrong, -ranking.quality) > 0.9
    assert set(ranking.suspects[:20]) <= set(np.flatnonzero(wrong))
    assert ranking.noise_rate == pytest.approx(0.05, abs=0.02)


def test_flipped_labels_of_real_questions_come_first(shared_data):
    with (shared_data / "trec" / "train.csv").open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))[:800]
    examples, wrong = with_flips([row["text"] for row in read], [row["label"] for row in read])
    ranking, _ = ranked(examples)
    precision = average_precision_score(wrong, -ranking.quality)
    assert precision >= 3 * wrong.mean(), precision
    assert wrong[ranking.suspects[:20]].mean() > 0.5


def test_the_same_seed_gives_the_same_ranking_and_another_one_other_folds():
    examples, _ = with_flips(*generated(120))
    first, second = ranked(examples)[0], ranked(examples)[0]
    assert first.suspects == second.suspects
    assert (first.quality == second.quality).all()
    assert (label_errors.deal(examples, 5, 0) != label_errors.deal(examples, 5, 1)).any()


def test_folds_are_even_keep_shares_and_equal_texts_together():
    pairs = [(f"text {row}", "rare" if row % 10 == 0 else "usual") for row in range(100)]
    examples = rows(*pairs, *pairs[:7])
    folds = label_errors.deal(examples, 5, 0)
    assert (folds[:7] == folds[100:]).all()
    assert np.bincount(folds[:100]).tolist() == [20] * 5
    assert (
        np.bincount(folds[:100][[t == "rare" for t in examples.targets[:100]]]).tolist() == [2] * 5
    )


def test_labels_with_a_single_text_are_left_out_and_named():
    examples = rows(*[(f"a {n}", "a") for n in range(5)], *[(f"b {n}", "b") for n in range(5)])
    examples = rows(
        *zip(examples.inputs["text"], examples.targets, strict=True),
        ("one", "lone"),
        ("one", "lone"),
    )
    told = Told()
    kept = label_errors.checkable(examples, label_errors.deal(examples, 3, 0), told)
    assert kept == list(range(10))
    assert told.warnings == ["rows not checked, as their label has too few texts: 2 ('lone')"]


@pytest.mark.parametrize(
    ("examples", "folds", "message"),
    [
        (rows(("a", "x"), ("b", "y"), ("a", "x")), 5, "2 different texts are too few for 5 folds"),
        (rows(("a", "x"), ("b", "y"), ("c", "y")), 3, "two labels need two different texts each"),
    ],
)
def test_too_few_rows_are_told_in_one_line(examples, folds, message):
    with pytest.raises(DataError, match=message):
        label_errors.checkable(examples, label_errors.deal(examples, folds, 0), SilentReporter())
