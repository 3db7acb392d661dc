"""`mlops train` as it comes: offline, in a minute, and better than counting words."""

import pytest

pytestmark = pytest.mark.slow


def test_the_defaults_learn_what_no_bag_of_words_does(project, mlops):
    trained = mlops("train", json=True)
    assert trained.exit_code == 0, trained.stderr
    assert trained.json["metrics"]["val/accuracy"] >= 0.90
    evaluated = mlops("evaluate", json=True)
    assert evaluated.json["metrics"]["accuracy"] == pytest.approx(
        trained.json["metrics"]["val/accuracy"]
    )
    assert evaluated.json["baselines"]["bag_of_words"] <= 0.65
