"""The built-in sentences: repeatable, balanced, without leakage, and no task for a bag of words."""

import collections
import subprocess
import sys

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from mlops_cli.data.examples import Splits
from mlops_cli.data.grammar.phenomena import PHENOMENA
from mlops_cli.data.grammar.sentences import generate
from mlops_cli.data.quickstart import load
from mlops_cli.errors import ConfigError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import QuickstartDataConfig
from mlops_cli.tasks.bag_of_words import fit_score

SIZES = [200, 201, 1003, 8000, 20000]


def sentences(**settings: float) -> Splits:
    return load(QuickstartDataConfig(name="quickstart", **settings), SilentReporter())


def fingerprints(splits: Splits) -> list[str]:
    return [split.fingerprint() for split in splits.named().values()]


def test_the_same_seed_gives_the_same_sentences_in_another_process() -> None:
    code = (
        "from mlops_cli.data.quickstart import load\n"
        "from mlops_cli.reporting import SilentReporter\n"
        "from mlops_cli.schemas.data import QuickstartDataConfig\n"
        "splits = load(QuickstartDataConfig(name='quickstart', size=500, seed=7), SilentReporter())\n"
        "print(*(split.fingerprint() for split in splits.named().values()))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert elsewhere.stdout.split() == fingerprints(sentences(size=500, seed=7))


def test_the_sentences_of_the_default_seed_never_change() -> None:
    train = sentences(size=200).train

    assert list(zip(train.inputs["text"], train.targets, strict=True))[:4] == [
        ("The queen believed that the student blamed Tom.", "acceptable"),
        ("The queen believed if the student blamed Tom.", "unacceptable"),
        ("What must Anna repair at home?", "acceptable"),
        ("What Anna must repair at home?", "unacceptable"),
    ]


def test_another_seed_gives_other_sentences() -> None:
    assert not set(fingerprints(sentences(seed=0))) & set(fingerprints(sentences(seed=1)))


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_met_and_every_split_balanced(size: int) -> None:
    splits = sentences(size=size).named()

    assert sum(map(len, splits.values())) == size
    assert len(splits["validation"]) == len(splits["test"]) == round(size / 10)
    for split in splits.values():
        counts = collections.Counter(split.targets)
        assert set(counts) == {"acceptable", "unacceptable"}
        assert abs(counts["acceptable"] - counts["unacceptable"]) <= 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", SIZES)
def test_no_sentence_occurs_twice(size: int, seed: int) -> None:
    splits = sentences(size=size, seed=seed).named().values()
    texts = [text.lower() for split in splits for text in split.inputs["text"]]

    assert len(set(texts)) == size


def test_an_acceptable_sentence_and_its_twin_are_in_the_same_split() -> None:
    for split in generate(QuickstartDataConfig(name="quickstart", size=2000)):
        for acceptable, twin in zip(split[::2], split[1::2], strict=True):
            assert (acceptable.label, twin.label) == ("acceptable", "unacceptable")
            assert acceptable.phenomenon == twin.phenomenon


def test_every_phenomenon_is_in_every_split_equally_often() -> None:
    for split in generate(QuickstartDataConfig(name="quickstart")):
        counts = collections.Counter(row.phenomenon for row in split)

        assert set(counts) == set(PHENOMENA)
        assert max(counts.values()) - min(counts.values()) <= 4


def test_no_sentence_is_acceptable_for_one_seed_and_unacceptable_for_another() -> None:
    labels: dict[str, str] = {}
    for seed in range(3):
        for split in sentences(size=20000, seed=seed).named().values():
            for text, label in zip(split.inputs["text"], split.targets, strict=True):
                assert labels.setdefault(text, label) == label, text


def test_sentences_are_short_and_look_like_sentences() -> None:
    for split in sentences().named().values():
        for text in split.inputs["text"]:
            assert text[0].isupper()
            assert text[-1] in ".?"
            assert "  " not in text
            assert 2 <= len(text.split()) <= 16


def test_the_fractions_of_the_config_are_honoured() -> None:
    splits = sentences(size=1000, validation_fraction=0.3, test_fraction=0)

    assert splits.test is None
    assert len(splits.train) == 700
    assert splits.validation is not None
    assert len(splits.validation) == 300


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        sentences(size=200, validation_fraction=0.6, test_fraction=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_a_bag_of_words_fails(seed: int) -> None:
    splits = sentences(seed=seed)
    assert splits.test is not None
    train, test = splits.train.inputs["text"], splits.test.inputs["text"]
    train_ids, test_ids = (
        np.array([target == "acceptable" for target in split.targets], dtype=np.int64)
        for split in (splits.train, splits.test)
    )
    count = CountVectorizer(token_pattern=r"\w+")
    regression = LogisticRegression(max_iter=500).fit(count.fit_transform(train), train_ids)

    assert regression.score(count.transform(test), test_ids) <= 0.65
    assert fit_score(train, train_ids, test, test_ids, 2) <= 0.65
